"""Turns the plan into everything Dagster loads: resources, jobs, assets, schedules, sensors."""

from __future__ import annotations

from pathlib import Path

from dagster import Definitions

from dara_dagster.defs.assets import build_assets
from dara_dagster.defs.jobs import build_jobs, executor_for
from dara_dagster.defs.resources import resources_of
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import ConfigError
from dara_dagster.spec import Plan, plan_from

__all__ = ["build_definitions", "load_plan"]


def build_definitions(plan: Plan | str | Path, translator: Translator | None = None) -> Definitions:
    """Return the `Definitions` of a plan, or of the folder that holds the config files.

    Raises `ConfigError` with every problem of the files; what Dagster then shows is that list.
    """
    plan = plan if isinstance(plan, Plan) else load_plan(plan)
    translator = translator or Translator()
    resources = resources_of(plan, translator)
    jobs = list(build_jobs(plan, translator, resources))
    taken = {node.name for job in jobs for node in job.all_node_defs} | {job.name for job in jobs}
    return Definitions(
        assets=build_assets(plan, translator, taken),
        jobs=jobs,
        resources=resources,
        executor=executor_for(plan.max_concurrent),
    )


def load_plan(config_dir: str | Path) -> Plan:
    """Return the plan of a config folder. Raises `ConfigError`, its traceback cut to this call."""
    try:
        return plan_from(Path(config_dir))
    except ConfigError as error:
        raise ConfigError(error.problems) from None
