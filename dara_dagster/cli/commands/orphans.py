"""`dara orphans`: Databricks runs of this project that no living Dagster run watches any longer."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.project import (
    config_option,
    counted,
    has_history,
    json_option,
    load_plan,
    open_instance,
)
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DaraError, RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.config.plan import Plan
    from dara_dagster.workspace.client import Workspace
    from dara_dagster.workspace.runs.jobs_api import RunSnapshot

__all__ = ["orphans"]


@click.command()
@click.option("--cancel", is_flag=True, help="Cancel the orphans as well, and wait until they have stopped.")
@click.option("--yes", is_flag=True, help="Cancel them without being asked.")
@config_option
@json_option
def orphans(cancel: bool, yes: bool, config_dir: Path, as_json: bool) -> None:
    """List active Databricks runs that no Dagster run watches.

    Those of this project are meant: they are left behind when a process is killed. Runs that another
    Dagster history of the project has started, or that this one does not know, are listed apart and never
    cancelled. Runs of saved jobs are known from Dagster's history, of which the latest 100 runs that may
    have started them are read. Exit code 1 when some could not be cancelled.
    """
    from dara_dagster.workspace.client import open_workspace

    plan = load_plan(config_dir)
    workspace = open_workspace(plan.workspace, root=plan.root)
    with _history(config_dir) as instance:
        found = _find(workspace, plan, instance)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        say(found.as_text())
    if cancel and found.orphans:
        _confirm(len(found.orphans), yes, as_json)
        _cancel(workspace, plan, [orphan.snapshot for orphan in found.orphans], quiet=as_json)


def _history(config_dir: Path) -> AbstractContextManager[DagsterInstance]:
    """Return the project's Dagster instance; where there is no history, an empty one that leaves nothing
    behind."""
    if has_history(config_dir):
        return open_instance(config_dir)
    from dagster import DagsterInstance

    return DagsterInstance.ephemeral()


def _confirm(count: int, yes: bool, as_json: bool) -> None:
    """Ask, unless `yes` is set. Raises DaraError for an answer other than yes, and where nobody answers."""
    try:
        if yes or (not as_json and click.confirm(f"Cancel {counted(count, 'orphan')}?")):
            return
    except click.Abort:
        click.echo()
    raise DaraError("Nothing was cancelled. With --yes they are cancelled without being asked.")


@dataclass(frozen=True)
class _Orphan:
    """An active Databricks run, and the Dagster run that started it."""

    snapshot: RunSnapshot
    dagster_run_id: str

    def as_json(self) -> dict[str, Any]:
        snapshot = self.snapshot
        return {
            "run_id": snapshot.run_id,
            "name": snapshot.run_name,
            "state": snapshot.word,
            "url": snapshot.url,
            "dagster_run_id": self.dagster_run_id,
        }

    def as_text(self) -> str:
        name = self.snapshot.run_name  # for a run of a saved job the job's own
        whole = name if self.dagster_run_id in name else f"{name} [{self.dagster_run_id}]"
        return f"{self.snapshot.run_id}  {self.snapshot.word.lower():<10}  {whole}\n  {self.snapshot.url}"


@dataclass(frozen=True)
class _Found:
    """The orphans, and the runs of this project that are not for this Dagster history to end."""

    orphans: list[_Orphan]
    not_ours: list[_Orphan]

    def as_json(self) -> dict[str, Any]:
        return {
            "orphans": [orphan.as_json() for orphan in self.orphans],
            "not_ours": [other.as_json() for other in self.not_ours],
        }

    def as_text(self) -> str:
        lines = [orphan.as_text() for orphan in self.orphans]
        if not lines:
            lines.append("No orphans: every active Databricks run of this project is watched.")
        if self.not_ours:
            lines.append("Not ours: started from another Dagster history of this project.")
            lines += [other.as_text() for other in self.not_ours]
        return "\n".join(lines)


def _find(workspace: Workspace, plan: Plan, instance: DagsterInstance) -> _Found:
    """Return the orphans: of one-time runs by the mark in their name, of saved jobs by Dagster's history."""
    from dara_dagster.executor.instance_id import instance_id
    from dara_dagster.history.orphans import Living, find_orphans
    from dara_dagster.tasks.run_names import parse_run_name
    from dara_dagster.workspace.runs.jobs_api import list_active

    active = list(list_active(workspace))
    living = Living(instance)  # asked after that: a run started in between is not taken for dead
    found = _Found([], [])
    unmarked: dict[int, RunSnapshot] = {}
    for snapshot in active:
        mark = parse_run_name(snapshot.run_name)
        if mark is None:
            unmarked[snapshot.run_id] = snapshot
        elif mark.project == plan.name:
            run = instance.get_run_by_id(mark.dagster_run_id)
            orphan = _Orphan(snapshot, mark.dagster_run_id)
            if run is None and mark.instance != instance_id(instance):
                found.not_ours.append(orphan)
            elif run is None or not living.watches(run):
                found.orphans.append(orphan)
    began = {
        run_id: datetime.fromtimestamp(snapshot.start_ms / 1000, timezone.utc)
        for run_id, snapshot in unmarked.items()
        if snapshot.run_type == "JOB_RUN"
    }
    starters = find_orphans(instance, living, began, workspace.host)
    found.orphans.extend(_Orphan(unmarked[run_id], run.run_id) for run_id, run in starters.items())
    return found


def _cancel(workspace: Workspace, plan: Plan, found: list[RunSnapshot], quiet: bool) -> None:
    from dara_dagster.workspace.runs.cancel import cancel_and_wait

    urls = {snapshot.run_id: snapshot.url for snapshot in found}
    left = cancel_and_wait(workspace, list(urls))
    if left:
        alive = (
            f"Databricks run {snapshot.run_id} is still alive: {urls[snapshot.run_id]}" for snapshot in left
        )
        raise RunError("\n".join(alive))
    if not quiet:
        say(f"{len(found)} cancelled.")
