"""Holds the variables that the statements of a session may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Variable", "Variables"]


@dataclass
class Variable:
    """`value` is SQL text; `default` the text of the expression that SET x = DEFAULT evaluates."""

    kind: str
    value: str
    default: str


class Variables:
    """The variables that a statement may name: those of the session, before them those of open scripts."""

    def __init__(self) -> None:
        self.scopes: list[tuple[str, dict[str, Variable]]] = [("session", {})]
        # The names in whose place a value stands wherever Sail misses them: the tables of a SELECT, with
        # which they stand (`FROM range(n, 5)`, `JOIN u ON t.id = n`), are asked for such a column.
        self.no_columns: set[str] = set()

    def find(self, name: Sequence[str]) -> Variable | None:
        """Return the variable of a name, which may be qualified by its script's label or by
        (system.)session."""
        *qualifier, last = [part.lower() for part in name]
        if qualifier[:1] == ["system"]:
            qualifier = qualifier[1:]
        for label, known in reversed(self.scopes):
            if qualifier in ([], [label]) and last in known:
                return known[last]
        return None
