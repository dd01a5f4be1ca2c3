"""Turns a run's age, and how long it usually takes, into the time until the next poll of it."""

from __future__ import annotations

from collections.abc import Sequence

from dara_dagster.config.settings import DEFAULTS, Settings

_AT_FIRST_SECONDS = 1.5  # a chain of short tasks waits for each poll; a few more cost a long run nothing

# With history: from this share of the shortest usual time on, the end counts as likely.
_LIKELY_FROM = 0.9
_CLOSEST = 3.0
_CLOSING_IN = 0.5  # of the distance to the nearest usual end

# Before that: rarely. These set how late an early end may be seen against what a poll costs.
_RARE_SHARE = 0.6
_RARE_SHORTEST = 2.0
_RARE_LONGEST_SHARE = 0.1  # of the usual time


def spacing(
    age: float,
    usual: Sequence[float] = (),
    min_interval: float = 0.0,
    head_start: float = 0.0,
    settings: Settings = DEFAULTS,
) -> float:
    """Seconds from a poll of a run of this age to the next. All arguments are in seconds.

    By the default settings, without history: a tenth of the age, but 0.5 s (0.25 s at first) to 10 s. So the
    end is seen at most that much late, and a run of ten minutes costs 95 polls. No schedule of single polls
    can keep that promise for every end and cost 30 (the promise alone needs over 60 polls in the first eight
    minutes), so with history (`usual`: durations of the last successful runs) it is kept where the end is
    likely and after it, and relaxed before: an end long before any usual one is seen at most a tenth of the
    usual time, and a minute, late.

    `age` counts from when the watch began. Where the run was older then, `head_start` says by how much; it
    tells how near the end is, and never makes a poll later than the age alone would.
    """
    usual = [duration for duration in usual if duration > 0]
    plain = _plain(age, settings)
    return max(_with_history(age, usual, head_start, plain, settings) if usual else plain, min_interval)


def _plain(age: float, settings: Settings) -> float:
    at_first = age < _AT_FIRST_SECONDS
    shortest = settings.poll_first_seconds if at_first else settings.poll_shortest_seconds
    return min(max(settings.poll_share * age, shortest), settings.poll_longest_seconds)


def _with_history(
    age: float, usual: Sequence[float], head_start: float, plain: float, settings: Settings
) -> float:
    run_age = age + head_start
    likely_from = _LIKELY_FROM * min(usual)
    if run_age < likely_from:
        longest = min(settings.poll_rare_longest_seconds, _RARE_LONGEST_SHARE * min(usual))
        rare = min(max(_RARE_SHARE * age, _RARE_SHORTEST), longest)
        return min(max(rare, plain), max(likely_from - run_age, settings.poll_first_seconds))
    distance = min(abs(run_age - duration) for duration in usual)
    return min(max(_CLOSING_IN * distance, _CLOSEST), plain)
