"""Checks the settings of a submitted run or saved job: their shape only, as the service does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.core.task_kinds import PAYLOADS
from dara_dagster.emulator.services.runs.conditions import COMPARISONS, RUN_IFS

MOST_TASKS = 1000
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_GIT_PROVIDERS = (
    "gitHub,bitbucketCloud,azureDevOpsServices,gitHubEnterprise,bitbucketServer,gitLab,gitLabEnterpriseEdition,"
    "awsCodeCommit"
)
_REQUIRED = {
    "notebook_task": ("notebook_path",),
    "spark_python_task": ("python_file",),
    "python_wheel_task": ("package_name", "entry_point"),
    "sql_task": ("warehouse_id",),
    "condition_task": ("op", "left", "right"),
    "run_job_task": ("job_id",),
    "for_each_task": ("inputs", "task"),
    "pipeline_task": ("pipeline_id",),
}
_NEEDS_ENVIRONMENT = ("spark_python_task", "python_wheel_task", "dbt_task")
_HAS_COMPUTE = (*_NEEDS_ENVIRONMENT, "notebook_task", "spark_jar_task", "spark_submit_task")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise ApiError 400 INVALID_PARAMETER_VALUE at the first thing wrong with `tasks` and what they name."""
    tasks = settings.get("tasks")
    if not isinstance(tasks, list) or not tasks or not all(isinstance(task, dict) for task in tasks):
        raise invalid("At least one task must be specified in tasks.")
    if len(tasks) > MOST_TASKS:
        raise invalid(f"The number of tasks ({len(tasks)}) exceeds the limit of {MOST_TASKS}.")
    _check_git(settings.get("git_source"))
    _check_keys(tasks)
    environments = {one.get("environment_key") for one in settings.get("environments") or ()}
    clusters = {one.get("job_cluster_key") for one in settings.get("job_clusters") or ()}
    for task in tasks:
        _check_payload(task, in_git="git_source" in settings)
        _check_compute(task, environments, clusters)
        _check_numbers(task)
    _check_seconds(settings, "the run")


def check_token(token: Any) -> None:
    """Refuse an idempotency token of more than 64 characters [SDK]."""
    if token is not None and (not isinstance(token, str) or len(token) > 64):
        raise invalid("The idempotency_token must be a string of at most 64 characters.")


def check_name(name: Any) -> None:
    """Name of runs and jobs have at most 4096 bytes [SDK]."""
    if name is not None and (not isinstance(name, str) or len(name.encode()) > 4096):
        raise invalid("The name must be a string of at most 4096 bytes in UTF-8.")


def _check_keys(tasks: Sequence[Mapping[str, Any]]) -> None:
    upstream: dict[str, set[str]] = {}
    for task in tasks:
        key = task.get("task_key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise invalid(f"Task key {key!r} is invalid: 1 to 100 letters, digits, hyphens and underscores.")
        if key in upstream:
            raise invalid(f"Duplicate task key: {key}. Task keys must be unique.")
        upstream[key] = {edge.get("task_key", "") for edge in task.get("depends_on") or ()}
        if (task.get("run_if") or "ALL_SUCCESS") not in RUN_IFS:
            raise invalid(f"Task {key}: run_if {task['run_if']} is not one of {', '.join(RUN_IFS)}.")
    for key, names in upstream.items():
        for name in sorted(names - upstream.keys()):
            raise invalid(
                f"Invalid dependency graph, task '{key}' depends on task '{name}' which does not exist."
            )
    try:
        TopologicalSorter(upstream).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise invalid(f"Invalid dependency graph, the tasks form a cycle: {circle}.") from None


def _check_payload(task: Mapping[str, Any], *, in_git: bool) -> None:
    key = task["task_key"]
    kinds = [kind for kind in PAYLOADS if kind in task]
    if len(kinds) != 1:
        shown = ", ".join(kinds) or "none"
        raise invalid(f"Task {key} must have exactly one kind of task (notebook_task, ...); it has {shown}.")
    kind, payload = kinds[0], task[kinds[0]]
    if not isinstance(payload, dict):
        raise invalid(f"Task {key}: {kind} must be an object.")
    for name in _REQUIRED.get(kind, ()):
        if payload.get(name) in (None, ""):
            raise invalid(f"Task {key}: {kind}.{name} is required.")
    _check_parameters(key, kind, payload)
    path = payload.get("notebook_path", "/")
    from_git = payload.get("source") == "GIT" or (in_git and payload.get("source") != "WORKSPACE")
    if not from_git and not str(path).startswith(("/", "{{")):
        raise invalid(f"Task {key}: only absolute paths are supported for notebook_path. Path: {path}")
    if kind == "condition_task" and payload["op"] not in COMPARISONS:
        raise invalid(f"Task {key}: condition_task.op must be one of {', '.join(COMPARISONS)}.")
    if kind == "sql_task" and not any(one in payload for one in ("file", "query", "dashboard", "alert")):
        raise invalid(f"Task {key}: sql_task needs one of file, query, dashboard and alert.")


def _check_parameters(key: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Refuse a parameter value that is not a string (https://docs.databricks.com/api/workspace/jobs)."""
    for name in ("base_parameters", "named_parameters", "parameters", "job_parameters"):
        values = payload.get(name)
        if isinstance(values, dict):
            values = list(values.values())
        if isinstance(values, list) and not all(isinstance(value, str) for value in values):
            raise invalid(f"Task {key}: the values of {kind}.{name} must be strings.")


def _check_compute(task: Mapping[str, Any], environments: set[Any], clusters: set[Any]) -> None:
    key = task["task_key"]
    given = [one for one in ("existing_cluster_id", "new_cluster", "job_cluster_key") if task.get(one)]
    if len(given) > 1:
        raise invalid(
            f"Task {key}: only one of existing_cluster_id, new_cluster and job_cluster_key may be given."
        )
    if task.get("job_cluster_key") and task["job_cluster_key"] not in clusters:
        raise invalid(f"Task {key}: job cluster '{task['job_cluster_key']}' is not defined in job_clusters.")
    named = task.get("environment_key")
    if named is not None and named not in environments:
        raise invalid(f"Task {key}: environment '{named}' is not defined in environments.")
    kind = next(one for one in PAYLOADS if one in task)
    if given or kind not in _HAS_COMPUTE:
        return
    if kind in _NEEDS_ENVIRONMENT and named is None and not task[kind].get("warehouse_id"):
        raise invalid(
            f"An environment is required for serverless task {key}. Please specify environment_key."
        )
    if task.get("libraries"):
        raise invalid(
            "Libraries field is not supported for serverless task, please specify libraries in environment."
        )


def _check_numbers(task: Mapping[str, Any]) -> None:
    key = task["task_key"]
    _check_seconds(task, f"task {key}")
    for name, least in (("max_retries", -1), ("min_retry_interval_millis", 0)):
        value = task.get(name, 0)
        if not isinstance(value, int) or value < least:
            raise invalid(f"Task {key}: {name} must be a whole number from {least}.")


def _check_seconds(settings: Mapping[str, Any], whose: str) -> None:
    value = settings.get("timeout_seconds", 0)
    if not isinstance(value, int) or value < 0:
        raise invalid(f"The timeout_seconds of {whose} must be a whole number from 0.")


def _check_git(source: Any) -> None:
    if source is not None and not (source or {}).get("git_provider"):
        raise invalid(f"git_source.git_provider must be one of: {_GIT_PROVIDERS.lower()}")
