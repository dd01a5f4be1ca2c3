"""Decides whether a plan needs corrections, by names of rules, casts, and windows that Spark may refuse."""

from __future__ import annotations

from typing import Any

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.sail.answers.expressions import messages
from dara_dagster.emulator.sail.answers.function_rewrites import REWRITES
from dara_dagster.emulator.sail.answers.rules import AGGREGATES, RULES
from dara_dagster.emulator.sail.answers.window_errors import RANKING

__all__ = ["CORRECTED", "is_loose_decimal", "may_change"]

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
