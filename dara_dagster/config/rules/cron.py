"""Checks a cron expression, and turns it into the Quartz form that schedules of Databricks take."""

from __future__ import annotations

import re
import warnings
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

# What Dagster's schedules take: five-field cron and these names (dagster docs, "Schedules").
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: index + 1 for index, name in enumerate(_MONTH_NAMES)}
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS = {name: index for index, name in enumerate(_DAY_NAMES)}
# Name of each field, in the order they are written -> least and greatest number, and words.
_FIELDS: dict[str, tuple[int, int, dict[str, int]]] = {
    "minute": (0, 59, {}),
    "hour": (0, 23, {}),
    "day of month": (1, 31, {}),
    "month": (1, 12, _MONTHS),
    "day of week": (0, 7, _DAYS),
}
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?\Z")
# A weekday may say which one of the month: mon#1.
_NTH = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+)|#[1-5])?\Z")
_NTH_DAY = re.compile(r"([0-9a-z]+)#([1-5])\Z")
_LAST_DAY = re.compile(r"l([0-7])\Z")
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
        return None if text in _MACROS else f"'{text}' is not one of {', '.join(sorted(_MACROS))}"
    fields = text.lower().split()
    if len(fields) != 5:
        return f"'{text}' has {len(fields)} fields; cron has five: minute hour day month weekday"
    values: list[set[int]] = []
    for field, (name, (low, high, _)) in zip(fields, _FIELDS.items(), strict=True):
        numbers = _numbers(name, field)
        if isinstance(numbers, str):
            return f"'{text}': {numbers} in the field for the {name} ({low}-{high})"
        values.append(numbers)
    days, months = values[2], values[3]
    if fields[4] == "*" and all(min(days) > _LONGEST.get(month, 31) for month in months):
        return f"'{text}' never fires: no such day in the month"
    return None


def _numbers(name: str, field: str) -> set[int] | str:
    """Return the numbers a field (in lower case) stands for, or what is wrong with it.

    A range may go round: 22-2, fri-mon.
    """
    low, high, words = _FIELDS[name]
    found: set[int] = set()
    for part in field.split(","):
        if part == "l" and high == 31:
            found.add(28)  # the last day of the month: there is one in every month
            continue
        match = (_NTH if high == 7 else _PART).match(part)
        if not match:
            return f"'{part}' is not understood"
        span, step = match.group(1), int(match.group(2) or 1)
        ends = [_number(words, end) for end in span.split("-")] if span != "*" else [low, high]
        start, stop = ends[0], high if match.group(2) and len(ends) == 1 else ends[-1]
        if step < 1 or not all(low <= end <= high for end in (start, stop)):
            return f"'{part}' is out of range"
        numbers = (
            range(start, stop + 1) if start <= stop else [*range(start, high + 1), *range(low, stop + 1)]
        )
        found.update(numbers[::step])
    return found


def _number(words: dict[str, int], word: str) -> int:
    return words.get(word, int(word) if word.isdecimal() else -1)


class NotQuartzError(ValueError):
    """The cron expression has no Quartz form; the text says why and what to write."""


def to_quartz(cron: str) -> str:
    """Return the Quartz form of a cron expression without faults; it fires at the same times.

    Seconds come first, exactly one of the two day fields is `?`, and days of the week are names, since
    Quartz counts them from 1 = Sunday (Quartz documentation, CronTrigger). Raises NotQuartzError.
    """
    minute, hour, day, month, weekday = _MACROS.get(cron.lower(), cron).lower().split()
    day, weekday = ("*" if field == "?" else field for field in (day, weekday))
    if re.search(r"\br\b", f"{minute} {hour} {day} {month} {weekday}"):
        raise NotQuartzError(f"'{cron}' fires at random times (R); a schedule of Databricks has fixed ones")
    for name, field in zip(_FIELDS, (minute, hour, day, month, weekday), strict=True):
        _refuse_odd_ranges(name, field)
    days, weekdays = _month_days(day), _weekdays(weekday)
    if day != "*" and weekday != "*":  # as written: Dagster takes even */1 for a list of days
        raise NotQuartzError(
            f"'{cron}' fires on days of the month and on days of the week alike; a schedule of Databricks "
            "knows one of the two. Use two workflows, or one of the fields"
        )
    when = (_list("minute", minute), _list("hour", hour))
    if weekdays == "*":
        return " ".join(("0", *when, days, _list("month", month), "?"))
    return " ".join(("0", *when, "?", _list("month", month), weekdays))


def _refuse_odd_ranges(name: str, field: str) -> None:
    """Refuse what Dagster reads in a way of its own: `5-5` as every value, `22-4/3` with shifted steps."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        ends = [_number_in(name, word) for word in span.split("-") if word.isalnum()]
        if len(ends) == 1 and step:  # 10/5 runs to the end of the field
            ends.append(6 if name == "day of week" else _FIELDS[name][1])
        from_sunday_as_7 = name == "day of week" and span.startswith("7")
        if len(ends) == 2 and (ends[0] == ends[1] or (step and (ends[0] > ends[1] or from_sunday_as_7))):
            raise NotQuartzError(f"'{part}' has no plain meaning. List the values one by one")


def _month_days(field: str) -> str:
    if field == "l":
        return "L"
    if "l" in field.split(","):
        raise NotQuartzError(
            f"'{field.upper()}': Quartz takes the last day of the month (L) only by itself. Use two workflows"
        )
    return _list("day of month", field)


def _weekdays(field: str) -> str:
    if last := _LAST_DAY.match(field):
        return f"{int(last[1]) % 7 + 1}L"
    if re.search(r"\bl", field):
        raise NotQuartzError(
            f"'{field.upper()}': Quartz takes one last weekday of the month, not several. Use two workflows"
        )
    if "#" in field:
        nth = _NTH_DAY.match(field)
        if not nth:
            raise NotQuartzError(
                f"'{field}': Quartz takes one n-th weekday of the month, not several. Use two workflows"
            )
        return f"{_number_in('day of week', nth[1]) + 1}#{nth[2]}"
    # Sunday is 0 or 7 in cron, and what goes through the week ends with Saturday.
    parts = [re.sub(r"^([0-9a-z]+)(?=/)", r"\1-6", part.replace("*", "0-6")) for part in field.split(",")]
    numbers = _numbers("day of week", ",".join(parts))
    assert isinstance(numbers, set), f"{field} was found right before"
    days = {number % 7 for number in numbers}
    if len(days) > 2 and max(days) - min(days) == len(days) - 1:
        return "*" if len(days) == 7 else f"{_DAY_NAMES[min(days)]}-{_DAY_NAMES[max(days)]}".upper()
    return ",".join(_DAY_NAMES[number].upper() for number in sorted(days))


def _number_in(name: str, word: str) -> int:
    """Return the number a word of the field stands for; -1 for the L of the last day."""
    number = _number(_FIELDS[name][2], word)
    return number % 7 if name == "day of week" and number >= 0 else number


def _list(name: str, field: str) -> str:
    """Return the field's numbers: `*` for all of them, a range or step where it is one, else each by
    itself."""
    low, high, _ = _FIELDS[name]
    numbers = _numbers(name, field)
    assert isinstance(numbers, set), f"{field} was found right before"
    return _shortest(sorted(numbers), low, high)


def _shortest(numbers: list[int], low: int, high: int) -> str:
    first, last = numbers[0], numbers[-1]
    if len(numbers) == high - low + 1:
        return "*"
    steps = {after - before for before, after in pairwise(numbers)}
    if len(numbers) > 2 and len(steps) == 1:
        (step,) = steps
        if step == 1:
            return f"{first}-{last}"
        if last + step > high:  # Quartz runs to the end of the field too
            return f"{first}/{step}"
    return ",".join(map(str, numbers))


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
