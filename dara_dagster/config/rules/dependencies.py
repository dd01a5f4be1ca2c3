"""Puts tasks in a stable topological order, and finds circles."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence


def topological(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """All names, each after those it needs; among the ready ones the first declared comes first.

    Names on a circle, or behind one, are left out. Work grows with names and edges (and a log of the names).
    """
    position = {name: index for index, name in enumerate(upstream)}
    names = list(upstream)
    waiting: dict[str, int] = {}
    followers: dict[str, list[str]] = {name: [] for name in upstream}
    for name, before in upstream.items():
        known = {other for other in before if other in position}
        waiting[name] = len(known)
        for other in known:
            followers[other].append(name)
    ready = [position[name] for name, count in waiting.items() if count == 0]
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for follower in followers[name]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(ready, position[follower])
    return order


def circles(upstream: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """One circle for every knot of names that need each other, starting with its first declared name.

    `[a, b, c]` means a needs b, b needs c, c needs a. A name that needs itself is a circle of one.
    """
    done = set(topological(upstream))
    stuck = {
        name: [other for other in before if other in upstream and other not in done]
        for name, before in upstream.items()
        if name not in done
    }
    return [_circle(knot, stuck) for knot in _knots(stuck)]


def _circle(knot: set[str], upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest circle through the first declared name of the knot."""
    start = next(name for name in upstream if name in knot)
    came_from: dict[str, str] = {}
    todo = deque([start])
    while todo:
        name = todo.popleft()
        for other in upstream[name]:
            if other == start:
                path = [name]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other in knot and other not in came_from:
                came_from[other] = name
                todo.append(other)
    raise AssertionError("a knot always has a circle")


def _knots(upstream: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Strongly connected parts with a circle in them (Kosaraju's two passes, without recursion)."""
    finished: list[str] = []
    seen: set[str] = set()
    for start in upstream:
        todo = [] if start in seen else [(start, iter(upstream[start]))]
        seen.add(start)
        while todo:
            name, others = todo[-1]
            fresh = next((other for other in others if other not in seen), None)
            if fresh is None:
                finished.append(todo.pop()[0])
            else:
                seen.add(fresh)
                todo.append((fresh, iter(upstream[fresh])))
    followers: dict[str, list[str]] = {name: [] for name in upstream}
    for name, before in upstream.items():
        for other in before:
            followers[other].append(name)
    knots: list[set[str]] = []
    placed: set[str] = set()
    for start in reversed(finished):
        if start in placed:
            continue
        knot, reach = {start}, [start]
        placed.add(start)
        while reach:
            more = [other for other in followers[reach.pop()] if other not in placed]
            placed.update(more)
            knot.update(more)
            reach += more
        if len(knot) > 1 or start in upstream[start]:
            knots.append(knot)
    return knots
