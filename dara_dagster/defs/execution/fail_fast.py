"""Ends the other tasks of a run when one has failed, for workflows that say `fail_fast`."""

from __future__ import annotations

import threading

from dagster import DagsterInstance, Failure, OpExecutionContext

from dara_dagster.defs.execution.attempts import RESULT, SUBMITTED
from dara_dagster.executor.events import Recorded, read, record

__all__ = ["FailFast"]

FAIL_FAST = "fail_fast"


class FailFast:
    """Which task of one Dagster run has failed, and which Databricks runs are in flight.

    It is shared by all ops of a process and works through the event log, so ops may be in different
    processes. Each event is read once: a question costs one small query.
    """

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        self.run_id = run_id
        self._instance = instance
        self._lock = threading.Lock()
        self._cursor: str | None = None
        self._culprit = ""
        self._in_flight: dict[str, int] = {}

    def culprit(self) -> str:
        """Return the task that has failed, "" while none has."""
        with self._lock:
            if not self._culprit:
                self._read_on()
            return self._culprit

    def check(self, task: str) -> None:
        """Raise Failure when a task of the run has failed already: `task` is not to be started."""
        if culprit := self.culprit():
            raise Failure(f"{task}: not run, because {culprit} failed (fail_fast)", allow_retries=False)

    def cancel_others(self, context: OpExecutionContext, step: str, task: str) -> list[int]:
        """Record that `task` failed, and return the Databricks runs of the other steps, for cancellation.

        Returns none when another task has failed before: its op cancels them.
        """
        if self.culprit():
            return []
        message = f"{task} failed: the other tasks are cancelled (fail_fast)"
        record(context, self.run_id, step, FAIL_FAST, message, {"task": task})
        with self._lock:
            self._read_on()
            return [run_id for key, run_id in self._in_flight.items() if key != step]

    def _read_on(self) -> None:
        events, self._cursor = read(self._instance, self.run_id, self._cursor)
        for event in events:
            if not isinstance(event, Recorded):
                continue
            key = event.step_key or ""
            if event.kind == FAIL_FAST:
                self._culprit = self._culprit or str(event.data["task"])
            elif event.kind == SUBMITTED:
                self._in_flight[key] = int(event.data["databricks_run_id"])
            elif event.kind == RESULT:
                self._in_flight.pop(key, None)
