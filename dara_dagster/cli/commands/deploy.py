"""`dara deploy`: workflows as saved Databricks jobs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.project import command, config_option, json_option, load_plan
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DeployError
from dara_dagster.history.durations import counted

if TYPE_CHECKING:
    from dara_dagster.config.plan import Plan
    from dara_dagster.workspace.jobs.deploy import Deployed, Deployment
    from dara_dagster.workspace.jobs.settings import JobPlan, PauseStatus

__all__ = ["deploy", "drafts"]

_MOST_CHANGES = 20
_STARTS = {
    "databricks": "Databricks now starts these jobs by itself: turn off in Dagster what would "
    "start the same work twice.",
    "emulator": "The local workspace keeps schedules and triggers; it starts no job by itself.",
}
_DONE = {"create": "created", "update": "updated", "none": "unchanged", "delete": "deleted"}
_WOULD = {"create": "to create", "update": "to update", "none": "unchanged", "delete": "to delete"}
_PAUSE: Mapping[bool | None, PauseStatus | None] = {None: None, True: "PAUSED", False: "UNPAUSED"}


@click.command()
@click.argument("workflows", metavar="[WORKFLOW]...", nargs=-1)
@click.option("--dry-run", "--diff", "dry_run", is_flag=True, help="Show what would change; write nothing.")
@click.option(
    "--paused/--unpaused",
    default=None,
    help="Turn schedules and triggers off or on. Without it they stay as they are, and new ones are on.",
)
@click.option("--prune", is_flag=True, help="Delete saved jobs of workflows that are no longer there.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@config_option
@json_option
def deploy(
    workflows: tuple[str, ...],
    dry_run: bool,
    paused: bool | None,
    prune: bool,
    yes: bool,
    config_dir: Path,
    as_json: bool,
) -> None:
    """Publish workflows as saved, scheduled Databricks jobs.

    All workflows, or those named and what they run. Uploads the files, makes the compute exist and writes
    only jobs that differ; what a saved job cannot do is printed, a line each.
    """
    from dara_dagster.workspace.client import open_workspace
    from dara_dagster.workspace.jobs.deploy import Deployment

    plan = load_plan(config_dir)
    drafts(plan, workflows)
    workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
    deployment = Deployment(workspace, plan, pause=_PAUSE[paused], dry_run=dry_run)
    words = _WOULD if dry_run else _DONE
    done: list[Deployed] = []
    for each in _steps(deployment, workflows, prune=prune, yes=yes or dry_run):
        done.append(each)
        if not as_json:
            say("\n".join(_lines(each, words)))
    if as_json:
        click.echo(json.dumps(_summary(deployment, done, dry_run), indent=2))
        return
    for line in _closing(deployment, done, words, None if dry_run else plan.workspace):
        say(line)


def drafts(plan: Plan, names: Iterable[str]) -> list[JobPlan]:
    """Return the jobs of the workflows that are asked for, before anything is touched.

    Raises DeployError, with every reason, if one of them cannot be a job.
    """
    from dara_dagster.workspace.jobs.settings import job_plan, workflow_of

    chosen = [workflow_of(plan, name) for name in names]
    drafts = [job_plan(plan, workflow) for workflow in chosen]
    pairs = list(zip(chosen, drafts, strict=True))
    lines = [f"{workflow.source}: {reason}." for workflow, draft in pairs for reason in draft.refused]
    if lines:
        named = ", ".join(draft.workflow for draft in drafts if draft.refused)
        lines.append(f"Not deployable: {named}. `{command()} run` runs it by Dagster.")
        raise DeployError("\n".join(lines))
    return drafts


def _steps(deployment: Deployment, names: Sequence[str], *, prune: bool, yes: bool) -> Iterator[Deployed]:
    yield from deployment.run(deployment.chosen(names))
    orphaned_jobs = deployment.orphaned_jobs() if prune else []
    if orphaned_jobs and not yes:
        for job in orphaned_jobs:
            say(f"job {job.job_id} {job.name!r}: its workflow is no longer there", err=True)
        click.confirm(f"Delete {counted(len(orphaned_jobs), 'saved job')}?", abort=True, err=True)
    yield from deployment.prune(orphaned_jobs)


def _lines(each: Deployed, words: Mapping[str, str]) -> Iterator[str]:
    """Yield one workflow: what was done, where, when it runs, what changed, what to know."""
    job = f"  job {each.job_id}" if each.job_id else ""
    yield f"{each.workflow}: {words.get(each.action, each.action)}{job}"
    if each.url:
        yield f"  {each.url}"
    if start := _start(each.settings or {}):
        yield f"  {start}"
    if each.edited:
        yield "  edited on Databricks since the last deployment:"
    for change in each.changes[:_MOST_CHANGES]:
        yield f"    {change}"
    if len(each.changes) > _MOST_CHANGES:
        yield f"    and {len(each.changes) - _MOST_CHANGES} more (--json shows all)"
    for line in each.notes if each.action != "none" else ():
        yield f"  ! {line}"


def _start(settings: Mapping[str, Any]) -> str:
    """Return what starts the job by itself; "" when nothing does."""
    schedule, trigger = settings.get("schedule"), settings.get("trigger")
    if schedule:
        text = f"schedule {schedule['quartz_cron_expression']} ({schedule['timezone_id']})"
        return f"{text}, {schedule['pause_status'].lower()}"
    if trigger:
        return f"files in {trigger['file_arrival']['url']}, {trigger['pause_status'].lower()}"
    return ""


def _closing(
    deployment: Deployment, done: Sequence[Deployed], words: Mapping[str, str], workspace: str | None
) -> Iterator[str]:
    """Yield what was done in all; `workspace` is the kind of workspace written to, None after a dry run."""
    for change in deployment.compute_changes:
        what = f"change {', '.join(change.settings)}" if change.settings else "create"
        yield f"{change.compute.kind} {change.compute.name!r}: to {what}"
    counts = Counter(words.get(each.action, each.action) for each in done)
    jobs = ", ".join(f"{number} {word}" for word, number in counts.items()) or "no jobs"
    sent = f"{counted(deployment.files, 'file')} {'uploaded' if workspace else 'to upload'}"
    yield f"{jobs}; {sent}.{'' if workspace else ' Nothing was written.'}"
    if workspace and any(_is_on(each) for each in done if each.action in ("create", "update")):
        yield _STARTS[workspace]


def _is_on(each: Deployed) -> bool:
    starts = [(each.settings or {}).get(start) or {} for start in ("schedule", "trigger")]
    return any(start.get("pause_status") == "UNPAUSED" for start in starts)


def _summary(deployment: Deployment, done: Sequence[Deployed], dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": deployment.files,
        "compute": [
            {"kind": one.compute.kind, "name": one.compute.name, "settings": list(one.settings)}
            for one in deployment.compute_changes
        ],
        "jobs": [
            {
                "workflow": each.workflow,
                "action": each.action,
                "job_id": each.job_id,
                "url": each.url,
                "starts": _start(each.settings or {}),
                "edited_on_databricks": each.edited,
                "changes": [
                    {"path": change.path, "now": change.now, "wanted": change.wanted}
                    for change in each.changes
                ],
                "notes": list(each.notes),
            }
            for each in done
        ],
    }
