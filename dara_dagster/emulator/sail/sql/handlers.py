"""The statements that we answer ourselves, by the words with which they begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from pyspark.errors import AnalysisException
from pyspark.sql.types import StructType

from dara_dagster.emulator.sail.sql.grammar import Match, Pattern
from dara_dagster.emulator.sail.sql.syntax import Source

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.session import LocalSpark

    Handler = Callable[[LocalSpark, Match], DataFrame | None]

__all__ = ["done", "handlers_of", "statement", "table_folder"]

_HANDLERS: dict[str, list[tuple[Pattern, Handler]]] = defaultdict(list)


def statement(pattern: str) -> Callable[[Handler], Handler]:
    """Marks a function as the handler of whole statements that fit the pattern (see `grammar`).

    It may return None to leave a statement to the next handler, and in the end to Sail.
    """
    compiled = Pattern(pattern)

    def add(handler: Handler) -> Handler:
        for word in compiled.first:
            _HANDLERS[word].append((compiled, handler))
        return handler

    return add


def handlers_of(source: Source) -> Iterator[tuple[Match, Handler]]:
    """The handlers whose patterns a statement fits, in the order in which they were added."""
    first = source.tokens[0].upper if source.tokens else ""
    for pattern, handler in _HANDLERS.get(first, ()):
        match = pattern.match(source)
        if match is not None:
            yield match, handler


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
