"""Finds the project a command is about: its config folder, its plan, its Dagster history."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dara_dagster.errors import DaraError
from dara_dagster.serve.wording import counted

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from dara_dagster.spec.plan import Plan

__all__ = [
    "command",
    "config_folder",
    "config_option",
    "counted",
    "home_folder",
    "json_option",
    "load_plan",
    "open_instance",
    "root_folder",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LONGEST_REASON = 400
_LOCK_SECONDS = 60.0
_SIGNS = ("project.json", "workflows", "cluster_config.json", "warehouse_config.json")


def config_option(command: _Command) -> _Command:
    """Adds `--config DIR`, handed to the command as the folder to use, after reading the project's `.env`."""
    return click.option(
        "--config",
        "config_dir",
        metavar="DIR",
        type=click.Path(path_type=Path),
        callback=lambda _context, _option, given: _opened(config_folder(given)),
        help="Folder of the config files (default: config/ here or above).",
    )(command)


def json_option(command: _Command) -> _Command:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")(command)


def config_folder(given: Path | None, start: Path | None = None) -> Path:
    """The config folder: the one given, else the first `config/` found from `start` (the current folder) up.

    Raises DaraError when there is none. Whether its files are right is not looked at.
    """
    if given is not None:
        if not given.is_dir():
            raise DaraError(f"{given}: there is no such folder. Name the folder of the config files.")
        return given
    start = start or Path.cwd()
    for folder in (start, *start.parents):
        if _is_ours(folder / "config"):
            return _short(folder / "config")
    raise DaraError(
        f"No config/ folder with a project.json or dependency.json, in {start} or above it. "
        "Change to the project's folder, or name the config folder with --config DIR."
    )


def _opened(folder: Path) -> Path:
    from dara_dagster.spec.environment import read_env_file

    read_env_file(root_folder(folder))
    return folder


def _is_ours(folder: Path) -> bool:
    from dara_dagster.spec.dependency_file import usual_places

    try:
        return folder.is_dir() and any(
            sign.exists() for sign in (*usual_places(folder), *(folder / name for name in _SIGNS))
        )
    except PermissionError:
        raise DaraError(f"{folder} cannot be read: Permission denied. Make it readable.") from None


def command() -> str:
    """How the user calls `dara`: uv tells the programs it runs where it is itself."""
    return "uv run dara" if "UV" in os.environ else "dara"


def load_plan(config_dir: Path) -> Plan:
    """The checked plan of the files. Raises ConfigError with every problem."""
    from dara_dagster.spec import plan_from

    return plan_from(config_dir)


def home_folder(config_dir: Path) -> Path:
    """Where Dagster keeps the project's history: DAGSTER_HOME, else `.dagster` beside workspace.yaml.

    Raises DaraError when DAGSTER_HOME is not absolute (Dagster refuses that too, with a traceback).
    """
    given = os.environ.get("DAGSTER_HOME")
    if given:
        if not Path(given).expanduser().is_absolute():
            raise DaraError(f"DAGSTER_HOME is {given!r}; it must be an absolute path, or not be set.")
        return Path(given).expanduser()
    return root_folder(config_dir) / ".dagster"


def root_folder(config_dir: Path) -> Path:
    """The project's folder: the nearest above the config folder with a workspace.yaml, else the one above."""
    from dara_dagster.spec.environment import project_folder

    return project_folder(config_dir)


@contextmanager
def open_instance(config_dir: Path) -> Iterator[DagsterInstance]:
    """The project's Dagster instance; its folder and its dagster.yaml are made when they are not there.

    Raises DaraError when the folder cannot be used.
    """
    from dagster import DagsterInstance

    home = home_folder(config_dir)
    with ExitStack() as stack:
        # Two processes that make Dagster's tables at once fail, each on what the other has made.
        with _held(home):
            os.environ["DAGSTER_HOME"] = str(home)
            logging.root.addFilter(_is_no_retry)
            try:
                instance = stack.enter_context(DagsterInstance.get())
            except DaraError:
                raise
            except Exception as error:  # Dagster has no error of its own for most that can be wrong there
                raise DaraError(_unusable(home, error)) from None
            finally:
                logging.root.removeFilter(_is_no_retry)
        yield instance


def _held(home: Path) -> ExitStack:
    """Make the folder and its dagster.yaml and lock it; closing what is returned unlocks it."""
    from dara_dagster.engine.home import write_dagster_yaml
    from dara_dagster.remote.locks import file_lock

    held = ExitStack()
    try:
        held.enter_context(file_lock(home / "opening.lock", timeout=_LOCK_SECONDS))
        write_dagster_yaml(home)
    except OSError as error:
        held.close()
        wrong = "it is not a folder" if home.is_file() else error.strerror or error
        raise DaraError(
            f"Dagster's history cannot be kept in {home}: {wrong}. "
            "Make it a folder you can write to, or set DAGSTER_HOME to another one."
        ) from None
    return held


def _unusable(home: Path, error: BaseException) -> str:
    """Why Dagster cannot open its home: something in its dagster.yaml, or the database named there."""
    file = home / "dagster.yaml"
    if "Couldn't import module dagster_postgres" in str(error):
        return f"{file} wants Postgres, which needs: pip install 'dara-dagster[postgres]'"
    while error.__cause__ is not None:  # dagster-postgres says "too many retries", whatever the cause
        error = error.__cause__
    reason = _reason(error)
    if type(error).__name__ == "OperationalError" and re.search("postgres|Lakebase", file.read_text("utf-8")):
        return f"Dagster cannot open its history in the database that {file} names: {reason}"
    return (
        f"Dagster cannot open its history with {file}: {reason}\n"
        "Put that file right, or move it away: the next `dara` command writes a new one."
    )


def _reason(error: BaseException) -> str:
    """In one line. An error of Dagster's config holds a list, after a page about the config's shape."""
    errors = getattr(error, "errors", None) or [error]
    reason = " ".join(" ".join(str(getattr(each, "message", each)) for each in errors).split())
    reason = re.split(r" \(Background on this error| Stack Trace:", reason)[0] or type(error).__name__
    reason = re.sub(r'"[^"@]*@', '"***@', reason)  # of a password with an unquoted "@" the end is the host
    return reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "..."


def _is_no_retry(record: logging.LogRecord) -> bool:
    """False for what dagster-postgres logs at each of its tries: the last one is told as the error."""
    return not record.getMessage().startswith("Retrying failed database")


def _short(folder: Path) -> Path:
    """The folder as the user would name it: messages with `config/dependency.json` read better."""
    cwd = Path.cwd()
    return folder.relative_to(cwd) if cwd in folder.parents else folder
