"""`dara compare`: a workflow side by side against one task after another, or one run against another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.pages import html_option, write_page
from dara_dagster.cli.project import config_option, json_option, load_plan, open_instance
from dara_dagster.cli.running import find_workflow, job_name, parameter
from dara_dagster.errors import DaraError, RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.serve.report import RunReport

__all__ = ["MODES", "compare"]

MODES = ("side by side", "one after another")


@click.command()
@click.argument("what", metavar="[WORKFLOW | RUN_A RUN_B]", nargs=-1)
@click.option("--param", "-p", "params", multiple=True, metavar="K=V", help="A parameter for every task.")
@click.option(
    "--runs", type=click.IntRange(1, 100), metavar="N", help="Run each way N times; compare medians."
)
@html_option
@config_option
@json_option
def compare(
    what: tuple[str, ...],
    params: tuple[str, ...],
    runs: int | None,
    page: Path | None,
    config_dir: Path,
    as_json: bool,
) -> None:
    """Compare a workflow run side by side and in turn, or two runs.

    With WORKFLOW its tasks are run side by side, then one after another, and the times and results are
    compared. With RUN_A and RUN_B, ids of runs that exist (their first characters are enough), nothing is
    run. Exit code 1 when a run failed or a task ended in another state.
    """
    from dara_dagster.cli.comparison_table import print_comparison
    from dara_dagster.serve.comparison import compare as compare_runs
    from dara_dagster.serve.report_page import comparison_page

    if len(what) > 2 or (len(what) == 2 and (params or runs)):
        raise click.UsageError("Give a WORKFLOW, with --param and --runs, or two runs that exist.")
    parameters = dict(parameter(text) for text in params)
    jobs = _jobs(config_dir, *what) if len(what) < 2 else None
    with open_instance(config_dir) as instance:
        if jobs is not None:
            first, second = _run_both(instance, config_dir, jobs, parameters, runs or 1, as_json)
            found = compare_runs(first, second, MODES)
        else:
            first, second = _existing(instance, *what)
            found = compare_runs(first, second)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_comparison(found)
    if page is not None:
        write_page(page, comparison_page(found, _usual(first), _usual(second)), quiet=as_json)
    if not found.all_well:
        raise click.exceptions.Exit(1)


def _jobs(config_dir: Path, workflow: str | None = None) -> tuple[str, str]:
    """The two jobs of a workflow. Raises DaraError for one that has only one."""
    plan = load_plan(config_dir)
    found, _ = find_workflow(plan, workflow)
    if found.steps:
        raise DaraError(
            f"{found.name!r} is a step pipeline: its steps run one after another in any case, so it has one "
            "job only. `dara compare RUN_A RUN_B` compares two of its runs."
        )
    return job_name(plan, found.name, False), job_name(plan, found.name, True)


def _run_both(
    instance: DagsterInstance,
    config_dir: Path,
    jobs: tuple[str, str],
    parameters: Mapping[str, str],
    count: int,
    quiet: bool,
) -> tuple[list[RunReport], list[RunReport]]:
    """The reports of `count` runs of each job, made in turns.

    A run that fails is a result too. Raises RunError when one is cancelled.
    """
    from dara_dagster.cli.execution import Execution, execute
    from dara_dagster.serve.report import read_report

    found: tuple[list[RunReport], list[RunReport]] = ([], [])
    for number in range(2 * count):
        side = number % 2
        which = f" ({number // 2 + 1} of {count})" if count > 1 else ""
        click.secho(f"Run: {MODES[side]}{which}", bold=True, err=quiet)
        wanted = Execution(config_dir, jobs[side], parameters, show="nothing" if quiet else "tasks")
        status = execute(instance, wanted)
        if status.state == "cancelled":
            raise RunError(f"Run {status.run_id} was cancelled, so nothing is compared.")
        found[side].append(read_report(instance, status.run_id))
    return found


def _usual(runs: Sequence[RunReport]) -> RunReport:
    """The run whose time is the median; of an even number the quicker of the two."""
    return sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2]


def _existing(instance: DagsterInstance, one: str, two: str) -> tuple[list[RunReport], list[RunReport]]:
    from dara_dagster.serve.report import read_report

    first, second = read_report(instance, one), read_report(instance, two)
    if first.run_id == second.run_id:
        raise RunError(f"{one!r} and {two!r} are the same run: {first.run_id}.")
    return [first], [second]
