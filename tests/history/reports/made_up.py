"""Statuses and reports of runs that never were: exact times, for what is pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dara_dagster.history.execution_plan import PlannedStep
from dara_dagster.history.progress import Attempt, TaskStatus
from dara_dagster.history.report import Background, RunReport, make_report
from dara_dagster.history.status import RunStatus

EPOCH = 1000.0


def task(name: str, start: float, end: float | None, *attempts: Attempt, **more: Any) -> TaskStatus:
    """A task that ran from `start` to `end`, in seconds after the run's start; by default a success."""
    ended = {"state": "success", "attempt": 1} if end is not None else {"state": "running", "attempt": 1}
    took = round((end if end is not None else start) - start, 3)
    whole = (Attempt(EPOCH + start, None if end is None else EPOCH + end),)
    times = {"start": EPOCH + start, "end": None if end is None else EPOCH + end, "seconds": took}
    return TaskStatus(
        **{"name": name, "step_key": name, **ended, **times, "attempts": attempts or whole, **more}
    )


def attempt(start: float, end: float, submitted: float, **seconds: float) -> Attempt:
    """An attempt whose Databricks run was submitted then."""
    return Attempt(EPOCH + start, EPOCH + end, EPOCH + submitted, **seconds)


def status(*tasks: TaskStatus, seconds: float | None = None, **more: Any) -> RunStatus:
    """A run of these tasks, by default a success of as many seconds as they took."""
    last = max((each.end - EPOCH for each in tasks if each.end is not None), default=0.0)
    took = last if seconds is None else seconds
    run = RunStatus("r" * 36, "flow", "success", "emulator", EPOCH, EPOCH + took, took, None, tasks=tasks)
    return replace(run, **more)


def report(
    *tasks: TaskStatus,
    upstream: Mapping[str, Sequence[str]] | None = None,
    background: Mapping[str, Any] | None = None,
    **more: Any,
) -> RunReport:
    """The report of such a run, in which `upstream` says what waits for what."""
    edges = upstream or {}
    steps = [PlannedStep(each.step_key, each.name, tuple(edges.get(each.name, ())), True) for each in tasks]
    given = status(*tasks, **more)
    now = EPOCH + (given.seconds or 0.0)
    return make_report(given, Background(steps, **{"workflow": "flow", **(background or {})}), now)
