"""The keys of a task with which nothing would be done: what was meant by them would silently not happen.

What is done with each key is decided in tasks/payloads.py and tasks/default_tables.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dara_dagster.config.rules.payload import kind_of_task, own_cluster
from dara_dagster.config.spec import Task
from dara_dagster.errors import Problem

# The kinds of tasks on which a key has an effect.
_ON_CLUSTER = frozenset(
    {
        *("dbt_task", "notebook_task", "python_wheel_task"),
        *("spark_jar_task", "spark_python_task", "spark_submit_task"),
    }
)
# Kinds of tasks that take parameters by name, or as arguments.
TAKES_PARAMETERS = frozenset(
    {"notebook_task", "python_wheel_task", "run_job_task", "spark_python_task", "sql_task"}
)
_KINDS: Mapping[str, frozenset[str]] = {
    "compute_name": _ON_CLUSTER,
    "libraries": _ON_CLUSTER,
    "warehouse_name": frozenset({"dbt_task", "notebook_task", "sql_task"}),
    "parameters": TAKES_PARAMETERS,
}
# With no task before it a task runs, which is what the other rules say too.
_ASKS_FOR_ONE = ("AT_LEAST_ONE_SUCCESS", "AT_LEAST_ONE_FAILED", "ALL_FAILED")
# Libraries that serverless compute does not install.
_NOT_SERVERLESS = ("egg", "maven", "cran")


def without_effect(task: Task) -> Iterator[Problem]:
    """A problem for every key of the task (or executor) that has no effect beside its others."""
    entry = task.entry
    if entry.run_if in _ASKS_FOR_ONE and not (entry.dependent_on or task.says("dependent_on")):
        message = f"{entry.run_if} has no effect on a task that depends on none"
        yield task.problem("run_if", message, "Add dependent_on, or remove run_if.")
    if entry.task is not None:
        yield from _raw(task, entry.task)
    elif entry.format == "sql":
        if entry.libraries:
            yield task.problem("libraries", "libraries have no effect on sql", "Remove them.")
        if entry.cluster == "job":
            yield task.problem("cluster", "sql runs on a warehouse, not on a job cluster", "Remove cluster.")
    elif entry.format is not None and not task.says("compute_name"):
        yield from _serverless(task)


def _raw(task: Task, payload: Mapping[str, Any]) -> Iterator[Problem]:
    """What has no effect beside the raw payload of a task."""
    entry, kind = task.entry, kind_of_task(payload)
    if entry.name is not None and entry.file_name is not None:
        message = "file_name has no effect on a task that has a name and runs no file"
        yield task.problem("file_name", message, "Remove file_name.")
    if kind is None or not isinstance(payload[kind], dict):
        return
    idle = [key for key, kinds in _KINDS.items() if getattr(entry, key) and kind not in kinds]
    for key in idle:
        message = f"{key} {'have' if key.endswith('s') else 'has'} no effect on a {kind}"
        yield task.problem(key, message, f"Remove {key}, or write in {kind} what it should do.")
    yield from _said_twice(task, payload, kind, idle)
    if "libraries" in idle or not entry.libraries:
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


def _said_twice(task: Task, payload: Mapping[str, Any], kind: str, idle: list[str]) -> Iterator[Problem]:
    """Keys that say what the payload says too: only one of the two can have an effect."""
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
        if other and getattr(entry, key) and key not in idle:
            yield task.problem(key, f"both {key} and {other}", "Remove one of the two.")


def _serverless(task: Task) -> Iterator[Problem]:
    for index, library in enumerate(task.entry.libraries):
        for kind in _NOT_SERVERLESS:
            if kind in library.model_fields_set:
                message = f"serverless compute installs no {kind} library"
                hint = "Add compute_name, or use pypi, whl, requirements or jar."
                yield task.problem("libraries", message, hint, index)
