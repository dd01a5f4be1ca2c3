"""`dara run`: runs a workflow in this process through Dagster's public API, and shows how it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import config_option, json_option, load_plan, open_instance
from dara_dagster.errors import DaraError

if TYPE_CHECKING:
    from dara_dagster.spec.plan import Plan

__all__ = ["run"]


@click.command()
@click.argument("workflow", required=False)
@click.option("--sequential", is_flag=True, help="One task after another, in a stable order.")
@click.option("--param", "-p", "params", multiple=True, metavar="K=V", help="A parameter for every task.")
@click.option("--resume", "resume", metavar="RUN_ID", help="Go on with a run that did not succeed.")
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

    Ctrl-C cancels it, the Databricks runs included. Exit code 1 when the run did not succeed.
    """
    parameters = dict(_parameter(text) for text in params)
    plan = load_plan(config_dir)
    job = None if resume else job_name(plan, workflow, sequential)
    with open_instance(config_dir) as instance:
        from dara_dagster.cli.execution import Execution, Show, execute
        from dara_dagster.cli.tables import print_run

        show: Show = "nothing" if as_json else "log" if verbose else "tasks"
        status = execute(instance, Execution(config_dir, job, parameters, resume, show))
    if as_json:
        click.echo(json.dumps(status.as_json(), indent=2))
    else:
        print_run(status)
    if status.state != "success":
        if not as_json:
            click.echo(f"Go on from where it stopped: dara run --resume {status.run_id[:8]}", err=True)
        raise click.exceptions.Exit(1)


def job_name(plan: Plan, workflow: str | None, sequential: bool) -> str:
    """The Dagster job of a workflow. Raises DaraError, naming the ones there are, when there is no such."""
    from dara_dagster.defs.jobs import SEQUENTIAL, job_names
    from dara_dagster.defs.translator import Translator

    names = [found.name for found in plan.workflows]
    if workflow is None and len(names) == 1:
        workflow = names[0]
    if workflow not in names:
        wrong = "Which workflow?" if workflow is None else f"There is no workflow {workflow!r}."
        raise DaraError(f"{wrong} This project has: {', '.join(names) or 'none'}.")
    return job_names(plan, Translator())[workflow] + (SEQUENTIAL if sequential else "")


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"{text!r} is not of the form name=value", param_hint="--param")
    return name.strip(), value
