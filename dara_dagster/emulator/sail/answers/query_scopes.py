"""Queries within a statement: their order, their place in the text, and the columns that they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from pyspark.sql.types import DataType, StructField, StructType
from sqlglot import exp

from dara_dagster.emulator.sail.syntax.tree import Span, span

__all__ = [
    "PLACE",
    "Analyse",
    "Columns",
    "SourceColumns",
    "changed_tables",
    "queries",
    "query_place",
    "sides",
]

Analyse = Callable[[str], StructType]
PLACE = "\x00"  # where the columns of a question to the server stand


class Columns(Protocol):
    """The columns that expressions see."""

    def column(self, names: Sequence[str]) -> DataType | None:
        """Return the type of a column by the parts of its name; None when it is not there, or twice."""

    def ask(self, text: str) -> DataType | None:
        """Return the type of any expression; None when the server refuses it."""


class SourceColumns:
    """The columns of a FROM, asked of the server once."""

    def __init__(self, analyse: Analyse, source: str) -> None:
        self._analyse = analyse
        self._source = source
        self._known: dict[str, list[DataType]] | None = None

    def column(self, names: Sequence[str]) -> DataType | None:
        if self._known is None:
            self._known = {}
            for field in self._fields("*") if self._source else []:
                self._known.setdefault(field.name.lower(), []).append(field.dataType)
        found = self._known.get(names[-1].lower(), [])
        return found[0] if found and all(kind == found[0] for kind in found) else None

    def ask(self, text: str) -> DataType | None:
        fields = self._fields(text)
        return fields[0].dataType if fields else None

    def _fields(self, columns: str) -> list[StructField]:
        query = self._source.replace(PLACE, columns, 1) if self._source else f"SELECT {columns}"
        try:
            return self._analyse(query).fields
        except Exception:
            return []


def queries(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield all queries of a statement, each behind those that it names or holds."""
    inner = list(node.iter_expressions())
    for child in sorted(inner, key=lambda child: not isinstance(child, exp.With)):
        yield from queries(child)
    if isinstance(node, exp.Select | exp.SetOperation):
        yield node


def sides(query: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the queries that a UNION brings together."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(inner, exp.Union):
        yield from sides(inner.this)
        yield from sides(inner.expression)
    else:
        yield inner


def changed_tables(tree: exp.Expr) -> str:
    """Return what the expressions of an UPDATE, MERGE or INSERT see, as the query of
    `_Corrector.source_of`."""
    if isinstance(tree, exp.Insert):
        return ""
    sources = [tree.this, tree.args.get("using")]
    tables = ", ".join(source.sql("databricks") for source in sources if source is not None)
    return " ".join(["SELECT", PLACE, "FROM", tables])


def query_place(query: exp.Expr, text: str) -> Span | None:
    """Return where a query stands, without the ORDER BY and LIMIT of the UNION around it."""
    if isinstance(query, exp.SetOperation):
        left, right = query_place(query.this, text), query_place(query.expression, text)
        return Span(left.start, right.end) if left and right else None
    if isinstance(query, exp.Subquery):
        inner = query_place(query.this, text)
        start = text.rfind("(", 0, inner.start) if inner else -1
        end = text.find(")", inner.end) if inner else -1
        blank = inner is not None and not (text[start + 1 : inner.start] + text[inner.end : end]).strip()
        return Span(start, end + 1) if min(start, end) >= 0 and blank else None
    if "span" not in query.meta:
        return None
    end, above = span(query).end, query.parent
    while isinstance(above, exp.SetOperation):
        later = [value for key, value in above.args.items() if key not in ("this", "expression", "with_")]
        ends = [span(value).start for value in later if isinstance(value, exp.Expr) and "span" in value.meta]
        end, above = min([end, *ends]), above.parent
    return Span(span(query).start, len(text[:end].rstrip()))
