"""Decides which of the files in a folder are new, so that each is taken once: a memory and one rule, no I/O.

What was taken is remembered in two places. The cursor, which Dagster stores together with the runs it starts,
holds only the files of the last tick, so it stays small. Everything before is in a memory of its own, which
takes in the cursor's files at the next tick: the cursor that comes back proves that their runs were started.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dara_dagster.remote.listing import Arrival

__all__ = ["Arrival", "Cursor", "Memory", "Pick", "mark_of", "pick"]

# A file that has just been written may still be growing, whatever `settle_seconds` says.
_LEAST_SETTLE_MS = 1000
_MOST_WAITING = 1000
_MARK_CHARACTERS = 11


def mark_of(file: Arrival) -> str:
    """A short name for a file's path, size and time together."""
    text = f"{file.path}\0{file.size}\0{file.time_ms}".encode()
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Cursor:
    """What Dagster keeps for the sensor: the files the last tick took, and those it found too young.

    `waiting` maps a file's mark to when it was first seen. `queue` is where a listing that took too long
    goes on: folders and page tokens. `since` is the setting of that name: another one starts anew.
    """

    tick: int = 0
    taken: tuple[str, ...] = ()
    waiting: dict[str, int] = field(default_factory=dict)
    queue: tuple[tuple[str, str], ...] = ()
    since: str | None = None

    def to_json(self) -> str:
        return json.dumps({**self.__dict__, "v": 1}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None, since: str | None) -> Cursor:
        """The cursor in `text`; a fresh one when there is none, it cannot be read, or `since` has changed."""
        try:
            data = json.loads(text or "")
            found = cls(
                tick=int(data["tick"]),
                taken=tuple(data["taken"]),
                waiting=dict(data["waiting"]),
                queue=tuple((place, token) for place, token in data["queue"]),
                since=data["since"],
            )
        except (ValueError, KeyError, TypeError):
            return cls(since=since)
        return found if found.since == since else cls(since=since)


@dataclass(frozen=True)
class Memory:
    """The marks of all files taken up to a tick of the cursor."""

    tick: int = 0
    marks: frozenset[str] = frozenset()

    def to_json(self) -> str:
        return json.dumps({"tick": self.tick, "marks": "".join(sorted(self.marks))})

    @classmethod
    def read(cls, text: str | None) -> Memory:
        try:
            data = json.loads(text or "")
            marks = data["marks"]
            starts = range(0, len(marks), _MARK_CHARACTERS)
            return cls(int(data["tick"]), frozenset(marks[i : i + _MARK_CHARACTERS] for i in starts))
        except (ValueError, KeyError, TypeError):
            return cls()

    def up_to(self, cursor: Cursor) -> Memory:
        """This memory with the files of the cursor; an empty one when the cursor was reset."""
        if cursor.tick == 0:
            return Memory()
        if cursor.tick <= self.tick:
            return self
        return Memory(cursor.tick, self.marks | set(cursor.taken))


@dataclass(frozen=True)
class Pick:
    """What one tick takes, how many files it leaves for the next, and how many are too young."""

    files: tuple[Arrival, ...]
    left: int
    young: int
    cursor: Cursor
    memory: Memory


def pick(
    listed: Sequence[Arrival],
    cursor: Cursor,
    memory: Memory,
    *,
    now_ms: int,
    settle_seconds: float,
    most: int,
    complete: bool,
) -> Pick:
    """Choose up to `most` files that were not taken before and have settled, oldest first.

    A file has settled when it was left alone for `settle_seconds` (one second at least) by its own time, or
    was seen unchanged for as long: clocks differ. Files that a `complete` listing lacks are forgotten.
    """
    memory = memory.up_to(cursor)
    settle_ms = max(int(settle_seconds * 1000), _LEAST_SETTLE_MS)
    fresh = {mark_of(file): file for file in listed if mark_of(file) not in memory.marks}
    seen = {mark: cursor.waiting.get(mark, now_ms) for mark in fresh}
    ready = [
        file
        for mark, file in fresh.items()
        if now_ms - file.time_ms >= settle_ms or now_ms - seen[mark] >= settle_ms
    ]
    ready.sort(key=lambda file: (file.time_ms, file.path))
    taken = tuple(ready[:most])
    young = _without(seen, (mark_of(file) for file in ready))
    if complete:
        memory = replace(memory, marks=memory.marks & {mark_of(file) for file in listed})
    following = replace(
        cursor,
        tick=cursor.tick + 1,
        taken=tuple(mark_of(file) for file in taken),
        waiting=dict(list(young.items())[:_MOST_WAITING]),
    )
    return Pick(taken, len(ready) - len(taken), len(young), following, memory)


def _without(seen: dict[str, int], marks: Iterable[str]) -> dict[str, int]:
    gone = set(marks)
    return {mark: first for mark, first in seen.items() if mark not in gone}
