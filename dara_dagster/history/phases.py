"""Splits the time of a task's attempts into what Databricks did with it and what was done here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from dara_dagster.history.progress import Attempt

__all__ = ["WORDS", "Phase", "PhaseWord", "databricks_start", "phases"]

# `own`: making sure of compute, uploading, submitting, noticing the end, waiting between two attempts.
PhaseWord = Literal["own", "queue", "setup", "execution"]
WORDS: tuple[PhaseWord, ...] = get_args(PhaseWord)


@dataclass(frozen=True)
class Phase:
    """A stretch of a task's time; `start` and `end` on the clock of the attempts it was made of."""

    word: PhaseWord
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Return how long it was."""
        return self.end - self.start

    def since(self, origin: float) -> Phase:
        """Return the same on a clock that starts at `origin`, to the millisecond."""
        return Phase(self.word, round(self.start - origin, 3), round(self.end - origin, 3))


def phases(attempts: Sequence[Attempt], now: float) -> tuple[Phase, ...]:
    """Return the stretches of a task in order and without gaps, from its first start to its end (`now` if it
    runs).

    Databricks says how long queue, setup and execution took, not when: they are set behind the submission.
    An attempt with no Databricks run (a step of Python) is all execution. Empty stretches are left out.
    """
    found: list[Phase] = []
    for attempt in attempts:
        if found:
            found.append(Phase("own", found[-1].end, attempt.start))
        found += _of_attempt(attempt, now if attempt.end is None else attempt.end)
    return tuple(phase for phase in found if phase.seconds > 0)


def databricks_start(attempt: Attempt, end: float) -> float:
    """Return when the attempt's Databricks run began, by our clock: at its submission, or before it where an
    earlier run had made it. An attempt that was not submitted began at its start.
    """
    if attempt.submitted is None:
        return attempt.start
    since = min(attempt.submitted, end)
    return since - max(_reported_seconds(attempt) - (end - since), 0.0)


def _of_attempt(attempt: Attempt, end: float) -> Iterator[Phase]:
    if attempt.submitted is None:
        yield Phase("execution", attempt.start, end)
        return
    since = min(attempt.submitted, end)
    yield Phase("own", attempt.start, since)
    for word, seconds in _on_databricks(attempt, end - since):
        yield Phase(word, since, since + seconds)
        since += seconds
    yield Phase("own", since, end)


def _on_databricks(attempt: Attempt, room: float) -> Iterator[tuple[PhaseWord, float]]:
    """Yield what Databricks did and for how long, at most `room` seconds in all.

    What is too much was before the submission: an earlier run had made the Databricks run. Runs of several
    tasks tell only their total, and those whose end was never seen tell nothing.
    """
    reported = attempt.queue_seconds + attempt.setup_seconds + attempt.execution_seconds
    total = _reported_seconds(attempt) or room
    execution = attempt.execution_seconds + total - reported
    before = max(total - room, 0.0)
    words: tuple[tuple[PhaseWord, float], ...] = (
        ("queue", attempt.queue_seconds),
        ("setup", attempt.setup_seconds),
        ("execution", execution),
    )
    for word, seconds in words:
        cut = min(before, seconds)
        before -= cut
        yield word, seconds - cut


def _reported_seconds(attempt: Attempt) -> float:
    """Return how long the Databricks run took by its own clock; 0 where that was never seen."""
    reported = attempt.queue_seconds + attempt.setup_seconds + attempt.execution_seconds
    return max(reported, attempt.total_seconds)
