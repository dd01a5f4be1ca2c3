"""Ends the other tasks of a run when one has failed, for workflows that say `fail_fast`."""

from __future__ import annotations

from dagster import Failure, OpExecutionContext

from dara_dagster.defs.attempts import RESULT, SUBMITTED
from dara_dagster.defs.resources import WorkspaceSession
from dara_dagster.engine.events import Recorded, read, record
from dara_dagster.remote.cancelling import cancel_and_wait

__all__ = ["FailFast"]

FAIL_FAST = "fail_fast"
_CANCEL_SECONDS = 50.0


class FailFast:
    """The brake of one Dagster run. It works through the event log, so ops may be in different processes."""

    def __init__(self, context: OpExecutionContext, session: WorkspaceSession) -> None:
        self._context = context
        self._session = session

    def culprit(self) -> str:
        """Return the task that has failed, "" while none has."""
        return next((str(e.data["task"]) for e in self._events() if e.kind == FAIL_FAST), "")

    def check(self, task: str) -> None:
        """Raise Failure when a task of the run has failed already: `task` is not to be started."""
        if culprit := self.culprit():
            raise Failure(f"{task}: not run, because {culprit} failed (fail_fast)", allow_retries=False)

    def trip(self, step: str, task: str) -> None:
        """Write down that `task` failed and cancel the runs of the other steps; their ops see them end."""
        if self.culprit():
            return
        message = f"{task} failed: the other tasks are cancelled (fail_fast)"
        record(self._context, self._context.run_id, step, FAIL_FAST, message, {"task": task})
        alive = cancel_and_wait(
            self._session.workspace, self._session.monitor, self._in_flight(step), _CANCEL_SECONDS
        )
        for look in alive:
            self._context.log.error(f"Databricks run {look.run_id} could not be stopped: {look.url}")

    def _in_flight(self, step: str) -> list[int]:
        """The Databricks runs of the other steps that have been submitted and not seen to end."""
        going: dict[str, int] = {}
        for event in self._events():
            key = event.step_key or ""
            if event.kind == SUBMITTED:
                going[key] = int(event.data["databricks_run_id"])
            elif event.kind == RESULT:
                going.pop(key, None)
        return [run_id for key, run_id in going.items() if key != step]

    def _events(self) -> list[Recorded]:
        events = read(self._context.instance, self._context.run_id)[0]
        return [event for event in events if isinstance(event, Recorded)]
