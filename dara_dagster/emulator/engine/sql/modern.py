"""Newer SELECT syntax, spelled in the older way that Sail parses; used only after Sail has refused a
statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import sqlglot
from sqlglot import exp, transforms

from dara_dagster.emulator.engine.sql.information_schema import replace_information_schema
from dara_dagster.emulator.engine.sql.ingest import replace_read_files

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["in_known_words"]

Answer = TypeVar("Answer")

_NEW_SYNTAX = re.compile(
    r"\bqualify\b|\*\s*except\s*\(|group\s+by\s+all\b|order\s+by\s+all\b|[\w`\])]\s*:\s*[a-z_`\[]|\|>|\bdecode\s*\(|\biff\s*\(",
    re.I,
)
_PIVOT_COLUMN = re.compile(r"\bfor\s+(`[^`]+`|[A-Za-z_]\w*)\s+in\s*\(", re.I)
_ROUNDS = 3
_MISSING_COLUMN = "is missing from the schema"


def in_known_words(spark: LocalSpark, text: str, attempt: Callable[[str], Answer]) -> Answer:
    """What `attempt` answers for the statement, tried again with newer syntax spelled out while it fails.

    One form can hide another: a lateral alias beside a QUALIFY is found only when that is gone. The error
    raised is the last: those before are about syntax that Databricks accepts.
    """
    for _ in range(_ROUNDS):
        try:
            return attempt(text)
        except Exception as error:
            newer = _modernise(spark, text, str(error))
            if newer is None or newer == text:
                raise
        text = newer
    return attempt(text)


def _modernise(spark: LocalSpark, text: str, error: str) -> str | None:
    """The statement in words Sail knows; None when there is nothing to change. `error` is what Sail said."""
    replaced = replace_information_schema(spark, replace_read_files(spark, text))
    replaced = _PIVOT_COLUMN.sub(r"FOR (\1) IN (", replaced)
    lateral = _MISSING_COLUMN in error
    if not (lateral or _NEW_SYNTAX.search(replaced)):
        return replaced if replaced != text else None
    try:
        tree: exp.Expr = sqlglot.parse_one(replaced, read="databricks")
    except sqlglot.errors.ParseError:
        return replaced if replaced != text else None
    for select in list(tree.find_all(exp.Select)):
        _spell_out_all(select)
        _spell_out_except(spark, select)
        if lateral:
            _spell_out_aliases(select)
    tree = tree.transform(_decode_as_case)
    tree = tree.transform(_qualify_as_subquery)
    try:
        return tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except sqlglot.errors.UnsupportedError:  # something would be left out, as the format of to_char()
        return replaced if replaced != text else None


def _spell_out_all(select: exp.Select) -> None:
    """GROUP BY ALL and ORDER BY ALL."""
    group = select.args.get("group")
    if group is not None and group.args.get("all"):
        keys = [e.unalias().copy() for e in select.expressions if not e.find(exp.AggFunc)]
        group.set("all", None)
        group.set("expressions", keys)
        if not keys:
            select.set("group", None)
    order = select.args.get("order")
    if order is not None and len(order.expressions) == 1 and order.expressions[0].sql().lower() == "all":
        numbers = [exp.Ordered(this=exp.Literal.number(i + 1)) for i in range(len(select.expressions))]
        order.set("expressions", numbers)


def _spell_out_except(spark: LocalSpark, select: exp.Select) -> None:
    """`* EXCEPT (a)` as the list of the other columns, asked of the server."""
    expressions: list[exp.Expr] = []
    for item in select.expressions:
        star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
        excluded = star.args.get("except_") or star.args.get("except") if isinstance(star, exp.Star) else None
        if not excluded:
            expressions.append(item)
            continue
        table = item.table if isinstance(item, exp.Column) else ""
        source = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
        ctes = ", ".join(cte.sql("databricks") for cte in _visible_ctes(select))
        probe = (
            f"{'WITH ' + ctes if ctes else ''} SELECT {table + '.' if table else ''}* "
            f"{' '.join(part.sql('databricks') for part in source if part)}"
        )
        left_out = {column.name.lower() for column in excluded}
        names = [name for name in spark.sql(probe).columns if name.lower() not in left_out]
        expressions += [exp.column(name, table=table or None, quoted=True) for name in names]
    select.set("expressions", expressions)


def _visible_ctes(select: exp.Select) -> list[exp.Expr]:
    """The WITH queries a SELECT may name: its own and those around it, up to the one it stands in."""
    visible: list[exp.Expr] = []
    node: exp.Expr | None = select
    within: exp.Expr | None = None
    while node is not None:
        own = node.args.get("with_")
        queries = list(own.expressions) if own else []
        visible = queries[: queries.index(within) if within in queries else None] + visible
        within = node if isinstance(node, exp.CTE) else within
        node = node.parent
    return visible


def _spell_out_aliases(select: exp.Select) -> None:
    """Lateral column aliases (`1 AS a, a + 1 AS b`): the expression in place of its name."""
    known: dict[str, exp.Expr] = {}
    for item in select.expressions:
        for column in list(item.find_all(exp.Column)):
            if not column.table and column.name.lower() in known and column is not item:
                column.replace(exp.paren(known[column.name.lower()].copy()))
        if isinstance(item, exp.Alias):
            known[item.alias.lower()] = item.this


def _decode_as_case(node: exp.Expr) -> exp.Expr:
    """decode(x, k, v, ..., otherwise)."""
    if not isinstance(node, exp.DecodeCase):
        return node
    value, *rest = node.expressions
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    case = exp.Case()
    for key, then in pairs:
        case = case.when(exp.NullSafeEQ(this=value.copy(), expression=key.copy()), then.copy())
    return case.else_(rest[-1].copy()) if len(rest) % 2 else case


def _qualify_as_subquery(node: exp.Expr) -> exp.Expr:
    eliminate: Callable[[exp.Expr], exp.Expr] = transforms.eliminate_qualify
    return eliminate(node) if isinstance(node, exp.Select) and node.args.get("qualify") else node
