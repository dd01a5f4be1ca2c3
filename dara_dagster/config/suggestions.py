"""Finds the nearest right name for a wrong one, and makes names safe for the Jobs API."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from functools import cached_property

from dara_dagster.errors import shortened

# `task_key`: 1-100 characters of letters, digits, `-` and `_` (Jobs API, OpenAPI text of runs/submit).
KEY_LENGTH = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_SMALL = 300
_LONGEST = 300  # characters of what may be a misspelt name: the work grows with their square


class Suggestions:
    """A set of right names; `nearest` stays quick among 10,000 of them, however often it is asked."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(dict.fromkeys(names))

    def nearest(self, message: str) -> str | None:
        """Return the name that was probably meant, or None."""
        lower = message.casefold()
        if lower in self._by_lower:
            return self._by_lower[lower]
        if len(lower) > _LONGEST:
            return None
        candidates: Iterable[str] = self._by_lower
        if len(self._names) > _SMALL:
            candidates = {name for part in _shortened(lower) for name in self._by_part.get(part, ())}
        found = get_close_matches(lower, candidates, n=1, cutoff=0.6)
        return self._by_lower[found[0]] if found else None

    def hint(self, message: str, what: str, *, beside: Collection[str] = ()) -> str:
        """Return the sentence that helps: the nearest name, or the right ones when they are few.

        `beside` are names that stand there already: they are not to be written again.
        """
        if near := self.nearest(message):
            known = near in beside
            return f"Remove it: '{near}' stands beside it." if known else f"Did you mean '{shortened(near)}'?"
        left = [name for name in self._names if name not in beside]
        if not left:
            return f"No {what} are declared."
        if len(left) <= 40:
            return f"Known {what}: {', '.join(map(shortened, left))}."
        return f"Use one of the {len(left)} known {what}."

    @cached_property
    def _by_lower(self) -> dict[str, str]:
        return {name.casefold(): name for name in reversed(self._names)}

    @cached_property
    def _by_part(self) -> dict[str, list[str]]:
        index: dict[str, list[str]] = defaultdict(list)
        for name in self._by_lower:
            for part in _shortened(name) if len(name) <= _LONGEST else ():
                index[part].append(name)
        return index


def _shortened(name: str) -> set[str]:
    """Return the name and the name without each one of its characters: near names share one of these."""
    return {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}


def safe_key(name: str) -> str:
    """Return the name with everything but letters, digits, `-` and `_` made `_`, at most 100 characters."""
    return _UNSAFE.sub("_", name)[:KEY_LENGTH] or "_"


def unique_keys(names: Iterable[str]) -> dict[str, str]:
    """Return a safe key for each name, all different: names that are already safe keep themselves."""
    names = list(names)
    taken = {name for name in names if safe_key(name) == name}
    keys: dict[str, str] = {}
    numbers: dict[str, int] = defaultdict(lambda: 1)
    for name in names:
        key = base = safe_key(name)
        while key != name and key in taken:
            numbers[base] += 1
            ending = f"_{numbers[base]}"
            key = base[: KEY_LENGTH - len(ending)] + ending
        taken.add(key)
        keys[name] = key
    return keys
