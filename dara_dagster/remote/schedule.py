"""Turns a run's age, and how long it usually takes, into the time until the next look at it."""

from __future__ import annotations

from collections.abc import Sequence

_SHARE = 0.1
_SHORTEST = 0.5
_LONGEST = 10.0

# A chain of short tasks waits for each look, and a few more of them cost a long run nothing.
_SHORTEST_AT_FIRST = 0.25
_AT_FIRST_SECONDS = 1.5

# With history: from this share of the shortest usual time on, the end counts as likely.
_LIKELY_FROM = 0.9
_CLOSEST = 3.0
_CLOSING_IN = 0.5  # of the distance to the nearest usual end

# Before that: rarely. These three set how late an early end may be seen against what a look costs.
_RARE_SHARE = 0.6
_RARE_SHORTEST = 2.0
_RARE_LONGEST = 60.0
_RARE_LONGEST_SHARE = 0.1  # of the usual time


def spacing(
    age: float, usual: Sequence[float] = (), min_interval: float = 0.0, head_start: float = 0.0
) -> float:
    """Seconds from a look at a run of this age to the next. All arguments are in seconds.

    Without history a tenth of the age, but 0.5 s (0.25 s at first) to 10 s: so the end is seen at most that
    much late, and a run of ten minutes costs 95 looks. No schedule of single looks can keep that promise for
    every end and cost 30 (the promise alone needs over 60 looks in the first eight minutes), so with history
    (`usual`: durations of the last successful runs) it is kept where the end is likely and after it, and
    relaxed before: an end long before any usual one is seen at most a tenth of the usual time, and a minute,
    late.

    `age` counts from when the watch began. Where the run was older then, `head_start` says by how much; it
    tells how near the end is, and never makes a look later than the age alone would.
    """
    usual = [duration for duration in usual if duration > 0]
    return max(_with_history(age, usual, head_start) if usual else _plain(age), min_interval)


def _plain(age: float) -> float:
    shortest = _SHORTEST if age >= _AT_FIRST_SECONDS else _SHORTEST_AT_FIRST
    return min(max(_SHARE * age, shortest), _LONGEST)


def _with_history(age: float, usual: Sequence[float], head_start: float) -> float:
    run_age = age + head_start
    likely_from = _LIKELY_FROM * min(usual)
    if run_age < likely_from:
        longest = min(_RARE_LONGEST, _RARE_LONGEST_SHARE * min(usual))
        rare = min(max(_RARE_SHARE * age, _RARE_SHORTEST), longest)
        return min(max(rare, _plain(age)), max(likely_from - run_age, _SHORTEST_AT_FIRST))
    distance = min(abs(run_age - duration) for duration in usual)
    return min(max(_CLOSING_IN * distance, _CLOSEST), _plain(age))
