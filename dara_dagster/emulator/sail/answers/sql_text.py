"""Expressions as SQL text: how they are made, where they stand, and what their constants are."""

from __future__ import annotations

import re

from pyspark.sql.types import (
    BooleanType,
    DataType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    NullType,
    StringType,
    YearMonthIntervalType,
)
from sqlglot import exp

from dara_dagster.emulator.sail.answers.builder import Term
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.tokens import scan, substitute_names
from dara_dagster.emulator.sail.syntax.tree import Span
from dara_dagster.emulator.sail.syntax.volatile import is_volatile

__all__ = ["BUILD", "constant", "ddl_type", "place_of"]

_SIGNS = {"==": "=", "and": "AND", "or": "OR", "div": "DIV"}
_DAY_TIME = {"DAY": 0, "HOUR": 1, "MINUTE": 2, "SECOND": 3, "WEEK": 0, "MILLISECOND": 3, "MICROSECOND": 3}


class TextBuilder:
    """Makes SQL text."""

    def call(self, name: str, *arguments: str) -> str:
        if name == "-" and len(arguments) == 1:
            return f"(- {arguments[0]})"
        if len(arguments) == 2 and (name in _SIGNS or not name[0].isalpha()):
            return f"({arguments[0]} {_SIGNS.get(name, name)} {arguments[1]})"
        if name == "when":
            pairs = zip(arguments[::2], arguments[1::2], strict=False)
            cases = " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)
            return f"CASE {cases}{f' ELSE {arguments[-1]}' if len(arguments) % 2 else ''} END"
        return f"{name}({', '.join(arguments)})"

    def cast(self, expr: str, kind: str, *, lenient: bool = False) -> str:
        return f"{'TRY_CAST' if lenient else 'CAST'}({expr} AS {kind.upper()})"

    def value(self, value: str | int | float) -> str:
        if isinstance(value, str):
            return quote(value)
        return f"{value!r}D" if isinstance(value, float) else str(value)

    def variable(self, name: str) -> str:
        return name

    def each(self, values: str, name: str, body: str) -> str:
        return f"transform({values}, {name} -> {body})"

    def keep(self, values: str, name: str, condition: str) -> str:
        return f"filter({values}, {name} -> {condition})"

    def field(self, struct: str, name: str) -> str:
        return f"{struct}.{name}"

    def is_volatile(self, expr: str) -> bool:
        return "->" not in scan(expr).symbols and is_volatile(expr)

    def uses(self, expr: str, name: str) -> int:
        return sum(token.text == name for token in scan(expr).tokens)

    def put(self, expr: str, name: str, value: str) -> str:
        return substitute_names(expr, {name: value})


BUILD = TextBuilder()


def place_of(node: exp.Expr) -> Span | None:
    """Return where an expression stands in the text; None where the parser did not note it."""
    found = node.meta.get("span")
    if found is not None:
        return found  # type: ignore[no-any-return]
    if isinstance(node, exp.Column):
        parts = [part.meta for part in node.parts if "start" in part.meta]
        return Span(parts[0]["start"], parts[-1]["end"] + 1) if len(parts) == len(node.parts) else None
    if isinstance(node, exp.Identifier) and "start" in node.meta:  # a parameter of a lambda
        return Span(node.meta["start"], node.meta["end"] + 1)
    if isinstance(node, exp.Binary):
        left, right = place_of(node.this), place_of(node.expression)
        return Span(left.start, right.end) if left and right else None
    return None


def ddl_type(node: exp.DataType) -> DataType | None:
    """Return Spark's type of a type in the tree."""
    try:
        return DataType.fromDDL(node.sql("databricks"))
    except Exception:
        return None


def constant(node: exp.Expr, text: str) -> Term[str] | None:
    """Return a literal or interval with its type; None for anything else."""
    if isinstance(node, exp.Literal):
        return Term(text, StringType(), text=node.this) if node.is_string else _number(node.this, text)
    if isinstance(node, exp.Boolean):
        return Term(text, BooleanType())
    if isinstance(node, exp.Null):
        return Term(text, NullType())
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return _negative(node.this.this, text)
    if (
        isinstance(node, exp.Cast)
        and isinstance(node.this, exp.Literal)
        and re.fullmatch(r"\d+[lLsSyY]", text)
    ):
        return Term(text, ddl_type(node.to), int(text[:-1]))
    if isinstance(node, exp.Interval):
        return Term(text, _interval(node))
    return None


def _number(digits: str, text: str) -> Term[str]:
    if digits.isdigit():
        value = int(digits)
        if value < 2**63:
            return Term(text, IntegerType() if value < 2**31 else LongType(), value)
        return Term(text, DecimalType(len(digits), 0))
    if "e" in digits.lower():
        return Term(text, DoubleType())
    whole, _, fraction = digits.partition(".")
    precision = max(len((whole + fraction).lstrip("0")), len(fraction), 1)
    return Term(text, DecimalType(precision, len(fraction)))


def _negative(digits: str, text: str) -> Term[str] | None:
    found = _number(digits, text)
    if found.literal == 2**31:  # the least integer, whose digits alone are no integer
        return Term(f"CAST({text} AS INT)", IntegerType(), -(2**31))
    return Term(text, found.kind, None if found.literal is None else -found.literal)


def _interval(node: exp.Interval) -> DataType | None:
    unit = node.args.get("unit")
    ends = [unit.this, unit.expression] if isinstance(unit, exp.IntervalSpan) else [unit]
    names = [str(end.name).upper().rstrip("S") for end in ends if end is not None]
    if names and all(name in _DAY_TIME for name in names):
        return DayTimeIntervalType(_DAY_TIME[names[0]], _DAY_TIME[names[-1]])
    return YearMonthIntervalType() if names and all(name in ("YEAR", "MONTH") for name in names) else None
