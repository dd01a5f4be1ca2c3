"""A saved Databricks job: `run-now` as a run of its own, a `run_job_task` in a saved job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.kind import Body, IdKind, Kind


class SavedJob(Kind):
    """A job that is there already, by id or name; parameters are the job's."""

    id_kind: IdKind = "saved_job"

    def needs_id(self, task: TaskPlan) -> tuple[IdKind, str] | None:
        return self.id_kind, task.workflow or task.name

    def body(
        self, task: TaskPlan, parameters: Mapping[str, str], *, remote_file: str | None, needed_id: Any
    ) -> Body:
        call = {"job_id": needed_id, "job_parameters": dict(parameters)}
        return {"task_key": task.key, "run_job_task": {k: v for k, v in call.items() if v != {}}}, []

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
        """Return the body of `jobs/run-now`; such a run has the name of its job."""
        request = {"job_id": needed_id, "idempotency_token": token, "queue": {"enabled": True}}
        if parameters:
            request["job_parameters"] = {name: str(value) for name, value in parameters.items()}
        return request
