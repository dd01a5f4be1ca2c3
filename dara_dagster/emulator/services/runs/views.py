"""Shapes runs as the Jobs API answers them: `state` and `status` together, times, tasks, output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dara_dagster.emulator.core.task_kinds import find_payload_kind
from dara_dagster.emulator.services.runs.outcomes import CANCELED, TIMED_OUT, Outcome
from dara_dagster.emulator.services.runs.records import Run, TaskRun

View = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """What a view takes from the workspace: its user, and (job id, run id) -> URL of the run's page."""

    user: str
    page_url: Callable[[int, int], str]


_V2_STATES = {"WAITING_FOR_RETRY": "WAITING"}
_MOST_EXIT_BYTES = 5_000_000
_WITH_LOGS = ("spark_python_task", "python_wheel_task")


def show_run(viewer: Viewer, run: Run) -> View:
    """Return a run without its tasks. The split durations are 0 unless it has one task.

    https://docs.databricks.com/api/workspace/jobs/getrun
    """
    single = run.tasks[0] if len(run.tasks) == 1 else None
    view: View = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "job_run_id": run.run_id,
        "number_in_job": run.number_in_job,
        "original_attempt_run_id": run.run_id,
        "creator_user_name": viewer.user,
        "run_name": run.run_name,
        "run_type": run.run_type,
        "trigger": run.trigger,
        "format": "MULTI_TASK",
        **_show_states(run.state, run.outcome, run.stop, run),
        "start_time": run.start_time,
        "end_time": run.end_time,
        "setup_duration": single.setup_ms if single else 0,
        "execution_duration": single.execution_ms if single else 0,
        "cleanup_duration": 0,
        "run_page_url": viewer.page_url(run.job_id, run.run_id),
    }
    if run.end_time:
        view["run_duration"] = run.end_time - run.start_time
    if run.queued_until:
        view["queue_duration"] = run.queued_until - run.start_time
    for key in ("git_source", "job_clusters"):
        if key in run.settings:
            view[key] = run.settings[key]
    if run.parameters:
        defaults = {one["name"]: one.get("default", "") for one in run.settings.get("parameters") or ()}
        view["job_parameters"] = [
            {"name": name, "value": value, **({"default": defaults[name]} if name in defaults else {})}
            for name, value in run.parameters.items()
        ]
    if run.parent_run_id is not None:
        view["parent_run_id"] = run.parent_run_id
    return view


def show_task(viewer: Viewer, run: Run, task: TaskRun) -> View:
    """Return one attempt of a task, as in `tasks[]` of its run."""
    view: View = {
        **task.task,
        "run_id": task.run_id,
        "run_if": task.task.get("run_if", "ALL_SUCCESS"),
        **_show_states(task.state, task.outcome, task.stop),
        "start_time": task.start_time,
        "end_time": task.end_time,
        "setup_duration": task.setup_ms,
        "execution_duration": task.execution_ms,
        "cleanup_duration": 0,
        "attempt_number": task.attempt,
        "run_page_url": viewer.page_url(run.job_id, task.run_id),
    }
    if task.cluster_id is not None:
        view["cluster_instance"] = {"cluster_id": task.cluster_id, "spark_context_id": str(task.run_id)}
    if task.branch is not None:
        view["condition_task"] = {**task.task["condition_task"], "outcome": task.branch}
    if task.child_run_id is not None:
        view["run_job_task"] = {**task.task["run_job_task"], "run_id": task.child_run_id}
    return view


def list_repairs(run: Run) -> list[View]:
    """Return the original run and its repairs, oldest first (SDK, RepairHistoryItem)."""
    items = []
    for stage in [*run.stages, run.stage()]:
        state = stage.outcome.life_cycle if stage.outcome is not None else run.state
        item = {
            "type": "ORIGINAL" if stage.repair_id is None else "REPAIR",
            "start_time": stage.start_time,
            "end_time": stage.end_time,
            "task_run_ids": stage.task_run_ids,
            **_show_states(state, stage.outcome, run.stop if stage.outcome is None else ""),
        }
        items.append(item if stage.repair_id is None else {**item, "id": stage.repair_id})
    return items


def show_output(viewer: Viewer, run: Run, task: TaskRun) -> View:
    """Return the answer of runs/get-output, the log aside (see `has_log`)."""
    metadata = {
        **show_task(viewer, run, task),
        "job_id": run.job_id,
        "job_run_id": run.run_id,
        "run_type": run.run_type,
        "run_name": task.task_key,
        "creator_user_name": viewer.user,
    }
    view: View = {"metadata": metadata}
    for name in ("error", "error_trace"):
        if name in task.output:
            view[name] = task.output[name]
    kind = find_payload_kind(task.task)
    if kind == "notebook_task":
        view["notebook_output"] = _show_notebook_output(task.output)
    elif kind == "sql_task":
        warehouse_id = task.task["sql_task"]["warehouse_id"]
        view["sql_output"] = {"query_output": {"warehouse_id": warehouse_id, "sql_statements": []}}
    elif kind == "run_job_task":
        view["run_job_output"] = {"run_id": task.child_run_id}
    return view


def has_log(task: TaskRun) -> bool:
    """Return whether get-output shows what the code printed; for notebooks it does not (SDK,
    RunOutput.logs)."""
    return find_payload_kind(task.task) in _WITH_LOGS


def _show_notebook_output(output: View) -> View:
    """Return the exit value's first 5 MB; nothing at all when the notebook did not call exit."""
    if output.get("exit_value") is None:
        return {}
    whole = output["exit_value"].encode("utf-8", "replace")
    kept = whole[:_MOST_EXIT_BYTES].decode("utf-8", "ignore")
    return {"result": kept, "truncated": len(whole) > _MOST_EXIT_BYTES}


def _show_states(state: str, outcome: Outcome | None, stop: str, run: Run | None = None) -> View:
    shown = {
        "life_cycle_state": state,
        "state_message": "",
        "user_cancelled_or_timedout": False,
    }
    status: View = {"state": _V2_STATES.get(state, state)}
    coming = outcome
    if state == "TERMINATING" and stop:
        coming = TIMED_OUT if stop == "timeout" else CANCELED
    if outcome is not None:
        status["state"] = "TERMINATED"
        shown["result_state"] = outcome.result
        shown["state_message"] = outcome.message
        shown["user_cancelled_or_timedout"] = outcome.stopped
    if coming is not None:
        details = {"code": coming.code, "type": coming.kind, "message": coming.message}
        status["termination_details"] = details
    if state == "QUEUED" and run is not None:
        text = "Queued due to reaching maximum concurrent runs of the job."
        shown["queue_reason"] = text
        status["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": text}
    states: View = {"state": shown, "status": status}
    if outcome is not None and outcome.raw is not None:
        states.update(outcome.raw)
        return {name: value for name, value in states.items() if value is not None}
    return states
