"""Finds the chain of tasks that a run could not have been quicker than, and the slack of all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

__all__ = ["CriticalPath", "critical_path"]


@dataclass(frozen=True)
class CriticalPath:
    """`tasks` in order, their times added up, and for every task of the run the seconds by which it could
    have been longer without making this chain longer.
    """

    tasks: tuple[str, ...]
    seconds: float
    slack: Mapping[str, float]


def critical_path(seconds: Mapping[str, float], upstream: Mapping[str, Sequence[str]]) -> CriticalPath:
    """Return the longest chain through the dependencies, by the critical path method.

    `seconds` is the time each task took, `upstream` what it waited for; names that have no time are passed
    over. Raises graphlib.CycleError for dependencies in a circle.
    """
    above = {name: [each for each in upstream.get(name, ()) if each in seconds] for name in seconds}
    order = list(TopologicalSorter(above).static_order())
    ends: dict[str, float] = {}
    for name in order:
        ends[name] = seconds[name] + max((ends[each] for each in above[name]), default=0.0)
    length = max(ends.values(), default=0.0)
    latest = dict.fromkeys(order, length)
    for name in reversed(order):
        for each in above[name]:
            latest[each] = min(latest[each], latest[name] - seconds[name])
    slack = {name: max(round(latest[name] - ends[name], 3), 0.0) for name in seconds}
    return CriticalPath(tuple(reversed(list(_backwards(ends, above)))), round(length, 3), slack)


def _backwards(ends: Mapping[str, float], above: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the task with the latest end, that of its upstream which ended last, and so on."""
    waited: Sequence[str] = list(ends)
    while waited:
        last = max(waited, key=lambda name: ends[name])
        yield last
        waited = above[last]
