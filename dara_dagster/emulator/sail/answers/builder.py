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
