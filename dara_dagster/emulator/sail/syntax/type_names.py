"""Turns Delta schema types and Spark types into the type texts that Databricks shows."""

from __future__ import annotations

from typing import Any

from pyspark.sql.types import ArrayType, DataType, MapType, StructType

__all__ = ["delta_type", "type_text"]

_SHORT = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}


def delta_type(kind: Any) -> str:
    """Return the SQL type of a type in Delta's schema JSON: `bigint`, `array<struct<a:int>>`."""
    if isinstance(kind, str):
        return _SHORT.get(kind, kind)
    if kind["type"] == "struct":
        return "struct<" + ",".join(f"{f['name']}:{delta_type(f['type'])}" for f in kind["fields"]) + ">"
    if kind["type"] == "array":
        return f"array<{delta_type(kind['elementType'])}>"
    return f"map<{delta_type(kind['keyType'])},{delta_type(kind['valueType'])}>"


def type_text(kind: DataType) -> str:
    """Return the type text of the SQL statements API: `BIGINT`, `DECIMAL(10,2)`, `STRUCT<a: INT>`."""
    if isinstance(kind, StructType):
        return "STRUCT<" + ", ".join(f"{f.name}: {type_text(f.dataType)}" for f in kind.fields) + ">"
    if isinstance(kind, ArrayType):
        return f"ARRAY<{type_text(kind.elementType)}>"
    if isinstance(kind, MapType):
        return f"MAP<{type_text(kind.keyType)}, {type_text(kind.valueType)}>"
    return kind.simpleString().upper()
