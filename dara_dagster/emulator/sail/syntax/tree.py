"""The syntax tree of a statement, by sqlglot, whose nodes know where they stand in the text.

The tree says what a piece of text is (a SELECT, one of its columns, a table, an aggregate); edits are made in
the text at the places the nodes name. The tree is never printed: sqlglot's text is right SQL, but not always
the user's (a dozen functions, casts and literals come out in other words, of which Sail knows fewer).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import SqlglotError
from sqlglot.parsers.databricks import DatabricksParser
from sqlglot.tokenizer_core import TokenType

from dara_dagster.emulator.sail.syntax.tokens import scan

__all__ = ["Span", "TableName", "clauses", "parse", "selects", "span", "tables_in", "visible_ctes"]


Node = TypeVar("Node")


class Span(NamedTuple):
    """Characters of the text, from `start` to before `end`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]


class TableName(NamedTuple):
    """A table as a statement names it, in one to three parts; `start` and `end` as in Span."""

    parts: tuple[str, ...]
    start: int
    end: int


def _noted(run: Callable[[Any], tuple[str, Any]]) -> Callable[[Any], tuple[str, Any]]:
    """Return the parser of a clause (WHERE, ORDER BY, ...) that notes where the clause stands."""

    def clause(parser: Any) -> tuple[str, Any]:
        start = parser._index
        key, node = run(parser)
        return key, parser._note(node, start)

    return clause


class _Parser(DatabricksParser):
    """Notes in the `meta` of SELECTs, their clauses and of expressions which characters they are."""

    def _note(self, node: Node, start: int, key: str = "span") -> Node:
        if isinstance(node, exp.Expr) and self._index > start:
            node.meta[key] = Span(self._tokens[start].start, self._tokens[self._index - 1].end + 1)
        return node

    def _warn_unsupported(self) -> None:
        """Do nothing: what does not parse is left alone."""

    def _parse_expression(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_expression(), start)

    def _parse_assignment(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_assignment(), start)

    def _parse_disjunction(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_disjunction(), start)

    def _parse_range(self, this: exp.Expr | None = None, parse_is: bool = False) -> exp.Expr | None:
        start = self._index
        found = super()._parse_range(this, parse_is)
        return found if this else self._note(found, start)

    def _parse_unary(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_unary(), start)

    def _parse_atom(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_atom(), start)

    def _parse_column_reference(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_column_reference(), start)

    def _parse_bitwise(self) -> exp.Expr | None:
        start = self._index
        return self._note(super()._parse_bitwise(), start)

    def _parse_projections(self) -> tuple[list[exp.Expr], list[exp.Expr] | None]:
        start = self._index
        found = super()._parse_projections()
        if found[0]:
            self._note(found[0][0], start, "projections")
        return found

    def _parse_query_modifiers(self, this: Any) -> Any:
        found = super()._parse_query_modifiers(this)
        if isinstance(this, exp.Select) and this.expressions and "span" not in this.meta:
            columns = this.expressions[0].meta.get("projections")
            if columns:
                start = self._select_before(columns.start)
                self._note(this, start)
        return found

    def _select_before(self, place: int) -> int:
        """Return the SELECT word of the columns that begin at a place."""
        index = self._index - 1
        while self._tokens[index].start >= place or self._tokens[index].token_type != TokenType.SELECT:
            index -= 1
        return index

    def _parse_cte(self) -> exp.CTE | exp.FunctionSpecification | None:
        start = self._index
        return self._note(super()._parse_cte(), start)

    def _parse_from(self, *args: Any, **kwargs: Any) -> exp.From | None:
        start = self._index
        return self._note(super()._parse_from(*args, **kwargs), start)

    QUERY_MODIFIER_PARSERS = {  # noqa: RUF012
        kind: _noted(run) for kind, run in DatabricksParser.QUERY_MODIFIER_PARSERS.items()
    }


@functools.lru_cache(maxsize=256)
def parse(text: str) -> exp.Expr | None:
    """Return the tree of one statement, to be read only; None for what sqlglot does not parse."""
    source = scan(text)
    if source.is_broken or not source.raw:
        return None
    try:
        trees = _Parser(dialect=Databricks()).parse(source.raw, text)
    except (SqlglotError, RecursionError):
        return None
    return trees[0] if trees and not isinstance(trees[0], exp.Command) else None


def span(node: exp.Expr) -> Span:
    """Return where a node stands."""
    found = node.meta["span"]
    assert isinstance(found, Span)
    return found


def selects(text: str) -> list[exp.Select]:
    """Return the SELECTs of a statement, those within others before these."""
    tree = parse(text)
    found = [node for node in tree.find_all(exp.Select) if "span" in node.meta] if tree else []
    return sorted(found, key=lambda select: -span(select).start)


def clauses(select: exp.Select) -> dict[str, Span]:
    """Return where the clauses after FROM stand: `where`, `group`, `having`, `qualify`, `order`, `limit`,
    ..."""
    node: exp.Expr | None = select
    found: dict[str, Span] = {}
    while isinstance(node, exp.Query):  # the last clauses of a UNION's last SELECT are the UNION's
        for key, value in node.args.items():
            if isinstance(value, exp.Expr) and "span" in value.meta and key not in ("this", "expression"):
                place = span(value)
                if span(select).start <= place.start and place.end <= span(select).end:
                    found.setdefault(key, place)
        node = node.parent
    return found


def tables_in(text: str) -> Iterator[TableName]:
    """Yield the tables and views that a statement names, without those its own WITH defines."""
    tree = parse(text)
    if tree is None:
        return
    known = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        parts = table.parts
        if not all(isinstance(part, exp.Identifier) and "start" in part.meta for part in parts):
            continue
        if len(parts) == 1 and table.name.lower() in known:
            continue
        names = tuple(part.name for part in parts)
        yield TableName(names, parts[0].meta["start"], parts[-1].meta["end"] + 1)


def visible_ctes(select: exp.Expr) -> list[exp.Expr]:
    """Return the WITH queries a SELECT may name: its own and those around it, up to the one it stands in."""
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
