"""Moments and days where clocks change: Spark counts days by the clock on the wall, Sail 0.7.2 by 24 hours.

Source: https://docs.databricks.com/aws/en/sql/language-manual/functions/plussign, and for the hour that is
left out or comes twice https://docs.oracle.com/javase/8/docs/api/java/time/ZonedDateTime.html.
"""

from __future__ import annotations

from typing import Any, TypeVar

from dara_dagster.emulator.sail.answers.builder import Builder
from dara_dagster.emulator.sail.answers.once import bind, fresh
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["between", "clock_micros", "clock_moment", "in_utc_only", "later", "on_the_wall"]

E = TypeVar("E")


def on_the_wall(build: Builder[E], moment: E) -> E:
    """Return a TIMESTAMP as what a clock in the session's zone shows, as a TIMESTAMP_NTZ."""
    return build.cast(build.cast(moment, "string"), "timestamp_ntz")


def clock_moment(build: Builder[E], moment: E) -> E:
    """Return the moment at which a clock in UTC shows what the clock in the session's zone shows."""
    text = build.call("concat", build.cast(moment, "string"), build.value("Z"))
    return _by_zone(build, moment, build.cast(text, "timestamp"))


def clock_micros(build: Builder[E], moment: E) -> E:
    """Return the microseconds since 1970 of what the clock shows."""
    return build.call("unix_micros", clock_moment(build, moment))


def between(build: Builder[E], a: E, b: E) -> E:
    """Return the interval between two TIMESTAMPs."""
    shown = build.call("-", on_the_wall(build, a), on_the_wall(build, b))
    return _by_zone(build, build.call("-", a, b), shown)


def later(build: Builder[E], sign: str, moment: E, interval: E) -> E:
    """Add an interval of days and time to a TIMESTAMP: the days by the clock, then the rest."""
    m, i = fresh(), fresh()
    body = _days_then_rest(build, sign, build.variable(m), build.variable(i))
    moved = bind(build, m, moment, bind(build, i, interval, body))
    found: E = _by_zone(build, build.call(sign, moment, interval), moved)
    return found


def _days_then_rest(build: Builder[Any], sign: str, moment: Any, interval: Any) -> Any:
    call = build.call
    days = call("make_dt_interval", build.cast(call("date_part", build.value("DAY"), interval), "int"))
    exact = call(sign, moment, days)
    shown = call(sign, on_the_wall(build, moment), days)
    # Of two moments that show the same, the one with the offset of before.
    is_same = call("==", on_the_wall(build, exact), shown)
    start = call("when", is_same, exact, build.cast(shown, "timestamp"))
    return call(sign, start, call("-", interval, days))


def in_utc_only(build: Builder[E], moment: E, what: str) -> E:
    """Return the moment, refused in any other zone."""
    words = str(NotSupportedLocally(f"{what} in a time zone other than UTC"))
    fault = build.cast(build.call("raise_error", build.value(words)), "timestamp")
    return _by_zone(build, moment, fault)


def _by_zone(build: Builder[E], plain: E, shown: E) -> E:
    """Return Sail's own answer in UTC, where no clock changes."""
    is_utc = build.call("==", build.call("current_timezone"), build.value("UTC"))
    return build.call("when", is_utc, plain, shown)
