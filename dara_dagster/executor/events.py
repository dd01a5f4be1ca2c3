"""Writes our own structured events into a run's event log, and reads them back with the life of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from dagster import (
    AssetExecutionContext,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    MetadataValue,
    OpExecutionContext,
)
from dagster._core.events import EngineEventData, JobFailureData, RunFailureReason
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.plan.objects import ErrorSource, StepFailureData, StepRetryData
from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "Event",
    "Recorded",
    "RunChange",
    "StepChange",
    "StepOutput",
    "StepWord",
    "Value",
    "read",
    "record",
    "retries_enabled",
    "step_key",
]

Value = str | int | float
StepWord = Literal["start", "restart", "success", "failure", "retry", "skipped"]

# The metadata entry that marks an engine event as ours and carries its kind.
_KIND = "dara_event"


@dataclass(frozen=True)
class Recorded:
    """One of our own events, as given to `record`; `time` is in seconds since the epoch."""

    time: float
    step_key: str | None
    kind: str
    message: str
    data: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class StepChange:
    """A step started, ended, or is to be tried again.

    `error` is what a person should read first, `trace` everything Dagster kept; both are empty unless
    the word is `failure` or `retry`. `wait_seconds` is the delay of a `retry`, `seconds` the duration of
    a `success`. A step that never ran because of a failure above has no event: Dagster writes none.
    """

    time: float
    step_key: str
    word: StepWord
    error: str = ""
    trace: str = ""
    wait_seconds: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class RunChange:
    """The run as a whole changed; `state` is Dagster's word for it (`STARTED`, `CANCELING`, ...).

    `error` is why it failed when that was no failure of its steps: what the executor raised, or the words
    of whoever marked the run as failed.
    """

    time: float
    state: str
    message: str = ""
    error: str = ""


@dataclass(frozen=True)
class StepOutput:
    """A step wrote its output `name`, or failed (`name` is empty then); `metadata` as plain values."""

    time: float
    step_key: str
    name: str
    metadata: Mapping[str, Any]


Event = Recorded | StepChange | RunChange | StepOutput

_STEP_WORDS: Mapping[DagsterEventType, StepWord] = {
    DagsterEventType.STEP_START: "start",
    DagsterEventType.STEP_RESTARTED: "restart",
    DagsterEventType.STEP_SUCCESS: "success",
    DagsterEventType.STEP_FAILURE: "failure",
    DagsterEventType.STEP_UP_FOR_RETRY: "retry",
    DagsterEventType.STEP_SKIPPED: "skipped",
}
_RUN_STATES: Mapping[DagsterEventType, str] = {
    DagsterEventType.RUN_ENQUEUED: "QUEUED",
    DagsterEventType.RUN_STARTING: "STARTING",
    DagsterEventType.RUN_START: "STARTED",
    DagsterEventType.RUN_CANCELING: "CANCELING",
    DagsterEventType.RUN_CANCELED: "CANCELED",
    DagsterEventType.RUN_SUCCESS: "SUCCESS",
    DagsterEventType.RUN_FAILURE: "FAILURE",
}
_READ_TYPES = {DagsterEventType.ENGINE_EVENT, *_STEP_WORDS, *_RUN_STATES}


def step_key(context: OpExecutionContext | AssetExecutionContext) -> str:
    """Return the key of the step that `context` runs; of a dynamic one with its mapping: `fetch[2024_01]`."""
    return context.get_step_execution_context().step.key


def retries_enabled(context: OpExecutionContext | AssetExecutionContext) -> bool:
    """Return whether the executor starts a step again that asks for it, or `retries` turns that off."""
    return not context.get_step_execution_context().retry_mode.disabled


def record(
    source: DagsterInstance | OpExecutionContext | AssetExecutionContext,
    run_id: str,
    step_key: str | None,
    kind: str,
    message: str,
    data: Mapping[str, Value],
) -> None:
    """Write one event of ours to the event log of the run `run_id`, before returning.

    `source` is the context of the running op or asset, or an instance when there is none (that costs one
    more query). Once this returns, other processes see the event and the death of this one cannot lose
    it, so it serves as a write-ahead record. Dagster's UI shows it as an engine event with `message` and
    `data` (web addresses as links). Raises `KeyError` for an unknown run given with an instance, and
    whatever the storage raises; nothing is swallowed.
    """
    instance, job_name = _place(source, run_id)
    metadata: dict[str, MetadataValue[Any]] = {name: _as_metadata(value) for name, value in data.items()}
    event = DagsterEvent(
        event_type_value=DagsterEventType.ENGINE_EVENT.value,
        job_name=job_name,
        step_key=step_key,
        message=message,
        event_specific_data=EngineEventData(metadata={_KIND: MetadataValue.text(kind), **metadata}),
    )
    instance.report_dagster_event(event, run_id=run_id)


def read(
    instance: DagsterInstance, run_id: str, cursor: str | None = None, *, outputs: bool = False
) -> tuple[tuple[Event, ...], str | None]:
    """Return the events of the run `run_id` after `cursor`, in the order stored, and the next cursor.

    Without a cursor it reads from the start of the run. Log lines, inputs and (unless asked for) outputs
    are left out by the database and other engine events here, so a poll that finds nothing new is one
    small query. A run that does not exist reads as empty.
    """
    types = {*_READ_TYPES, DagsterEventType.STEP_OUTPUT} if outputs else _READ_TYPES
    found = instance.get_records_for_run(run_id, cursor=cursor, of_type=types)
    entries = (stored.event_log_entry for stored in found.records)
    return tuple(event for entry in entries for event in _translate(entry, outputs)), found.cursor


def _place(
    source: DagsterInstance | OpExecutionContext | AssetExecutionContext, run_id: str
) -> tuple[DagsterInstance, str]:
    if not isinstance(source, DagsterInstance):
        return source.instance, source.job_name
    run = source.get_run_by_id(run_id)
    if run is None:
        raise KeyError(f"no Dagster run {run_id!r} in this instance")
    return source, run.job_name


def _as_metadata(value: Value) -> MetadataValue[Any]:
    if isinstance(value, str):
        is_link = value.startswith(("http://", "https://"))
        return MetadataValue.url(value) if is_link else MetadataValue.text(value)
    return MetadataValue.float(value) if isinstance(value, float) else MetadataValue.int(int(value))


def _translate(entry: EventLogEntry, outputs: bool) -> Iterator[Event]:
    event = entry.get_dagster_event()
    kind = event.event_type
    if kind is DagsterEventType.STEP_OUTPUT:
        yield _step_output(entry.timestamp, event, event.step_output_data.output_name)
    elif kind in _STEP_WORDS:
        if outputs and kind is DagsterEventType.STEP_FAILURE:
            yield _step_output(entry.timestamp, event, "")
        yield _step_change(entry.timestamp, event, _STEP_WORDS[kind])
    elif kind in _RUN_STATES:
        error = _run_error(event) if kind is DagsterEventType.RUN_FAILURE else ""
        yield RunChange(entry.timestamp, _RUN_STATES[kind], event.message or "", error)
    elif _KIND in (data := event.engine_event_data).metadata:
        values = {name: cast(Value, item.value) for name, item in data.metadata.items()}
        yield Recorded(entry.timestamp, event.step_key, str(values.pop(_KIND)), event.message or "", values)


def _step_output(time: float, event: DagsterEvent, name: str) -> StepOutput:
    data = event.event_specific_data
    failure = data.user_failure_data if isinstance(data, StepFailureData) else None
    metadata = failure.metadata if failure else event.step_output_data.metadata if name else {}
    values = {label: value.value for label, value in metadata.items()}
    return StepOutput(time, event.step_key or "", name, values)


def _run_error(event: DagsterEvent) -> str:
    """Why the run failed, "" where its steps tell."""
    data = event.event_specific_data
    if not isinstance(data, JobFailureData):  # marked as failed from outside
        return event.message or ""
    if data.failure_reason is RunFailureReason.STEP_FAILURE or data.first_step_failure_event is not None:
        return ""
    return _headline(data.error, wrapped=False) or event.message or ""


def _step_change(time: float, event: DagsterEvent, word: StepWord) -> StepChange:
    data = event.event_specific_data
    key = event.step_key or ""
    if isinstance(data, StepFailureData):
        described = data.user_failure_data.description if data.user_failure_data else None
        error = described or _headline(data.error, wrapped=data.error_source is ErrorSource.USER_CODE_ERROR)
        return StepChange(time, key, word, error=error, trace=data.error_display_string)
    if isinstance(data, StepRetryData):
        wait = float(data.seconds_to_wait or 0.0)
        error = _headline(data.error, wrapped=True)
        return StepChange(time, key, word, error=error, trace=data.error.to_string(), wait_seconds=wait)
    if word == "success":
        return StepChange(time, key, word, seconds=event.step_success_data.duration_ms / 1000)
    return StepChange(time, key, word)


def _headline(error: SerializableErrorInfo | None, *, wrapped: bool) -> str:
    """Return the message of the user's own error, which Dagster wraps once.

    The name of its class is kept, without its module, but for `Failure`.
    """
    if error is None:
        return ""
    inner = error.cause if wrapped and error.cause is not None else error
    message = inner.message.strip()
    name, _, text = message.partition(": ")
    if inner.cls_name == "Failure":
        return text
    return f"{inner.cls_name}: {text}" if inner.cls_name and name.endswith(f".{inner.cls_name}") else message
