"""Finds one job again by the folder it was built from, for processes that start with nothing but a name."""

from __future__ import annotations

from dagster import JobDefinition

from dara_dagster.defs.definitions import load_plan
from dara_dagster.defs.jobs import SEQUENTIAL, build_jobs
from dara_dagster.defs.resources import resources_of
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import DaraError

__all__ = ["job_from_config"]


def job_from_config(config_dir: str, job_name: str) -> JobDefinition:
    """Return the job `<workflow>` or `<workflow>_sequential` of a config folder.

    Made for `dagster.build_reconstructable_job`: module `dara_dagster.defs.repository`, this function's
    name, and the two arguments. Raises `ConfigError`, or `DaraError` naming the jobs there are.
    """
    plan, translator = load_plan(config_dir), Translator()
    jobs = {job.name: job for job in build_jobs(plan, translator, resources_of(plan, translator))}
    if job_name in jobs:
        return jobs[job_name]
    known = ", ".join(name for name in jobs if not name.endswith(SEQUENTIAL)) or "none"
    raise DaraError(f"There is no job {job_name!r} in {config_dir}; its workflows are: {known}.")
