"""Finds the handler of a statement by the words with which it begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

from pyspark.errors import AnalysisException
from pyspark.sql.types import StructType

from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Source

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

    Handler = Callable[[BaseSession, Match], DataFrame | None]

__all__ = ["Handlers", "done", "statement", "table_folder"]

_MARKED: dict[str, list[tuple[Pattern, Handler]]] = defaultdict(list)
"""By the name of the module that defines them."""


def statement(pattern: str) -> Callable[[Handler], Handler]:
    """Mark a function as the handler of whole statements that fit the pattern (see `grammar`).

    It may return None to leave a statement to the next handler, and in the end to Sail.
    """
    compiled = Pattern(pattern)

    def mark(handler: Handler) -> Handler:
        _MARKED[handler.__module__].append((compiled, handler))
        return handler

    return mark


class Handlers:
    """The handlers of some modules, in the order in which they are tried."""

    def __init__(self, *modules: ModuleType) -> None:
        self._by_word: dict[str, list[tuple[Pattern, Handler]]] = defaultdict(list)
        for module in modules:
            for pattern, handler in _MARKED[module.__name__]:
                for word in pattern.first:
                    self._by_word[word].append((pattern, handler))

    def fitting(self, source: Source) -> Iterator[tuple[Match, Handler]]:
        """Find the handlers whose patterns a statement fits."""
        first = source.tokens[0].upper if source.tokens else ""
        for pattern, handler in self._by_word.get(first, ()):
            match = pattern.match(source)
            if match is not None:
                yield match, handler


def done(spark: BaseSession) -> DataFrame:
    """Return the empty answer of a statement without a result."""
    return cast("DataFrame", spark.createDataFrame([], StructType([])))


def table_folder(spark: BaseSession, name: str) -> Path:
    """Return the folder of a table. Raises AnalysisException with Databricks' words when there is none."""
    full = spark.registry.resolve(name)
    folder = spark.store.table_folder(full) if full else None
    if folder is None:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {name} cannot be found. Verify the spelling and "
            "correctness of the schema and catalog. SQLSTATE: 42P01"
        )
    return folder
