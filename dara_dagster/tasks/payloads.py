"""Turns a task of the plan into the request that runs it: plain JSON in the Jobs API's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from dara_dagster.config.plan import ComputePlan, TaskPlan
from dara_dagster.errors import RunError

_MARK = re.compile(
    r"dara:(?P<project>[^/]*)/(?P<workflow>[^/]*)/(?P<task>[^/]*) "
    r"\[(?P<run>[^\]@]*)(?:@(?P<instance>[^\]]*))?\]"
)
_LONGEST_NAME = 100  # characters of one part, up to 12 bytes each when escaped; run_name takes 4096 bytes
_ENVIRONMENT = "default"
_ENVIRONMENT_VERSION = "4"

# Settings of a named cluster that a fresh cluster of a run does not take (databricks-api.md 2.7, 3.3).
_NOT_FOR_JOB_CLUSTERS = frozenset(("cluster_name", "autotermination_minutes"))

# Serverless tasks of these kinds are refused without an environment (databricks-api.md 2.1).
_NEEDS_ENVIRONMENT = frozenset(("spark_python_task", "python_wheel_task", "dbt_task", "spark_jar_task"))
_ON_COMPUTE = _NEEDS_ENVIRONMENT | {"notebook_task", "spark_submit_task"}

# Where each kind of raw task takes named parameters.
_NAMED_PARAMETERS: Mapping[str, str] = {
    "notebook_task": "base_parameters",
    "python_wheel_task": "named_parameters",
    "sql_task": "parameters",
    "run_job_task": "job_parameters",
}


@dataclass(frozen=True)
class RunMark:
    """What a run's name tells about where it comes from.

    `instance` is the id of the Dagster history that has the Dagster run, "" in names of earlier versions.
    """

    project: str
    workflow: str
    task: str
    dagster_run_id: str
    instance: str


def run_name(project: str, workflow: str, task: str, dagster_run_id: str, instance: str) -> str:
    """`dara:<project>/<workflow>/<task> [<run id>@<instance>]`, each part with `/` and the like escaped.

    The name is all that a one-time run can carry and a list of runs gives back: it takes no tags.
    https://docs.databricks.com/api/workspace/jobs/submit
    """
    parts = [quote(part[:_LONGEST_NAME], safe=" ") for part in (project, workflow, task)]
    return f"dara:{'/'.join(parts)} [{dagster_run_id}@{instance}]"


def parse_run_name(name: str) -> RunMark | None:
    """The mark in a run's name, None when it is not one of ours."""
    found = _MARK.fullmatch(name)
    if not found:
        return None
    project, workflow, task = (unquote(found[part]) for part in ("project", "workflow", "task"))
    return RunMark(project, workflow, task, found["run"], found["instance"] or "")


def submit_request(
    task: TaskPlan,
    *,
    run_name: str,
    token: str,
    parameters: Mapping[str, str],
    remote_file: str | None,
    compute_id: str | None,
) -> dict[str, Any]:
    """The body of `jobs/runs/submit` for one task, as the API has it (SDK: the arguments of `jobs.submit`).

    `compute_id` is the cluster or warehouse of `task.compute` (None: serverless, or a job cluster).
    Neither Databricks' own retries nor its "auto optimization" are wanted: an attempt is one run.
    """
    body, environments = task_body(task, parameters, remote_file=remote_file, compute_id=compute_id)
    body["max_retries"] = 0
    request: dict[str, Any] = {"run_name": run_name, "idempotency_token": token, "queue": {"enabled": True}}
    if task.entry.timeout_seconds:
        request["timeout_seconds"] = task.entry.timeout_seconds
    if environments:
        request["environments"] = environments
    request["tasks"] = [body]
    return request


def task_body(
    task: TaskPlan, parameters: Mapping[str, str], *, remote_file: str | None, compute_id: str | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The task as the Jobs API has it, and the environments it names; nothing on order, retries and limits.

    `compute_id` as in `submit_request`. Raises RunError for what cannot be run there.
    """
    kind, payload = _payload(task, parameters, remote_file, compute_id)
    body: dict[str, Any] = {**_raw_settings(task), "task_key": task.key, kind: payload}
    if task.entry.description:
        body.setdefault("description", task.entry.description)
    environments = list(body.pop("environments", ()))
    if kind in _ON_COMPUTE:
        environments += _put_on_compute(body, kind, task, compute_id)
    return body, environments


def run_now_request(job_id: int, *, token: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The body of `jobs/run-now` for a saved job."""
    request: dict[str, Any] = {"job_id": job_id, "idempotency_token": token, "queue": {"enabled": True}}
    if parameters:
        request["job_parameters"] = {name: str(value) for name, value in parameters.items()}
    return request


def _payload(
    task: TaskPlan, parameters: Mapping[str, str], remote_file: str | None, compute_id: str | None
) -> tuple[str, dict[str, Any]]:
    """The kind of the task in the API's words, and what stands under it."""
    named = {name: str(value) for name, value in parameters.items()}
    path = remote_file or task.remote_file
    on_warehouse = task.compute is not None and task.compute.kind == "warehouse"
    if task.kind == "notebook":
        payload: dict[str, Any] = {"notebook_path": path, "source": "WORKSPACE", "base_parameters": named}
        return "notebook_task", {**payload, "warehouse_id": compute_id} if on_warehouse else payload
    if task.kind == "script":
        arguments = _arguments(named)
        return "spark_python_task", {"python_file": path, "source": "WORKSPACE", "parameters": arguments}
    if task.kind == "sql":
        file = {"path": path, "source": "WORKSPACE"}
        return "sql_task", {"file": file, "warehouse_id": compute_id, "parameters": named}
    if task.kind == "raw":
        return _raw_payload(task, named, compute_id if on_warehouse else None)
    raise RunError(f"Task {task.name}: a {task.kind} task is no one-time run")


def _raw_payload(
    task: TaskPlan, named: Mapping[str, str], warehouse_id: str | None
) -> tuple[str, dict[str, Any]]:
    """The user's own payload; run parameters are put in where its kind takes parameters by name."""
    kind = _raw_kind(task)
    payload = dict((task.entry.task or {})[kind] or {})
    if kind == "python_wheel_task" and payload.get("parameters"):
        pass  # it takes a list or names, never both (SDK jobs.PythonWheelTask)
    elif named and kind in _NAMED_PARAMETERS:
        place = _NAMED_PARAMETERS[kind]
        payload[place] = {**(payload.get(place) or {}), **named}
    elif named and kind == "spark_python_task" and "parameters" not in payload:
        payload["parameters"] = _arguments(named)
    if warehouse_id is not None and kind in ("sql_task", "dbt_task", "notebook_task"):
        payload.setdefault("warehouse_id", warehouse_id)
    return kind, payload


def _raw_kind(task: TaskPlan) -> str:
    kinds = [key for key in task.entry.task or {} if key.endswith("_task")]
    if len(kinds) != 1:
        found = ", ".join(kinds) or "none"
        raise RunError(f"Task {task.name}: its payload needs exactly one key ending in _task; found {found}")
    return kinds[0]


def _raw_settings(task: TaskPlan) -> dict[str, Any]:
    """What stands beside a raw task's payload proper: environment_key, libraries, health and the like."""
    return {key: value for key, value in (task.entry.task or {}).items() if not key.endswith("_task")}


def _arguments(named: Mapping[str, str]) -> list[str]:
    """`--name=value`, as wheel tasks get their named parameters; argparse and click read it."""
    return [f"--{name}={value}" for name, value in named.items()]


def _put_on_compute(
    body: dict[str, Any], kind: str, task: TaskPlan, compute_id: str | None
) -> list[dict[str, Any]]:
    """Say in `body` where the task's code runs, with which libraries; returns the environments this needs."""
    libraries = [*task.libraries, *body.pop("libraries", ())]
    if task.compute is not None and task.compute.kind == "cluster":
        body |= _cluster(task.compute, job_cluster=task.on_job_cluster, cluster_id=compute_id)
    if "existing_cluster_id" in body or "new_cluster" in body:
        if libraries:
            body["libraries"] = [dict(library) for library in libraries]
        return []
    if kind == "notebook_task" and "warehouse_id" in body[kind]:
        return []
    body["disable_auto_optimization"] = True  # serverless retries by itself otherwise, even at 0 retries
    if "environment_key" in body or not (libraries or kind in _NEEDS_ENVIRONMENT):
        return []
    body["environment_key"] = _ENVIRONMENT
    return [{"environment_key": _ENVIRONMENT, "spec": _environment(task, libraries)}]


def _cluster(compute: ComputePlan, *, job_cluster: bool, cluster_id: str | None) -> dict[str, Any]:
    if not job_cluster:
        return {"existing_cluster_id": cluster_id}
    settings = compute.settings.items()
    return {"new_cluster": {key: value for key, value in settings if key not in _NOT_FOR_JOB_CLUSTERS}}


def _environment(task: TaskPlan, libraries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The environment of a serverless task: its libraries as requirement lines.

    Serverless tasks take no `libraries` (databricks-api.md 2.1). RunError for a kind it cannot install.
    """
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
