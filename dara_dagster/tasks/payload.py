"""A task of the Jobs API as the user writes it; parameters go where its type takes them by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.config.kinds import ON_WAREHOUSE
from dara_dagster.config.plan import TaskPlan
from dara_dagster.errors import RunError
from dara_dagster.tasks.compute import put_on_compute
from dara_dagster.tasks.kind import Body, Kind, arguments

# Where each type takes named parameters.
_NAMED_PARAMETERS: Mapping[str, str] = {
    "notebook_task": "base_parameters",
    "python_wheel_task": "named_parameters",
    "sql_task": "parameters",
    "run_job_task": "job_parameters",
}


class Payload(Kind):
    """Any task of the Jobs API."""

    def body(
        self, task: TaskPlan, parameters: Mapping[str, str], *, remote_file: str | None, needed_id: Any
    ) -> Body:
        written = task.entry.task or {}
        payload_type = _type(task.name, written)
        named = {name: str(value) for name, value in parameters.items()}
        payload = _with_parameters(payload_type, dict(written[payload_type] or {}), named)
        on_warehouse = task.compute is not None and task.compute.kind == "warehouse"
        if on_warehouse and payload_type in ON_WAREHOUSE:
            payload.setdefault("warehouse_id", needed_id)
        # What stands beside the payload proper: environment_key, libraries, health and the like.
        body = {key: value for key, value in written.items() if not key.endswith("_task")}
        body |= {"task_key": task.key, payload_type: payload}
        if task.entry.description:
            body.setdefault("description", task.entry.description)
        environments = list(body.pop("environments", ()))
        environments += put_on_compute(body, payload_type, task, task.libraries, needed_id)
        return body, environments


def _type(name: str, payload: Mapping[str, Any]) -> str:
    types = [key for key in payload if key.endswith("_task")]
    if len(types) != 1:
        found = ", ".join(types) or "none"
        raise RunError(f"Task {name}: its payload needs exactly one key ending in _task; found {found}")
    return types[0]


def _with_parameters(payload_type: str, payload: dict[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    if not named or (payload_type == "python_wheel_task" and payload.get("parameters")):
        return payload  # a wheel takes a list or names, never both (SDK jobs.PythonWheelTask)
    if place := _NAMED_PARAMETERS.get(payload_type):
        return {**payload, place: {**(payload.get(place) or {}), **named}}
    if payload_type == "spark_python_task":
        return {"parameters": arguments(named), **payload}
    return payload
