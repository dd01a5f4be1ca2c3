"""`dara compare`: a workflow in parallel against one task after another, or one run against another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.commands.run import chosen_job, find_workflow, parameter
from dara_dagster.cli.project import (
    check_credentials,
    command,
    config_option,
    json_option,
    load_plan,
    open_history,
    open_instance,
)
from dara_dagster.cli.render.html_option import html_option, write_page
from dara_dagster.cli.render.lines import say
from dara_dagster.config.run_parameters import check_parameters
from dara_dagster.errors import DaraError, RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.cli.execution import Show
    from dara_dagster.defs.jobs import JobChoice
    from dara_dagster.history.report import RunReport
    from dara_dagster.history.status import RunStatus

__all__ = ["MODES", "compare"]

MODES = ("parallel", "sequential")
_ROUNDS = 3


@click.command()
@click.argument("what", metavar="[WORKFLOW | RUN_A RUN_B]", nargs=-1)
@click.option("--param", "-p", "params", multiple=True, metavar="K=V", help="A parameter for every task.")
@click.option(
    "--runs",
    type=click.IntRange(1, 100),
    metavar="N",
    help=f"Rounds: run each way N times, {_ROUNDS} by default.",
)
@click.option("--no-warm-up", is_flag=True, help="Count the first run too, cold compute and all.")
@html_option
@config_option
@json_option
def compare(
    what: tuple[str, ...],
    params: tuple[str, ...],
    runs: int | None,
    no_warm_up: bool,
    page: Path | None,
    config_dir: Path,
    as_json: bool,
) -> None:
    """Compare a workflow run in parallel and in turn, or two runs.

    With WORKFLOW one run warms the compute up and is not counted; then come rounds of a parallel and a
    sequential run, in alternating order. A winner is named only where the rounds leave no doubt. With RUN_A
    and RUN_B, ids of runs that exist (their first characters are enough), nothing is run. Exit code 1 when a
    run failed or a task ended in another state.
    """
    from dara_dagster.cli.render.comparison_table import print_comparison
    from dara_dagster.history.comparison import compare as compare_runs
    from dara_dagster.history.pages.report import comparison_page

    if len(what) > 2 or (len(what) == 2 and (params or runs or no_warm_up)):
        text = "Give a WORKFLOW, with --param, --runs and --no-warm-up, or two runs that exist."
        raise click.UsageError(text)
    parameters = dict(parameter(text) for text in params)
    jobs = _jobs(config_dir, *what) if len(what) < 2 else None
    if jobs is not None:
        plan = load_plan(config_dir)
        check_parameters(plan, find_workflow(plan, what[0] if what else None)[0], parameters)
        check_credentials(plan)
    with (open_instance if jobs is not None else open_history)(config_dir) as instance:
        if jobs is not None:
            make = _Maker(instance, config_dir, jobs, parameters, as_json)
            warm_up = None if no_warm_up else make.warm_up()
            first, second = make.rounds(runs or _ROUNDS)
        else:
            warm_up = None
            first, second = _existing(instance, *what)
        first, second, unknown = _with_rows(config_dir, first, second)
        found = compare_runs(first, second, MODES if jobs is not None else None, warm_up, unknown)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        print_comparison(found)
    if page is not None:
        write_page(page, comparison_page(found, _usual(first), _usual(second)), quiet=as_json)
    if not found.all_well:
        raise click.exceptions.Exit(1)


def _jobs(config_dir: Path, workflow: str | None = None) -> tuple[JobChoice, JobChoice]:
    """Return the two jobs of a workflow. Raises DaraError for one that has only one."""
    plan = load_plan(config_dir)
    found, _ = find_workflow(plan, workflow)
    if found.steps:
        raise DaraError(
            f"{found.name!r} is a step pipeline: its steps run in sequence in any case, so it has one "
            "job only. `dara compare RUN_A RUN_B` compares two of its runs."
        )
    return chosen_job(plan, found.name, False), chosen_job(plan, found.name, True)


@dataclass(frozen=True)
class _Maker:
    """Makes the runs to compare: of `jobs`, the parallel and the sequential one. `quiet`: only on stderr."""

    instance: DagsterInstance
    config_dir: Path
    jobs: tuple[JobChoice, JobChoice]
    parameters: Mapping[str, str]
    quiet: bool

    def warm_up(self) -> str:
        """Run the parallel job once, so that compute is up and caches are full; its run's id.

        Raises RunError when it does not succeed: what is to be compared would fail too.
        """
        status = self._run(0, "warm-up, not counted")
        if status.state != "success":
            raise RunError(
                f"The run to warm up has {status.state}, so nothing is compared. `{command()} status "
                f"{status.run_id[:8]}` says why; --no-warm-up compares runs that fail, too."
            )
        return status.run_id

    def rounds(self, count: int) -> tuple[list[RunReport], list[RunReport]]:
        """Return the reports of `count` runs of each job. The job that begins changes from round to round.

        A run that fails is a result too. Raises RunError when one is cancelled.
        """
        from dara_dagster.history.report import read_report

        found: tuple[list[RunReport], list[RunReport]] = ([], [])
        for number in range(count):
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                status = self._run(side, f"round {number + 1} of {count}" if count > 1 else "")
                found[side].append(read_report(self.instance, status.run_id))
        return found

    def _run(self, side: int, which: str) -> RunStatus:
        from dara_dagster.cli.execution import Execution, execute

        text = f"Run: {MODES[side]}" + (f" ({which})" if which else "")
        say(text, bold=True, err=self.quiet)
        show: Show = "nothing" if self.quiet else "tasks"
        wanted = Execution(self.config_dir, self.jobs[side], self.parameters, show=show)
        status = execute(self.instance, wanted)
        if status.state == "cancelled":
            raise RunError(f"Run {status.run_id} was cancelled, so nothing is compared.")
        return status


def _usual(runs: Sequence[RunReport]) -> RunReport:
    """Return the run whose time is the median; of an even number the quicker of the two."""
    return sorted(runs, key=lambda run: run.seconds)[(len(runs) - 1) // 2]


def _existing(instance: DagsterInstance, one: str, two: str) -> tuple[list[RunReport], list[RunReport]]:
    from dara_dagster.history.report import read_report

    first, second = read_report(instance, one), read_report(instance, two)
    if first.run_id == second.run_id:
        raise RunError(f"{one!r} and {two!r} are the same run: {first.run_id}.")
    return [first], [second]


def _with_rows(
    config_dir: Path, first: list[RunReport], second: list[RunReport]
) -> tuple[list[RunReport], list[RunReport], str]:
    """Return the reports with the rows that their tasks wrote, and why these are not known."""
    from dara_dagster.history.row_counts import count_rows

    try:
        plan = load_plan(config_dir)
    except DaraError:
        return first, second, "the project's files have mistakes"
    (first, second), unknown = count_rows(plan, first, second)
    return first, second, unknown
