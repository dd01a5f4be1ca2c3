"""Computes an operand once that has another value each time, as rand() has, where a rule names it twice."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

from dara_dagster.emulator.sail.answers.builder import Builder, Term

__all__ = ["bind", "fresh", "once", "once_of_terms"]

E = TypeVar("E")
_NUMBERS = itertools.count()


def fresh() -> str:
    """Make a name for a variable that no expression holds yet."""
    return f"_once{next(_NUMBERS)}"


def once(build: Builder[E], operands: Sequence[E], make: Callable[[list[E]], E | None]) -> E | None:
    """Return what `make` makes of the operands, with those bound to a variable that change from one
    computation to the next and that it names more than once.
    """
    given, names = list(operands), {}
    for place, operand in enumerate(given):
        if build.is_volatile(operand):
            names[place] = fresh()
            given[place] = build.variable(names[place])
    found = make(given)
    for place, name in names.items():
        if found is not None:
            found = bind(build, name, operands[place], found)
    return found


def bind(build: Builder[E], name: str, value: E, body: E) -> E:
    """Put a value in place of a variable; one that stands there several times is computed once before."""
    if build.uses(body, name) < 2:
        return build.put(body, name, value)
    return build.call("get", build.each(build.call("array", value), name, body), build.value(0))


def once_of_terms(
    build: Builder[E], terms: Sequence[Term[E]], make: Callable[[list[Term[E]]], Term[E] | None]
) -> Term[E] | None:
    """Do the same for operands with types."""
    kept: list[Term[E]] = []

    def made(given: list[E]) -> E | None:
        pairs = zip(terms, given, strict=True)
        found = make([dataclasses.replace(term, expr=expr) for term, expr in pairs])
        kept.extend([found] if found is not None else [])
        return found.expr if found is not None else None

    expr = once(build, [term.expr for term in terms], made)
    return None if expr is None else dataclasses.replace(kept[0], expr=expr)
