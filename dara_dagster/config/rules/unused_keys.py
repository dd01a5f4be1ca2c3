"""Finds the keys of a task with which nothing would be done: what they ask for would silently not happen.

Which kinds of tasks have a use for a key is declared with the key, in `config/models.py` (`OnlyFor`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dara_dagster.config.kinds import kinds_of
from dara_dagster.config.models import Entry, use_of
from dara_dagster.config.rules.payload import kind_of_task, own_cluster
from dara_dagster.config.spec import Task
from dara_dagster.errors import Problem

# With no task before it a task runs, which is what the other rules say too.
_ASKS_FOR_ONE = ("AT_LEAST_ONE_SUCCESS", "AT_LEAST_ONE_FAILED", "ALL_FAILED")
# Libraries that serverless compute does not install.
_NOT_SERVERLESS = ("egg", "maven", "cran")


def without_effect(task: Task) -> Iterator[Problem]:
    """Yield a problem for every key of the task (or executor) that has no effect beside its others."""
    entry = task.entry
    if entry.run_if in _ASKS_FOR_ONE and not (entry.dependent_on or task.says("dependent_on")):
        message = f"{entry.run_if} has no effect on a task that depends on none"
        yield task.problem("run_if", message, "Add dependent_on, or remove run_if.")
    if entry.task is not None:
        yield from _beside_payload(task, entry.task)
    elif entry.format is not None:
        kinds = kinds_of(entry.format)
        unused = _unused(entry, *(name for kind in kinds for name in (kind.name, kind.payload)))
        for key in unused:
            yield task.problem(key, f"{_have(key)} no effect on {entry.format}", f"Remove {key}.")
        if "libraries" not in unused and not task.says("compute_name"):
            yield from _serverless(task)


def _unused(entry: Entry, *kinds: str) -> list[str]:
    """Return the keys that say something and are of no use to a task that may be of these kinds."""
    fields = type(entry).model_fields
    uses = ((key, use_of(type(entry), key)) for key in fields)
    limited = [key for key, use in uses if use is not None and use.isdisjoint(kinds)]
    return [key for key in limited if getattr(entry, key) != fields[key].default]


def _have(key: str) -> str:
    return f"{key} {'have' if key.endswith('s') else 'has'}"


def _beside_payload(task: Task, payload: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each key that has no effect beside the raw payload of a task."""
    entry, kind = task.entry, kind_of_task(payload)
    if entry.name is not None and entry.file_name is not None:
        message = "file_name has no effect on a task that has a name and runs no file"
        yield task.problem("file_name", message, "Remove file_name.")
    if kind is None or not isinstance(payload[kind], dict):
        return
    unused = _unused(entry, kind)
    for key in unused:
        hint = f"Remove {key}, or write in {kind} what it should do."
        yield task.problem(key, f"{_have(key)} no effect on a {kind}", hint)
    yield from _written_twice(task, payload, kind, unused)
    if "libraries" in unused or not entry.libraries:
        return
    on_warehouse = entry.warehouse_name is not None or "warehouse_id" in payload[kind]
    if own_cluster(payload) is None and not task.says("compute_name"):
        if kind == "notebook_task" and on_warehouse:
            yield task.problem("libraries", "libraries have no effect on a warehouse", "Remove them.")
        elif "environment_key" in payload:
            message = "libraries have no effect beside environment_key in task"
            yield task.problem("libraries", message, "Put them into the dependencies of that environment.")
        else:
            yield from _serverless(task)


def _written_twice(task: Task, payload: Mapping[str, Any], kind: str, unused: list[str]) -> Iterator[Problem]:
    """Yield a problem for each key that says what the payload says too: only one of the two has an effect."""
    entry, inside, cluster = task.entry, payload[kind], own_cluster(payload)
    again: dict[str, str | None] = {
        "compute_name": f"{cluster} in task" if cluster else None,
        "warehouse_name": f"warehouse_id in {kind}" if "warehouse_id" in inside else None,
        # A list of arguments takes no names beside it (SDK jobs.PythonWheelTask, jobs.SparkPythonTask).
        "parameters": f"parameters in {kind}"
        if kind in ("python_wheel_task", "spark_python_task") and inside.get("parameters")
        else None,
    }
    for key, other in again.items():
        if other and getattr(entry, key) and key not in unused:
            yield task.problem(key, f"both {key} and {other}", "Remove one of the two.")


def _serverless(task: Task) -> Iterator[Problem]:
    for index, library in enumerate(task.entry.libraries):
        for kind in _NOT_SERVERLESS:
            if kind in library.model_fields_set:
                message = f"serverless compute installs no {kind} library"
                hint = "Add compute_name, or use pypi, whl, requirements or jar."
                yield task.problem("libraries", message, hint, index)
