"""Checks a cron expression: five fields or an @-name, and that it ever fires."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, available_timezones

# What Dagster's schedules take: five-field cron and these names (dagster docs, "Schedules").
MACROS = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: index + 1 for index, name in enumerate(_MONTH_NAMES)}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?\Z")
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def cron_fault(text: str) -> str | None:
    """What is wrong with the expression, or None."""
    if text.startswith("@"):
        return None if text in MACROS else f"'{text}' is not one of {', '.join(sorted(MACROS))}"
    fields = text.lower().split()
    if len(fields) != 5:
        return f"'{text}' has {len(fields)} fields; cron has five: minute hour day month weekday"
    values: list[set[int]] = []
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        numbers = _numbers(field, low, high, words)
        if isinstance(numbers, str):
            return f"'{text}': {numbers} in the field for the {name} ({low}-{high})"
        values.append(numbers)
    days, months = values[2], values[3]
    if fields[4] == "*" and all(min(days) > _LONGEST.get(month, 31) for month in months):
        return f"'{text}' never fires: no such day in the month"
    return None


def _numbers(field: str, low: int, high: int, words: dict[str, int]) -> set[int] | str:
    """The numbers a field stands for, or what is wrong with it."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.match(part)
        if not match:
            return f"'{part}' is not understood"
        span, step = match.group(1), int(match.group(2) or 1)
        ends = ["*"] if span == "*" else span.split("-")
        numbers = [low, high] if span == "*" else [_number(end, words) for end in ends]
        start, stop = numbers[0], high if match.group(2) and len(numbers) == 1 else numbers[-1]
        if step < 1 or not low <= start <= stop <= high:
            return f"'{part}' is out of range"
        found.update(range(start, stop + 1, step))
    return found


def _number(word: str, words: dict[str, int]) -> int:
    return words.get(word, int(word) if word.isdecimal() else -1)


def is_timezone(name: str) -> bool:
    """Whether the IANA database knows the name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of the database, a path out of it
        return False
    return True


def timezones() -> set[str]:
    """All names of the IANA database."""
    return available_timezones()
