"""Opens a project's code as Dagster's own webserver does, and starts runs of its jobs.

Dagster keeps the code in processes of its own and launches runs there; its public API has no way to ask for
such a run by the name of a job (Dagster 1.13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, __version__
from dagster._core.definitions.selector import JobSubsetSelector
from dagster._core.errors import DagsterRunAlreadyExists
from dagster._core.remote_representation.code_location import CodeLocation
from dagster._core.remote_representation.external import RemoteJob, RemoteRepository
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

__all__ = ["Code", "Job", "check_workspace_file", "open_code"]

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Job:
    """One job of the loaded code, with what is needed to start it."""

    name: str
    tags: Mapping[str, str]
    location: CodeLocation
    repository: RemoteRepository
    remote: RemoteJob


class Code:
    """The code locations of one workspace file; they can be loaded anew (by the UI) at any time."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self.context = context

    @property
    def instance(self) -> DagsterInstance:
        return self.context.instance

    def request_context(self, source: object, *, read_only: bool) -> WorkspaceRequestContext:
        """Return what a request of the UI sees; Dagster's own `--read-only` is for all requests."""
        made = self.context.create_request_context(source)
        if read_only:
            made._read_only = True
        return made

    def version(self) -> float:
        """Return a number that changes whenever a code location is loaded anew."""
        entries = self.context.create_request_context().get_code_location_entries().values()
        return sum(entry.update_timestamp for entry in entries)

    def load_errors(self) -> Mapping[str, str]:
        """Name of each code location that could not be loaded -> why."""
        entries = self.context.create_request_context().get_code_location_entries()
        return {name: entry.load_error.message.strip() for name, entry in entries.items() if entry.load_error}

    def jobs(self) -> Iterator[Job]:
        """Return every job of the locations that could be loaded."""
        for entry in self.context.create_request_context().get_code_location_entries().values():
            if entry.code_location is None:
                continue
            for repository in entry.code_location.get_repositories().values():
                for job in repository.get_all_jobs():
                    yield Job(job.name, job.tags, entry.code_location, repository, job)

    def create_run(
        self, job: Job, run_id: str, run_config: Mapping[str, object], tags: Mapping[str, str]
    ) -> tuple[DagsterRun, bool]:
        """Make a run, not started yet, and say whether this call made it.

        A run of that id that is there is given back as it is, also when another process makes it just now:
        the database holds each id once. Raises what the code's process raises for a config it refuses.
        """
        existing = self.instance.get_run_by_id(run_id)
        if existing is not None:
            return existing, False
        try:
            return self._create(job, run_id, run_config, tags), True
        except DagsterRunAlreadyExists:
            made = self.instance.get_run_by_id(run_id)
            assert made is not None
            return made, False

    def submit(self, run_id: str) -> DagsterRun:
        """Hand the run to the instance's run coordinator. When that raises, the run is marked as failed."""
        return self.instance.submit_run(run_id, self.context.create_request_context())

    def _create(
        self, job: Job, run_id: str, run_config: Mapping[str, object], tags: Mapping[str, str]
    ) -> DagsterRun:
        selector = JobSubsetSelector(
            location_name=job.location.name,
            repository_name=job.repository.name,
            job_name=job.name,
            op_selection=None,
        )
        remote = job.location.get_job(selector)
        plan = job.location.get_execution_plan(
            remote, run_config, step_keys_to_execute=None, known_state=None, instance=self.instance
        ).execution_plan_snapshot
        return self.instance.create_run(
            job_name=job.name,
            run_id=run_id,
            run_config=run_config,
            status=None,
            tags={**remote.run_tags, **tags},
            root_run_id=None,
            parent_run_id=None,
            step_keys_to_execute=plan.step_keys_to_execute,
            execution_plan_snapshot=plan,
            job_snapshot=remote.job_snapshot,
            parent_job_snapshot=remote.parent_job_snapshot,
            asset_selection=None,
            asset_check_selection=None,
            resolved_op_selection=None,
            op_selection=None,
            remote_job_origin=remote.get_remote_origin(),
            job_code_origin=remote.get_python_origin(),
            asset_graph=job.repository.asset_graph,
        )


def check_workspace_file(workspace_file: Path) -> str:
    """Return what is wrong with a workspace.yaml, "" when Dagster can read it; no code is loaded."""
    try:
        WorkspaceFileTarget([str(workspace_file)]).create_origins()
    except Exception as error:  # of YAML, of Dagster's config, of its checks: they have nothing in common
        errors = getattr(error, "errors", None)
        reason = " ".join((errors[0].message if errors else str(error) or type(error).__name__).split())
        reason = reason.removeprefix("Invariant failed. Description: ").partition(" Expected: ")[0]
        return reason[:_LONGEST_REASON].rstrip(".") + "."
    return ""


@contextmanager
def open_code(instance: DagsterInstance, workspace_file: Path, log_level: str = "WARNING") -> Iterator[Code]:
    """While open, the code that `workspace_file` names is loaded, in processes that end with the block.

    A process that still carries runs ends after the last of them.
    """
    target = WorkspaceFileTarget([str(workspace_file)])
    with WorkspaceProcessContext(instance, target, __version__, code_server_log_level=log_level) as context:
        yield Code(context)
