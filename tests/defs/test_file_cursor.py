"""Files are taken once each: whatever the clock, the order, the restarts and the names."""

from __future__ import annotations

import random

import pytest

from dara_dagster.defs.sensors.file_cursor import Cursor, SeenFiles, Selection, mark_of, pick
from dara_dagster.workspace.listing import Arrival, Listing, Place

NOW = 1_700_000_000_000
ELSEWHERE = (Place("/inbox/more"),)


def file(name: str, *, age_ms: int = 60_000, size: int = 1) -> Arrival:
    return Arrival(f"/inbox/{name}", size, NOW - age_ms)


def look(
    files: list[Arrival],
    cursor: Cursor,
    seen_files: SeenFiles,
    *,
    queue: tuple[Place, ...] = (),
    **options: int | float | None,
) -> Selection:
    given = {"now_ms": NOW, "settle_seconds": 0.0, "most": 100, **options}
    listing = Listing(tuple(files), queue)
    return pick(listing, cursor, seen_files.with_taken(cursor.taken), **given)  # type: ignore[arg-type]


def names(picked: Selection) -> list[str]:
    return [arrival.path.rpartition("/")[2] for arrival in picked.files]


def test_each_file_is_taken_once_oldest_first_and_same_times_too() -> None:
    files = [file("b"), file("a"), file("old", age_ms=90_000)]
    first = look(files, Cursor(), SeenFiles())
    assert names(first) == ["old", "a", "b"]
    late = [*files, file("late", age_ms=60_000), file("older", age_ms=10_000_000)]
    second = look(late, first.cursor, first.seen_files)
    assert names(second) == ["older", "late"]
    assert names(look(late, second.cursor, second.seen_files)) == []


def test_a_changed_or_renamed_file_is_another_one() -> None:
    first = look([file("a")], Cursor(), SeenFiles())
    assert names(look([file("a", size=2), file("c")], first.cursor, first.seen_files)) == ["a", "c"]


def test_a_tick_whose_outcome_was_not_stored_is_made_again() -> None:
    files = [file("a")]
    lost = look(files, Cursor(), SeenFiles())
    again = look(files, Cursor(), lost.seen_files)
    assert names(again) == ["a"]
    assert names(look(files, again.cursor, again.seen_files)) == []


def test_a_growing_file_waits_until_it_has_settled() -> None:
    young = look([file("a", age_ms=500)], Cursor(), SeenFiles())
    assert (names(young), young.young) == ([], 1)
    later = look([file("a", age_ms=500)], young.cursor, young.seen_files, now_ms=NOW + 2_000)
    assert names(later) == ["a"]
    waits = look([file("a", age_ms=5_000)], Cursor(), SeenFiles(), settle_seconds=10.0)
    assert names(waits) == []


def test_a_file_from_the_future_settles_by_our_clock() -> None:
    ahead = [file("a", age_ms=-3_600_000)]
    first = look(ahead, Cursor(), SeenFiles())
    assert names(first) == []
    assert names(look(ahead, first.cursor, first.seen_files, now_ms=NOW + 1_000)) == ["a"]


def test_a_file_from_the_future_settles_in_a_listing_over_several_ticks() -> None:
    ahead, other = file("ahead", age_ms=-3_600_000), file("other")
    cursor, seen_files = Cursor(), SeenFiles()
    taken: list[str] = []
    for tick in range(4):  # two rounds of two ticks, the last of them sees the file for the second time
        page, queue = ([ahead], ELSEWHERE) if tick % 2 == 0 else ([other], ())
        picked = look(page, cursor, seen_files, queue=queue, now_ms=NOW + tick * 30_000)
        cursor, seen_files = picked.cursor, picked.seen_files
        taken += names(picked)
    assert taken == ["other", "ahead"]


def test_a_clock_that_is_put_back_delays_a_waiting_file_by_no_more_than_it_settles() -> None:
    young = look([file("a", age_ms=0)], Cursor(), SeenFiles())
    back = look([file("a", age_ms=0)], young.cursor, young.seen_files, now_ms=NOW - 3_600_000)
    assert (names(back), back.young) == ([], 1)
    assert names(look([file("a", age_ms=0)], back.cursor, back.seen_files, now_ms=NOW - 3_599_000)) == ["a"]


@pytest.mark.parametrize("seed", range(5))
def test_random_batches_restarts_and_listings_lose_and_double_nothing(seed: int) -> None:
    chance = random.Random(seed)
    there: list[Arrival] = []
    cursor, seen_files = "", ""
    taken: list[str] = []
    for step in range(60):
        arriving = [
            file(f"{step}-{i}", age_ms=chance.randrange(2_000, 10**8)) for i in range(chance.randrange(6))
        ]
        there += arriving if step < 40 else []
        picked = look(
            chance.sample(there, len(there)),
            Cursor.read(cursor),
            SeenFiles.read(seen_files),
            most=chance.randrange(1, 9),
        )
        seen_files = picked.seen_files.to_json()
        if chance.random() < 0.7:  # otherwise the daemon died before it stored the tick
            cursor = picked.cursor.to_json()
            taken += names(picked)
    while picked.files:
        picked = look(there, Cursor.read(cursor), SeenFiles.read(seen_files))
        cursor, seen_files = picked.cursor.to_json(), picked.seen_files.to_json()
        taken += names(picked)
    assert sorted(taken) == sorted(arrival.path.rpartition("/")[2] for arrival in there)


def test_the_cursor_stays_small_and_what_is_gone_is_forgotten() -> None:
    files = [file(f"{i}") for i in range(10_000)]
    cursor, seen_files = Cursor(), SeenFiles()
    for _ in range(11):
        picked = look(files, cursor, seen_files, most=1_000)
        cursor, seen_files = picked.cursor, picked.seen_files
        assert len(cursor.to_json()) < 20_000
    assert len(seen_files.marks) == 10_000
    assert look([], cursor, seen_files).seen_files.marks == frozenset()
    assert look([], cursor, seen_files, queue=ELSEWHERE).seen_files.marks == seen_files.marks


def test_what_a_listing_over_several_ticks_found_is_not_forgotten() -> None:
    files = [file(f"{i}") for i in range(12_000)]
    seen_files = SeenFiles(frozenset(map(mark_of, files)))
    first = look(files[:3_000], Cursor(), seen_files, queue=ELSEWHERE)
    assert first.seen_files.marks == seen_files.marks
    last = look(files[3_000:6_000], first.cursor, SeenFiles.read(first.seen_files.to_json()))
    assert last.seen_files == SeenFiles(frozenset(map(mark_of, files[:6_000])))


def test_a_file_that_is_away_for_a_while_is_no_new_one() -> None:
    first = look([file("a"), file("b")], Cursor(), SeenFiles())
    away = look([], first.cursor, first.seen_files)
    away = look([], away.cursor, away.seen_files)
    assert names(look([file("a"), file("b"), file("c")], away.cursor, away.seen_files)) == ["c"]


def test_cursor_and_memory_are_kept_as_texts() -> None:
    first = look(
        [file("a"), file("young", age_ms=0)], Cursor(), SeenFiles(), queue=(Place("/a", "t", "/a/b"),)
    )
    assert Cursor.read(first.cursor.to_json()) == first.cursor
    for text in ("rubbish", "[]", "3", '{"taken": 1}', '{"taken": "", "waiting": [], "queue": []}', None):
        assert Cursor.read(text) == Cursor()
    second = look([file("a")], first.cursor, first.seen_files, queue=ELSEWHERE).seen_files.with_offer(
        ("b" * 11,), "k"
    )
    assert SeenFiles.read(second.to_json()) == second
    for text in ("rubbish", "[]", "3", "{}", None):
        assert SeenFiles.read(text) == SeenFiles()


def test_a_lost_cursor_takes_nothing_from_the_memory() -> None:
    first = look([file("a"), file("b")], Cursor(), SeenFiles(), most=1)
    second = look([file("a"), file("b")], first.cursor, first.seen_files)
    third = look([file("a"), file("b")], second.cursor, second.seen_files)
    assert names(look([file("a"), file("b"), file("c")], Cursor(), third.seen_files)) == ["c"]


def test_since_takes_files_from_a_time_on_once_more_and_its_removal_none() -> None:
    old, new = file("old", age_ms=90_000), file("new", age_ms=10_000)
    first = look([old, new], Cursor(), SeenFiles())
    since = NOW - 60_000
    again = look([old, new], first.cursor, first.seen_files, since_ms=since)
    assert (names(again), again.among) == (["new"], 1)
    late = file("late", age_ms=5_000)
    third = look([old, new, late], again.cursor, again.seen_files, since_ms=since)
    assert names(third) == ["late"]
    assert names(look([old, new, late], third.cursor, third.seen_files)) == []
    assert names(look([old, new, late], third.cursor, third.seen_files, since_ms=since)) == []
    assert names(look([old, new, late], third.cursor, third.seen_files, since_ms=since + 1)) == [
        "new",
        "late",
    ]
