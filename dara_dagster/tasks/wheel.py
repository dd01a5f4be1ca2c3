"""A wheel: a `python_wheel_task` with the local wheel as its library; parameters are its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.kind import FileTask


class Wheel(FileTask):
    """An entry point of a wheel, on a cluster or on serverless compute."""

    payload_type = "python_wheel_task"
    leaves_output = False

    def payload(
        self, task: TaskPlan, path: str | None, parameters: Mapping[str, str], warehouse_id: Any
    ) -> dict[str, Any]:
        package = task.entry.package_name or PurePosixPath(path or "").name.partition("-")[0]
        payload: dict[str, Any] = {"package_name": package, "entry_point": task.entry.entry_point}
        if task.entry.arguments:  # the API takes a list or names, never both
            return {**payload, "parameters": list(task.entry.arguments)}
        return {**payload, "named_parameters": dict(parameters)} if parameters else payload

    def libraries(self, task: TaskPlan, path: str | None) -> Sequence[Mapping[str, Any]]:
        return ({"whl": path}, *task.libraries)
