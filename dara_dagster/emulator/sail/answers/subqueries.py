"""Subqueries that Sail 0.7.2 answers wrongly or not at all, in other words.

- A scalar subquery without a row is NULL, but `coalesce` and IS NULL take it for never NULL.
- `x NOT IN (SELECT ...)` forgets NULLs where it is not one of the conditions of a WHERE; in other places
  than conditions IN is not there at all. There Spark answers false rather than NULL.
- INTERSECT ALL is a semi join: it keeps duplicates of the left side.
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

__all__ = ["intersect_all", "is_denied", "is_plain_condition", "membership", "needs_null"]


def needs_null(node: exp.Subquery) -> bool:
    """Return whether a subquery stands for a value and may have no row, though its column is never NULL."""
    select = node.this
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        return False
    if isinstance(node.parent, exp.From | exp.Join | exp.In | exp.Exists | exp.Lateral | exp.SetOperation):
        return False
    if node.alias or isinstance(node.parent, exp.Query | exp.CTE | exp.Table):
        return isinstance(node.parent, exp.Select) and node.arg_key == "expressions"
    item = select.expressions[0]
    return not item.is_star and not (item.find(exp.AggFunc) and select.args.get("group") is None)


def is_plain_condition(node: exp.In) -> bool:
    """Return whether an IN is one of the conditions of a WHERE or ON about a column: Sail knows these."""
    if node.this.find(exp.Column) is None:
        return False
    above: exp.Expr | None = node.parent
    while isinstance(above, exp.Paren | exp.And | exp.Not):
        above = above.parent
    return isinstance(above, exp.Where)


def membership(value: str, query: str, *, negated: bool, unknown: str) -> str:
    """Write `value IN (query)` by way of an array. `unknown` is the answer where only a NULL could be
    equal."""
    rows = f"FROM ({query}) AS _in(v)"
    found, missing = ("false", "true") if negated else ("true", "false")
    cases = [
        f"WHEN (SELECT count(*) {rows}) = 0 THEN {missing}",
        f"WHEN ({value}) IS NULL THEN {unknown}",
        f"WHEN array_contains((SELECT collect_list(v) {rows}), {value}) THEN {found}",
        f"WHEN (SELECT count(*) - count(v) {rows}) > 0 THEN {unknown}",
    ]
    return f"(CASE {' '.join(cases)} ELSE {missing} END)"


def is_denied(node: exp.Expr) -> bool:
    """Return whether an odd number of NOTs stand directly before a condition in brackets."""
    above, denied = node.parent, False
    while isinstance(above, exp.Paren | exp.Not):
        denied ^= isinstance(above, exp.Not)
        above = above.parent
    return denied


def intersect_all(left: str, right: str, names: Sequence[str], quoted: Callable[[str], str]) -> str:
    """Return a query of the rows of both: equal rows are numbered, so that each counts as often as in
    both."""
    columns = ", ".join(quoted(name) for name in names)
    number = f"row_number() OVER (PARTITION BY {columns} ORDER BY {quoted(names[0])}) AS _number"
    sides = [f"SELECT {columns}, {number} FROM ({side}) AS _side({columns})" for side in (left, right)]
    return f"SELECT {columns} FROM ({' INTERSECT '.join(sides)}) AS _both"
