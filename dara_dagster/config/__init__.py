"""What the user wrote, and what it means."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dara_dagster.config.loader import load
    from dara_dagster.config.plan import (
        ComputePlan,
        Plan,
        StepPlan,
        TaskPlan,
        WorkflowPlan,
    )
    from dara_dagster.config.resolve import make_plan, plan_from
    from dara_dagster.config.rules.checks import check
    from dara_dagster.config.schema import schemas
    from dara_dagster.config.settings import Settings
    from dara_dagster.config.spec import Spec

_HOME = {
    "ComputePlan": "plan",
    "Plan": "plan",
    "Settings": "settings",
    "Spec": "spec",
    "StepPlan": "plan",
    "TaskPlan": "plan",
    "WorkflowPlan": "plan",
    "check": "rules.checks",
    "load": "loader",
    "make_plan": "resolve",
    "plan_from": "resolve",
    "schemas": "schema",
}

__all__ = [
    "ComputePlan",
    "Plan",
    "Settings",
    "Spec",
    "StepPlan",
    "TaskPlan",
    "WorkflowPlan",
    "check",
    "load",
    "make_plan",
    "plan_from",
    "schemas",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that the plan's types come without pydantic."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
