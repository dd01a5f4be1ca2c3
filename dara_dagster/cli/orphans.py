"""`dara orphans`: Databricks runs of this project that no living Dagster run watches any longer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import config_option, json_option, load_plan, open_instance
from dara_dagster.engine.process import PROCESS_TAG, owner_of
from dara_dagster.errors import RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance, DagsterRun

    from dara_dagster.remote.client import Workspace
    from dara_dagster.remote.runs import Look
    from dara_dagster.spec.plan import Plan

__all__ = ["orphans"]


@click.command()
@click.option("--cancel", is_flag=True, help="Cancel them as well, and wait until they have stopped.")
@config_option
@json_option
def orphans(cancel: bool, config_dir: Path, as_json: bool) -> None:
    """List active Databricks runs of this project that no Dagster run watches.

    They are left behind when a process is killed. Exit code 1 when some could not be cancelled.
    """
    from dara_dagster.remote.client import open_workspace

    plan = load_plan(config_dir)
    workspace = open_workspace(plan.workspace, root=plan.root)
    with open_instance(config_dir) as instance:
        found = _find(workspace, plan, instance)
    if as_json:
        rows = [
            {"run_id": look.run_id, "name": look.run_name, "state": look.word, "url": look.url}
            for look in found
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for look in found:
            click.echo(f"{look.run_id}  {look.word.lower():<10}  {look.run_name}\n  {look.url}")
        if not found:
            click.echo("No orphans: every active Databricks run of this project is watched.")
    if cancel and found:
        _cancel(workspace, plan, found, quiet=as_json)


def _find(workspace: Workspace, plan: Plan, instance: DagsterInstance) -> list[Look]:
    from dara_dagster.remote.payloads import parse_run_name
    from dara_dagster.remote.runs import list_active

    found: list[Look] = []
    active = list(list_active(workspace))
    live = _live_roots(instance)  # asked after that: a run started in between is not taken for dead
    for look in active:
        mark = parse_run_name(look.run_name)
        if mark is not None and mark.project == plan.name:
            run = instance.get_run_by_id(mark.dagster_run_id)
            if run is None or _root(run) not in live:
                found.append(look)
    return found


def _live_roots(instance: DagsterInstance) -> set[str]:
    """The roots of all runs that go on: a re-execution watches Databricks runs that bear another's mark."""
    from dagster import DagsterRunStatus, RunsFilter

    ended = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
    going = RunsFilter(statuses=[status for status in DagsterRunStatus if status not in ended])
    return {_root(run) for run in instance.get_runs(going) if _is_carried(run)}


def _root(run: DagsterRun) -> str:
    return run.root_run_id or run.run_id


def _is_carried(run: DagsterRun) -> bool:
    """Whether the run's process lives, as far as can be seen from here."""
    mark = run.tags.get(PROCESS_TAG)
    return mark is None or owner_of(mark).alive is not False


def _cancel(workspace: Workspace, plan: Plan, found: list[Look], quiet: bool) -> None:
    from dara_dagster.remote.cancelling import cancel_and_wait
    from dara_dagster.remote.monitor import monitor_for

    urls = {look.run_id: look.url for look in found}
    left = cancel_and_wait(workspace, monitor_for(workspace, plan.poll), list(urls), timeout=60.0)
    if left:
        alive = (f"Databricks run {look.run_id} is still alive: {urls[look.run_id]}" for look in left)
        raise RunError("\n".join(alive))
    if not quiet:
        click.echo(f"{len(found)} cancelled.")
