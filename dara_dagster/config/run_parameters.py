"""Which parameters a run of a workflow may be given: one rule for every way to start one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from dara_dagster.config.plan import Plan, WorkflowPlan
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.errors import DaraError

__all__ = ["check_parameters", "declared_parameters", "takes_any_parameter", "wrong_parameter"]

# What a sensor, or a file that comes with a request, tells a run of its files.
_OF_FILES = frozenset({"file", "file_path", "file_name", "file_size", "file_time", "files", "file_count"})
_IN_CONTEXT = re.compile(r"\$\{context\.(\w+)")


def declared_parameters(plan: Plan, workflow: WorkflowPlan) -> Mapping[str, str]:
    """Return the parameters that the workflow and its tasks declare, with their defaults.

    The workflow's own win over those of its tasks, and these over those of nested workflows.
    """
    found: dict[str, str] = {}
    for task in workflow.all_tasks():
        inner = _inner(plan, workflow, task.workflow) if task.kind == "workflow" else None
        found |= {**(declared_parameters(plan, inner) if inner else {}), **task.parameters}
    return {**found, **workflow.options.parameters}


def takes_any_parameter(workflow: WorkflowPlan) -> bool:
    """Return whether a run of the workflow may be given a parameter that is not declared.

    It may where the workflow says `extra_parameters`, and where steps of the user's own read what they like
    from their context.
    """
    own_steps = workflow.context is not None or any(":" in step.uses for step in workflow.steps)
    return workflow.options.extra_parameters or own_steps


def wrong_parameter(plan: Plan, workflow: WorkflowPlan, name: str) -> str | None:
    """Return why a run of the workflow cannot be given a parameter of that name, None when it can.

    A notebook would take any widget's value, so a misspelt name would go unseen and its default be used:
    only declared names are taken, unless the workflow takes any.
    """
    known = {*declared_parameters(plan, workflow), *_read_by_steps(workflow)}
    if workflow.sensor is not None or workflow.steps:
        known |= _OF_FILES
    if name in known or takes_any_parameter(workflow):
        return None
    hint = Suggestions(sorted(known - _OF_FILES)).hint(name, "parameters")
    return (
        f"the workflow {workflow.name!r} declares no parameter {name[:100]!r}. {hint} "
        'Declare it under "parameters", or take any name with "extra_parameters": true.'
    )


def check_parameters(plan: Plan, workflow: WorkflowPlan, names: Iterable[str]) -> None:
    """Raise DaraError with a line for each name that a run of the workflow cannot be given."""
    message = [text for name in names if (text := wrong_parameter(plan, workflow, name))]
    if message:
        raise DaraError("\n".join(message))


def _read_by_steps(workflow: WorkflowPlan) -> set[str]:
    """Return the names that the settings of its steps take from the context."""
    texts = (json.dumps(step.settings, default=str) for step in workflow.steps)
    return {name for text in texts for name in _IN_CONTEXT.findall(text)}


def _inner(plan: Plan, outer: WorkflowPlan, name: str | None) -> WorkflowPlan | None:
    """Return the workflow of this project that a task runs; cycles are refused where the files are read."""
    return next((found for found in plan.workflows if found.name == name and found is not outer), None)
