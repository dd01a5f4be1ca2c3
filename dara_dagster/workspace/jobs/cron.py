"""Turns the five-field cron of a schedule into the Quartz expression that Databricks' schedules take."""

from __future__ import annotations

import re
from itertools import pairwise

from dara_dagster.config.rules.cron import FIELDS, field_numbers

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NTH = re.compile(r"([0-9a-z]+)#([1-5])\Z")
_LAST = re.compile(r"l([0-7])\Z")
_LOWS_AND_HIGHS = {name: (low, high) for name, low, high, _ in FIELDS}
_WORDS = {name: words for name, _, _, words in FIELDS}


class NotQuartzError(ValueError):
    """The cron expression has no Quartz form; the text says why and what to write."""


def to_quartz(cron: str) -> str:
    """Return the Quartz form of a cron expression that config/rules/cron.py found right; it fires at the same
    times.

    Seconds come first, exactly one of the two day fields is `?`, and days of the week are names, since
    Quartz counts them from 1 = Sunday (Quartz documentation, CronTrigger). Raises NotQuartzError.
    """
    minute, hour, day, month, weekday = _MACROS.get(cron.lower(), cron).lower().split()
    day, weekday = ("*" if field == "?" else field for field in (day, weekday))
    if re.search(r"\br\b", f"{minute} {hour} {day} {month} {weekday}"):
        raise NotQuartzError(f"'{cron}' fires at random times (R); a schedule of Databricks has fixed ones")
    for name, field in zip(_WORDS, (minute, hour, day, month, weekday), strict=True):
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
        ends = [_number(name, word) for word in span.split("-") if word.isalnum()]
        if len(ends) == 1 and step:  # 10/5 runs to the end of the field
            ends.append(6 if name == "day of week" else _LOWS_AND_HIGHS[name][1])
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
    if last := _LAST.match(field):
        return f"{int(last[1]) % 7 + 1}L"
    if re.search(r"\bl", field):
        raise NotQuartzError(
            f"'{field.upper()}': Quartz takes one last weekday of the month, not several. Use two workflows"
        )
    if "#" in field:
        nth = _NTH.match(field)
        if not nth:
            raise NotQuartzError(
                f"'{field}': Quartz takes one n-th weekday of the month, not several. Use two workflows"
            )
        return f"{_number('day of week', nth[1]) + 1}#{nth[2]}"
    # Sunday is 0 or 7 in cron, and what goes through the week ends with Saturday.
    parts = [re.sub(r"^([0-9a-z]+)(?=/)", r"\1-6", part.replace("*", "0-6")) for part in field.split(",")]
    numbers = field_numbers(",".join(parts), 0, 7, _WORDS["day of week"])
    assert isinstance(numbers, set), f"{field} was found right before"
    days = {number % 7 for number in numbers}
    if len(days) > 2 and max(days) - min(days) == len(days) - 1:
        return "*" if len(days) == 7 else f"{_DAYS[min(days)]}-{_DAYS[max(days)]}"
    return ",".join(_DAYS[number] for number in sorted(days))


def _number(name: str, word: str) -> int:
    """Return the number a word of the field stands for; -1 for the L of the last day."""
    if word in _WORDS[name]:
        return _WORDS[name][word]
    number = int(word) if word.isdecimal() else -1
    return number % 7 if name == "day of week" else number


def _list(name: str, field: str) -> str:
    """Return the field's numbers: `*` for all of them, a range or step where it is one, else each by
    itself."""
    low, high = _LOWS_AND_HIGHS[name]
    numbers = field_numbers(field, low, high, _WORDS[name])
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
