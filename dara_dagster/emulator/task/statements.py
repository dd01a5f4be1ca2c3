"""Runs SQL texts and turns results into columns and rows of strings, as the statements API answers."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import DataType, StructType, TimestampNTZType, TimestampType

from dara_dagster.emulator.sail.syntax.literals import bind
from dara_dagster.emulator.sail.syntax.tokens import split_statements
from dara_dagster.emulator.sail.syntax.type_names import type_text
from dara_dagster.emulator.task.traces import SourceMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.session import LocalSpark

__all__ = ["ResultTable", "fetch", "run_script"]

_Cell = str | None


class ResultTable:
    """Columns with Databricks type texts, rows as strings and nulls (the JSON_ARRAY format)."""

    def __init__(self, columns: list[list[str]], rows: list[list[_Cell]], truncated: bool) -> None:
        self.columns = columns
        self.rows = rows
        self.truncated = truncated


def run_script(
    spark: LocalSpark, script: str, parameters: Mapping[str, Any], sources: SourceMap, key: str
) -> Iterator[DataFrame]:
    """Run the statements of a script one by one; yields the DataFrame of each.

    `:name` markers take the parameters. An error's traceback shows the statement's line of `key`, which
    `sources` must know. Raises UnboundParameter for a marker without value.
    """
    for text, line in split_statements(script):
        query = bind(text, parameters) or text
        yield sources.at_line(key, line, functools.partial(spark.sql, query))


def fetch(frame: DataFrame, row_limit: int | None) -> ResultTable:
    """Return the rows of a DataFrame, at most `row_limit`."""
    schema: StructType = frame.schema
    limited = frame if row_limit is None else frame.limit(row_limit + 1)
    found = limited.collect()
    truncated = row_limit is not None and len(found) > row_limit
    kinds = [field.dataType for field in schema.fields]
    rows = [[_cell(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in found[:row_limit]]
    return ResultTable([[field.name, type_text(field.dataType)] for field in schema.fields], rows, truncated)


def _cell(value: Any, kind: DataType) -> _Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        zone = "Z" if isinstance(kind, TimestampType) and not isinstance(kind, TimestampNTZType) else ""
        return value.isoformat(timespec="milliseconds") + zone
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, list | dict | tuple):
        return json.dumps(_plain(value), default=str)
    if isinstance(value, float):
        return _double(value)
    return str(value)


def _double(value: float) -> str:
    """Return a double as Java writes it: 1.0E10 from ten million on and below a thousandth."""
    if not math.isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return str(value)
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _plain(value: Any) -> Any:
    if hasattr(value, "asDict"):
        return {key: _plain(item) for key, item in value.asDict().items()}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
