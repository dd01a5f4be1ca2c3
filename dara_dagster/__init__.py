"""DARA for Dagster: run Databricks work from plain config files.

Public names are resolved on first use, so that importing the package loads neither Dagster nor the
Databricks SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dara_dagster.api.create import create_api
    from dara_dagster.api.project_runs import ProjectRuns
    from dara_dagster.config import Plan, check, load, make_plan, plan_from
    from dara_dagster.defs.definitions import build_definitions
    from dara_dagster.defs.steps.context import StepContext
    from dara_dagster.defs.steps.pipeline import Step, step_pipeline
    from dara_dagster.defs.translator import Translator
    from dara_dagster.errors import ConfigError, DaraError, Problem
    from dara_dagster.executor.executor import dara_executor
    from dara_dagster.history.status import read_status

_HOME = {
    "ConfigError": "errors",
    "DaraError": "errors",
    "Plan": "config",
    "Problem": "errors",
    "ProjectRuns": "api.project_runs",
    "Step": "defs.steps.pipeline",
    "StepContext": "defs.steps.context",
    "Translator": "defs.translator",
    "build_definitions": "defs.definitions",
    "check": "config",
    "create_api": "api.create",
    "dara_executor": "executor.executor",
    "load": "config",
    "make_plan": "config",
    "plan_from": "config",
    "read_status": "history.status",
    "step_pipeline": "defs.steps.pipeline",
}

__all__ = [
    "ConfigError",
    "DaraError",
    "Plan",
    "Problem",
    "ProjectRuns",
    "Step",
    "StepContext",
    "Translator",
    "build_definitions",
    "check",
    "create_api",
    "dara_executor",
    "load",
    "make_plan",
    "plan_from",
    "read_status",
    "step_pipeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
