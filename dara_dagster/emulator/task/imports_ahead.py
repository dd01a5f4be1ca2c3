"""Imports everything a task needs before it is needed, so that a forked task starts in 0.1 seconds."""

from __future__ import annotations

import importlib

__all__ = ["import_all"]

_MODULES = (
    "dara_dagster.emulator.task.process",
    "dara_dagster.emulator.sail.streaming.sources",
    "pandas",
    "pyspark.sql.connect.catalog",
    "pyspark.sql.connect.functions",
    "pyspark.sql.connect.group",
    "pyspark.sql.connect.readwriter",
    "pyspark.sql.connect.udf",
    "pyspark.sql.connect.window",
    "pyspark.sql.functions",
    "pyspark.sql.pandas.conversion",
)


def import_all() -> None:
    """Import them all. Raises ImportError when a package of the `emulator` extra is missing."""
    for name in _MODULES:
        importlib.import_module(name)
