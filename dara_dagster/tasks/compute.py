"""Says in the request of a task where its code runs, and with which libraries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dara_dagster.config.kinds import ON_CLUSTER
from dara_dagster.config.plan import ComputePlan, TaskPlan
from dara_dagster.errors import RunError

_ENVIRONMENT = "default"
_ENVIRONMENT_VERSION = "4"
# Settings of a named cluster that a fresh cluster of a run does not take: it has no name, and ends by itself.
_NOT_FOR_JOB_CLUSTERS = frozenset(("cluster_name", "autotermination_minutes"))
# Serverless tasks of these types are refused without an environment.
_NEEDS_ENVIRONMENT = frozenset(("spark_python_task", "python_wheel_task", "dbt_task", "spark_jar_task"))


def put_on_compute(
    body: dict[str, Any],
    payload_type: str,
    task: TaskPlan,
    libraries: Sequence[Mapping[str, Any]],
    compute_id: str | None,
) -> list[dict[str, Any]]:
    """Say in `body` where the task's code runs, with which libraries; return the environments this needs.

    Raises RunError for a library that its compute cannot install.
    """
    if payload_type not in ON_CLUSTER:
        return []
    needed = [*libraries, *body.pop("libraries", ())]
    if task.compute is not None and task.compute.kind == "cluster":
        body |= _cluster(task.compute, job_cluster=task.on_job_cluster, cluster_id=compute_id)
    if "existing_cluster_id" in body or "new_cluster" in body:
        if needed:
            body["libraries"] = [dict(library) for library in needed]
        return []
    if payload_type == "notebook_task" and "warehouse_id" in body[payload_type]:
        return []
    body["disable_auto_optimization"] = True  # serverless retries by itself otherwise, even at 0 retries
    if "environment_key" in body or not (needed or payload_type in _NEEDS_ENVIRONMENT):
        return []
    body["environment_key"] = _ENVIRONMENT
    return [{"environment_key": _ENVIRONMENT, "spec": _environment(task, needed)}]


def _cluster(compute: ComputePlan, *, job_cluster: bool, cluster_id: str | None) -> dict[str, Any]:
    if not job_cluster:
        return {"existing_cluster_id": cluster_id}
    settings = compute.settings.items()
    return {"new_cluster": {key: value for key, value in settings if key not in _NOT_FOR_JOB_CLUSTERS}}


def _environment(task: TaskPlan, libraries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the environment of a serverless task, which takes no `libraries`: requirement lines in their
    place."""
    spec: dict[str, Any] = {"environment_version": _ENVIRONMENT_VERSION}
    for library in libraries:
        for kind, value in library.items():
            place, line = _dependency(task, kind, value)
            spec.setdefault(place, []).append(line)
    return spec


def _dependency(task: TaskPlan, kind: str, value: Any) -> tuple[str, str]:
    if kind == "pypi":
        return "dependencies", str(value["package"])
    if kind == "whl":
        return "dependencies", str(value)
    if kind == "requirements":
        return "dependencies", f"-r {value}"
    if kind == "jar":
        return "java_dependencies", str(value)
    message = f"Task {task.name}: a {kind} library cannot be installed on serverless compute"
    raise RunError(f"{message}. Give the task a compute_name, or use pypi, whl, requirements or jar.")
