"""The settings of saved jobs: what an update changes, what a read adds, what a run of the job is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.services.jobs.triggers import add_status, check_starts
from dara_dagster.emulator.services.runs.task_settings import check_name, check_settings

Settings = dict[str, Any]
FillCluster = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Adds to the settings of a cluster what the service fills in."""

_MERGED = {"tasks": "task_key", "job_clusters": "job_cluster_key"}
"""Arrays that `update` merges item by item, and the key of an item.

https://docs.databricks.com/api/workspace/jobs
"""

_MOST_TAGS = 25


def check_job(settings: Mapping[str, Any]) -> Settings:
    """Return the settings as sent, if they can be a job's: a name, tasks of the right shape (none is
    fine)."""
    check_name(settings.get("name"))
    _check_definitions(settings.get("parameters") or ())
    _check_tags(settings.get("tags") or {})
    check_starts(settings)
    if settings.get("tasks"):
        check_settings(settings)
    runs = settings.get("max_concurrent_runs", 1)
    if not isinstance(runs, int) or not 0 <= runs <= 1000:
        raise invalid("max_concurrent_runs must be a whole number from 0 to 1000.")
    kept = dict(settings)
    if "tasks" in kept:
        kept["tasks"] = [_sort_edges(task) for task in kept["tasks"]]
    return kept


def update_settings(old: Settings, new: Mapping[str, Any], removed: Sequence[str]) -> Settings:
    """Replace top-level fields, merge the arrays of `_MERGED` by key, then take out `removed`."""
    settings = {**old, **new}
    for name, key in _MERGED.items():
        if any(key not in item for item in new.get(name, ())):
            raise invalid(f"Each of {name} needs a {key}.")
        if name in old and name in new:
            merged = {item[key]: item for item in (*old[name], *new[name])}
            settings[name] = list(merged.values())
    for field in removed:
        name, _, item = field.partition("/")
        if item and name in _MERGED:
            settings[name] = [one for one in settings.get(name, ()) if one[_MERGED[name]] != item]
        else:
            settings.pop(name, None)
    return settings


def show_settings(settings: Mapping[str, Any], user: str, fill_defaults: FillCluster) -> Settings:
    """Return the settings with what the service adds when they are read.

    https://docs.databricks.com/api/workspace/jobs
    """
    view = {
        "name": "Untitled",
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
        "run_as": {"user_name": user},
        **settings,
        **add_status(settings),
        "format": "MULTI_TASK",
    }
    if "tasks" in settings:
        view["tasks"] = [
            _show_task(task, "git_source" in settings, fill_defaults) for task in settings["tasks"]
        ]
    if "job_clusters" in settings:
        view["job_clusters"] = [_fill_cluster(one, fill_defaults) for one in settings["job_clusters"]]
    return view


def make_run_tasks(settings: Settings, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tasks of one run: those `only` selects, with the older kinds of parameters put in."""
    tasks = settings.get("tasks") or []
    if not tasks:
        raise invalid("The job has no tasks.")
    chosen = _select(tasks, request.get("only"))
    return [
        {
            **add_parameters(task, request),
            "depends_on": [edge for edge in task.get("depends_on") or () if edge["task_key"] in chosen],
        }
        for task in tasks
        if task["task_key"] in chosen
    ]


def make_run_parameters(settings: Settings, sent: Mapping[str, Any]) -> dict[str, str]:
    """Return the job's parameters with their defaults, overlaid by those sent."""
    defaults = {one["name"]: one.get("default", "") for one in settings.get("parameters") or ()}
    return {**defaults, **check_parameters(sent)}


def check_parameters(sent: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the job parameters of a request; their values are strings."""
    for name, value in sent.items():
        if not isinstance(value, str):
            raise invalid(f"The value of the job parameter {name} must be a string.")
    return sent


def _check_definitions(parameters: Any) -> None:
    for one in parameters:
        given = (one.get("name"), one.get("default", "")) if isinstance(one, dict) else (None,)
        if not given[0] or not all(isinstance(text, str) for text in given):
            raise invalid("Each of a job's parameters needs a name and a default, both strings.")


def _check_tags(tags: Any) -> None:
    if not isinstance(tags, dict) or not all(isinstance(text, str) for text in tags.values()):
        raise invalid("The tags of a job are a map of strings.")
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A job takes at most {_MOST_TAGS} tags, got {len(tags)}.")


def _sort_edges(task: Mapping[str, Any]) -> dict[str, Any]:
    if not task.get("depends_on"):
        return dict(task)
    return {**task, "depends_on": sorted(task["depends_on"], key=lambda edge: str(edge["task_key"]))}


def _fill_cluster(holder: Mapping[str, Any], fill_defaults: FillCluster) -> dict[str, Any]:
    """Return a task or job cluster whose new_cluster has the defaults that the service fills in (3.4)."""
    new = holder.get("new_cluster")
    if not isinstance(new, Mapping):
        return dict(holder)
    return {**holder, "new_cluster": fill_defaults({"data_security_mode": "SINGLE_USER", **new})}


def _show_task(task: dict[str, Any], in_git: bool, fill_defaults: FillCluster) -> dict[str, Any]:
    view = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}}
    view |= _fill_cluster(task, fill_defaults)
    notebook = task.get("notebook_task")
    if notebook is not None:
        view["notebook_task"] = {"source": "GIT" if in_git else "WORKSPACE", **notebook}
    return view


def add_parameters(task: dict[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Add run-now's notebook_params, python_params and sql_params (deprecated in favour of
    job_parameters)."""
    changed = dict(task)
    for name, kind, field in (
        ("notebook_params", "notebook_task", "base_parameters"),
        ("sql_params", "sql_task", "parameters"),
        ("python_named_params", "python_wheel_task", "named_parameters"),
    ):
        if kind in task and request.get(name):
            payload = task[kind]
            changed[kind] = {**payload, field: {**(payload.get(field) or {}), **request[name]}}
    for kind in ("spark_python_task", "python_wheel_task"):
        if kind in task and request.get("python_params"):
            changed[kind] = {**task[kind], "parameters": request["python_params"]}
    return changed


def _select(tasks: Sequence[Mapping[str, Any]], only: Sequence[str] | None) -> set[str]:
    """Return the keys `only` names; `+k` takes what k depends on along, `k+` what depends on it."""
    upstream = {
        task["task_key"]: {edge["task_key"] for edge in task.get("depends_on") or ()} for task in tasks
    }
    if not only:
        return set(upstream)
    downstream: dict[str, set[str]] = {key: set() for key in upstream}
    for key, sources in upstream.items():
        for source in sources:
            downstream[source].add(key)
    chosen: set[str] = set()
    for item in only:
        key = item.strip("+")
        if key not in upstream:
            raise invalid(f"Task '{key}' in only is not a task of the job.")
        chosen.add(key)
        if item.startswith("+"):
            chosen |= find_reachable(key, upstream)
        if item.endswith("+"):
            chosen |= find_reachable(key, downstream)
    return chosen


def find_reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    queue = [start]
    while queue:
        fresh = edges[queue.pop()] - found
        found |= fresh
        queue.extend(fresh)
    return found
