"""`dara compute`: the clusters and warehouses of the config, their states, and how to change them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dara_dagster.cli.project import config_option, json_option, load_plan
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DaraError
from dara_dagster.history.durations import duration

if TYPE_CHECKING:
    from dara_dagster.config.plan import ComputePlan, Plan
    from dara_dagster.workspace.resources.compute_states import Action, ComputeState

__all__ = ["compute"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group()
def compute() -> None:
    """List, start, stop or restart clusters and warehouses of the config.

    A run starts the compute that it needs by itself.
    """


@compute.command("list")
@config_option
@json_option
def list_compute(config_dir: Path, as_json: bool) -> None:
    """Show the state of each, and where its settings differ from the files."""
    from dara_dagster.workspace.client import open_workspace
    from dara_dagster.workspace.resources.compute_states import read_state

    plan = load_plan(config_dir)
    computes = [*plan.clusters.values(), *plan.warehouses.values()]
    ws = open_workspace(plan.workspace, root=plan.root, settings=plan.poll) if computes else None
    states = [read_state(ws, each) for each in computes] if ws is not None else []
    if as_json:
        click.echo(json.dumps([_fields(state) for state in states], indent=2))
    elif states:
        _print(states)
    else:
        say("cluster_config.json and warehouse_config.json name no compute.")


def _changing(command: _Command) -> _Command:
    """Add what `start`, `stop` and `restart` have in common."""
    minutes = click.option(
        "--timeout",
        "minutes",
        type=click.FloatRange(min=0),
        default=30.0,
        help="Minutes to wait: 30.",
    )
    return click.argument("name")(minutes(config_option(json_option(command))))


@compute.command()
@_changing
def start(name: str, minutes: float, config_dir: Path, as_json: bool) -> None:
    """Start NAME and wait until it runs; it is created when it is missing."""
    _change("start", name, minutes, config_dir, as_json)


@compute.command()
@_changing
def stop(name: str, minutes: float, config_dir: Path, as_json: bool) -> None:
    """Stop NAME and wait until it has stopped; runs on it are lost."""
    _change("stop", name, minutes, config_dir, as_json)


@compute.command()
@_changing
def restart(name: str, minutes: float, config_dir: Path, as_json: bool) -> None:
    """Restart NAME and wait until it runs again; runs on it are lost."""
    _change("restart", name, minutes, config_dir, as_json)


def _change(action: Action, name: str, minutes: float, config_dir: Path, as_json: bool) -> None:
    from dara_dagster.workspace.client import open_workspace
    from dara_dagster.workspace.resources.compute_states import change_state

    plan = load_plan(config_dir)
    chosen = _named(plan, name)
    began = time.monotonic()

    def tell(state: str) -> None:
        if not as_json:
            took = duration(time.monotonic() - began)
            say(f"{chosen.kind} {chosen.name!r}: {state} ({took})", err=True)

    ws = open_workspace(plan.workspace, root=plan.root, settings=plan.poll)
    state = change_state(ws, chosen, action, lock_dir=plan.root / ".dara", patience=60 * minutes, tell=tell)
    if as_json:
        click.echo(json.dumps(_fields(state), indent=2))
    else:
        say(f"{state.kind} {state.name!r} is {state.state}  id {state.compute_id}")


def _named(plan: Plan, name: str) -> ComputePlan:
    """Return the cluster or warehouse of that name. Raises DaraError, naming the nearest or all."""
    from dara_dagster.config.suggestions import Suggestions

    computes = {**plan.clusters, **plan.warehouses}
    if name not in computes:
        remedy = Suggestions(computes).hint(name, "clusters and warehouses")
        raise DaraError(f"There is no cluster or warehouse {name!r} in the config. {remedy}")
    return computes[name]


def _fields(state: ComputeState) -> dict[str, Any]:
    return {**asdict(state), "changes": list(state.changes)}


def _print(states: list[ComputeState]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("Name", "Kind", "State", "Id"):
        table.add_column(head, overflow="fold")
    for state in states:
        table.add_row(Text(state.name), state.kind, state.state or "missing", state.compute_id or "")
    console = Console(highlight=False)
    console.print(table)
    for state in states:
        if state.changes:
            say(f"{state.name}: differs from the files in {', '.join(state.changes)}")
