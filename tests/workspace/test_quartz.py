"""Cron in Quartz's words: a table, and times compared with those at which Dagster starts runs."""

from __future__ import annotations

import calendar
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice

import pytest
from dagster._utils.schedules import cron_string_iterator

from dara_dagster.config.rules.cron import NotQuartzError, cron_fault, to_quartz

START = datetime(2026, 1, 30, tzinfo=timezone.utc)
QUARTZ_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


@pytest.mark.parametrize(
    ("cron", "quartz"),
    [
        ("0 6 * * *", "0 0 6 * * ?"),
        ("*/15 * * * *", "0 0/15 * * * ?"),
        ("*/7 9-17 * * mon-fri", "0 0/7 9-17 ? * MON-FRI"),
        ("0 0 * * 0", "0 0 0 ? * SUN"),
        ("0 0 * * 7", "0 0 0 ? * SUN"),
        ("0 0 * * 1", "0 0 0 ? * MON"),
        ("0 0 * * fri-mon", "0 0 0 ? * SUN,MON,FRI,SAT"),
        ("0 0 * * 0-6", "0 0 0 * * ?"),
        ("30 22-2 * * *", "0 30 0,1,2,22,23 * * ?"),
        ("0 8 * * mon#1", "0 0 8 ? * 2#1"),
        ("0 8 * * 6#3", "0 0 8 ? * 7#3"),
        ("0 0 L * *", "0 0 0 L * ?"),
        ("15 3 1,15 jan,jul *", "0 15 3 1,15 1,7 ?"),
        ("0 0 ? * mon", "0 0 0 ? * MON"),
        ("0 0 1 * ?", "0 0 0 1 * ?"),
        ("0 0 * * L5", "0 0 0 ? * 6L"),
        ("0 0 * * l7", "0 0 0 ? * 1L"),
        ("@Daily", "0 0 0 * * ?"),
        ("@hourly", "0 0 * * * ?"),
        ("@daily", "0 0 0 * * ?"),
        ("@weekly", "0 0 0 ? * SUN"),
        ("@monthly", "0 0 0 1 * ?"),
        ("@yearly", "0 0 0 1 1 ?"),
    ],
)
def test_cron_in_the_words_of_quartz(cron: str, quartz: str) -> None:
    assert to_quartz(cron) == quartz


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("0 0 1,15 * 5", "days of the month and on days of the week"),
        ("0 0 1 * */1", "days of the month and on days of the week"),
        ("0 0 1,L * *", "only by itself"),
        ("0 0 * * mon#1,tue#2", "one n-th weekday"),
        ("0 0 R * *", "fires at random times"),
        ("0 0 * * L5,L1", "one last weekday of the month"),
        ("0 0 * * 5-5", "'5-5' has no plain meaning"),
        ("0 22-4/3 * * *", "'22-4/3' has no plain meaning"),
        ("0 0 * 12/3 *", "'12/3' has no plain meaning"),
        ("0 0 * * 7/2", "'7/2' has no plain meaning"),
    ],
)
def test_what_has_no_quartz_form_is_refused(cron: str, reason: str) -> None:
    assert cron_fault(cron) is None
    with pytest.raises(NotQuartzError, match=re.escape(reason)):
        to_quartz(cron)


def test_it_fires_when_dagster_would() -> None:
    chance = random.Random(11)
    compared = 0
    while compared < 150:
        cron = any_cron(chance)
        if cron_fault(cron):
            continue
        try:
            quartz = to_quartz(cron)
        except NotQuartzError:
            continue
        times = cron_string_iterator(START.timestamp(), cron, "UTC")
        assert list(islice(times, 8)) == list(islice(firings(quartz), 8)), f"{cron} as {quartz}"
        compared += 1


def any_cron(chance: random.Random) -> str:
    def field(low: int, high: int, free: float, words: tuple[str, ...] = ()) -> str:
        if chance.random() < free:
            return "*"
        return ",".join(part(low, high, words) for _ in range(chance.choice((1, 1, 2))))

    def part(low: int, high: int, words: tuple[str, ...]) -> str:
        one, other = (chance.choice((str(chance.randint(low, high)), *words)) for _ in range(2))
        step = chance.randint(1, 6)
        return chance.choice((one, f"*/{step}", f"{one}-{other}", f"{one}/{step}", f"{one}-{other}/{step}"))

    days = chance.random() < 0.5
    return " ".join(
        (
            field(0, 59, 0.3),
            field(0, 23, 0.3),
            field(1, 31, 0.3 if days else 1.0),
            field(1, 12, 0.6, ("jan", "feb")),
            field(0, 7, 1.0 if days else 0.3, ("sun", "mon", "fri")),
        )
    )


def firings(quartz: str) -> Iterator[datetime]:
    """The times of a Quartz expression from START on, read by the rules of its documentation."""
    second, minute, hour, day, month, weekday = quartz.split()
    assert second == "0" and (day == "?") != (weekday == "?")
    date = START
    while True:
        if date.month in numbers(month, 1, 12) and _is_day(date, day, weekday):
            for each_hour in sorted(numbers(hour, 0, 23)):
                for each in sorted(numbers(minute, 0, 59)):
                    yield date.replace(hour=each_hour, minute=each)
        date += timedelta(days=1)


def _is_day(date: datetime, day: str, weekday: str) -> bool:
    if day == "L":
        return date.day == calendar.monthrange(date.year, date.month)[1]
    if day != "?":
        return date.day in numbers(day, 1, 31)
    return date.isoweekday() % 7 + 1 in numbers(weekday, 1, 7)


def numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in re.sub("[A-Z]{3}", lambda word: str(QUARTZ_DAYS[word[0]]), field).split(","):
        span, _, step = part.replace("*", f"{low}-{high}").partition("/")
        first, _, last = span.partition("-")
        found.update(range(int(first), int(last or (high if step else first)) + 1, int(step or 1)))
    return found
