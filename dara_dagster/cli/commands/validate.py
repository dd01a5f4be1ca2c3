"""`dara validate`, `dara plan` and `dara schema`: what the files say, without touching any workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.project import config_option, json_option, load_plan
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import FileError
from dara_dagster.history.durations import counted

if TYPE_CHECKING:
    from dara_dagster.config.plan import Plan, TaskPlan, WorkflowPlan
    from dara_dagster.config.spec import Note, Spec
    from dara_dagster.errors import Problem

__all__ = ["plan", "schema", "validate"]


@click.command()
@config_option
@json_option
def validate(config_dir: Path, as_json: bool) -> None:
    """Check the config files; prints every problem.

    Needs no network. Exit code 1 when something is wrong.
    """
    from dara_dagster.config.loader import load
    from dara_dagster.config.rules.checks import check

    spec = load(config_dir)
    problems = sorted(check(spec))
    notes = spec.notes()
    if as_json:
        found = {
            "ok": not problems,
            "problems": [_problem(p) for p in problems],
            "notes": [{**asdict(note), "file": str(note.file)} for note in notes],
        }
        click.echo(json.dumps(found, indent=2))
    elif problems:
        for problem in problems:
            say(str(problem), err=True)
        say(f"{counted(len(problems), 'problem')} in {config_dir}", err=True)
    else:
        say(f"{config_dir}: {', '.join(_read(spec))}, OK")
    for note in () if as_json else notes:
        say(_note(note), err=bool(problems))
    if problems:
        raise click.exceptions.Exit(1)


@click.command()
@config_option
@json_option
def plan(config_dir: Path, as_json: bool) -> None:
    """Show what would run: order, compute, files."""
    found = load_plan(config_dir)
    if as_json:
        click.echo(json.dumps(_plan_json(found), indent=2))
        return
    where = "the local workspace (emulator)" if found.workspace == "emulator" else "Databricks"
    say(f"Project {found.name} on {where}, files go to {found.workspace_path}")
    for workflow in found.workflows:
        for line in _workflow_lines(workflow):
            say(line)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write one file each there.")
def schema(out: Path | None) -> None:
    """Print the JSON Schema of the config files, for editors."""
    from dara_dagster.config.schema import schemas

    found = schemas()
    if out is None:
        click.echo(json.dumps(found, indent=2))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in found.items():
            # `workflows/*.json` is a pattern: its schema becomes workflows.schema.json.
            file = out / f"{name.partition('*')[0].strip('/').removesuffix('.json')}.schema.json"
            file.write_text(json.dumps(content, indent=2) + "\n")
            click.echo(file)
    except OSError as error:
        raise FileError(f"{out} cannot be written to: {error.strerror}. Name another folder.") from None


def _read(spec: Spec) -> Iterator[str]:
    yield counted(len(spec.workflows), "workflow")
    yield counted(sum(len(workflow.tasks) for workflow in spec.workflows), "task")
    if steps := sum(len(workflow.steps) for workflow in spec.workflows):
        yield counted(steps, "step")


def _note(note: Note) -> str:
    """Return a line on a key without effect here; further places are only counted."""
    more = f" and {counted(note.count - 1, 'other place')}" if note.count > 1 else ""
    return f"note: {note.file}:{note.line}{more}: {note.key} {note.text}."


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "key": problem.key,
        "message": problem.message,
        "hint": problem.hint,
    }


def _workflow_lines(workflow: WorkflowPlan) -> Iterator[str]:
    yield ""
    size = counted(len(workflow.steps), "step") if workflow.steps else counted(len(workflow.tasks), "task")
    schedule = (
        f", scheduled {workflow.options.schedule} {workflow.timezone}" if workflow.options.schedule else ""
    )
    sensor = f", started by files in {_watched(workflow)}" if workflow.sensor else ""
    yield f"{workflow.name} ({size}{schedule}{sensor})"
    for number, task in enumerate(workflow.tasks, 1):
        after = f"  after {', '.join(task.upstream)}" if task.upstream else ""
        rule = f" ({task.entry.run_if})" if task.entry.run_if != "ALL_SUCCESS" else ""
        yield f"  {number:>3}. {task.name}{after}{rule}"
        yield f"       {_what(task)}{_where(task)}"
    for number, step in enumerate(workflow.steps, 1):
        yield f"  {number:>3}. {step.name}: {step.uses}"


def _watched(workflow: WorkflowPlan) -> str | None:
    """Return the volume or folder of the workflow's sensor."""
    sensor = workflow.sensor
    return (sensor.volume or sensor.folder) if sensor else None


def _what(task: TaskPlan) -> str:
    kind = task.kind.replace("_", " ")
    if task.workflow:
        return f"{kind} {task.workflow}"
    return f"{kind} {task.file.name}" if task.file else kind


def _where(task: TaskPlan) -> str:
    if task.compute is None:
        return " on serverless" if task.file else ""  # where the others run is shown elsewhere
    fresh = "a fresh cluster like " if task.on_job_cluster else ""
    return f" on {fresh}{task.compute.kind} {task.compute.name!r}"


def _plan_json(found: Plan) -> dict[str, Any]:
    return {
        "name": found.name,
        "workspace": found.workspace,
        "workspace_path": found.workspace_path,
        "workflows": [
            {
                "name": workflow.name,
                "description": workflow.options.description,
                "schedule": workflow.options.schedule,
                "sensor": _watched(workflow),
                "tasks": [_task_json(task) for task in workflow.tasks],
                "steps": [{"name": step.name, "uses": step.uses} for step in workflow.steps],
            }
            for workflow in found.workflows
        ],
    }


def _task_json(task: TaskPlan) -> dict[str, Any]:
    return {
        "name": task.name,
        "kind": task.kind,
        "upstream": list(task.upstream),
        "run_if": task.entry.run_if,
        "file": str(task.file) if task.file else None,
        "remote_file": task.remote_file,
        "compute": {"kind": task.compute.kind, "name": task.compute.name} if task.compute else None,
        "parameters": dict(task.parameters),
        "outputs": list(task.outputs),
        "content_hash": task.content_hash,
    }
