"""Writes what happens to a step's attempt into the event log and into the attempts this process knows."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import OpExecutionContext

from dara_dagster.defs.execution.attempts import ATTEMPT, LOST, RESULT, SUBMITTED, Attempt, AttemptLog
from dara_dagster.executor.events import Value, record, step_key
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.runs.jobs_api import RunSnapshot, page_url

__all__ = ["StepRecord", "record_left_out"]

STATE = "state"


class StepRecord:
    """The written history of one start of a step. Each method returns when the event log has it."""

    def __init__(self, context: OpExecutionContext, attempts: AttemptLog) -> None:
        self._context = context
        self._attempts = attempts
        self._step = step_key(context)
        self.url = ""

    def attempt(self, attempt: Attempt, message: str) -> None:
        """Record that an attempt is about to be submitted, or is taken over."""
        self._write(ATTEMPT, message, _attempt_data(attempt))

    def submitted(self, attempt: Attempt, workspace: Workspace, run_id: int, message: str) -> None:
        """Record that the attempt has a Databricks run; its page is known for sure after the first poll."""
        self.url = f"{workspace.host}/jobs/runs/{run_id}"
        data: dict[str, Value] = {"databricks_run_id": run_id, "url": self.url, "workspace": workspace.kind}
        self._write(SUBMITTED, message, {**data, **_attempt_data(attempt)})
        self._attempts.submitted(self._step, run_id)

    def state(self, workspace: Workspace, snapshot: RunSnapshot) -> None:
        """Record that the Databricks run is in another state than at the last poll."""
        self.url = page_url(workspace, snapshot)
        text = f"Databricks run {snapshot.run_id} is {snapshot.word}"
        message = f"{text}: {snapshot.message}" if snapshot.message else text
        self._write(STATE, message, {"state": snapshot.word, "message": snapshot.message, "url": self.url})

    def result(self, message: str, data: Mapping[str, Value], *, accepted: bool) -> None:
        """Record that the attempt is over as `data` says; if it failed the next start of the step makes a new
        one."""
        place = {"url": self.url} if self.url else {}
        self._write(RESULT, message, {**place, **data, "accepted": accepted})
        if accepted:
            self._attempts.succeeded(self._step, str(data.get("exit_value", "")))
        else:
            self._attempts.failed(self._step)

    def lost(self, message: str, code: str) -> None:
        """Record that the run's end cannot be known now: the next start of the step attaches to it."""
        data: dict[str, Value] = {"verdict": LOST, "code": code, "accepted": False}
        self._write(RESULT, message, {**data, **({"url": self.url} if self.url else {})})

    def _write(self, kind: str, message: str, data: Mapping[str, Value]) -> None:
        record(self._context, self._context.run_id, self._step, kind, message, data)


def record_left_out(context: OpExecutionContext, verdict: str, reason: str) -> None:
    """Write down that the step's task did not run; `verdict` is `excluded` or `upstream`."""
    data: dict[str, Value] = {"verdict": verdict, "code": verdict.upper(), "accepted": verdict == "excluded"}
    record(context, context.run_id, step_key(context), RESULT, reason, data)


def _attempt_data(attempt: Attempt) -> Mapping[str, Value]:
    return {"token": attempt.token, "attempt": attempt.number}
