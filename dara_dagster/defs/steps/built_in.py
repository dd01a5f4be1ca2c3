"""What the built-in steps have in common: settings that a file gives, and runs of the kind that tasks are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar, cast

from dara_dagster.config.dialects.step_models import BUILT_IN
from dara_dagster.config.fields import Model
from dara_dagster.config.models import WorkflowOptions
from dara_dagster.config.plan import Plan, TaskPlan, WorkflowPlan
from dara_dagster.defs.execution.execute import Work, execute_task
from dara_dagster.defs.steps.context import StepContext
from dara_dagster.defs.steps.pipeline import Step

SettingsT = TypeVar("SettingsT", bound=Model)


class BuiltIn(Step, Generic[SettingsT]):
    """A built-in step, made with its settings as keyword arguments; `name` is what files call it.

    `settings` is the record that `config/dialects/step_models.py` declares for a step of that name.
    """

    settings: SettingsT

    def __init__(self, *, name: str = "", **settings: Any) -> None:
        self.settings = cast("SettingsT", BUILT_IN[self.name].model_validate(settings))
        self.name = name or self.name


def run_as_task(context: StepContext, name: str, task: TaskPlan) -> StepContext:
    """Run `task` as ops of tasks do; leave `run_id`, `url` and `exit_value` under the step's name.

    Those of its parameters that are filled in from the context are what the run gets.
    """
    tools = context.tools
    plan = tools.session.plan
    nameless = WorkflowPlan(tools.dagster.job_name, plan.config_dir, WorkflowOptions())
    workflow = tools.workflow or nameless
    parameters = filled(context, task.parameters)
    fixed = frozenset(key for key, text in task.parameters.items() if parameters[key] != text)
    result = execute_task(tools.dagster, Work(workflow, replace(task, parameters=parameters), fixed=fixed))
    return context.leave(name, run_id=result.databricks_run, url=result.url, exit_value=result.exit_value)


def filled(context: StepContext, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters with the values of the context put in."""
    return {name: str(context.fill(value)) for name, value in parameters.items()}


def full_name(table: str, plan: Plan) -> str:
    """Return `catalog.schema.table`, with the project's catalog and schema where the name has none."""
    parts = [plan.catalog or "main", plan.schema or "default", *table.split(".")]
    return ".".join(parts[-3:])
