"""`dara orphans`: Databricks runs of this project that no living Dagster run watches any longer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.project import config_option, json_option, load_plan, open_instance
from dara_dagster.errors import RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.remote.client import Workspace
    from dara_dagster.remote.runs import Look
    from dara_dagster.spec.plan import Plan

__all__ = ["orphans"]


@click.command()
@click.option("--cancel", is_flag=True, help="Cancel them as well, and wait until they have stopped.")
@config_option
@json_option
def orphans(cancel: bool, config_dir: Path, as_json: bool) -> None:
    """List active Databricks runs that no Dagster run watches.

    Those of this project are meant: they are left behind when a process is killed. Runs of saved jobs are
    known from Dagster's history, of which the latest 100 runs that may have started them are read. Exit
    code 1 when some could not be cancelled.
    """
    from dara_dagster.remote.client import open_workspace

    plan = load_plan(config_dir)
    workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
    with open_instance(config_dir) as instance:
        found = _find(workspace, plan, instance)
    if as_json:
        click.echo(json.dumps([orphan.as_json() for orphan in found], indent=2))
    else:
        for orphan in found:
            click.echo(orphan.as_text())
        if not found:
            click.echo("No orphans: every active Databricks run of this project is watched.")
    if cancel and found:
        _cancel(workspace, plan, [orphan.look for orphan in found], quiet=as_json)


@dataclass(frozen=True)
class _Orphan:
    """An active Databricks run, and the Dagster run that started it."""

    look: Look
    dagster_run_id: str

    def as_json(self) -> dict[str, Any]:
        look = self.look
        return {
            "run_id": look.run_id,
            "name": look.run_name,
            "state": look.word,
            "url": look.url,
            "dagster_run_id": self.dagster_run_id,
        }

    def as_text(self) -> str:
        # The name of a run of a saved job is the job's own.
        name, mark = self.look.run_name, f" [{self.dagster_run_id}]"
        whole = name if name.endswith(mark) else name + mark
        return f"{self.look.run_id}  {self.look.word.lower():<10}  {whole}\n  {self.look.url}"


def _find(workspace: Workspace, plan: Plan, instance: DagsterInstance) -> list[_Orphan]:
    """The orphans: of one-time runs by the mark in their name, of saved jobs by Dagster's history."""
    from dara_dagster.remote.payloads import parse_run_name
    from dara_dagster.remote.runs import list_active
    from dara_dagster.serve.left_behind import Living, who_left

    active = list(list_active(workspace))
    living = Living(instance)  # asked after that: a run started in between is not taken for dead
    found: list[_Orphan] = []
    unmarked: dict[int, Look] = {}
    for look in active:
        mark = parse_run_name(look.run_name)
        if mark is None:
            unmarked[look.run_id] = look
        elif mark.project == plan.name:
            run = instance.get_run_by_id(mark.dagster_run_id)
            if run is None or not living.watches(run):
                found.append(_Orphan(look, mark.dagster_run_id))
    began = {
        run_id: datetime.fromtimestamp(look.start_ms / 1000, timezone.utc)
        for run_id, look in unmarked.items()
        if look.run_type == "JOB_RUN"
    }
    starters = who_left(instance, living, began, workspace.host)
    return found + [_Orphan(unmarked[run_id], run.run_id) for run_id, run in starters.items()]


def _cancel(workspace: Workspace, plan: Plan, found: list[Look], quiet: bool) -> None:
    from dara_dagster.remote.cancelling import cancel_and_wait
    from dara_dagster.remote.monitor import monitor_for

    urls = {look.run_id: look.url for look in found}
    left = cancel_and_wait(workspace, monitor_for(workspace), list(urls))
    if left:
        alive = (f"Databricks run {look.run_id} is still alive: {urls[look.run_id]}" for look in left)
        raise RunError("\n".join(alive))
    if not quiet:
        click.echo(f"{len(found)} cancelled.")
