"""Files are taken once each: whatever the clock, the order, the restarts and the names."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from dara_dagster.defs.arrivals import Arrival, Cursor, Memory, Pick, pick

NOW = 1_700_000_000_000


def file(name: str, *, age_ms: int = 60_000, size: int = 1) -> Arrival:
    return Arrival(f"/inbox/{name}", size, NOW - age_ms)


def look(files: list[Arrival], cursor: Cursor, memory: Memory, **options: int | float | bool) -> Pick:
    given = {"now_ms": NOW, "settle_seconds": 0.0, "most": 100, "complete": True, **options}
    return pick(files, cursor, memory, **given)  # type: ignore[arg-type]


def names(picked: Pick) -> list[str]:
    return [arrival.path.rpartition("/")[2] for arrival in picked.files]


def test_each_file_is_taken_once_oldest_first_and_same_times_too() -> None:
    files = [file("b"), file("a"), file("old", age_ms=90_000)]
    first = look(files, Cursor(), Memory())
    assert names(first) == ["old", "a", "b"]
    late = [*files, file("late", age_ms=60_000), file("older", age_ms=10_000_000)]
    second = look(late, first.cursor, first.memory)
    assert names(second) == ["older", "late"]
    assert names(look(late, second.cursor, second.memory)) == []


def test_a_changed_or_renamed_file_is_another_one() -> None:
    first = look([file("a")], Cursor(), Memory())
    assert names(look([file("a", size=2), file("c")], first.cursor, first.memory)) == ["a", "c"]


def test_a_tick_whose_outcome_was_not_stored_is_made_again() -> None:
    files = [file("a")]
    lost = look(files, Cursor(), Memory())
    again = look(files, Cursor(), lost.memory)
    assert names(again) == ["a"]
    assert names(look(files, again.cursor, again.memory)) == []


def test_a_growing_file_waits_until_it_has_settled() -> None:
    young = look([file("a", age_ms=500)], Cursor(), Memory())
    assert (names(young), young.young) == ([], 1)
    later = look([file("a", age_ms=500)], young.cursor, young.memory, now_ms=NOW + 2_000)
    assert names(later) == ["a"]
    waits = look([file("a", age_ms=5_000)], Cursor(), Memory(), settle_seconds=10.0)
    assert names(waits) == []


def test_a_file_from_the_future_settles_by_our_clock() -> None:
    ahead = [file("a", age_ms=-3_600_000)]
    first = look(ahead, Cursor(), Memory())
    assert names(first) == []
    assert names(look(ahead, first.cursor, first.memory, now_ms=NOW + 1_000)) == ["a"]


@pytest.mark.parametrize("seed", range(5))
def test_random_batches_restarts_and_listings_lose_and_double_nothing(seed: int) -> None:
    chance = random.Random(seed)
    there: list[Arrival] = []
    cursor, memory = "", ""
    taken: list[str] = []
    for step in range(60):
        arriving = [
            file(f"{step}-{i}", age_ms=chance.randrange(2_000, 10**8)) for i in range(chance.randrange(6))
        ]
        there += arriving if step < 40 else []
        picked = look(
            chance.sample(there, len(there)),
            Cursor.read(cursor, None),
            Memory.read(memory),
            most=chance.randrange(1, 9),
        )
        memory = picked.memory.to_json()
        if chance.random() < 0.7:  # otherwise the daemon died before it stored the tick
            cursor = picked.cursor.to_json()
            taken += names(picked)
    while picked.files:
        picked = look(there, Cursor.read(cursor, None), Memory.read(memory))
        cursor, memory = picked.cursor.to_json(), picked.memory.to_json()
        taken += names(picked)
    assert sorted(taken) == sorted(arrival.path.rpartition("/")[2] for arrival in there)


def test_the_cursor_stays_small_and_what_is_gone_is_forgotten() -> None:
    files = [file(f"{i}") for i in range(10_000)]
    cursor, memory = Cursor(), Memory()
    for _ in range(11):
        picked = look(files, cursor, memory, most=1_000)
        cursor, memory = picked.cursor, picked.memory
        assert len(cursor.to_json()) < 20_000
    assert len(memory.marks) == 10_000
    assert look([], cursor, memory).memory.marks == frozenset()
    assert look([], cursor, memory, complete=False).memory.marks == memory.marks


def test_another_since_or_a_reset_starts_anew() -> None:
    first = look([file("a")], Cursor(), Memory())
    second = look([file("a")], first.cursor, first.memory)
    text = second.cursor.to_json()
    assert Cursor.read(text, None) == second.cursor
    assert Cursor.read(text, "2024-01-01") == Cursor(since="2024-01-01")
    assert Cursor.read("rubbish", None) == Cursor()
    assert Memory.read(second.memory.to_json()) == second.memory
    assert names(look([file("a")], replace(Cursor(), since="x"), second.memory)) == ["a"]
