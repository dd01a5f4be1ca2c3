"""Measures how many tasks ran at once, from when each began and ended."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Parallelism"]


@dataclass(frozen=True)
class Parallelism:
    """`stretches` are (start, end, tasks running), in order; those in which none ran are left out."""

    stretches: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(cls, tasks: Iterable[tuple[float, float]]) -> Parallelism:
        """Compute it from (start, end) of each task; one that ends when another begins does not overlap
        it."""
        changes = Counter[float]()
        for start, end in tasks:
            changes[start] += 1
            changes[end] -= 1
        going, found = 0, []
        for since, until in pairwise(sorted(changes)):
            going += changes[since]
            if going:
                found.append((since, until, going))
        return cls(tuple(found))

    @property
    def greatest(self) -> int:
        """Return the most tasks that ever ran at once."""
        return max((going for _, _, going in self.stretches), default=0)

    @property
    def average(self) -> float:
        """Return how many ran at once on average, while any did."""
        busy = sum(end - start for start, end, _ in self.stretches)
        return sum((end - start) * going for start, end, going in self.stretches) / busy if busy else 0.0

    def seconds_at_most_parallel(self, gaps: Iterable[tuple[float, float]]) -> float:
        """Return for how long, within the (start, end) of `gaps`, as many tasks ran as ever did."""
        full = [(start, end) for start, end, going in self.stretches if going == self.greatest]
        ends = [end for _, end in full]
        found = 0.0
        for since, until in gaps:
            for start, end in full[bisect(ends, since) :]:
                if start >= until:
                    break
                found += min(end, until) - max(start, since)
        return found
