"""Checks what starts a saved job by itself: its schedule, trigger or continuous mode. Nothing here fires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from dara_dagster.emulator.core.errors import invalid

STARTS = ("schedule", "trigger", "continuous")

_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("seconds", 0, 59, []),
    ("minutes", 0, 59, []),
    ("hours", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2099, []),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = 3, 5
_PART = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?")
_LAST = (re.compile(r"L(-\d+)?W?|\d+W"), re.compile(r"L|\w+L|\w+#[1-5]"))
_LEAST_SECONDS = 60
_STORAGE = re.compile(r"/Volumes/|[a-z0-9]+://")


def check_starts(settings: Mapping[str, Any]) -> None:
    """Raise ApiError 400 when the settings of a job cannot say when it starts (SDK, JobSettings)."""
    given = [name for name in STARTS if settings.get(name) is not None]
    if len(given) > 1:
        raise invalid(f"Only one of {', '.join(STARTS)} may be set; the job has {' and '.join(given)}.")
    for name in given:
        start = settings[name]
        if not isinstance(start, Mapping) or start.get("pause_status", "PAUSED") not in (
            "PAUSED",
            "UNPAUSED",
        ):
            raise invalid(f"{name} must be an object whose pause_status is PAUSED or UNPAUSED.")
        if name == "schedule":
            _check_schedule(start)
        elif name == "trigger" and "file_arrival" in start:
            _check_arrival(start["file_arrival"])


def add_status(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schedule or trigger as a read shows it: on, unless it was sent otherwise."""
    given = {name: settings[name] for name in STARTS if settings.get(name) is not None}
    return {name: {"pause_status": "UNPAUSED", **start} for name, start in given.items()}


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    zone, cron = schedule.get("timezone_id"), schedule.get("quartz_cron_expression")
    if not isinstance(cron, str) or not isinstance(zone, str):
        raise invalid("schedule needs a quartz_cron_expression and a timezone_id.")
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise invalid(f"schedule.timezone_id: {zone!r} is no Java timezone ID.") from None
    if reason := _find_quartz_fault(cron.upper()):
        raise invalid(f"Invalid quartz cron expression {cron!r}: {reason}.")


def _find_quartz_fault(cron: str) -> str:
    """Return what Quartz refuses in the expression, "" when nothing (Quartz documentation, CronTrigger)."""
    fields = cron.split()
    if not 6 <= len(fields) <= 7:
        return f"6 or 7 fields are needed, {len(fields)} are given"
    if (fields[_DAY_OF_MONTH] == "?") == (fields[_DAY_OF_WEEK] == "?"):
        return "exactly one of day of month and day of week must be '?'"
    for index, field in enumerate(fields):
        is_day = index in (_DAY_OF_MONTH, _DAY_OF_WEEK)
        if is_day and (field == "?" or _LAST[index == _DAY_OF_WEEK].fullmatch(field)):
            continue
        name, low, high, words = _FIELDS[index]
        if not all(_is_part(part, low, high, words) for part in field.split(",")):
            return f"{field!r} is no value for {name}"
    return ""


def _is_part(part: str, low: int, high: int, words: list[str]) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return False
    ends = [] if match[1] == "*" else match[1].split("-")
    numbers = [
        words.index(end) + low if end in words else int(end) if end.isdecimal() else -1 for end in ends
    ]
    return all(low <= number <= high for number in numbers) and match[2] != "0"


def _check_arrival(arrival: Any) -> None:
    url = arrival.get("url") if isinstance(arrival, Mapping) else None
    if not isinstance(url, str) or not _STORAGE.match(url):
        raise invalid("trigger.file_arrival.url must be a path in a volume or in an external location.")
    for name in ("min_time_between_triggers_seconds", "wait_after_last_change_seconds"):
        seconds = arrival.get(name, _LEAST_SECONDS)
        if not isinstance(seconds, int) or seconds < _LEAST_SECONDS:
            raise invalid(f"trigger.file_arrival.{name} must be at least {_LEAST_SECONDS} seconds.")
