"""Nodes of sqlglot's trees: what they hold, and what stands in the text for them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from dara_dagster.emulator.sail.answers.sql_text import place_of
from dara_dagster.emulator.sail.syntax.tokens import scan
from dara_dagster.emulator.sail.syntax.tree import Span

__all__ = ["HOLDERS", "arguments", "children", "first_word", "quoted"]

# Parts of a query that hold expressions and are none.
HOLDERS = (
    exp.Where,
    exp.Having,
    exp.Group,
    exp.Order,
    exp.Ordered,
    exp.Join,
    exp.From,
    exp.Qualify,
    exp.Lateral,
)


def children(node: exp.Expr) -> Iterator[exp.Expr]:
    yield from node.iter_expressions()


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands of a function, in the order of the text."""
    found = [child for child in node.iter_expressions() if not isinstance(child, exp.DataType | exp.Var)]
    return sorted(map(_written, found), key=lambda child: (place_of(child) or Span(0, 0)).start)


def _written(node: exp.Expr) -> exp.Expr:
    """Return what stands in the text, without the conversions that sqlglot puts around dates."""
    while place_of(node) is None and isinstance(node.this, exp.Expr):
        node = node.this
    return node


def first_word(text: str) -> str:
    """Return the first word in lower case."""
    return scan(text).tokens[0].text.lower()


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
