"""Repairs: new attempts of some tasks of a job's run that has ended.

https://docs.databricks.com/api/workspace/jobs/repairrun
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.services.jobs.settings import add_parameters, check_parameters, find_reachable
from dara_dagster.emulator.services.runs.outcomes import CANCELLED, UNSUCCESSFUL
from dara_dagster.emulator.services.runs.records import Run, TaskRun


def repair(context: Context, run: Run, today: Iterable[dict[str, Any]], request: Mapping[str, Any]) -> int:
    """Run the wanted tasks of `run` again, with the settings that the job's tasks have `today` -> repair id.

    Which: `rerun_tasks`, or with `rerun_all_failed_tasks` all that failed, were cancelled or never ran for
    that; with `rerun_dependent_tasks` also what depends on them. ApiError 400 for a run that is active or not
    of a saved job, and for a `latest_repair_id` that is not the latest.
    """
    if run.active:
        raise invalid(f"Run {run.run_id} is still in progress. Only a run that has ended can be repaired.")
    if run.run_type != "JOB_RUN":
        raise invalid(f"Run {run.run_id} is not a run of a saved job; only those can be repaired.")
    if request.get("latest_repair_id") != run.repair_id:
        raise invalid(f"latest_repair_id must be that of the latest repair of the run: {run.repair_id}.")
    parameters = check_parameters(request.get("job_parameters") or {})
    wanted = _choose_tasks(run, request)
    now, ids = context.clock.now_ms(), context.ids
    fresh = [
        TaskRun(ids.next(), task.task_key, settings, now, task.attempt + 1)
        for task, settings in _pair_with_settings(run, today, request)
        if task.task_key in wanted
    ]
    run.stages.append(run.stage())
    run.tasks += fresh
    run.repair_id, run.repaired_at = ids.next(), now
    run.outcome, run.stop, run.end_time, run.job_cluster_ids = None, "", 0, {}
    run.parameters = {**run.parameters, **parameters}
    return run.repair_id


def _choose_tasks(run: Run, request: Mapping[str, Any]) -> set[str]:
    latest, named = run.latest(), request.get("rerun_tasks") or []
    if bool(named) == bool(request.get("rerun_all_failed_tasks")):
        raise invalid("Exactly one of rerun_tasks and rerun_all_failed_tasks must be given.")
    for key in named:
        if key not in latest:
            raise invalid(f"Task '{key}' in rerun_tasks is not a task of run {run.run_id}.")
    failed = [
        key
        for key, task in latest.items()
        if task.outcome and task.outcome.result in UNSUCCESSFUL | CANCELLED
    ]
    wanted = set(named or failed)
    if not wanted:
        raise invalid(f"Run {run.run_id} has no failed tasks to run again.")
    if request.get("rerun_dependent_tasks"):
        downstream: dict[str, set[str]] = {key: set() for key in latest}
        for key, task in latest.items():
            for edge in task.task.get("depends_on") or ():
                downstream[edge["task_key"]].add(key)
        for key in list(wanted):
            wanted |= find_reachable(key, downstream)
    return wanted


def _pair_with_settings(
    run: Run, today: Iterable[dict[str, Any]], request: Mapping[str, Any]
) -> list[tuple[TaskRun, dict[str, Any]]]:
    """Return the latest attempt of each task, and the settings of the next: today's, where the job has it
    still."""
    current = {task["task_key"]: task for task in today}
    found = []
    for key, task in run.latest().items():
        edges = task.task.get("depends_on") or []  # the shape of the run stays
        settings = {**current.get(key, task.task), "depends_on": edges}
        found.append((task, add_parameters(settings, request)))
    return found
