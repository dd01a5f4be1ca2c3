"""`dara cancel`: ends a run that another process carries, wherever it was started."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import check_workspace, config_option, load_plan, open_instance
from dara_dagster.engine.process import PROCESS_TAG, Owner, owner_of
from dara_dagster.errors import RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from dara_dagster.serve.status import RunStatus

__all__ = ["cancel"]

_LOOK_SECONDS = 0.25
_GOING = ("running", "retrying")
# The address of the code server that carries a run (dagster/_core/storage/tags.py, GRPC_INFO_TAG).
_SERVER_TAG = ".dagster/grpc_info"


@click.command()
@click.argument("run_id", metavar="RUN_ID")
@click.option("--wait", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait.")
@config_option
def cancel(run_id: str, wait: float, config_dir: Path) -> None:
    """Cancel a run and every Databricks run it has in flight.

    RUN_ID is the run's id; its first characters are enough. Exit code 1 when it did not end in time.
    """
    from dara_dagster.serve.status import RunReader, find_run

    with open_instance(config_dir) as instance:
        reader = RunReader(instance, find_run(instance, run_id))
        status = reader.update()
        if status.over:
            click.echo(f"Run {status.run_id} has already ended: {status.state}.")
            return
        _request_end(instance, status)
        deadline = time.monotonic() + wait
        while not (status := reader.update()).over:
            if status.abandoned:
                _end_orphan(instance, status, config_dir)
            elif time.monotonic() > deadline:
                raise RunError(
                    f"run {status.run_id} has not ended within {wait:g} s.\n{_still_alive(status)}"
                )
            else:
                time.sleep(_LOOK_SECONDS)
    click.echo(f"Run {status.run_id} ended: {status.state}.")


def _request_end(instance: DagsterInstance, status: RunStatus) -> None:
    """Tell whoever carries the run to end it. Raises RunError when nobody can be told from here."""
    run = _run(instance, status)
    mark = run.tags.get(PROCESS_TAG)
    owner = owner_of(mark) if mark else None
    if owner is None or owner.alive is None:
        _end_launched(instance, run, owner)
    elif owner.alive:
        _signal(instance, run, owner)


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
    assert run is not None
    return run


def _end_launched(instance: DagsterInstance, run: DagsterRun, owner: Owner | None) -> None:
    """A run not begun, under a Dagster executor or on another computer: its queue or launcher can end it."""
    from dagster import DagsterRunStatus, DefaultRunLauncher

    # Dagster's own launcher would mark a run that it cannot reach as being cancelled, and leave it so.
    is_local = isinstance(instance.run_launcher, DefaultRunLauncher)
    is_reachable = not is_local or _SERVER_TAG in run.tags or run.status is DagsterRunStatus.QUEUED
    if not is_reachable or not instance.run_coordinator.cancel_run(run.run_id):
        where = f"on {owner.host}" if owner else "where it was started"
        raise RunError(
            f"run {run.run_id} cannot be reached from here: cancel it {where}, or press Ctrl-C there"
        )


def _end_orphan(instance: DagsterInstance, status: RunStatus, config_dir: Path) -> None:
    """The process has died: its Databricks runs are cancelled from here, then the run is closed."""
    from dara_dagster.remote.cancelling import cancel_and_wait
    from dara_dagster.remote.client import open_workspace
    from dara_dagster.remote.monitor import monitor_for
    from dara_dagster.remote.payloads import parse_run_name
    from dara_dagster.remote.runs import list_active

    run = _run(instance, status)
    if run.is_finished:  # its process had the last word
        return
    going = [task for task in status.tasks if task.state in _GOING and task.verdict in (None, "lost")]
    if going:
        plan = load_plan(config_dir)
        check_workspace(plan, run.run_id, status.workspace)
        workspace = open_workspace(plan.workspace, root=plan.root)
        pages = {task.databricks_run_id: task.url or "" for task in going if task.databricks_run_id}
        for look in list_active(workspace):  # a submission may have arrived without its answer being seen
            mark = parse_run_name(look.run_name)
            if mark is not None and mark.dagster_run_id == run.run_id:
                pages[look.run_id] = look.url
        left = cancel_and_wait(workspace, monitor_for(workspace, plan.poll), list(pages), timeout=30.0)
        if left:
            alive = (f"Databricks run {look.run_id} is still alive: {pages[look.run_id]}" for look in left)
            raise RunError("\n".join(alive))
    instance.report_run_canceled(run, "Cancelled after the run's process had died.")


def _still_alive(status: RunStatus) -> str:
    going = [task for task in status.tasks if task.state in _GOING]
    return "\n".join(
        f"{task.name} is still {task.state}: {task.url or 'not submitted yet'}" for task in going
    )
