"""Which types an INSERT puts into which columns, and how.

Source: https://docs.databricks.com/en/sql/language-manual/sql-ref-ansi-compliance.html#store-assignment
"""

from __future__ import annotations

from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    StringType,
    StructField,
    TimestampType,
)

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.casts import text_of
from dara_dagster.emulator.sail.answers.spark_types import is_numeric

__all__ = ["is_restricted", "store_as"]


def is_restricted(kind: DataType | None) -> bool:
    """Return whether values of a type may be refused by a column, or are stored otherwise than Sail does."""
    return isinstance(kind, BooleanType | DateType | TimestampType | DoubleType | FloatType)


def store_as(build: Builder[Any], term: Term[Any], field: StructField, table: str) -> Any:
    """Return the value as it is stored in a column. Raises AnalysisException for a type that does not fit."""
    given, wanted = term.kind, field.dataType
    moment = isinstance(given, DateType | TimestampType)
    other = isinstance(wanted, BooleanType) or (is_numeric(wanted) and not is_numeric(given))
    if (moment and other) or (isinstance(given, BooleanType) and is_numeric(wanted)):
        types = [kind.simpleString().upper() for kind in (given, wanted) if kind is not None]
        raise AnalysisException(
            "[INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST] Cannot write incompatible data for the table "
            f'{table}: Cannot safely cast `{field.name}` "{types[0]}" to "{types[-1]}". SQLSTATE: KD000'
        )
    return text_of(build, term) if isinstance(wanted, StringType) else term.expr
