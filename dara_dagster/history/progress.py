"""Turns the events of one run, as they come, into the state of each of its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dara_dagster.defs.steps.metadata import CONTEXT_METADATA
from dara_dagster.executor.events import Event, Recorded, RunChange, StepChange, StepOutput
from dara_dagster.workspace.runs.child_run import NotebookRun, NotebookRuns

__all__ = ["Attempt", "RunState", "TaskState", "TaskStatus", "Timeline", "run_state"]

TaskState = Literal["waiting", "running", "retrying", "success", "failed", "skipped", "cancelled", "not run"]
RunState = Literal["queued", "starting", "running", "cancelling", "success", "failed", "cancelled"]

_RUN_STATES: Mapping[str, RunState] = {
    "QUEUED": "queued",
    "NOT_STARTED": "queued",
    "MANAGED": "queued",
    "STARTING": "starting",
    "STARTED": "running",
    "CANCELING": "cancelling",
    "CANCELED": "cancelled",
    "SUCCESS": "success",
    "FAILURE": "failed",
}
_OVER: frozenset[RunState] = frozenset({"success", "failed", "cancelled"})
_LIVE: frozenset[TaskState] = frozenset({"running", "retrying"})
# Verdicts of tasks that `run_if` kept from running, in the words of Databricks.
_LEFT_OUT: Mapping[str, str] = {"excluded": "excluded", "upstream": "upstream failed"}
# Verdicts on a Databricks run that came to its end by itself: no cancel made them.
_FAILED = ("failed", "timed_out")
_MEASURED = ("queue_seconds", "setup_seconds", "execution_seconds", "total_seconds")


def run_state(word: str) -> RunState:
    """Translate Dagster's word for a run's status into ours; a word it may invent later reads as running."""
    return _RUN_STATES.get(word, "running")


@dataclass(frozen=True)
class Attempt:
    """One attempt of a task: when it started and ended here, in seconds since the epoch.

    `submitted` is when Databricks had its run, or when this run took over one that was active already.
    The other seconds are those of the Databricks run by its own clock, 0 until it has ended.
    """

    start: float
    end: float | None = None
    submitted: float | None = None
    queue_seconds: float = 0.0
    setup_seconds: float = 0.0
    execution_seconds: float = 0.0
    total_seconds: float = 0.0


@dataclass(frozen=True)
class TaskStatus:
    """One task of a run. Times are seconds since the epoch, `seconds` is the time from start to end (or to
    now, while it runs), `attempt` counts from 1. `message` is the last word of Databricks about a run
    that is active (`PENDING`, `RUNNING`, ...), `verdict` how it ended, `error` the line a person should read
    first, `trace` the traceback of the task's code. `result` is what a step of a step pipeline left in the
    context. `attempts` has all of them, the current one last. `notebook_runs` are those that the task's code
    started by `dbutils.notebook.run`, known once it has ended; `more_notebook_runs` counts what is left out.
    `databricks_start` and `databricks_end` are those of an ended Databricks run by its own clock.
    """

    name: str
    step_key: str
    state: TaskState = "waiting"
    attempt: int = 0
    start: float | None = None
    end: float | None = None
    seconds: float | None = None
    databricks_run_id: int | None = None
    url: str | None = None
    message: str = ""
    verdict: str | None = None
    code: str = ""
    exit_value: str | None = None
    setup_seconds: float | None = None
    execution_seconds: float | None = None
    error: str = ""
    trace: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    notebook_runs: tuple[NotebookRun, ...] = ()
    more_notebook_runs: int = 0
    databricks_start: float | None = None
    databricks_end: float | None = None

    @property
    def word(self) -> str:
        """Return the state; for a task that `run_if` kept from running, that word of Databricks."""
        return _LEFT_OUT.get(self.verdict or "", self.state)


class Timeline:
    """The tasks of one run, brought up to date event by event.

    `tasks` maps step keys to names in the order to show them; a step that is not among them (a dynamic
    one) is added when its first event comes.
    """

    def __init__(self, tasks: Mapping[str, str]) -> None:
        self._tasks = {key: TaskStatus(name, key) for key, name in tasks.items()}
        self.state: RunState | None = None
        self.error = ""
        self.result: Mapping[str, Any] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take in more events, in the order of the log."""
        for event in events:
            if isinstance(event, RunChange):
                self._run_changed(event)
            elif event.step_key:
                task = self._tasks.get(event.step_key) or TaskStatus(event.step_key, event.step_key)
                if isinstance(event, StepChange):
                    self._tasks[event.step_key] = self._stepped(task, event)
                elif isinstance(event, StepOutput):
                    self._tasks[event.step_key] = self._left(task, event)
                else:
                    self._tasks[event.step_key] = _reported(task, event)

    def tasks(self, now: float) -> tuple[TaskStatus, ...]:
        """Return the tasks as they are at `now` (seconds since the epoch)."""
        return tuple(_timed(task, now) for task in self._tasks.values())

    def _run_changed(self, event: RunChange) -> None:
        self.state, self.error = run_state(event.state), event.error
        if self.state in _OVER:
            self._tasks = {key: _settled(task, self.state, event.time) for key, task in self._tasks.items()}

    def _left(self, task: TaskStatus, event: StepOutput) -> TaskStatus:
        """Return what a step left; a failed one only shows what there was before it."""
        context = event.metadata.get(CONTEXT_METADATA)
        if not isinstance(context, Mapping):
            return task
        self.result = _named_once(context)
        own = {name: value for name, value in event.metadata.items() if name != CONTEXT_METADATA}
        return replace(task, result=own) if event.name else task

    def _stepped(self, task: TaskStatus, event: StepChange) -> TaskStatus:
        if event.word in ("start", "restart"):
            return _started(task, event)
        ended: TaskState
        error = event.error.removeprefix(f"{task.name}: ")  # our ops begin with the name; here it is known
        if event.word == "retry":
            return replace(task, state="retrying", error=error, attempts=_last(task, end=event.time))
        if event.word == "failure":
            # Dagster reports a step it interrupted as failed; to the reader it was cancelled.
            interrupted = self.state in ("cancelling", "cancelled") and task.verdict not in _FAILED
            stopped = interrupted or task.verdict == "cancelled"
            ended = "cancelled" if stopped else "failed"
        else:
            ended, error = "success" if event.word == "success" else "skipped", ""
        return replace(task, state=ended, error=error, end=event.time, attempts=_last(task, end=event.time))


def _named_once(context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a context holds as the result of a run: its own fields, and its values under their short
    names."""
    values, done = context.get("values"), context.get("done")
    marks = tuple(f"{step}." for step in done) if isinstance(done, list) else ()
    short = {
        name: value
        for name, value in (values.items() if isinstance(values, Mapping) else ())
        if not name.startswith(marks)
    }
    own = {name: value for name, value in context.items() if name not in ("file", "done", "values")}
    return {**own, **short}


def _started(task: TaskStatus, event: StepChange) -> TaskStatus:
    """Reset the task for a new attempt; the first start counts for the time the task took."""
    return TaskStatus(
        task.name,
        task.step_key,
        state="running",
        attempt=task.attempt + 1,
        start=event.time if task.start is None else task.start,
        error=task.error,
        attempts=(*task.attempts, Attempt(event.time)),
    )


def _reported(task: TaskStatus, event: Recorded) -> TaskStatus:
    """Return the task with what our own op wrote about its Databricks run."""
    data = event.data
    if event.kind == "submitted":
        return replace(
            task,
            databricks_run_id=int(data["databricks_run_id"]),
            url=_text(data.get("url")),
            message="",
            verdict=None,
            attempts=_last(task, submitted=event.time),
        )
    if event.kind == "state":
        return replace(task, message=str(data.get("state", "")), url=_text(data.get("url")) or task.url)
    if event.kind == "result":
        children = NotebookRuns.from_text(str(data.get("notebook_runs", "")))
        return replace(
            task,
            message="",
            verdict=_text(data.get("verdict")),
            code=str(data.get("code", "")),
            exit_value=_text(data.get("exit_value")),
            url=_text(data.get("url")) or task.url,
            trace=str(data.get("trace", "")),
            setup_seconds=_number(data.get("setup_seconds")),
            execution_seconds=_number(data.get("execution_seconds")),
            attempts=_last(task, **{name: _number(data.get(name)) or 0.0 for name in _MEASURED}),
            notebook_runs=children.runs,
            more_notebook_runs=children.more,
            databricks_start=_number(data.get("databricks_start")) or None,
            databricks_end=_number(data.get("databricks_end")) or None,
        )
    return task


def _last(task: TaskStatus, **changed: float) -> tuple[Attempt, ...]:
    """Return the task's attempts after a change of the last one."""
    return (*task.attempts[:-1], replace(task.attempts[-1], **changed)) if task.attempts else ()


def _settled(task: TaskStatus, state: RunState, time: float) -> TaskStatus:
    """Settle a task that a finished run left waiting or running: its process died, or something upstream
    failed."""
    if task.state in _LIVE:
        ended: TaskState = "cancelled" if state == "cancelled" else "failed"
        error = task.error or ("" if ended == "cancelled" else "the run ended before this task did")
        return replace(task, state=ended, end=time, error=error, attempts=_last(task, end=time))
    return replace(task, state="not run") if task.state == "waiting" else task


def _timed(task: TaskStatus, now: float) -> TaskStatus:
    if task.start is None:
        return task
    return replace(task, seconds=round((now if task.end is None else task.end) - task.start, 3))


def _text(value: str | int | float | None) -> str | None:
    return None if value in (None, "") else str(value)


def _number(value: str | int | float | None) -> float | None:
    return None if value is None or value == "" else float(value)
