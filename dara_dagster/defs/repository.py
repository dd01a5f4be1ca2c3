"""Finds one job again by the folder it was built from, for processes that start with nothing but a name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dagster import JobDefinition

from dara_dagster.defs.definitions import load_plan
from dara_dagster.defs.jobs import build_jobs, job_names
from dara_dagster.defs.resources import resources_of
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import DaraError

__all__ = ["built_once", "job_from_config"]

_built: ContextVar[dict[tuple[str, str], JobDefinition] | None] = ContextVar("dara_built", default=None)


@contextmanager
def built_once() -> Iterator[None]:
    """Let `job_from_config` read the files and build each job only once while open.

    `dagster.execute_job` asks four times for one run (0.3 s of CPU each for 1,000 tasks, measured on Dagster
    1.13.28); files edited in between cannot give it two different jobs either.
    """
    token = _built.set({})
    try:
        yield
    finally:
        _built.reset(token)


def job_from_config(config_dir: str, job_name: str) -> JobDefinition:
    """Return the job `<workflow>` or `<workflow>_sequential` of a config folder.

    Made for `dagster.build_reconstructable_job`: module `dara_dagster.defs.repository`, this function's
    name, and the two arguments. Raises `ConfigError`, or `DaraError` naming the jobs there are.
    """
    built = _built.get()
    if built is None:
        return _build(config_dir, job_name)
    if (config_dir, job_name) not in built:
        built[config_dir, job_name] = _build(config_dir, job_name)
    return built[config_dir, job_name]


def _build(config_dir: str, job_name: str) -> JobDefinition:
    plan, translator = load_plan(config_dir), Translator()
    for job in build_jobs(plan, translator, resources_of(plan, translator), wanted=job_name):
        if job.name == job_name:
            return job
    known = ", ".join(job_names(plan, translator).values()) or "none"
    raise DaraError(f"There is no job {job_name!r} in {config_dir}; its workflows are: {known}.")
