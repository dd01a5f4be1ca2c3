"""Checks a raw task payload: the keys of the Jobs API's submit task that a user may write.

The fields are those of `jobs.SubmitTask` in the installed databricks-sdk, which would drop an unknown one
silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dara_dagster.config.sdk_fields import fields_of, unknown_key_hint
from dara_dagster.config.suggestions import Suggestions

# Fields of the payload that the entry itself says.
_IN_THE_ENTRY = {
    "task_key": "name",
    "depends_on": "dependent_on",
    "run_if": "run_if",
    "timeout_seconds": "timeout_seconds",
    "max_retries": "max_retries",
    "min_retry_interval_millis": "retry_delay_seconds",
    "libraries": "libraries",
    "description": "description",
}
# What the SDK requires and an entry says otherwise: a warehouse by its name.
_FILLED_IN = frozenset(("warehouse_id",))

_FIELDS = fields_of("jobs", "SubmitTask")
# Kind of task -> the fields it cannot do without.
KINDS: Mapping[str, tuple[str, ...]] = {
    name: tuple(
        key
        for key, inner in fields_of("jobs", field.kind).items()
        if inner.required and key not in _FILLED_IN
    )
    for name, field in sorted(_FIELDS.items())
    if name.endswith("_task")
}
BESIDE = tuple(sorted(_FIELDS.keys() - KINDS.keys() - _IN_THE_ENTRY.keys()))
# What goes beside the task in the request of its run: the environments that environment_key may name.
ENVIRONMENTS = "environments"

_KNOWN = (*KINDS, *BESIDE, ENVIRONMENTS)
_CLUSTERS = ("existing_cluster_id", "new_cluster")
_Fault = tuple[tuple[str, ...], str, str]


def payload_schema() -> dict[str, Any]:
    """Return the JSON Schema of a payload: the kinds of tasks with their required keys, and what goes
    beside."""
    kinds = {kind: {"type": "object", "required": list(keys)} for kind, keys in KINDS.items()}
    beside: dict[str, Any] = {key: {} for key in (*BESIDE, ENVIRONMENTS)}
    return {"type": "object", "properties": kinds | beside, "additionalProperties": False}


def payload_faults(payload: Mapping[str, Any]) -> Iterator[_Fault]:
    """Yield path within the payload, what is wrong, what to do; for every fault."""
    kinds = [key for key in payload if key in KINDS]
    misspelt = any(key not in _KNOWN and Suggestions(_KNOWN).nearest(key) in KINDS for key in payload)
    for key in payload:
        if key in _IN_THE_ENTRY:
            yield (key,), f"{key} does not stand in task", f"Write {_IN_THE_ENTRY[key]} in the entry itself."
        elif key not in _KNOWN:
            hint = Suggestions(_KNOWN).hint(key, "keys", beside=payload)
            yield (key,), f"unknown key '{key}'", unknown_key_hint(hint)
    if len(kinds) != 1 and not (misspelt and not kinds):
        message = f"a task is of one kind, this is of {len(kinds)}"
        yield (
            (),
            message,
            "Write one of notebook_task, pipeline_task, run_job_task, dbt_task, python_wheel_task, ...",
        )
    for kind in kinds:
        yield from _kind_faults(kind, payload[kind])
    if all(payload.get(key) is not None for key in _CLUSTERS):
        yield ("new_cluster",), "both existing_cluster_id and new_cluster", "Remove one of the two."
    yield from _environment_faults(payload)


def kind_of_task(payload: Mapping[str, Any]) -> str | None:
    """Return the kind of the task; None when it is not one."""
    kinds = [key for key in payload if key in KINDS]
    return kinds[0] if len(kinds) == 1 else None


def own_cluster(payload: Mapping[str, Any]) -> str | None:
    """Return the key with which the payload itself says on which cluster it runs."""
    return next((key for key in _CLUSTERS if payload.get(key) is not None), None)


def _environment_faults(payload: Mapping[str, Any]) -> Iterator[_Fault]:
    """Check the environments: a run has only those that come with it.

    https://docs.databricks.com/api/workspace/jobs/submit
    """
    declared, named = payload.get(ENVIRONMENTS, []), payload.get("environment_key")
    if not isinstance(declared, list) or not all(isinstance(each, dict) for each in declared):
        yield (
            (ENVIRONMENTS,),
            "should be a list of objects",
            'Write [{"environment_key": ..., "spec": {...}}].',
        )
    elif named is not None and named not in [each.get("environment_key") for each in declared]:
        hint = f'Add "{ENVIRONMENTS}": [{{"environment_key": "{named}", "spec": {{...}}}}] beside it.'
        yield ("environment_key",), f"there is no environment '{named}'", hint


def _kind_faults(kind: str, value: Any) -> Iterator[_Fault]:
    if not isinstance(value, dict):
        yield (kind,), "should be an object", "Write { ... }."
        return
    for key in KINDS[kind]:
        if key not in value:
            yield (kind, key), f"{key} is missing", f'Add "{key}".'
