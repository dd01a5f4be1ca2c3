"""Reads what a run left in the event log, in a form that can be compared between executors."""

from collections import defaultdict
from collections.abc import Mapping

from dagster import DagsterInstance

# How the work was spread over processes, which is what executors differ in.
_OF_THE_EXECUTOR = {
    "ENGINE_EVENT",
    "LOGS_CAPTURED",
    "STEP_WORKER_STARTING",
    "STEP_WORKER_STARTED",
    "RESOURCE_INIT_STARTED",
    "RESOURCE_INIT_SUCCESS",
}


def events_by_step(instance: DagsterInstance, run_id: str) -> Mapping[str, list[str]]:
    """The kinds of events of each step in order; those of the run under the empty key."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for entry in instance.all_logs(run_id):
        if entry.dagster_event and entry.dagster_event.event_type_value not in _OF_THE_EXECUTOR:
            found[entry.dagster_event.step_key or ""].append(entry.dagster_event.event_type_value)
    # The hooks of an op are a set: their order differs from process to process. They come last.
    return {
        key: sorted(kinds, key=lambda kind: kind * kind.startswith("HOOK")) for key, kinds in found.items()
    }


def order_of(instance: DagsterInstance, run_id: str, kind: str) -> list[str]:
    """The steps that have an event of this kind, in the order of those events."""
    events = (entry.dagster_event for entry in instance.all_logs(run_id))
    return [event.step_key or "" for event in events if event and event.event_type_value == kind]


def most_at_once(instance: DagsterInstance, run_id: str) -> int:
    """The largest number of steps that were running at the same time."""
    running = most = 0
    for entry in instance.all_logs(run_id):
        kind = entry.dagster_event.event_type_value if entry.dagster_event else ""
        if kind in ("STEP_START", "STEP_RESTARTED"):
            running += 1
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY"):
            running -= 1
        most = max(most, running)
    return most


def messages_of(instance: DagsterInstance, run_id: str, step_key: str) -> list[str]:
    """What was logged under a step, without Dagster's own events."""
    entries = instance.all_logs(run_id)
    return [entry.user_message for entry in entries if entry.step_key == step_key and not entry.dagster_event]


def _place(kind: str) -> str:
    return kind if kind.startswith("HOOK") else ""
