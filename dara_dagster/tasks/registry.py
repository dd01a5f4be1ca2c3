"""All kinds of tasks, by the name that the plan has for each."""

from __future__ import annotations

from collections.abc import Mapping

from dara_dagster.config.kinds import TaskKind
from dara_dagster.config.plan import TaskPlan
from dara_dagster.tasks.kind import Kind
from dara_dagster.tasks.notebook import Notebook
from dara_dagster.tasks.payload import Payload
from dara_dagster.tasks.saved_job import SavedJob
from dara_dagster.tasks.script import Script
from dara_dagster.tasks.sql import Sql
from dara_dagster.tasks.wheel import Wheel
from dara_dagster.tasks.workflow import NestedWorkflow

KINDS: Mapping[TaskKind, Kind] = {
    "notebook": Notebook(),
    "script": Script(),
    "sql": Sql(),
    "wheel": Wheel(),
    "raw": Payload(),
    "saved_job": SavedJob(),
    "workflow": NestedWorkflow(),
}


def kind_of(task: TaskPlan) -> Kind:
    """Return what the task is on Databricks."""
    return KINDS[task.kind]
