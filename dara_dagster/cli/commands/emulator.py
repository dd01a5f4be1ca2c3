"""`dara emulator`: the local workspace as a process to start, stop and inspect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dara_dagster.cli.project import config_option, json_option
from dara_dagster.cli.render.lines import say

if TYPE_CHECKING:
    from dara_dagster.workspace.client import EmulatorStatus

__all__ = ["emulator"]


@click.group()
def emulator() -> None:
    """Start, stop or inspect the local workspace.

    `dara run` and `dara demo` start it by themselves; it ends by itself after an hour without a call.
    """


@emulator.command()
@config_option
@json_option
def start(config_dir: Path, as_json: bool) -> None:
    """Start the local workspace, or find the one that runs."""
    from dara_dagster.workspace.client import emulator_status, open_workspace

    root = config_dir.resolve().parent
    running = emulator_status(root)
    open_workspace("emulator", root=root)
    _show(emulator_status(root), as_json, "already runs" if running else "started")


@emulator.command()
@config_option
def stop(config_dir: Path) -> None:
    """Stop the local workspace and its tasks; the tables stay."""
    from dara_dagster.workspace.client import stop_emulator

    stopped = stop_emulator(config_dir.resolve().parent)
    say("The local workspace has stopped." if stopped else "No local workspace is running.")


@emulator.command()
@config_option
@json_option
def status(config_dir: Path, as_json: bool) -> None:
    """Say whether the local workspace runs, and where. Exit code 1 when it does not."""
    from dara_dagster.workspace.client import emulator_status

    running = emulator_status(config_dir.resolve().parent)
    _show(running, as_json, "runs")
    if running is None:
        raise click.exceptions.Exit(1)


def _show(running: EmulatorStatus | None, as_json: bool, word: str) -> None:
    if as_json:
        click.echo(json.dumps({"running": running is not None, **_fields(running)}, indent=2))
    elif running is None:
        say("No local workspace is running.")
    else:
        say(f"The local workspace {word}: {running.host} (process {running.pid}), data in {running.data}")


def _fields(running: EmulatorStatus | None) -> dict[str, Any]:
    if running is None:
        return {}
    return {"host": running.host, "pid": running.pid, "data": str(running.data), "version": running.version}
