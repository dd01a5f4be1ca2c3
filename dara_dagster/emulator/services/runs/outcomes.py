"""How runs end: the outcomes recorded on the service, each a state, a result, a code and a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORKLOAD_FAILED = "Workload failed, see run output for details"

UNSUCCESSFUL = frozenset({"FAILED", "TIMEDOUT", "UPSTREAM_FAILED", "MAXIMUM_CONCURRENT_RUNS_REACHED"})
CANCELLED = frozenset({"CANCELED", "UPSTREAM_CANCELED"})

_KINDS = {
    "SUCCESS": "SUCCESS",
    "SUCCESS_WITH_FAILURES": "SUCCESS",
    "CLOUD_FAILURE": "CLOUD_FAILURE",
    "INTERNAL_ERROR": "INTERNAL_ERROR",
    "DRIVER_ERROR": "INTERNAL_ERROR",
    "CLUSTER_ERROR": "INTERNAL_ERROR",
}


@dataclass(frozen=True)
class Outcome:
    """The end of a run or of one attempt of a task.

    `stopped` is v1's user_cancelled_or_timedout. `raw` replaces what is shown as `state` and `status`
    (None = not shown at all), for states this table does not know.
    """

    result: str
    code: str
    message: str = ""
    life_cycle: str = "TERMINATED"
    stopped: bool = False
    raw: Mapping[str, Any] | None = None

    @property
    def kind(self) -> str:
        """Return `termination_details.type`."""
        return _KINDS.get(self.code, "CLIENT_ERROR")


SUCCESS = Outcome("SUCCESS", "SUCCESS")
FAILED = Outcome("FAILED", "RUN_EXECUTION_ERROR", WORKLOAD_FAILED)
CANCELED = Outcome("CANCELED", "USER_CANCELED", "Run cancelled.", stopped=True)
TIMED_OUT = Outcome("TIMEDOUT", "CANCELED", "Run timed out.", stopped=True)
UPSTREAM_FAILED = Outcome("UPSTREAM_FAILED", "SKIPPED", "An upstream task failed.", "SKIPPED")
UPSTREAM_CANCELED = Outcome("UPSTREAM_CANCELED", "SKIPPED", "An upstream task was cancelled.", "SKIPPED")
EXCLUDED = Outcome("EXCLUDED", "SKIPPED", "The run_if condition or the chosen branch excluded it.", "SKIPPED")
DISABLED = Outcome("DISABLED", "DISABLED", "The task is disabled.", "SKIPPED")
TOO_MANY_RUNS = Outcome(
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "MAX_CONCURRENT_RUNS_EXCEEDED",
    "Skipping this run because the limit of maximum concurrent runs has been reached.",
    "SKIPPED",
)
_KNOWN = {
    outcome.result: outcome
    for outcome in (
        *(SUCCESS, FAILED, CANCELED, TIMED_OUT, UPSTREAM_FAILED),
        *(UPSTREAM_CANCELED, EXCLUDED, DISABLED, TOO_MANY_RUNS),
    )
}


def platform_failure(code: str, message: str) -> Outcome:
    """Return a failure that is not the code's own: the task ends INTERNAL_ERROR/FAILED."""
    return Outcome("FAILED", code, message, "INTERNAL_ERROR")


def notebook_missing(path: str, user: str) -> Outcome:
    """Return the outcome for a missing notebook; the text is the recorded one, the user included."""
    return platform_failure(
        "RESOURCE_NOT_FOUND",
        f'Unable to access the notebook "{path}" in the workspace. Either it does not exist, or the identity'
        f" used to run this job, {user}, lacks the required permissions.",
    )


def file_missing(what: str, path: str, why: str) -> Outcome:
    """Return the outcome for a python, SQL or wheel file (`what`) that is missing, or is a notebook."""
    return platform_failure("RESOURCE_NOT_FOUND", f"Cannot read the {what} file {path}. {why}")


def make_simulated(
    result: str, code: str | None, message: str | None, raw: Mapping[str, Any] | None
) -> Outcome:
    """Return the outcome of a simulated task: `result` as the API spells it, the rest as recorded unless
    given."""
    base = _KNOWN.get(result, Outcome(result, result))
    if result == "FAILED" and code not in (None, base.code):
        base = platform_failure(str(code), f"Run failed with {code}.")
    text = base.message if message is None else message
    return Outcome(result, code or base.code, text, base.life_cycle, base.stopped, raw)


@dataclass(frozen=True)
class TaskOutcome:
    """What the run's outcome is made of: the last attempt of a task and whether anything depends on it."""

    task_key: str
    outcome: Outcome
    leaf: bool


def combine_outcomes(tasks: Sequence[TaskOutcome]) -> Outcome:
    """Return the run's outcome from its tasks', all of them ended, in the order they were given.

    The leaves decide; a failure inside with good leaves is SUCCESS_WITH_FAILURES. A run whose code
    failed ends INTERNAL_ERROR/FAILED although its task is TERMINATED/FAILED. Where all tasks were
    skipped, cancelled, ... alike, so was the run.
    """
    common = tasks[0].outcome
    if common.result not in ("FAILED", "SUCCESS") and all(task.outcome == common for task in tasks):
        return common
    leaves = {task.outcome.result for task in tasks if task.leaf}
    failed = [task for task in tasks if task.outcome.result in ("FAILED", "TIMEDOUT")]
    if leaves & UNSUCCESSFUL:
        return _combine_failed(
            failed or [task for task in tasks if task.outcome.result in UNSUCCESSFUL], tasks
        )
    if leaves & CANCELLED:
        return CANCELED
    if failed:
        message = f"Task {failed[0].task_key} failed, but every task at the end succeeded."
        return Outcome("SUCCESS_WITH_FAILURES", "SUCCESS_WITH_FAILURES", message)
    return Outcome("SUCCESS", "SUCCESS", raw=tasks[0].outcome.raw if len(tasks) == 1 else None)


def _combine_failed(failed: Sequence[TaskOutcome], tasks: Sequence[TaskOutcome]) -> Outcome:
    first = failed[0]
    message = f"Task {first.task_key} failed with message: {first.outcome.message.rstrip('.')}."
    if any(task.outcome.result == "UPSTREAM_FAILED" for task in tasks):
        message += " This caused all downstream tasks to get skipped."
    code = first.outcome.code if first.outcome.result == "FAILED" else "RUN_EXECUTION_ERROR"
    raw = first.outcome.raw if len(tasks) == 1 else None
    return Outcome("FAILED", code, message, "INTERNAL_ERROR", raw=raw)
