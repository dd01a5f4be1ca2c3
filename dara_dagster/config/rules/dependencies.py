"""Puts tasks in a stable topological order, and finds cycles."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

_MOST_CYCLES = 100  # shown at once: each costs a pass over what is left


def topological(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all names, each after those it needs; among the ready ones the first declared comes first.

    Names on a cycle, or behind one, are left out, and so are needed names that are not declared.
    """
    names = list(upstream)
    position = {name: index for index, name in enumerate(names)}
    sorter = TopologicalSorter(_declared(upstream))
    with suppress(CycleError):  # what does not wait for the cycle is sorted all the same
        sorter.prepare()
    ready: list[int] = []
    order: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, position[name])
        order.append(names[heapq.heappop(ready)])
        sorter.done(order[-1])
    return order


def cycles(upstream: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return cycles that have no name in common, each starting with its first declared name; none is left.

    `[a, b, c]` means a needs b, b needs c, c needs a. A name that needs itself is a cycle of one. Of very
    many the first hundred are returned.
    """
    sortable = set(topological(upstream))
    left = {name: needed for name, needed in _declared(upstream).items() if name not in sortable}
    position = {name: index for index, name in enumerate(upstream)}
    found: list[list[str]] = []
    while len(found) < _MOST_CYCLES and (cycle := _cycle(left)):
        start = cycle.index(min(cycle, key=position.__getitem__))
        found.append(cycle[start:] + cycle[:start])
        gone = set(cycle)
        left = {name: [each for each in left[name] if each not in gone] for name in left if name not in gone}
    return sorted(found, key=lambda cycle: position[cycle[0]])


def _declared(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: [each for each in needed if each in upstream] for name, needed in upstream.items()}


def _cycle(upstream: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Return any cycle, None when there is none."""
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        nodes: list[str] = error.args[1]  # each is needed by the next, and the last is the first again
        return nodes[:0:-1]
    return None
