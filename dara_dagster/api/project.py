"""What the server serves: the workflows of the config files, each with its jobs in the loaded code."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance

from dara_dagster.api.models import ApiError
from dara_dagster.config import Plan, WorkflowPlan, plan_from
from dara_dagster.config.suggestions import Suggestions
from dara_dagster.defs.jobs import SEQUENTIAL
from dara_dagster.errors import ConfigError
from dara_dagster.executor.code_location import Code, Job

__all__ = ["Project"]


@dataclass(frozen=True)
class _Loaded:
    """The plan and the jobs as of one loading of the code; `jobs` by (workflow, whether sequential)."""

    version: float
    plan: Plan
    jobs: Mapping[tuple[str, bool], Job]


class Project:
    """The project of one config folder. Its files are read again when the UI loads its code anew."""

    def __init__(self, config_dir: Path, code: Code) -> None:
        self.code = code
        self._config_dir = config_dir
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def instance(self) -> DagsterInstance:
        """Return Dagster's instance, where runs and their history are."""
        return self.code.instance

    @property
    def plan(self) -> Plan:
        """Return the plan of the files. Raises ApiError (503) when they have problems now."""
        return self._current().plan

    def workflow(self, name: str) -> WorkflowPlan:
        """Return the workflow of that name. Raises ApiError (404), naming the nearest."""
        workflows = {workflow.name: workflow for workflow in self.plan.workflows}
        if name not in workflows:
            remedy = Suggestions(workflows).hint(name, "workflows")
            raise ApiError(404, f"There is no workflow {name[:200]!r}. {remedy}", "name")
        return workflows[name]

    def job(self, workflow: WorkflowPlan, sequential: bool) -> tuple[Job, bool]:
        """Return the job that runs the workflow, and whether its run config has to make a run of it
        sequential.

        Raises ApiError (503) when it is not in the loaded code.
        """
        sequential = sequential and not workflow.steps  # a step pipeline is sequential as it is
        jobs = self._current().jobs
        if sequential and (job := jobs.get((workflow.name, True))):
            return job, False
        if job := jobs.get((workflow.name, False)):
            return job, sequential
        broken = "; ".join(f"{name}: {why}" for name, why in self.code.load_errors().items())
        raise ApiError(
            503,
            f"The workflow {workflow.name!r} is not in the loaded code"
            f"{f' ({broken[:1000]})' if broken else ''}. "
            "Check workspace.yaml, and load the code anew (in the UI: Deployment, Reload).",
        )

    def has_code(self) -> bool:
        """Return whether a workflow of the project can be run from the code that is loaded."""
        return bool(self._current().jobs)

    def _current(self) -> _Loaded:
        version = self.code.version()
        with self._lock:
            if self._loaded is None or self._loaded.version != version:
                try:
                    plan = plan_from(self._config_dir)
                except ConfigError as error:
                    raise ApiError(503, f"The project's files have problems: {error}") from None
                self._loaded = _Loaded(version, plan, dict(self._jobs(plan)))
            return self._loaded

    def _jobs(self, plan: Plan) -> Iterator[tuple[tuple[str, bool], Job]]:
        """Yield the jobs by tags, not names: a translator of the project's own may have named them."""
        for job in self.code.jobs():
            if job.tags.get("dara/project") == plan.name and "dara/workflow" in job.tags:
                yield (job.tags["dara/workflow"], job.name.endswith(SEQUENTIAL)), job
