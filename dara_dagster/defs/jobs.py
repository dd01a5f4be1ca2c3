"""Turns every workflow of the plan into its job, and into a sequential one where it asks for that."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dagster import (
    ExecutorDefinition,
    Field,
    GraphDefinition,
    Int,
    JobDefinition,
    Permissive,
    ResourceDefinition,
)

from dara_dagster.config.environment import project_folder
from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.defs.graphs import Graphs
from dara_dagster.defs.translator import Translator
from dara_dagster.defs.unique_names import Names
from dara_dagster.executor.executor import dara_executor
from dara_dagster.executor.origin import PROJECT_TAG, WORKFLOW_TAG

__all__ = ["SEQUENTIAL", "JobChoice", "build_jobs", "choose_job", "executor_for", "job_names", "run_tags"]

SEQUENTIAL = "_sequential"
_LONGEST_CHAIN = 500
_EASY_CHAIN = 100  # tasks, within Python's own limit of 1,000 frames


def job_names(plan: Plan, translator: Translator) -> Mapping[str, str]:
    """Return workflow name -> name of its job; `_sequential` is added for the other. Each is used once."""
    names = Names()
    return {
        workflow.name: names.take(translator.job_name(workflow), SEQUENTIAL) for workflow in plan.workflows
    }


class JobChoice(NamedTuple):
    """The job that runs a workflow; with `one_at_a_time` its run config says so (see run_config)."""

    name: str
    one_at_a_time: bool = False


def choose_job(plan: Plan, translator: Translator, workflow: WorkflowPlan, sequential: bool) -> JobChoice:
    """Return the job that runs the workflow by its dependencies, or one task after another."""
    name = job_names(plan, translator)[workflow.name]
    if not sequential or workflow.steps:  # a step pipeline is sequential as it is
        return JobChoice(name)
    if workflow.options.sequential_job:
        return JobChoice(name + SEQUENTIAL)
    return JobChoice(name, one_at_a_time=True)


def run_tags(plan: Plan) -> Mapping[str, str]:
    """Return the tags every run carries: whose it is and which kind of workspace it ran on."""
    return {PROJECT_TAG: plan.name, "dara/workspace": plan.workspace}


def executor_for(
    plan: Plan, max_concurrent: int, workflow: WorkflowPlan | None = None, *, tolerant: bool = False
) -> ExecutorDefinition:
    """Return the plan's executor with another default for `max_concurrent`; a run's config still wins.

    It keeps to `max_concurrent_runs` of the workflow. With `tolerant` a step may start once the outputs it
    needs exist, though the step that made them failed: what `run_if` is built on.
    """
    defaults: dict[str, Any] = {"project_folder": str(project_folder(plan.config_dir))}
    if workflow is not None and workflow.options.max_concurrent_runs:
        pool = f"{plan.name}/{workflow.name}"
        defaults["run_limit"] = {"pool": pool, "limit": workflow.options.max_concurrent_runs}
    if tolerant:
        defaults["step_dependency_config"] = {"require_upstream_step_success": False}
    schema = Permissive({"max_concurrent": Field(Int, default_value=max_concurrent)})  # type: ignore[no-untyped-call]
    return dara_executor.configured(
        lambda config: {**defaults, **config},
        name=dara_executor.name,
        config_schema=Field(schema),
        description=dara_executor.description,
    )


def build_jobs(
    plan: Plan, translator: Translator, resources: Mapping[str, ResourceDefinition], wanted: str | None = None
) -> Iterator[JobDefinition]:
    """Yield the job of every workflow, and `<workflow>_sequential` for those that ask for it.

    With `wanted`, the name of a job, only those of the workflow it belongs to; a sequential job that is
    wanted is made in any case, as a run in the history may be one of it. The sequential job is one chain of
    the tasks in the plan's order. Beyond 500 tasks, as Dagster's time to sort a chain grows with the square
    of its length, it has the other's graph and runs one task at a time.
    """
    graphs = Graphs(plan, translator)
    names = job_names(plan, translator)
    for workflow in plan.workflows:
        name = names[workflow.name]
        if wanted in (None, name, name + SEQUENTIAL):
            _allow_depth(len(workflow.tasks))
            both = workflow.options.sequential_job or wanted == name + SEQUENTIAL
            yield from _jobs(plan, workflow, name, graphs, resources, both)


def _jobs(
    plan: Plan,
    workflow: WorkflowPlan,
    name: str,
    graphs: Graphs,
    resources: Mapping[str, ResourceDefinition],
    both: bool,
) -> Iterator[JobDefinition]:
    tolerant = graphs.has_rules(workflow)
    if workflow.steps:
        graph = graphs.pipeline(name, workflow)
        yield _job(
            plan, workflow, graph, name, resources, executor_for(plan, workflow.max_concurrent, workflow)
        )
        return
    graph = graphs.graph(name, workflow, sequential=False)
    executor = executor_for(plan, workflow.max_concurrent, workflow, tolerant=tolerant)
    yield _job(plan, workflow, graph, name, resources, executor)
    if not both:
        return
    name += SEQUENTIAL
    if len(workflow.tasks) <= _LONGEST_CHAIN:
        graph = graphs.graph(name, workflow, sequential=True)
    yield _job(plan, workflow, graph, name, resources, executor_for(plan, 1, workflow, tolerant=tolerant))


def _job(
    plan: Plan,
    workflow: WorkflowPlan,
    graph: GraphDefinition,
    name: str,
    resources: Mapping[str, ResourceDefinition],
    executor: ExecutorDefinition,
) -> JobDefinition:
    return graph.to_job(
        name=name,
        resource_defs=resources,
        executor_def=executor,
        tags={**run_tags(plan), WORKFLOW_TAG: workflow.name, **workflow.options.tags},
        description=workflow.options.description or None,
    )


def _allow_depth(tasks: int) -> None:
    """Let Dagster walk a chain of that many tasks: it does so by recursion, one frame a task.

    The limit of the process is left alone for workflows that are small enough without.
    """
    if tasks > _EASY_CHAIN:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + 4 * tasks))
