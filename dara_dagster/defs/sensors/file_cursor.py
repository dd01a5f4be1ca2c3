"""Decides which of the files in a folder are new, so that each is taken once: a memory and one rule, no I/O.

What was taken is remembered in two places. The cursor, which Dagster stores together with the runs it starts,
holds only the files of the last tick, so it stays small. Everything before is in a memory of its own, which
takes in the cursor's files at the next tick: the cursor that comes back proves that their runs were started.
Losing the cursor, or looking without one as `dagster sensor preview` does, takes nothing from the memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dara_dagster.workspace.listing import Arrival, Listing, Place

__all__ = ["Arrival", "Cursor", "SeenFiles", "Selection", "digest", "mark_of", "pick"]

# A file that has just been written may still be growing, whatever `settle_seconds` says.
_LEAST_SETTLE_MS = 1000
_MOST_WAITING = 1000
# Files that have gone may come back: renamed and renamed again, a disk that was away. So many are remembered.
_MOST_GONE = 5000
_MARK_CHARACTERS = 11


def digest(*parts: object) -> str:
    """Return eleven characters that stand for the parts together."""
    text = "\0".join(map(str, parts)).encode()
    return base64.urlsafe_b64encode(hashlib.blake2b(text, digest_size=8).digest()).decode().rstrip("=")


def mark_of(file: Arrival, since_ms: int | None = None) -> str:
    """Return a short name for a file's path, size and time together; a replay from a time on has its own."""
    return digest(file.path, file.size, file.time_ms, *(() if since_ms is None else (since_ms,)))


@dataclass(frozen=True)
class Cursor:
    """What Dagster keeps for the sensor: the files the last tick took, and those it found too young.

    `waiting` maps a file's mark to when it was first seen. `queue` is where a listing that took too long
    continues.
    """

    taken: tuple[str, ...] = ()
    waiting: dict[str, int] = field(default_factory=dict)
    queue: tuple[Place, ...] = ()

    def to_json(self) -> str:
        return json.dumps({**self.__dict__, "taken": "".join(self.taken)}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        """Return the cursor in `text`; a fresh one when there is none or it cannot be read."""
        try:
            data = json.loads(text or "")
            return cls(
                taken=_marks(data["taken"]),
                waiting={str(mark): int(first) for mark, first in data["waiting"].items()},
                queue=tuple(Place(*map(str, place)) for place in data["queue"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True)
class SeenFiles:
    """The marks of all files taken before the cursor's last tick.

    `seen` are the marks that a listing over several ticks has come across so far. `offered`
    is the last batch that a run was asked for, under `run_key`; the cursor tells whether it was started.
    """

    marks: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    offered: tuple[str, ...] = ()
    run_key: str = ""

    def to_json(self) -> str:
        texts = {
            "marks": "".join(sorted(self.marks)),
            "seen": "".join(sorted(self.seen)),
            "offered": "".join(self.offered),
        }
        return json.dumps({**texts, "run_key": self.run_key})

    @classmethod
    def read(cls, text: str | None) -> SeenFiles:
        """Return the memory in `text`; an empty one when there is none or it cannot be read."""
        try:
            data = json.loads(text or "")
            marks, seen = frozenset(_marks(data["marks"])), frozenset(_marks(data["seen"]))
            return cls(marks, seen, _marks(data["offered"]), str(data["run_key"]))
        except (ValueError, KeyError, TypeError):
            return cls()

    def with_taken(self, marks: Iterable[str]) -> SeenFiles:
        """Return this memory with files whose run was started for certain."""
        return replace(self, marks=self.marks.union(marks))

    def with_offer(self, marks: tuple[str, ...], run_key: str) -> SeenFiles:
        """Return this memory with another batch that a run is asked for; no marks for none."""
        return replace(self, offered=marks, run_key=run_key)

    def after(self, present: frozenset[str], *, resumed: bool, finished: bool) -> SeenFiles:
        """Return this memory after a listing that found `present`; at its end those long gone are forgotten.

        `resumed` says that the listing resumed where another tick had left it, `finished` that it came to
        its end.
        """
        seen = self.seen | present if resumed else present
        if not finished:
            return replace(self, seen=seen)
        kept = self.marks & seen
        marks = self.marks if len(self.marks) - len(kept) <= _MOST_GONE else kept
        return replace(self, marks=marks, seen=frozenset())


@dataclass(frozen=True)
class Selection:
    """What one tick takes, of how many; how many it leaves for the next, and how many are too young.

    `marks` are those of `files`, in the same order.
    """

    files: tuple[Arrival, ...]
    marks: tuple[str, ...]
    among: int
    left: int
    young: int
    cursor: Cursor
    seen_files: SeenFiles


def pick(
    listing: Listing,
    cursor: Cursor,
    seen_files: SeenFiles,
    *,
    now_ms: int,
    settle_seconds: float,
    most: int,
    since_ms: int | None = None,
) -> Selection:
    """Choose up to `most` files that were not taken before and have settled, oldest first.

    A file has settled when it was left alone for `settle_seconds` (one second at least) by its own time, or
    was seen unchanged for as long: clocks differ. With `since_ms` only files from that time on are chosen,
    those too that were taken before it was set.
    """
    settle_ms = max(int(settle_seconds * 1000), _LEAST_SETTLE_MS)
    listed = {mark_of(file): file for file in listing.files}
    wanted = listed if since_ms is None else _marked_for_replay(listing.files, since_ms)
    fresh = {mark: file for mark, file in wanted.items() if mark not in seen_files.marks}
    # A clock that was put back must not make a file wait until it has caught up.
    seen = {mark: min(cursor.waiting.get(mark, now_ms), now_ms) for mark in fresh}
    settled = now_ms - settle_ms
    ready = [mark for mark, file in fresh.items() if min(file.time_ms, seen[mark]) <= settled]
    ready.sort(key=lambda mark: (fresh[mark].time_ms, fresh[mark].path))
    chosen = ready[:most]
    young = _without(seen, ready)
    # What a listing over several ticks found earlier still waits.
    waiting = {**_without(cursor.waiting, ready), **young} if cursor.queue or listing.queue else young
    files = tuple(fresh[mark] for mark in chosen)
    taken = chosen if since_ms is None else [*chosen, *map(mark_of, files)]
    following = Cursor(tuple(taken), dict(list(waiting.items())[-_MOST_WAITING:]), listing.queue)
    present = frozenset(listed).union(wanted)
    after = seen_files.after(present, resumed=bool(cursor.queue), finished=not listing.queue)
    return Selection(
        files, tuple(chosen), len(wanted), len(ready) - len(chosen), len(young), following, after
    )


def _marked_for_replay(files: Iterable[Arrival], since_ms: int) -> dict[str, Arrival]:
    return {mark_of(file, since_ms): file for file in files if file.time_ms >= since_ms}


def _without(seen: Mapping[str, int], marks: Iterable[str]) -> dict[str, int]:
    gone = set(marks)
    return {mark: first for mark, first in seen.items() if mark not in gone}


def _marks(joined: str) -> tuple[str, ...]:
    """Return the marks in a text that is nothing but marks."""
    return tuple(joined[i : i + _MARK_CHARACTERS] for i in range(0, len(joined), _MARK_CHARACTERS))
