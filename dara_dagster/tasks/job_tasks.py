"""Turns the tasks of a plan into the tasks of one saved job: order, rules, retries and limits included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.config.suggestions import unique_keys
from dara_dagster.errors import RunError
from dara_dagster.tasks.kind import IdKind
from dara_dagster.tasks.registry import kind_of

# From what a name stands for and the name to the id: of compute, of the saved job of a workflow, of any job.
Ids = Callable[[IdKind, str], Any]

# "May only contain alphanumeric characters, `_`, `-`, and `.`" (SDK, JobParameterDefinition).
PARAMETER_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]+")
_NEVER_FALSE = {"op": "EQUAL_TO", "left": "1", "right": "1"}


def mark(kind: IdKind, name: str) -> str:
    """Return what stands in place of an id that is not known: text that no service takes for one."""
    what = "job of workflow" if kind == "workflow" else kind.replace("_", " ")
    return f"<id of {what} '{name}'>"


def reference(parameter: str) -> str:
    """Return the dynamic value reference to a job parameter; odd names need backticks.

    https://docs.databricks.com/aws/en/jobs/parameter-use
    """
    name = parameter if _PLAIN_NAME.fullmatch(parameter) else f"`{parameter}`"
    return f"{{{{job.parameters.{name}}}}}"


@dataclass
class JobTasks:
    """The tasks as the Jobs API has them, and what they share; `refused` says what has no form there.

    `shared` are the job's parameters with their defaults: a task whose own value is the default refers to
    the job's parameter, so that a run can override it.
    """

    ids: Ids
    shared: Mapping[str, str]
    tasks: list[dict[str, Any]] = field(default_factory=list)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    environments: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, plans: tuple[TaskPlan, ...]) -> None:
        """Add the tasks of a workflow."""
        known = {task.name: task for task in plans}
        names = {task.compute.name for task in plans if task.on_job_cluster and task.compute}
        cluster_keys = unique_keys(sorted(names))
        ends = _end_keys(plans)
        for task in plans:
            if task.inputs_from:
                self.refused.append(
                    f"task '{task.name}' reads the exit value of '{next(iter(task.inputs_from.values()))}' "
                    "(READ_INPUT_FROM): tasks of a saved job cannot; use dbutils.jobs.taskValues or a table"
                )
            try:
                body = self._body(task, cluster_keys)
            except RunError as error:
                self.refused.append(str(error))
                continue
            self.tasks.append({**body, **_order(task, known, ends), **_limits(task, body)})
        for name, key in ends.items():
            self.tasks.append(_end_of(known[name], key))

    def _body(self, task: TaskPlan, cluster_keys: Mapping[str, str]) -> dict[str, Any]:
        parameters = {name: self._value(name, text) for name, text in task.parameters.items()}
        kind = kind_of(task)
        needed = kind.needs_id(task)
        needed_id = self.ids(*needed) if needed else None
        body, environments = kind.body(task, parameters, remote_file=task.remote_file, needed_id=needed_id)
        if environments:
            body["environment_key"] = self._environment_key(environments[0]["spec"])
        if task.on_job_cluster and task.compute is not None and "new_cluster" in body:
            key = body["job_cluster_key"] = cluster_keys[task.compute.name]
            self.clusters[key] = body.pop("new_cluster")
        return body

    def _value(self, name: str, text: str) -> str:
        return reference(name) if self.shared.get(name) == text else str(text)

    def _environment_key(self, spec: Mapping[str, Any]) -> str:
        """Return the key of the environment with that spec: tasks that need the same share one."""
        for known in self.environments:
            if known["spec"] == spec:
                return str(known["environment_key"])
        number = len(self.environments) + 1
        key = "default" if number == 1 else f"default_{number}"
        self.environments.append({"environment_key": key, "spec": dict(spec)})
        return key


def _limits(task: TaskPlan, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return retries and timeout. A timed-out attempt is tried again, as by the ops in Dagster."""
    limits: dict[str, Any] = {"max_retries": task.entry.max_retries}
    if task.entry.timeout_seconds:
        limits["timeout_seconds"] = task.entry.timeout_seconds
    if task.entry.max_retries:
        limits["retry_on_timeout"] = body.get("retry_on_timeout", True)
        if task.entry.retry_delay_seconds:
            limits["min_retry_interval_millis"] = round(1000 * task.entry.retry_delay_seconds)
    return limits


def _order(task: TaskPlan, known: Mapping[str, TaskPlan], ends: Mapping[str, str]) -> dict[str, Any]:
    edges = {edge["task_key"]: edge for edge in _edges(task, known, ends)}
    order: dict[str, Any] = {"depends_on": [edges[key] for key in sorted(edges)]} if edges else {}
    if edges and task.entry.run_if != "ALL_SUCCESS":
        order["run_if"] = task.entry.run_if
    return order


def _edges(
    task: TaskPlan, known: Mapping[str, TaskPlan], ends: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield what the task waits for.

    A task that is tolerated when it fails, yet not when it never ran, is waited for by its `end`, which
    succeeds as soon as it is over, together with all that had to succeed for it to run.
    """
    for name in task.upstream:
        if name in task.tolerates:
            yield {"task_key": ends[name], "outcome": "true"}
            yield from _edges(known[name], known, ends)
        else:
            yield {"task_key": known[name].key}


def _end_keys(plans: tuple[TaskPlan, ...]) -> dict[str, str]:
    """Return, for each task whose failure is tolerated by another, the key of its end."""
    tolerated = {name for task in plans for name in task.tolerates}
    ends = {task.name: f"{task.key} is over" for task in plans if task.name in tolerated}
    keys = unique_keys([*(task.key for task in plans), *ends.values()])
    return {name: keys[end] for name, end in ends.items()}


def _end_of(task: TaskPlan, key: str) -> dict[str, Any]:
    """Return a condition that is always true, evaluated once the task has ended, however it did."""
    return {
        "task_key": key,
        "condition_task": dict(_NEVER_FALSE),
        "depends_on": [{"task_key": task.key}],
        "run_if": "ALL_DONE",
        "description": f"{task.name} is over; what follows runs even if it failed",
    }
