"""Turns a Column into SQL text, by walking the expression it sends to the server (a subset: what conditions
need).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from pyspark.sql.connect.column import Column

from dara_dagster.emulator.sail.syntax.literals import literal
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["column_sql"]

_OPERATORS = {"==": "=", "and": "AND", "or": "OR"}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def column_sql(value: Any, client: Any) -> str:
    """Return the SQL of a Column, or the text itself. Raises NotSupportedLocally for expressions without SQL
    form here (UDFs).
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Column):
        return _expression(value._expr.to_plan(client))
    text = literal(value)
    if text is None:
        raise NotSupportedLocally(f"A {type(value).__name__} as an expression of DeltaTable")
    return text


def _expression(plan: Any) -> str:
    kind = plan.WhichOneof("expr_type")
    if kind == "unresolved_attribute":
        return str(plan.unresolved_attribute.unparsed_identifier)
    if kind == "literal":
        return _literal(plan.literal)
    if kind == "expression_string":
        return f"({plan.expression_string.expression})"
    if kind == "alias":
        return _expression(plan.alias.expr)
    if kind == "cast":
        return f"CAST({_expression(plan.cast.expr)} AS {_cast_type(plan.cast)})"
    if kind == "unresolved_function":
        function = plan.unresolved_function
        return _function(function.function_name, [_expression(argument) for argument in function.arguments])
    raise NotSupportedLocally(f"A {kind} expression in a DeltaTable call", "Write the condition as SQL text.")


def _cast_type(cast: Any) -> str:
    if cast.type_str:
        return str(cast.type_str)
    from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type

    return proto_schema_to_pyspark_data_type(cast.type).simpleString()


def _literal(plan: Any) -> str:
    kind = plan.WhichOneof("literal_type")
    value = getattr(plan, kind)
    if kind == "null":
        value = None
    elif kind == "decimal":
        value = Decimal(value.value)
    elif kind == "date":
        value = _EPOCH.date() + dt.timedelta(value)
    elif kind in ("timestamp", "timestamp_ntz"):
        value = (_EPOCH + dt.timedelta(microseconds=value)).replace(tzinfo=None)
    text = literal(value)
    if text is None:
        raise NotSupportedLocally(
            f"A {kind} literal in a DeltaTable call", "Write the condition as SQL text."
        )
    return text


def _function(name: str, arguments: list[str]) -> str:
    lower = name.lower()
    if len(arguments) == 2 and re.fullmatch(r"[^\w]+|and|or", lower):
        return f"({arguments[0]} {_OPERATORS.get(lower, name)} {arguments[1]})"
    if lower == "not":
        return f"(NOT {arguments[0]})"
    if lower == "isnull":
        return f"({arguments[0]} IS NULL)"
    if lower == "isnotnull":
        return f"({arguments[0]} IS NOT NULL)"
    if lower == "in":
        return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"
    if lower == "when":
        pairs = zip(arguments[::2], arguments[1::2], strict=False)
        whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)
        otherwise = f" ELSE {arguments[-1]}" if len(arguments) % 2 else ""
        return f"CASE {whens}{otherwise} END"
    return f"{name}({', '.join(arguments)})"
