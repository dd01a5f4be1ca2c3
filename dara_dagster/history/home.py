"""Finds a project's root folder and its Dagster home, and opens Dagster's instance there."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dara_dagster.errors import DaraError

if TYPE_CHECKING:
    from dagster import DagsterInstance

__all__ = ["has_history", "home_folder", "open_history", "open_instance", "root_folder"]

_LONGEST_REASON = 400
_LOCK_SECONDS = 60.0


def home_folder(config_dir: Path) -> Path:
    """Return where Dagster keeps the project's history: DAGSTER_HOME, else `.dagster` beside workspace.yaml.

    Raises DaraError when DAGSTER_HOME is not absolute (Dagster refuses that too, with a traceback).
    """
    given = os.environ.get("DAGSTER_HOME")
    if given:
        if not Path(given).expanduser().is_absolute():
            raise DaraError(f"DAGSTER_HOME is {given!r}; it must be an absolute path, or not be set.")
        return Path(given).expanduser()
    return root_folder(config_dir) / ".dagster"


def root_folder(config_dir: Path) -> Path:
    """Return the project's folder: the nearest above the config folder with a workspace.yaml, else the one
    above."""
    from dara_dagster.config.environment import project_folder

    return project_folder(config_dir)


def has_history(config_dir: Path) -> bool:
    """Return whether Dagster has kept a history of the project. Raises DaraError when DAGSTER_HOME names
    none."""
    home = home_folder(config_dir)
    if any((home / name).exists() for name in ("dagster.yaml", "history")):
        return True
    if os.environ.get("DAGSTER_HOME"):
        wrong = "is not a folder" if home.exists() and not home.is_dir() else "holds no Dagster history"
        raise DaraError(
            f"DAGSTER_HOME is {home}, which {wrong}. Name the folder of the history, or unset it."
        )
    return False


@contextmanager
def open_history(config_dir: Path) -> Iterator[DagsterInstance]:
    """Open the project's Dagster instance, for commands that only read: nothing is made where there is none.

    Raises DaraError when there is no history, or it cannot be opened.
    """
    if not has_history(config_dir):
        raise DaraError("No runs yet. `dara run WORKFLOW` starts one.")
    with open_instance(config_dir) as instance:
        yield instance


@contextmanager
def open_instance(config_dir: Path) -> Iterator[DagsterInstance]:
    """Open the project's Dagster instance; makes its folder and its dagster.yaml when they are not there.

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
    from dara_dagster.executor.home import write_dagster_yaml
    from dara_dagster.workspace.locks import file_lock

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
    """Return why Dagster cannot open its home: something in its dagster.yaml, or the database named there."""
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
    """Return the error in one line. One of Dagster's config holds a list, after a page about the config's
    shape."""
    errors = getattr(error, "errors", None) or [error]
    reason = " ".join(" ".join(str(getattr(each, "message", each)) for each in errors).split())
    reason = re.split(r" \(Background on this error| Stack Trace:", reason)[0] or type(error).__name__
    reason = re.sub(r'"[^"@]*@', '"***@', reason)  # of a password with an unquoted "@" the end is the host
    return reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "..."


def _is_no_retry(record: logging.LogRecord) -> bool:
    """Return False for what dagster-postgres logs at each of its tries: the last one becomes the error."""
    return not record.getMessage().startswith("Retrying failed database")
