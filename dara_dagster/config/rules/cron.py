"""Checks a cron expression: that Dagster takes it, and that it ever fires."""

from __future__ import annotations

import re
import warnings
from zoneinfo import ZoneInfo, available_timezones

# What Dagster's schedules take: five-field cron and these names (dagster docs, "Schedules").
MACROS = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: index + 1 for index, name in enumerate(_MONTH_NAMES)}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
# Name, least and greatest number, and words of each field, in the order they are written.
FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?\Z")
# A weekday may say which one of the month: mon#1.
_NTH = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+)|#[1-5])?\Z")
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def cron_fault(text: str) -> str | None:
    """Return what is wrong with the expression, None when a schedule may have it.

    Dagster is the judge. Plain expressions, which it takes without exception, are seen to be right here:
    loading Dagster takes seconds, and most files need no more. It is asked about every other one.
    """
    fault, plain = _read(text)
    if fault is None and plain:
        return None
    if fault is not None and "never fires" in fault:
        return fault
    return None if _dagster_takes(text) else fault or f"'{text}' is not a schedule that Dagster takes"


def _dagster_takes(text: str) -> bool:
    from dagster import DagsterInvalidDefinitionError, ScheduleDefinition

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps beyond the field, such as */61
        try:
            ScheduleDefinition(name="check", job_name="check", cron_schedule=text)
        except DagsterInvalidDefinitionError:
            return False
    return True


def _read(text: str) -> tuple[str | None, bool]:
    """Return what is wrong as far as it can be seen without Dagster, and whether the expression is plain."""
    fault = _fault(text)
    fields = text.split()
    # Dagster refuses the 30th and 31st of February whatever the day of the week.
    return fault, fault is None and (len(fields) != 5 or fields[3] == "*" or fields[4] == "*")


def _fault(text: str) -> str | None:
    if text.startswith("@"):
        return None if text in MACROS else f"'{text}' is not one of {', '.join(sorted(MACROS))}"
    fields = text.lower().split()
    if len(fields) != 5:
        return f"'{text}' has {len(fields)} fields; cron has five: minute hour day month weekday"
    values: list[set[int]] = []
    for field, (name, low, high, words) in zip(fields, FIELDS, strict=True):
        numbers = field_numbers(field, low, high, words)
        if isinstance(numbers, str):
            return f"'{text}': {numbers} in the field for the {name} ({low}-{high})"
        values.append(numbers)
    days, months = values[2], values[3]
    if fields[4] == "*" and all(min(days) > _LONGEST.get(month, 31) for month in months):
        return f"'{text}' never fires: no such day in the month"
    return None


def field_numbers(field: str, low: int, high: int, words: dict[str, int]) -> set[int] | str:
    """Return the numbers a field (in lower case) stands for, or what is wrong with it.

    `low`, `high` and `words` are those of its row in FIELDS. A range may go round: 22-2, fri-mon.
    """
    found: set[int] = set()
    for part in field.split(","):
        if part == "l" and high == 31:
            found.add(28)  # the last day of the month: there is one in every month
            continue
        match = (_NTH if high == 7 else _PART).match(part)
        if not match:
            return f"'{part}' is not understood"
        span, step = match.group(1), int(match.group(2) or 1)
        ends = [_number(end, words) for end in span.split("-")] if span != "*" else [low, high]
        start, stop = ends[0], high if match.group(2) and len(ends) == 1 else ends[-1]
        if step < 1 or not all(low <= end <= high for end in (start, stop)):
            return f"'{part}' is out of range"
        numbers = (
            range(start, stop + 1) if start <= stop else [*range(start, high + 1), *range(low, stop + 1)]
        )
        found.update(numbers[::step])
    return found


def _number(word: str, words: dict[str, int]) -> int:
    return words.get(word, int(word) if word.isdecimal() else -1)


def is_timezone(name: str) -> bool:
    """Return whether the IANA database knows the name."""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of the database, a path out of it
        return False
    return True


def timezones() -> set[str]:
    """Return all names of the IANA database."""
    return available_timezones()
