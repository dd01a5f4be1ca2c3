"""Moves runs from state to state: which task goes next, retries, time limits, cancelling, the run's end."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from dara_dagster.emulator.core.clock import Timer
from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.conditions import decide
from dara_dagster.emulator.services.runs.outcomes import Outcome, TaskOutcome
from dara_dagster.emulator.services.runs.records import Run, TaskRun

STOP_SECONDS = 0.05
"""How long stopping takes where there is no process to wait for: cancelling is never immediate."""


class Work(Protocol):
    """What an attempt does. It calls the scheduler's `running` and, once, `ended`; but not within a call."""

    def begin(self) -> None: ...

    def resume(self) -> None:
        """Resume after a restart of the server."""

    def stop(self) -> None:
        """End before its time; `ended` follows."""


WorkFor = Callable[[Run, TaskRun], Work]


@dataclass
class _Live:
    """What is known of an active run besides its record."""

    run: Run
    latest: dict[str, TaskRun]
    dependants: dict[str, list[str]]
    unfinished: int
    work: dict[int, Work] = field(default_factory=dict)
    timers: dict[int, list[Timer]] = field(default_factory=lambda: defaultdict(list))


class Scheduler:
    """The state machine of all runs of a workspace. `save(run)` is called after every change of a run."""

    def __init__(self, context: Context, work_for: WorkFor, save: Callable[[Run], None]) -> None:
        self._clock, self._ids = context.clock, context.ids
        self._work_for, self._save = work_for, save
        self._live: dict[int, _Live] = {}
        self._listeners: dict[int, list[Callable[[Run], None]]] = defaultdict(list)

    @property
    def active(self) -> Iterable[Run]:
        """Return the runs that have not ended."""
        return (live.run for live in self._live.values())

    def active_ids(self) -> list[int]:
        """Return their ids, rising."""
        return sorted(self._live)

    def start(self, run: Run) -> None:
        """Let a new run go its way, or one that ended and has new attempts."""
        self._launch(self._track(run))

    def hold(self, run: Run) -> None:
        """Keep a new run QUEUED until it is started."""
        self._track(run)
        run.state = "QUEUED"
        self._save(run)

    def release(self, run: Run) -> None:
        """Start a run that was held."""
        run.queued_until = self._clock.now_ms()
        self._launch(self._live[run.run_id])

    def skip(self, run: Run, outcome: Outcome) -> None:
        """End a held run, with all its tasks, without having started it."""
        live = self._live[run.run_id]
        for task in live.latest.values():
            self._close(live, task, outcome)
        self._finish_if_done(live)

    def resume(self, run: Run) -> None:
        """Resume a run that was active when the last server ended."""
        live = self._track(run)
        for task in list(live.latest.values()):
            if task.outcome is not None or task.state == "BLOCKED":
                continue
            if task.state == "WAITING_FOR_RETRY":
                self._plan_retry(live, task)
                continue
            self._plan_time_out(live, task)
            work = live.work[task.run_id] = self._work_for(run, task)
            work.resume()
            if task.stop:
                work.stop()
        if run.state != "QUEUED" and not run.stop:
            self._decide(live, run.tasks)
        self._finish_if_done(live)

    def when_ended(self, run: Run, listener: Callable[[Run], None]) -> Callable[[], None]:
        """Call `listener(run)` at the run's end, now if it has ended; returns what takes it back."""
        if run.outcome is not None:
            listener(run)
            return lambda: None
        listeners = self._listeners[run.run_id]
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def stop(self, run: Run, why: str) -> None:
        """End the run before its time ("cancel" or "timeout"); over when its tasks are."""
        live = self._live.get(run.run_id)
        if live is None or run.stop:
            return
        run.stop, run.state = why, "TERMINATING"
        for task in live.latest.values():
            self._stop_task(live, task, why)
        self._finish_if_done(live, STOP_SECONDS)
        self._save(run)

    def stop_task(self, run: Run, task: TaskRun) -> None:
        """Cancel one attempt; the rest of the run continues as after a cancelled task."""
        live = self._live.get(run.run_id)
        if live is not None and task.outcome is None:
            self._stop_task(live, task, "cancel")
            self._advance(live, task)

    def running(self, run: Run, task: TaskRun) -> None:
        """Note that the attempt's code has started."""
        if task.state == "PENDING":
            task.state, task.running_since = "RUNNING", self._clock.now_ms()
            if run.state == "PENDING":
                run.state = "RUNNING"
            self._save(run)

    def ended(
        self, run: Run, task: TaskRun, outcome: Outcome, output: Mapping[str, Any] | None = None
    ) -> None:
        """Note that the attempt is over; what it was stopped for wins over what it reached."""
        live = self._live.get(run.run_id)
        if live is None or task.outcome is not None:
            return
        task.output.update(output or {})
        self._close(live, task, outcome)
        if not run.stop and self._wants_retry(task):
            self._retry(live, task)
        self._advance(live, task)

    def _track(self, run: Run) -> _Live:
        latest = run.latest()
        dependants: dict[str, list[str]] = defaultdict(list)
        for task in latest.values():
            for edge in task.task.get("depends_on") or ():
                dependants[edge["task_key"]].append(task.task_key)
        unfinished = sum(task.outcome is None for task in latest.values())
        live = self._live[run.run_id] = _Live(run, latest, dependants, unfinished)
        if seconds := run.settings.get("timeout_seconds"):
            due = run.stage_start + 1000 * seconds
            live.timers[run.run_id].append(self._clock.call_at(due, partial(self.stop, run, "timeout")))
        return live

    def _launch(self, live: _Live) -> None:
        live.run.state = "PENDING"
        self._decide(live, live.run.tasks)
        self._finish_if_done(live)
        self._save(live.run)

    def _finish_if_done(self, live: _Live, seconds: float = 0.0) -> None:
        if live.unfinished == 0:
            self._clock.call_later(seconds, partial(self._finish, live))

    def _decide(self, live: _Live, tasks: Iterable[TaskRun]) -> None:
        queue = deque(tasks)
        while queue:
            task = queue.popleft()
            if task.state != "BLOCKED":
                continue
            verdict = decide(task.task, live.latest)
            if verdict == "run":
                self._begin(live, task)
            elif isinstance(verdict, Outcome):
                self._close(live, task, verdict)
                queue.extend(live.latest[key] for key in live.dependants.get(task.task_key, ()))

    def _begin(self, live: _Live, task: TaskRun) -> None:
        task.state, task.start_time = "PENDING", self._clock.now_ms()
        self._plan_time_out(live, task)
        work = live.work[task.run_id] = self._work_for(live.run, task)
        work.begin()

    def _plan_time_out(self, live: _Live, task: TaskRun) -> None:
        if seconds := task.task.get("timeout_seconds"):
            due = task.start_time + 1000 * seconds
            timer = self._clock.call_at(due, partial(self._time_out, live, task))
            live.timers[task.run_id].append(timer)

    def _time_out(self, live: _Live, task: TaskRun) -> None:
        self._stop_task(live, task, "timeout")
        self._save(live.run)

    def _stop_task(self, live: _Live, task: TaskRun, why: str) -> None:
        if task.outcome is not None or task.stop:
            return
        task.stop = why
        if (work := live.work.get(task.run_id)) is not None:
            task.state = "TERMINATING"
            work.stop()
        else:
            self._close(live, task, outcomes.CANCELED)

    def _close(self, live: _Live, task: TaskRun, outcome: Outcome) -> None:
        if task.stop:
            outcome = outcomes.TIMED_OUT if task.stop == "timeout" else outcomes.CANCELED
        task.outcome, task.state, task.end_time = outcome, outcome.life_cycle, self._clock.now_ms()
        live.unfinished -= 1
        live.work.pop(task.run_id, None)
        for timer in live.timers.pop(task.run_id, ()):
            timer.cancel()

    def _advance(self, live: _Live, task: TaskRun) -> None:
        if not live.run.stop:
            self._decide(live, [live.latest[key] for key in live.dependants.get(task.task_key, ())])
        if live.unfinished == 0:
            self._finish(live)
        self._save(live.run)

    def _wants_retry(self, task: TaskRun) -> bool:
        assert task.outcome is not None
        most = task.task.get("max_retries") or 0
        result = task.outcome.result
        failed = result == "FAILED" or (result == "TIMEDOUT" and bool(task.task.get("retry_on_timeout")))
        return failed and (most < 0 or task.attempt < most)

    def _retry(self, live: _Live, failed: TaskRun) -> None:
        task = TaskRun(
            self._ids.next(), failed.task_key, failed.task, self._clock.now_ms(), failed.attempt + 1
        )
        task.state = "WAITING_FOR_RETRY"
        # Counted from the start of the failed attempt (SDK, min_retry_interval_millis).
        task.start_time = failed.start_time + (failed.task.get("min_retry_interval_millis") or 0)
        live.run.tasks.append(task)
        live.latest[task.task_key] = task
        live.unfinished += 1
        self._plan_retry(live, task)

    def _plan_retry(self, live: _Live, task: TaskRun) -> None:
        def again() -> None:
            if task.outcome is None:
                self._begin(live, task)
                self._save(live.run)

        live.timers[task.run_id].append(self._clock.call_at(task.start_time, again))

    def _finish(self, live: _Live) -> None:
        run = live.run
        if self._live.get(run.run_id) is not live or live.unfinished:
            return
        run.outcome = self._combine_outcomes(live)
        run.state, run.end_time = run.outcome.life_cycle, self._clock.now_ms()
        for timers in live.timers.values():
            for timer in timers:
                timer.cancel()
        del self._live[run.run_id]
        self._save(run)
        for listener in self._listeners.pop(run.run_id, ()):
            listener(run)

    def _combine_outcomes(self, live: _Live) -> Outcome:
        if live.run.stop:
            return outcomes.TIMED_OUT if live.run.stop == "timeout" else outcomes.CANCELED
        ends = [
            TaskOutcome(key, task.outcome, not live.dependants.get(key))
            for key, task in live.latest.items()
            if task.outcome is not None
        ]
        return outcomes.combine_outcomes(ends)
