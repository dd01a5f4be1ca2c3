"""Ends a run that another process carries, wherever it was started."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, DefaultRunLauncher

from dara_dagster.config.plan import Plan
from dara_dagster.errors import RunError
from dara_dagster.executor.process import Owner, carrier
from dara_dagster.history.status import RunStatus
from dara_dagster.tasks.run_names import parse_run_name
from dara_dagster.workspace.client import open_workspace
from dara_dagster.workspace.runs.cancel import cancel_and_wait
from dara_dagster.workspace.runs.jobs_api import list_active

__all__ = ["check_workspace", "end_abandoned", "request_end", "still_alive"]

_GOING = ("running", "retrying")
# The address of the code server that carries a run (dagster/_core/storage/tags.py, GRPC_INFO_TAG).
_SERVER_TAG = ".dagster/grpc_info"


def check_workspace(plan: Plan, run_id: str, ran_on: str) -> None:
    """Raise RunError when the run's Databricks runs are on the other kind of workspace: none would be found.

    `ran_on` is the workspace the run is tagged with, "" for a run without that tag.
    """
    if ran_on not in ("", plan.workspace):
        raise RunError(
            f"run {run_id} ran on the workspace {ran_on!r}, and {plan.workspace!r} is the one in use now. "
            f"Set DARA_WORKSPACE={ran_on} for this command."
        )


def request_end(instance: DagsterInstance, status: RunStatus) -> None:
    """Tell whoever carries the run to end it. Raises RunError when nobody can be reached from here."""
    run = _run(instance, status)
    owner = carrier(run)
    if owner is None or owner.alive is None:
        _end_launched(instance, run, owner)
    elif owner.alive:
        _signal(instance, run, owner)


def end_abandoned(instance: DagsterInstance, status: RunStatus, load_plan: Callable[[], Plan]) -> None:
    """End a run whose process has died: its Databricks runs are cancelled from here, then it is closed.

    The plan is asked for only when there are such runs. Raises RunError for a run on another workspace than
    the plan's, and when a Databricks run is still alive after `cancel_seconds`.
    """
    run = _run(instance, status)
    if run.is_finished:  # its process had the last word
        return
    going = [task for task in status.tasks if task.state in _GOING and task.verdict in (None, "lost")]
    if going:
        plan = load_plan()
        check_workspace(plan, run.run_id, status.workspace)
        workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
        pages = {task.databricks_run_id: task.url or "" for task in going if task.databricks_run_id}
        for snapshot in list_active(workspace):  # a submission may have arrived without its answer being seen
            mark = parse_run_name(snapshot.run_name)
            if mark is not None and mark.dagster_run_id == run.run_id:
                pages[snapshot.run_id] = snapshot.url
        left = cancel_and_wait(workspace, list(pages))
        if left:
            alive = (
                f"Databricks run {snapshot.run_id} is still alive: {pages[snapshot.run_id]}"
                for snapshot in left
            )
            raise RunError("\n".join(alive))
    instance.report_run_canceled(run, "Cancelled after the run's process had died.")


def still_alive(status: RunStatus) -> str:
    """Return a line for each task that still runs, with its page."""
    going = [task for task in status.tasks if task.state in _GOING]
    return "\n".join(
        f"{task.name} is still {task.state}: {task.url or 'not submitted yet'}" for task in going
    )


def _signal(instance: DagsterInstance, run: DagsterRun, owner: Owner) -> None:
    try:
        os.kill(owner.pid, 0)
        # First the word, then the signal: Dagster takes a signal without it for an accident, and a failure.
        instance.report_run_canceling(run)
        os.kill(owner.pid, signal.SIGTERM)
    except PermissionError:
        raise RunError(
            f"run {run.run_id} is carried by process {owner.pid} of another user: cancel it as that user"
        ) from None
    except ProcessLookupError:
        pass  # it has just ended


def _run(instance: DagsterInstance, status: RunStatus) -> DagsterRun:
    run = instance.get_run_by_id(status.run_id)
    if run is None:
        raise RunError(f"run {status.run_id} has just been deleted")
    return run


def _end_launched(instance: DagsterInstance, run: DagsterRun, owner: Owner | None) -> None:
    """End a run not begun, under a Dagster executor or on another computer, by its queue or launcher."""
    # Dagster's own launcher would mark a run that it cannot reach as being cancelled, and leave it so.
    is_local = isinstance(instance.run_launcher, DefaultRunLauncher)
    is_reachable = not is_local or _SERVER_TAG in run.tags or run.status is DagsterRunStatus.QUEUED
    if not is_reachable or not instance.run_coordinator.cancel_run(run.run_id):
        where = f"on {owner.host}" if owner else "where it was started"
        raise RunError(
            f"run {run.run_id} cannot be reached from here: cancel it {where}, or press Ctrl-C there"
        )
