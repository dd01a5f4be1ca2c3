"""Turns a workflow's `schedule` into a Dagster schedule that does not start more runs than allowed."""

from __future__ import annotations

from typing import Literal

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    JobDefinition,
    RunRequest,
    RunsFilter,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
)

from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.executor.origin import PROJECT_TAG, WORKFLOW_TAG
from dara_dagster.executor.process import is_abandoned

__all__ = ["build_schedule", "free_places", "initial_status"]

_UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def free_places(instance: DagsterInstance, plan: Plan, workflow: WorkflowPlan) -> int | None:
    """Return how many more runs of the workflow may start now, None when there is no limit.

    Runs count however they were started, those that wait included; not those whose process has died.
    """
    if not workflow.options.max_concurrent_runs:
        return None
    tags = {PROJECT_TAG: plan.name, WORKFLOW_TAG: workflow.name}
    runs = instance.get_runs(RunsFilter(tags=tags, statuses=_UNFINISHED))
    return max(workflow.options.max_concurrent_runs - sum(not is_abandoned(run) for run in runs), 0)


def initial_status(workflow: WorkflowPlan) -> Literal["RUNNING", "STOPPED"]:
    """Return Dagster's word for what starts a workflow by itself, until it is switched in the UI."""
    return "RUNNING" if workflow.options.running else "STOPPED"


def build_schedule(plan: Plan, workflow: WorkflowPlan, job: JobDefinition) -> ScheduleDefinition | None:
    """Return the schedule of a workflow that has one, on from the start if its file says `running`."""
    if workflow.options.schedule is None:
        return None

    def tick(context: ScheduleEvaluationContext) -> RunRequest | SkipReason:
        if free_places(context.instance, plan, workflow) == 0:
            limit = workflow.options.max_concurrent_runs
            return SkipReason(f"{limit} runs of {job.name} are active (max_concurrent_runs)")
        return RunRequest(tags={"dara/started_by": "schedule"})

    return ScheduleDefinition(
        name=f"{job.name}_schedule",
        job=job,
        cron_schedule=workflow.options.schedule,
        execution_timezone=workflow.timezone,
        execution_fn=tick,
        default_status=DefaultScheduleStatus[initial_status(workflow)],
        description=f"Runs {workflow.name} at {workflow.options.schedule} ({workflow.timezone}).",
    )
