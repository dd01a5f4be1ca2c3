"""Decides whether a plan needs corrections, by names of rules, casts, and windows that Spark may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyspark.sql.connect.proto as pb
from sqlglot import exp

from dara_dagster.emulator.sail.answers.expressions import messages
from dara_dagster.emulator.sail.answers.function_rewrites import REWRITES
from dara_dagster.emulator.sail.answers.rules import AGGREGATES, RULES
from dara_dagster.emulator.sail.answers.window_errors import RANKING
from dara_dagster.emulator.sail.syntax.tree import parse

__all__ = ["CORRECTED", "has_arithmetic", "has_opposite_windows", "holds", "is_loose_decimal", "may_change"]

# Names whose rules change nothing by themselves: alone they need no correction.
_HARMLESS = {
    *(
        "count",
        "approx_count_distinct",
        "count_if",
        "first",
        "last",
        "max",
        "min",
        "any_value",
        "lag",
        "lead",
    ),
    *("positive", "coalesce", "ifnull", "nvl", "greatest", "least", "length", "year"),
    *("month", "day", "hour", "size", "row_number", "rank", "dense_rank", "upper", "lower", "trim"),
    "substring",
}
CORRECTED = ({*RULES, *AGGREGATES, *REWRITES} - _HARMLESS) | {"collect_list", "collect_set"}


_OVERFLOWING = {"+", "-", "*", "sum", "abs", "negative"}
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs, exp.Sum)


def may_change(message: Any) -> bool:
    """Return whether an expression holds anything that a rule may change."""
    if isinstance(message, pb.Expression):
        kind = message.WhichOneof("expr_type")
        if kind in ("cast", "expression_string") or is_loose_decimal(message):
            return True
        if kind == "window" and _is_doubtful(message.window):
            return True
        if kind == "unresolved_function" and message.unresolved_function.function_name.lower() in CORRECTED:
            return True
    return any(may_change(inner) for inner in messages(message))


def _is_doubtful(window: pb.Expression.Window) -> bool:
    """Return whether a window may be one that Spark refuses, or has a RANGE of days."""
    called = window.window_function.unresolved_function
    ranked = called.function_name.lower() in RANKING
    by_range = pb.Expression.Window.WindowFrame.FRAME_TYPE_RANGE
    return (
        called.is_distinct or (ranked and not window.order_spec) or window.frame_spec.frame_type == by_range
    )


def is_loose_decimal(expr: pb.Expression) -> bool:
    """Return whether it is a decimal in the client's default type, where Spark goes by the digits."""
    given = expr.literal.decimal
    return expr.literal.HasField("decimal") and (given.precision, given.scale) in ((0, 0), (10, 0))


def holds(message: Any, kind: str) -> bool:
    """Return whether an expression is of a kind or holds one."""
    own = message.WhichOneof("expr_type") if isinstance(message, pb.Expression) else ""
    found: bool = own == kind or any(holds(inner, kind) for inner in messages(message))
    return found


def has_opposite_windows(message: Any) -> bool:
    """Return whether a request has windows in ascending and in descending order."""
    return {True, False} <= set(_directions(message))


def _directions(message: Any) -> Iterator[bool]:
    """Yield for each window with an order whether that descends."""
    if isinstance(message, pb.LocalRelation | pb.CommonInlineUserDefinedFunction):
        return
    if isinstance(message, pb.Expression) and message.window.order_spec:
        down = pb.Expression.SortOrder.SORT_DIRECTION_DESCENDING
        yield message.window.order_spec[0].direction == down
    for inner in messages(message):
        yield from _directions(inner)


def has_arithmetic(message: Any) -> bool:
    """Return whether a request computes numbers, be it in a plan or in SQL text."""
    if isinstance(message, pb.LocalRelation):
        return False
    if isinstance(message, pb.SQL | pb.SqlCommand):
        tree = parse(message.query if isinstance(message, pb.SQL) else message.sql)
        if tree is not None and tree.find(*_ARITHMETIC) is not None:
            return True
    if isinstance(message, pb.Expression):
        tree = parse(f"SELECT {message.expression_string.expression}")
        if message.unresolved_function.function_name.lower() in _OVERFLOWING:
            return True
        if tree is not None and tree.find(*_ARITHMETIC) is not None:
            return True
    return message is not None and any(map(has_arithmetic, messages(message)))
