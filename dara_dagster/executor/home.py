"""Writes the `dagster.yaml` of a new Dagster home."""

from __future__ import annotations

import json
import re
from pathlib import Path

__all__ = ["lakebase_yaml", "write_dagster_yaml"]

_FIRST_LINE = "# Written by dara once; yours to change."
_HEAD = """ See https://docs.dagster.io/deployment/oss/dagster-yaml

telemetry:
  enabled: false

# No window in the UI that asks for an e-mail address.
nux:
  enabled: false
"""
_TEXT = (
    _FIRST_LINE
    + _HEAD
    + """
# Runs that are launched from the UI, the REST API, schedules and sensors wait at most so long in the queue.
run_queue:
  dequeue_interval_seconds: 1

# Dagster's SQLite event log with its connections kept open: a third of the CPU time per step.
# The files are the same: delete these lines to go back, at any time. The path is absolute: when this folder
# is moved or copied, the next `dara` command puts it right.
event_log_storage:
  module: dara_dagster.executor.storage
  class: PooledSqliteEventLogStorage
  config:
    base_dir: {base_dir}
"""
)
_LAKEBASE = """
# The history, in the Postgres database that PGHOST, PGUSER, PGDATABASE, PGPORT and PGSSLMODE name.
storage:
  custom:
    module: dara_dagster.lakebase
    class: LakebaseStorage
    config: {}

# Dagster's queue; runs that are launched in the UI get the tag dara/user.
run_coordinator:
  module: dara_dagster.executor.attribution
  class: AttributingRunCoordinator
  config:
    dequeue_interval_seconds: 1
"""
# Where Dagster itself keeps event logs in a home without a dagster.yaml.
_EVENT_LOGS = Path("history", "runs")
_BASE_DIR = re.compile(r'(?m)^    base_dir: (".*")$')
# The package that held these classes in releases before 0.2, as files of theirs name it.
_OLD_MODULE = re.compile(r"(?m)^(  +module: dara_dagster\.)engine(?=\.)")


def lakebase_yaml() -> str:
    """Return the text of a dagster.yaml that keeps the history in Lakebase."""
    return f"{_FIRST_LINE}{_HEAD}{_LAKEBASE}"


def write_dagster_yaml(home: Path) -> bool:
    """Write `home/dagster.yaml` if there is none, and say whether anything was written.

    One that exists is left alone, whatever it holds, but for two things in one that was written here: the
    path when the folder was moved or copied, since events would go to the old place, and moved modules.
    The folder is made; `home` must be absolute, as Dagster demands of DAGSTER_HOME. Raises `OSError` when the
    folder cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    file, base_dir = home / "dagster.yaml", json.dumps(str(home.absolute() / _EVENT_LOGS))
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(_TEXT.format(base_dir=base_dir))
    except FileExistsError:
        return _bring_up_to_date(file, base_dir)
    return True


def _bring_up_to_date(file: Path, base_dir: str) -> bool:
    """Write the file anew when something in it is out of date, and say whether there was."""
    before = file.read_text(encoding="utf-8")
    if not before.startswith(_FIRST_LINE):
        return False
    after = _OLD_MODULE.sub(r"\1executor", before)
    if (found := _BASE_DIR.search(after)) and _was_moved(found[1], file):
        after = after[: found.start(1)] + base_dir + after[found.end(1) :]
    if after == before:
        return False
    file.write_text(after, encoding="utf-8")
    return True


def _was_moved(base_dir: str, file: Path) -> bool:
    """Return whether `base_dir`, a JSON string, is a folder of another home, not one that somebody chose."""
    try:
        before = Path(json.loads(base_dir))
    except ValueError:
        return False
    is_ours = before.parts[-3:] == (file.parent.name, *_EVENT_LOGS.parts)
    return is_ours and before.resolve() != (file.parent / _EVENT_LOGS).resolve()
