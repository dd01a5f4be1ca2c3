"""The step `run_task`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dara_dagster.config.plan import Plan, TaskPlan
from dara_dagster.defs.steps.built_in import run_as_task
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.pipeline import Step
from dara_dagster.errors import DaraError


class RunTask(Step):
    """Runs a file of the notebooks folder and leaves `run_id`, `url` and `exit_value`."""

    name = "run_task"

    def __init__(
        self, task: TaskPlan | str, parameters: Mapping[str, str] | None = None, name: str = ""
    ) -> None:
        self.task, self.parameters, self.name = task, dict(parameters or {}), name or self.name

    def execute(self, context: StepContext) -> StepContext:
        """Run the task, its parameters filled in from the context; a name is looked up in the plan."""
        task = self.task if isinstance(self.task, TaskPlan) else self._named(context.tools.session.plan)
        task = replace(task, parameters={**task.parameters, **self.parameters})
        return run_as_task(context, self.name, task)

    def _named(self, plan: Plan) -> TaskPlan:
        for workflow in plan.workflows:
            for task in workflow.tasks:
                if task.name == self.task:
                    return task
        raise DaraError(f"no workflow of the project has a task {self.task!r}")
