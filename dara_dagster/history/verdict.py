"""Decides which of two sides was faster, or why that cannot be decided: rounds in pairs, and their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median, stdev
from typing import Literal

from dara_dagster.history.durations import duration
from dara_dagster.history.report import RunReport

__all__ = ["FEWEST_ROUNDS", "Measure", "Reason", "Verdict", "verdicts"]

Measure = Literal["whole run", "without set-up"]
Reason = Literal["faster", "alike", "noise", "set-up", "rounds", "failed"]

FEWEST_ROUNDS = 3
# Differences up to this share of the longer time are not worth naming a winner for.
_ALIKE = 0.02
# Student's t for 95 % of both sides, by degrees of freedom from 1 on:
# https://www.itl.nist.gov/div898/handbook/eda/section3/eda3672.htm
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True)
class Verdict:
    """What the rounds say about one measure, in seconds.

    `first` and `second` are medians, `difference` is the mean of second minus first over the rounds, `margin`
    half of its 95 % confidence interval (None below three rounds). `faster` is the label of the side that
    was, None where `reason` is another than `faster`. `text` says it all in a sentence.
    """

    measure: Measure
    first: float
    second: float
    difference: float
    margin: float | None
    faster: str | None
    reason: Reason
    text: str


@dataclass(frozen=True)
class _Rounds:
    """One measure of both sides, round by round, and what set-up took of it."""

    labels: tuple[str, str]
    pairs: tuple[tuple[float, float], ...]
    setup: tuple[tuple[float, float], ...]

    @property
    def medians(self) -> tuple[float, float]:
        first, second = zip(*self.pairs, strict=True)
        return round(median(first), 3), round(median(second), 3)

    @property
    def difference(self) -> float:
        return round(_mean_difference(self.pairs), 3)

    @property
    def setup_difference(self) -> float:
        return _mean_difference(self.setup)

    @property
    def margin(self) -> float | None:
        """Return half of the 95 % confidence interval of the mean difference, by Student's t of the pairs
        (https://www.itl.nist.gov/div898/handbook/prc/section3/prc311.htm).
        """
        count = len(self.pairs)
        if count < FEWEST_ROUNDS:
            return None
        spread = stdev(second - first for first, second in self.pairs)
        return round(_T[min(count - 1, len(_T)) - 1] * spread / sqrt(count), 3)


def verdicts(
    first: Sequence[RunReport], second: Sequence[RunReport], labels: tuple[str, str]
) -> tuple[Verdict, ...]:
    """Return the verdict on the whole runs, and on their time without queue and set-up. Pure.

    The runs of a side stand in the order of the rounds; what one side has more of is passed over.
    """
    runs = list(zip(first, second, strict=False))
    whole = tuple((a.seconds, b.seconds) for a, b in runs)
    ready = tuple((a.without_setup_seconds, b.without_setup_seconds) for a, b in runs)
    setup = tuple((w[0] - r[0], w[1] - r[1]) for w, r in zip(whole, ready, strict=True))
    nothing = ((0.0, 0.0),)
    succeeded = all(run.state == "success" for run in (*first, *second))
    rounds = _Rounds(labels, whole, setup)
    if not succeeded:
        return (_failed(rounds),)
    return (
        _verdict("whole run", rounds),
        _verdict("without set-up", _Rounds(labels, ready, nothing)),
    )


def _verdict(measure: Measure, rounds: _Rounds) -> Verdict:
    slow = max(rounds.medians)
    reason = _reason(rounds, slow)
    faster = None
    if reason == "faster":
        faster = rounds.labels[0 if rounds.difference > 0 else 1]
    sentence = _sentence(rounds, reason)
    text = _capital(sentence) if measure == "whole run" else f"Without queue and set-up: {sentence}"
    return Verdict(measure, *rounds.medians, rounds.difference, rounds.margin, faster, reason, text)


def _reason(rounds: _Rounds, slow: float) -> Reason:
    size, setup, margin = abs(rounds.difference), abs(rounds.setup_difference), rounds.margin
    if setup > size and setup > _ALIKE * slow:
        return "set-up"
    if margin is None:
        return "rounds"
    if size + margin <= _ALIKE * slow or margin < size <= _ALIKE * slow:
        return "alike"
    first, second = rounds.medians
    contradicted = (second - first) * rounds.difference <= 0  # the mean is an outlier's
    return "noise" if size <= margin or contradicted else "faster"


def _sentence(rounds: _Rounds, reason: Reason) -> str:
    one, two = rounds.labels
    (a, b), count = rounds.medians, len(rounds.pairs)
    both = f"{one} took {duration(a)}, {two} {duration(b)}"
    of = f"medians of {count} rounds"
    size = duration(abs(rounds.difference))
    if reason == "set-up":
        setup = duration(abs(rounds.setup_difference))
        many = f" ({of})" if count > 1 else ""
        return f"{both}{many}, but queue and set-up differ by {setup}, more than the runs do ({size})."
    if reason == "rounds":
        few = "one run each is" if count == 1 else f"{count} runs each are"
        return f"{both}; {few} too few to name a winner."
    apart = f"{size} ± {duration(rounds.margin)}"
    if reason == "alike":
        return f"{one} took as long as {two}: {duration(a)} ({of}; difference {apart})."
    if reason == "noise":
        return f"{both} ({of}); the difference of {apart} is within the noise: no winner."
    quick, slow = sorted(((a, one), (b, two)), key=lambda side: side[0])
    times = f"{duration(quick[0])} against {duration(slow[0])} ({of}; difference {apart})"
    much = f"{slow[0] / quick[0]:.2f} times as fast as" if quick[0] else "faster than"
    return f"{quick[1]} was {much} {slow[1]}: {times}."


def _failed(rounds: _Rounds) -> Verdict:
    one, two = rounds.labels
    a, b = rounds.medians
    text = f"{_capital(one)} took {duration(a)}, {two} {duration(b)}; not all of it succeeded."
    return Verdict("whole run", a, b, rounds.difference, rounds.margin, None, "failed", text)


def _mean_difference(pairs: Sequence[tuple[float, float]]) -> float:
    return fmean(second - first for first, second in pairs)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
