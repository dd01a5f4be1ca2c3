"""`dara run`: runs a workflow in this process through Dagster's public API, and shows how it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import (
    before_a_run,
    check_credentials,
    command,
    config_option,
    json_option,
    load_plan,
    open_instance,
)
from dara_dagster.cli.render.lines import say
from dara_dagster.config.run_parameters import check_parameters
from dara_dagster.errors import DaraError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.config.plan import Plan, WorkflowPlan
    from dara_dagster.defs.jobs import JobChoice

__all__ = ["chosen_job", "find_workflow", "parameter", "run"]

_SEQUENTIAL = "_sequential"


@click.command()
@click.argument("workflow", required=False)
@click.option("--sequential", is_flag=True, help="One task after another, in a stable order.")
@click.option("--param", "-p", "params", multiple=True, metavar="K=V", help="A parameter for every task.")
@click.option("--resume", "resume", metavar="RUN_ID", help="Resume a run that did not succeed.")
@click.option("--verbose", is_flag=True, help="Show Dagster's own log instead of the table.")
@config_option
@json_option
def run(
    workflow: str | None,
    sequential: bool,
    params: tuple[str, ...],
    resume: str | None,
    verbose: bool,
    config_dir: Path,
    as_json: bool,
) -> None:
    """Run WORKFLOW and show its tasks live.

    Ctrl-C cancels it, the Databricks runs included. Exit code 1 when the run did not succeed, 130 when Ctrl-C
    came before there was a run.
    """
    parameters = dict(parameter(text) for text in params)
    if resume is not None and (workflow or sequential):
        raise click.UsageError("--resume repeats a run as it was: without WORKFLOW and --sequential.")
    with before_a_run():
        plan = load_plan(config_dir)
        job = chosen_job(plan, workflow, sequential) if resume is None else None
        if resume is None:
            check_parameters(plan, find_workflow(plan, workflow)[0], parameters)
        check_credentials(plan)
        from dara_dagster.cli.execution import Execution, Show, execute
        from dara_dagster.cli.render.tables import print_run

    with open_instance(config_dir) as instance:
        if resume is not None:
            _check_place(instance, plan, resume)
        show: Show = "nothing" if as_json else "log" if verbose else "tasks"
        status = execute(instance, Execution(config_dir, job, parameters, resume, show))
    if as_json:
        click.echo(json.dumps(status.as_json(), indent=2))
    else:
        print_run(status)
    if status.state != "success":
        if not as_json:
            text = f"Resume it where it stopped: {command()} run --resume {status.run_id[:8]}"
            say(text, err=True)
        raise click.exceptions.Exit(1)


def chosen_job(plan: Plan, workflow: str | None, sequential: bool) -> JobChoice:
    """Return the Dagster job of a workflow, which may be named as its sequential job is in Dagster's UI.

    Raises DaraError, naming the ones there are, when there is no such; quickly, without loading Dagster.
    """
    found, named_sequential = find_workflow(plan, workflow)
    from dara_dagster.defs.jobs import choose_job
    from dara_dagster.defs.translator import Translator

    return choose_job(plan, Translator(), found, sequential or named_sequential)


def find_workflow(plan: Plan, name: str | None) -> tuple[WorkflowPlan, bool]:
    """Return the workflow of that name (None: the only one), and whether it was named as its sequential job
    is.

    Raises DaraError, naming the ones there are, when there is no such.
    """
    by_name = {found.name: found for found in plan.workflows}
    if name is None and len(by_name) == 1:
        name = next(iter(by_name))
    plain = (name or "").removesuffix(_SEQUENTIAL)
    if name in by_name:
        return by_name[name], False
    if plain != name and plain in by_name:
        return by_name[plain], True
    wrong = "Which workflow?" if name is None else f"There is no workflow {plain!r}."
    raise DaraError(f"{wrong} This project has: {', '.join(by_name) or 'none'}.")


def _check_place(instance: DagsterInstance, plan: Plan, text: str) -> None:
    """Raise RunError for a run to resume whose Databricks runs are on another workspace."""
    from dara_dagster.history.cancel import check_workspace
    from dara_dagster.history.status import WORKSPACE_TAG, find_run

    run = instance.get_run_by_id(find_run(instance, text))
    assert run is not None
    check_workspace(plan, run.run_id, run.tags.get(WORKSPACE_TAG, ""))


def parameter(text: str) -> tuple[str, str]:
    """Split `name=value` in two. Raises click.BadParameter for another form."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"{text!r} is not of the form name=value", param_hint="--param")
    return name.strip(), value
