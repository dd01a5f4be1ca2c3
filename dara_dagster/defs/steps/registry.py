"""The built-in steps by name, and how a step pipeline in a file becomes steps.

A new step is a class of settings in `config/dialects/step_models.py`, where it is listed in BUILT_IN, and a
file here with what it does, listed in STEPS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.config.plan import Plan, StepPlan, WorkflowPlan
from dara_dagster.defs.objects import find_modules_in, load_object
from dara_dagster.defs.steps.built_in import BuiltIn
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.pipeline import Step, StepFactory
from dara_dagster.defs.steps.run_job import RunJob
from dara_dagster.defs.steps.run_sql import RunSql
from dara_dagster.defs.steps.run_task import RunTask
from dara_dagster.defs.steps.sync_index import SyncIndex
from dara_dagster.defs.steps.upload_file import UploadFile
from dara_dagster.defs.steps.wait_for_table import WaitForTable
from dara_dagster.errors import DaraError

__all__ = ["STEPS", "steps_of"]

STEPS: Mapping[str, type[Step]] = {
    step.name: step for step in (UploadFile, RunJob, RunTask, RunSql, WaitForTable, SyncIndex)
}


class _FromFile(StepFactory):
    """A step as a workflow file describes it. Built-in steps fill in their settings themselves."""

    def __init__(self, step: StepPlan) -> None:
        self._step = step
        self.name = step.name
        kind = STEPS.get(step.uses)
        self.description = (kind.__doc__ if kind else None) or f"The step {step.uses}."

    def make(self, context: StepContext) -> Step:
        step, kind = self._step, STEPS.get(self._step.uses)
        if step.task is not None:
            return RunTask(step.task, name=step.name)
        if kind is not None and issubclass(kind, BuiltIn):
            return kind(**step.settings, name=step.name)
        return self._own(context.fill(step.settings))

    def _own(self, settings: Mapping[str, Any]) -> Step:
        """Return a step of a class of the user's own."""
        kind = load_object(self._step.uses)
        if not (isinstance(kind, type) and issubclass(kind, Step)):
            raise DaraError(f"{self._step.uses} is no subclass of dara_dagster.Step")
        try:
            made: Step = kind(**settings)
        except TypeError as error:
            raise DaraError(f"{self._step.uses} does not take these settings: {error}") from error
        made.name = self._step.name
        return made


def steps_of(plan: Plan, workflow: WorkflowPlan) -> list[StepFactory]:
    """Return the steps of a workflow file, in order, each made when its turn comes.

    Classes of the user's own are found from the project's folder, and from the start: a process may have
    to read what such a step left before it comes to one of them.
    """
    if workflow.context or any(":" in step.uses for step in workflow.steps):
        find_modules_in(plan.root)
    return [_FromFile(step) for step in workflow.steps]
