"""Finds the project a command is about: its config folder, its plan, its Dagster history."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dara_dagster.errors import DaraError
from dara_dagster.history.durations import counted
from dara_dagster.history.home import has_history, home_folder, open_history, open_instance, root_folder

if TYPE_CHECKING:
    from dara_dagster.config.plan import Plan

__all__ = [
    "WITHOUT_RUN",
    "before_a_run",
    "check_credentials",
    "command",
    "config_folder",
    "config_option",
    "counted",
    "has_history",
    "home_folder",
    "json_option",
    "load_plan",
    "open_history",
    "open_instance",
    "root_folder",
]

WITHOUT_RUN = "Interrupted before there was a run."
_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    """Add `--config DIR`, handed to the command as the folder to use, after reading the project's `.env`."""
    return click.option(
        "--config",
        "config_dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        callback=lambda _context, _option, given: _opened(config_folder(given)),
        help="Folder of the config files (default: config/ here or above).",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")(command)


def config_folder(given: Path | None, start: Path | None = None) -> Path:
    """Return the config folder: the one given, else the first `config/` found from `start` (the current
    folder) up.

    Raises DaraError when there is none. Whether its files are right is not checked.
    """
    if given is not None:
        if not given.is_dir():
            raise DaraError(f"{given}: there is no such folder. Name the folder of the config files.")
        return given
    from dara_dagster.config.dependency_file import is_config_folder

    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if is_config_folder(folder / "config"):
            return _short(folder / "config")
    raise DaraError(
        f"No config/ folder with a project.json or dependency.json, in {start} or above it. "
        "Change to the project's folder, or name the config folder with --config DIR."
    )


def _opened(folder: Path) -> Path:
    from dara_dagster.config.environment import read_env_file

    read_env_file(root_folder(folder))
    return folder


def command() -> str:
    """Return how the user calls `dara`: uv tells the programs it runs where it is itself."""
    return "uv run dara" if "UV" in os.environ else "dara"


def load_plan(config_dir: Path) -> Plan:
    """Return the checked plan of the files. Raises ConfigError with every problem."""
    from dara_dagster.config import plan_from

    return plan_from(config_dir)


def check_credentials(plan: Plan) -> None:
    """Raise CredentialsError where none are set, before a run is made that could only fail."""
    if plan.workspace == "databricks":
        from dara_dagster.workspace.client import check_credentials

        check_credentials(plan.poll)


@contextmanager
def before_a_run() -> Iterator[None]:
    """Say of an interrupt that comes in the block that no run was made."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(WITHOUT_RUN) from None


def _short(folder: Path) -> Path:
    """Return the folder as the user would name it: messages with `config/dependency.json` read better."""
    cwd = Path.cwd()
    return folder.relative_to(cwd) if cwd in folder.parents else folder
