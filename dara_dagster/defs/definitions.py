"""Turns the plan into everything Dagster loads: resources, jobs, assets, schedules, sensors."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from dagster import Definitions

from dara_dagster.config import Plan, WorkflowPlan, plan_from
from dara_dagster.config.dependency_file import is_config_folder
from dara_dagster.config.environment import project_folder, read_env_file
from dara_dagster.defs.assets import build_assets
from dara_dagster.defs.jobs import build_jobs, job_names
from dara_dagster.defs.resources import resources_of
from dara_dagster.defs.schedules import build_schedule
from dara_dagster.defs.sensors.file_sensor import build_sensor
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import ConfigError, Problem

__all__ = ["build_definitions", "load_plan"]


def build_definitions(plan: Plan | str | Path, translator: Translator | None = None) -> Definitions:
    """Return the `Definitions` of a plan, or of the folder that holds the config files.

    A relative folder is looked for beside the file that calls this and then in each folder above it, so that
    it does not depend on where Dagster is started; at last in the working directory. Raises `ConfigError`
    with every problem of the files; what Dagster then shows is that list.
    """
    if not isinstance(plan, Plan):
        plan = load_plan(_found(Path(plan), Path(sys._getframe(1).f_code.co_filename)))
    translator = translator or Translator()
    resources = resources_of(plan, translator)
    jobs = list(build_jobs(plan, translator, resources))
    by_name = {job.name: job for job in jobs}
    targets = [(workflow, by_name[name]) for workflow, name in _jobs_of(plan, translator)]
    schedules = [build_schedule(plan, workflow, job) for workflow, job in targets]
    sensors = [build_sensor(plan, workflow, job) for workflow, job in targets]
    taken = {node.name for job in jobs for node in job.all_node_defs} | {job.name for job in jobs}
    return Definitions(
        assets=build_assets(plan, translator, taken),
        jobs=jobs,
        schedules=[schedule for schedule in schedules if schedule],
        sensors=[sensor for sensor in sensors if sensor],
        resources=resources,
    )


def _found(folder: Path, caller: Path) -> Path:
    """Return the folder of config files that the code in `caller` means."""
    if folder.is_absolute() or not caller.is_file():  # code in a console is in no file
        return folder
    places = (above / folder for above in caller.resolve().parents)
    return next((place for place in places if is_config_folder(place)), folder)


def _jobs_of(plan: Plan, translator: Translator) -> Iterator[tuple[WorkflowPlan, str]]:
    names = job_names(plan, translator)
    return ((workflow, names[workflow.name]) for workflow in plan.workflows)


class _ConfigFilesError(ConfigError, click.ClickException):
    """What Dagster's own commands, which are made with click too, print without a traceback."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        ConfigError.__init__(self, problems)
        click.ClickException.__init__(self, str(self))


def load_plan(config_dir: str | Path) -> Plan:
    """Return the plan of a config folder. Raises `ConfigError`, its traceback cut to this call.

    The project's `.env` is read first, from wherever Dagster was started.
    """
    read_env_file(project_folder(Path(config_dir)))
    try:
        return plan_from(Path(config_dir))
    except ConfigError as error:
        raise _ConfigFilesError(error.problems) from None
