"""What every kind of task says of itself: request, id, parameters, compute, output, and form of its file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.compute import put_on_compute

IdKind = Literal["cluster", "warehouse", "workflow", "saved_job"]
Body = tuple[dict[str, Any], list[dict[str, Any]]]
"""A task as the Jobs API has it, and the environments that it names; nothing on order, retries and limits."""


class Kind(ABC):
    """A kind of task. It has no state: what it works on is a task of the plan.

    `takes_undeclared` tells that a parameter of the run goes to the task even if neither the task nor its
    workflow declares it, `leaves_output` that a run that ended well left something to read.
    """

    takes_undeclared: ClassVar[bool] = False
    leaves_output: ClassVar[bool] = True

    @abstractmethod
    def body(
        self, task: TaskPlan, parameters: Mapping[str, str], *, remote_file: str | None, needed_id: Any
    ) -> Body:
        """Return the task as a one-time run and a saved job have it. Raises RunError where that cannot be.

        `needed_id` is the id of what `needs_id` names, `remote_file` the task's file in the workspace.
        """

    def needs_id(self, task: TaskPlan) -> tuple[IdKind, str] | None:
        """Return kind and name of what has to have an id first; None on serverless and on a job cluster."""
        compute = task.compute
        return None if compute is None or task.on_job_cluster else (compute.kind, compute.name)

    def request(
        self,
        task: TaskPlan,
        *,
        run_name: str,
        token: str,
        parameters: Mapping[str, str],
        remote_file: str | None,
        needed_id: Any,
    ) -> dict[str, Any]:
        """Return the body of the call that runs the task once: `jobs/runs/submit`, with `job_id` `run-now`.

        Neither Databricks' own retries nor its "auto optimization" are wanted: an attempt is one run.
        https://docs.databricks.com/api/workspace/jobs/submit
        """
        body, environments = self.body(task, parameters, remote_file=remote_file, needed_id=needed_id)
        body["max_retries"] = 0
        request: dict[str, Any] = {
            "run_name": run_name,
            "idempotency_token": token,
            "queue": {"enabled": True},
        }
        if task.entry.timeout_seconds:
            request["timeout_seconds"] = task.entry.timeout_seconds
        if environments:
            request["environments"] = environments
        request["tasks"] = [body]
        return request

    def is_form_of(self, path: Path, content: bytes, *, is_task: bool) -> bool:
        """Return whether a local file has the form of this kind's files; `is_task` tells that a task runs
        it."""
        return False

    def choose_tables(self, path: Path, content: bytes, statements: Sequence[str]) -> bytes:
        """Return the file's content with `USE` statements at its head, unchanged where that cannot be."""
        return content


class FileTask(Kind):
    """A kind that runs a file; `payload_type` is its type in the Jobs API."""

    payload_type: ClassVar[str]

    @abstractmethod
    def payload(
        self, task: TaskPlan, path: str | None, parameters: Mapping[str, str], warehouse_id: Any
    ) -> dict[str, Any]:
        """Return what stands under `payload_type`; `path` is the file in the workspace."""

    def libraries(self, task: TaskPlan, path: str | None) -> Sequence[Mapping[str, Any]]:
        """Return the libraries that the task needs, as the Jobs API has them."""
        return task.libraries

    def body(
        self, task: TaskPlan, parameters: Mapping[str, str], *, remote_file: str | None, needed_id: Any
    ) -> Body:
        path = remote_file or task.remote_file
        on_warehouse = task.compute is not None and task.compute.kind == "warehouse"
        named = {name: str(value) for name, value in parameters.items()}
        payload = self.payload(task, path, named, needed_id if on_warehouse else None)
        body: dict[str, Any] = {"task_key": task.key, self.payload_type: payload}
        if task.entry.description:
            body["description"] = task.entry.description
        environments = put_on_compute(body, self.payload_type, task, self.libraries(task, path), needed_id)
        return body, environments


def arguments(named: Mapping[str, str]) -> list[str]:
    """Return `--name=value`, as wheel tasks get their named parameters; argparse and click read it."""
    return [f"--{name}={value}" for name, value in named.items()]
