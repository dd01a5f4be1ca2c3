"""Runs a task that only takes time: two timers, and an outcome."""

from __future__ import annotations

from functools import partial
from typing import Any

from dara_dagster.emulator.core.clock import Clock, Timer
from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.outcomes import Outcome
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.scheduler import Scheduler

STOP_SECONDS = 0.1


class SimulatedTask:
    """The work of an attempt by a simulation rule in its JSON form, `task.simulation`."""

    def __init__(self, clock: Clock, scheduler: Scheduler, run: Run, task: TaskRun) -> None:
        self._clock, self._scheduler, self._run, self._task = clock, scheduler, run, task
        assert task.simulation is not None
        self._rule = task.simulation
        self._timer: Timer | None = None

    def begin(self) -> None:
        due = self._task.start_time + self._rule["pending_ms"]
        self._timer = self._clock.call_at(due, self._start)

    def resume(self) -> None:
        if self._task.running_since:
            self._plan_end()
        else:
            self.begin()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._clock.call_later(STOP_SECONDS, partial(self._end, outcomes.CANCELED))

    def _start(self) -> None:
        self._scheduler.running(self._run, self._task)
        self._plan_end()

    def _plan_end(self) -> None:
        rule = self._rule
        outcome = outcomes.make_simulated(rule["result"], rule["code"], rule["message"], rule["raw"])
        due = self._task.running_since + rule["duration_ms"]
        self._timer = self._clock.call_at(due, partial(self._end, outcome))

    def _end(self, outcome: Outcome) -> None:
        output: dict[str, Any] = {}
        if self._rule["exit_value"] is not None:
            output["exit_value"] = self._rule["exit_value"]
        if outcome.result == "FAILED":
            error = self._rule["error"] or "Exception: simulated failure"
            output.update(error=error, error_trace=f"Traceback (most recent call last):\n{error}\n")
        self._scheduler.ended(self._run, self._task, outcome, output)
