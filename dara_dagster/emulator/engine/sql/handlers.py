"""The list of statement handlers, and the decorator by which the topic files add to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from pyspark.errors import AnalysisException
from pyspark.sql.types import StructType

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

    Handler = Callable[[LocalSpark, re.Match[str]], DataFrame | None]

__all__ = ["HANDLERS", "done", "statement", "table_folder"]

HANDLERS: list[tuple[re.Pattern[str], Handler]] = []


def statement(pattern: str) -> Callable[[Handler], Handler]:
    """Marks a function as the handler of whole statements that match; it may return None to leave one to
    Sail.
    """

    def add(handler: Handler) -> Handler:
        HANDLERS.append((re.compile(rf"^\s*{pattern}\s*$", re.I | re.S), handler))
        return handler

    return add


def done(spark: LocalSpark) -> DataFrame:
    """The empty answer of a statement without a result."""
    return cast("DataFrame", spark.createDataFrame([], StructType([])))


def table_folder(spark: LocalSpark, name: str) -> Path:
    """The folder of a table. Raises AnalysisException with Databricks' words when there is none."""
    full = spark.registry.resolve(name)
    folder = spark.store.table_folder(full) if full else None
    if folder is None:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {name} cannot be found. Verify the spelling and "
            "correctness of the schema and catalog. SQLSTATE: 42P01"
        )
    return folder
