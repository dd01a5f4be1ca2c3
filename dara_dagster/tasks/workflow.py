"""A workflow of the project as a task of another: Dagster nests its graph, a saved job runs its saved job."""

from __future__ import annotations

from typing import Any

from dara_dagster.config.plan import TaskPlan
from dara_dagster.errors import RunError
from dara_dagster.tasks.saved_job import SavedJob


class NestedWorkflow(SavedJob):
    """A workflow of the project."""

    id_kind = "workflow"
    takes_undeclared = True

    def request(self, task: TaskPlan, **_: Any) -> dict[str, Any]:
        """Raise RunError: its tasks are runs, it is none itself."""
        raise RunError(f"Task {task.name}: a workflow task is no one-time run")
