"""Operands with their types, and what makes expressions of them: the same for SQL trees and plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pyspark.sql.types import DataType

__all__ = ["Builder", "Term"]

E = TypeVar("E")


@dataclass(frozen=True)
class Term(Generic[E]):
    """An expression and its type in Spark; None where it is not known. `literal` is an integer's value,
    `text` a string's; `is_checked` says that a cast makes it overflow.
    """

    expr: E
    kind: DataType | None = None
    literal: int | None = None
    text: str | None = None
    is_checked: bool = False


class Builder(Protocol[E]):
    """Makes expressions."""

    def call(self, name: str, *arguments: E) -> E:
        """Return a function, or an operator by its sign."""

    def cast(self, expr: E, kind: str, *, lenient: bool = False) -> E:
        """Make a CAST, or a TRY_CAST when lenient."""

    def value(self, value: str | int | float) -> E:
        """Return a literal."""

    def variable(self, name: str) -> E:
        """Return a parameter of a lambda."""

    def each(self, values: E, name: str, body: E) -> E:
        """Return the array of what `body` makes of each item of an array; the item is the variable `name`."""

    def keep(self, values: E, name: str, condition: E) -> E:
        """Return the items of an array that fulfil a condition on the variable `name`."""

    def field(self, struct: E, name: str) -> E:
        """Return a field of a struct."""

    def is_volatile(self, expr: E) -> bool:
        """Return whether an expression may have another value each time that it is computed."""

    def uses(self, expr: E, name: str) -> int:
        """Count how often an expression holds a variable."""

    def put(self, expr: E, name: str, value: E) -> E:
        """Return the expression with a value in place of a variable."""
