"""Turns what the Jobs API says about a run, in any words, into one Outcome: a pure and total table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Literal

Verdict = Literal[
    "running",
    "success",
    "partial",
    "skipped",
    "excluded",
    "upstream",
    "cancelled",
    "timed_out",
    "failed",
]
Retry = Literal["never", "now", "backoff"]
Choice = Literal["succeed", "fail"]

_ACTIVE = frozenset(("QUEUED", "PENDING", "BLOCKED", "RUNNING", "TERMINATING"))
_ENDED_LIFE_CYCLES = frozenset(("TERMINATED", "SKIPPED", "INTERNAL_ERROR"))
LIFE_CYCLES = _ACTIVE | _ENDED_LIFE_CYCLES | {"WAITING_FOR_RETRY"}
STATES = _ACTIVE | {"WAITING", "TERMINATED"}

# `state.result_state` (SDK jobs.RunResultState). TIMED_OUT is how pages and the UI sometimes write it.
_BY_RESULT: Mapping[str, Verdict] = {
    "SUCCESS": "success",
    "SUCCESS_WITH_FAILURES": "partial",
    "FAILED": "failed",
    "TIMEDOUT": "timed_out",
    "TIMED_OUT": "timed_out",
    "CANCELED": "cancelled",
    "MAXIMUM_CONCURRENT_RUNS_REACHED": "skipped",
    "DISABLED": "skipped",
    "EXCLUDED": "excluded",
    "UPSTREAM_FAILED": "upstream",
    "UPSTREAM_CANCELED": "upstream",
}

# `status.termination_details.code` (SDK jobs.TerminationCodeCode): verdict, and whether another try may help.
# What a person has to change first is never retried; what the platform did is, after a while; code that
# raised is as the task's own `max_retries` has it.
_BY_CODE: Mapping[str, tuple[Verdict, Retry]] = {
    "SUCCESS": ("success", "never"),
    "SUCCESS_WITH_FAILURES": ("partial", "never"),
    "USER_CANCELED": ("cancelled", "never"),
    "CANCELED": ("cancelled", "never"),
    "SKIPPED": ("skipped", "never"),
    "DISABLED": ("skipped", "never"),
    "MAX_CONCURRENT_RUNS_EXCEEDED": ("skipped", "backoff"),
    "RUN_EXECUTION_ERROR": ("failed", "now"),
    "INTERNAL_ERROR": ("failed", "backoff"),
    "DRIVER_ERROR": ("failed", "backoff"),
    "CLUSTER_ERROR": ("failed", "backoff"),
    "CLOUD_FAILURE": ("failed", "backoff"),
    "STORAGE_ACCESS_ERROR": ("failed", "backoff"),
    "REPOSITORY_CHECKOUT_FAILED": ("failed", "backoff"),
    "CLUSTER_REQUEST_LIMIT_EXCEEDED": ("failed", "backoff"),
    "WORKSPACE_RUN_LIMIT_EXCEEDED": ("failed", "backoff"),
    "MAX_SPARK_CONTEXTS_EXCEEDED": ("failed", "backoff"),
    "MAX_JOB_QUEUE_SIZE_EXCEEDED": ("failed", "backoff"),
    "INVALID_CLUSTER_REQUEST": ("failed", "never"),
    "INVALID_RUN_CONFIGURATION": ("failed", "never"),
    "CLUSTER_TERMINATED_BY_USER": ("failed", "never"),
    "LIBRARY_INSTALLATION_ERROR": ("failed", "never"),
    "RESOURCE_NOT_FOUND": ("failed", "never"),
    "UNAUTHORIZED_ERROR": ("failed", "never"),
    "FEATURE_DISABLED": ("failed", "never"),
    "BUDGET_POLICY_LIMIT_EXCEEDED": ("failed", "never"),
    "BREAKING_CHANGE": ("failed", "never"),
}

# `status.termination_details.type`, asked only when the code says nothing we know.
_RETRY_BY_TYPE: Mapping[str, Retry] = {"INTERNAL_ERROR": "backoff", "CLOUD_FAILURE": "backoff"}
_TYPES_OF_FAILURE = frozenset(("CLIENT_ERROR", "INTERNAL_ERROR", "CLOUD_FAILURE"))


@dataclass(frozen=True)
class Outcome:
    """How a run stands: `code` is the service's most telling word, `retry` the default by that word."""

    verdict: Verdict
    code: str
    message: str
    retry: Retry

    @property
    def ended(self) -> bool:
        """Return whether the run has reached a state it will not leave."""
        return self.verdict != "running"


@dataclass(frozen=True)
class RawState:
    """The words of one run (or task) object as the service wrote them; "" where it wrote none."""

    life_cycle: str
    state: str
    result: str
    code: str
    kind: str
    message: str

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return words about the run's progress that no table here has; they count as "still running"."""
        strange = (self.life_cycle not in LIFE_CYCLES, self.state not in STATES)
        words = (self.life_cycle, self.state)
        return tuple(word for word, odd in zip(words, strange, strict=True) if word and odd)


def read_raw_state(run: object) -> RawState:
    """Return the state words of `run`: an SDK object, a parsed answer, or anything else (then all are "")."""
    state, status = _get(run, "state"), _get(run, "status")
    details = _get(status, "termination_details")
    return RawState(
        life_cycle=_word(_get(state, "life_cycle_state")),
        state=_word(_get(status, "state")),
        result=_word(_get(state, "result_state")),
        code=_word(_get(details, "code")),
        kind=_word(_get(details, "type")),
        message=_text(_get(state, "state_message")) or _text(_get(details, "message")),
    )


def read_outcome(run: object) -> Outcome:
    """Return the outcome of a run or task object. Never raises.

    TERMINATED, SKIPPED and INTERNAL_ERROR end a run, everything else (TERMINATING, unknown words, nothing)
    is still running; an ended run is a success only if each word that speaks of its result says so
    (reference: SDK jobs.RunLifeCycleState, jobs.RunResultState, jobs.TerminationCodeCode).
    """
    words = read_raw_state(run)
    if not _has_ended(words):
        return Outcome("running", words.life_cycle or words.state, words.message, "never")
    verdict = _verdict(words)
    code = _code(words, verdict)
    return Outcome(verdict, code, words.message, _retry(words, verdict))


def retry_class(outcome: Outcome, overrides: Mapping[str, Retry]) -> Retry:
    """Return how to retry after `outcome`: `overrides` maps a code, verdict or glob of them to a class.

    The exact code goes first, then the first glob in the map's order that fits the code or the verdict.
    """
    if outcome.verdict in ("running", "success"):
        return "never"
    if outcome.code in overrides:
        return overrides[outcome.code]
    for pattern, choice in overrides.items():
        if fnmatchcase(outcome.code, pattern) or fnmatchcase(outcome.verdict.upper(), pattern):
            return choice
    return outcome.retry


def is_accepted(outcome: Outcome, *, on_partial: Choice = "succeed", on_skipped: Choice = "fail") -> bool:
    """Return whether the task counts as done well, given its policy for the two cases that are a choice."""
    if outcome.verdict == "partial":
        return on_partial == "succeed"
    if outcome.verdict in ("skipped", "excluded"):
        return on_skipped == "succeed"
    return outcome.verdict == "success"


def _has_ended(words: RawState) -> bool:
    return words.life_cycle in _ENDED_LIFE_CYCLES or words.state == "TERMINATED"


def _verdict(words: RawState) -> Verdict:
    by_result = _BY_RESULT.get(words.result)
    by_code = _BY_CODE[words.code][0] if words.code in _BY_CODE else None
    if by_result not in (None, "success"):
        return by_result
    if by_code not in (None, "success"):
        return by_code
    if words.life_cycle == "SKIPPED":
        return "skipped"
    is_success = "success" in (by_result, by_code) and words.life_cycle != "INTERNAL_ERROR"
    unknown_word = by_code is None and words.kind in _TYPES_OF_FAILURE
    unread_result = by_result is None and words.result != ""
    return "success" if is_success and not unknown_word and not unread_result else "failed"


def _code(words: RawState, verdict: Verdict) -> str:
    """Return the termination code, unless the result is the more telling word (a timeout's code is
    CANCELED)."""
    if verdict in ("timed_out", "upstream", "excluded") or words.code in ("", "SUCCESS"):
        return (
            words.result
            if words.result not in ("", "SUCCESS")
            else words.code or words.life_cycle or "UNKNOWN"
        )
    return words.code


def _retry(words: RawState, verdict: Verdict) -> Retry:
    if verdict == "timed_out":
        return "now"
    if verdict in ("failed", "skipped") and words.code in _BY_CODE:
        return _BY_CODE[words.code][1] if _BY_CODE[words.code][0] == verdict else "never"
    return _RETRY_BY_TYPE.get(words.kind, "now") if verdict == "failed" else "never"


def _get(thing: Any, name: str) -> Any:
    try:
        return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    except Exception:
        return None  # a property that raises says nothing


def _word(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    return value.strip().upper() if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
