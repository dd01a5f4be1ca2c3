"""Values of SQL as SQL text, so that what was computed once can stand in a later statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    MapType,
    NullType,
    StringType,
    StructType,
    TimestampType,
)

from dara_dagster.emulator.sail.syntax.literals import literal, quote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["evaluate", "value_text"]


def evaluate(spark: BaseSession, expression: str, kind: str = "") -> str:
    """Return the value that an expression has now, as SQL text of its type, or of the type that is asked
    for."""
    asked = f"CAST(({expression}) AS {kind})" if kind else f"({expression})"
    frame = spark.sql(f"SELECT {asked} AS _value")
    return value_text(frame.collect()[0][0], frame.schema.fields[0].dataType)


def value_text(value: Any, kind: DataType) -> str:
    """Return the SQL text of a value of any type. Raises NotSupportedLocally for intervals and the like."""
    if isinstance(kind, NullType):
        return "NULL"
    if value is None:
        return f"CAST(NULL AS {kind.simpleString()})"
    if isinstance(kind, StringType):
        return quote(value)
    if isinstance(kind, ArrayType):
        items = ", ".join(value_text(item, kind.elementType) for item in value)
        return f"CAST(array({items}) AS {kind.simpleString()})"
    if isinstance(kind, MapType):
        pairs = ", ".join(
            f"{value_text(key, kind.keyType)}, {value_text(item, kind.valueType)}"
            for key, item in value.items()
        )
        return f"CAST(map({pairs}) AS {kind.simpleString()})"
    if isinstance(kind, StructType):
        fields = zip(kind.fields, value, strict=True)
        pairs = ", ".join(
            f"{quote(field.name)}, {value_text(item, field.dataType)}" for field, item in fields
        )
        return f"named_struct({pairs})"
    if isinstance(kind, BinaryType):
        return f"X'{bytes(value).hex()}'"
    if isinstance(kind, TimestampType):
        return f"TIMESTAMP'{value.isoformat(sep=' ')}'"
    text = literal(value)
    if text is None:
        raise NotSupportedLocally(f"A variable or parameter of the type {kind.simpleString()}")
    return f"CAST({text} AS {kind.simpleString()})"
