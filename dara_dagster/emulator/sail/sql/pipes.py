"""The pipe syntax, `FROM t |> WHERE a > 1 |> SELECT a`, as subqueries.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-pipeline
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from typing import TYPE_CHECKING

from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["spell_out_pipes"]

_WHOLE = "SELECT * FROM {rows} {operator}"
_OPERATORS = [
    (Pattern("SELECT <columns:rest>"), "SELECT {columns} FROM {rows}"),
    (Pattern("EXTEND <columns:rest>"), "SELECT *, {columns} FROM {rows}"),
    (Pattern("DROP <columns:rest>"), "SELECT * EXCEPT ({columns}) FROM {rows}"),
    (
        Pattern("AGGREGATE [<columns:rest>] GROUP BY <keys:rest>"),
        "SELECT {keys}{comma}{columns} FROM {rows} GROUP BY {plain}",
    ),
    (Pattern("AGGREGATE <columns:rest>"), "SELECT {columns} FROM {rows}"),
    (Pattern("(UNION | INTERSECT | EXCEPT | MINUS) <other:rest>"), "SELECT * FROM {rows} {operator}"),
    (Pattern("(WHERE | LIMIT | OFFSET | JOIN | PIVOT | UNPIVOT | TABLESAMPLE) <rest:rest>"), _WHOLE),
    (Pattern("(ORDER | SORT | CLUSTER | DISTRIBUTE) BY <rest:rest>"), _WHOLE),
    (Pattern("(INNER | LEFT | RIGHT | FULL | CROSS | NATURAL | SEMI | ANTI | LATERAL) <rest:rest>"), _WHOLE),
]
_NAME = Pattern("AS <alias:word>")
_KEY = Pattern("<key:rest> AS <alias:word>")


def spell_out_pipes(spark: BaseSession, text: str) -> str:
    """Return the statement with its pipes as subqueries, the innermost first."""
    while (place := _innermost(scan(text))) is not None:
        source, start, end = scan(text), *place
        parts = source.split(start, end, "|>")
        query, alias = source.slice(*parts[0]), "_p"
        if source.tokens[start].upper == "FROM":
            query = f"SELECT * {query}"
        for part in parts[1:]:
            operator = source.slice(*part)
            named = _NAME.match(operator)
            if named:
                alias = named["alias"]
            else:
                query, alias = _applied(operator, f"({query}) AS {alias}"), "_p"
        if alias != "_p":
            query = f"SELECT * FROM ({query}) AS {alias}"
        text = apply(text, [Edit(source.tokens[start].start, source.tokens[end - 1].end, query)])
    return text


def _innermost(source: Source) -> tuple[int, int] | None:
    """Return the tokens of a query with pipes that has none within."""
    pipes = [index for index, token in enumerate(source.tokens) if token.text == "|>"]
    if not pipes:
        return None
    around = [(begin, end) for begin, end in source.closing.items() if begin < pipes[-1] < end]
    if around:
        begin, end = max(around)
        return begin + 1, end
    last = len(source.tokens) - (source.tokens[-1].text == ";")
    heads = [
        i
        for i in source.top_level(0, last)
        if source.tokens[i].upper in ("FROM", "SELECT", "VALUES", "TABLE")
    ]
    return heads[0] if heads else 0, last


def _applied(operator: str, rows: str) -> str:
    """Return the query that applies one step to the rows of the steps before."""
    for pattern, template in _OPERATORS:
        match = pattern.match(operator)
        if match is not None:
            return template.format(rows=rows, operator=operator, **_texts(match))
    raise NotSupportedLocally(f"The pipe operator |> {operator.split()[0].upper()}")


def _texts(match: Match) -> dict[str, str]:
    keys = [(_KEY.match(key), key) for key in match.items("keys")]
    return {
        "columns": match.text("columns"),
        "keys": match.text("keys"),
        "comma": ", " if match["columns"] else "",
        "plain": ", ".join(found["key"] if found else key for found, key in keys),
    }
