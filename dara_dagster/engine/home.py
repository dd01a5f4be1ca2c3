"""Writes the `dagster.yaml` of a new Dagster home."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["write_dagster_yaml"]

_TEXT = """\
# Written by dara once; yours to change. See https://docs.dagster.io/deployment/oss/dagster-yaml

telemetry:
  enabled: false

# Dagster's SQLite event log with its connections kept open: a third of the CPU time per step.
# The files are the same: delete these lines to go back, at any time. The path is absolute: change it when
# you move this folder.
event_log_storage:
  module: dara_dagster.engine.storage
  class: PooledSqliteEventLogStorage
  config:
    base_dir: {base_dir}
"""


def write_dagster_yaml(home: Path) -> bool:
    """Write `home/dagster.yaml` if there is none, and say whether it was written.

    One that exists is left alone, whatever it holds. The folder is made; `home` must be absolute, as
    Dagster demands of DAGSTER_HOME. Raises `OSError` when the folder cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    # Where Dagster itself keeps event logs in a home without a dagster.yaml.
    base_dir = json.dumps(str(home.absolute() / "history" / "runs"))
    try:
        with (home / "dagster.yaml").open("x", encoding="utf-8") as file:
            file.write(_TEXT.format(base_dir=base_dir))
    except FileExistsError:
        return False
    return True
