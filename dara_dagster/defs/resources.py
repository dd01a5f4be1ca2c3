"""Turns the plan's workspace, parameters and computes into Dagster resources that open on first use."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from dagster import ConfigurableResource, DagsterInstance, DagsterRun, InitResourceContext, ResourceDefinition
from pydantic import Field

from dara_dagster.config.plan import ComputePlan, Plan
from dara_dagster.defs.execution.attempts import AttemptLog
from dara_dagster.defs.execution.fail_fast import FailFast
from dara_dagster.defs.execution.usual_durations import History
from dara_dagster.defs.resource_keys import PARAMETERS, WORKSPACE
from dara_dagster.defs.translator import Translator
from dara_dagster.errors import ComputeError
from dara_dagster.workspace.caller import caller_token
from dara_dagster.workspace.client import Workspace, open_workspace
from dara_dagster.workspace.resources.compute import ensure_compute
from dara_dagster.workspace.resources.files import FileSync
from dara_dagster.workspace.resources.uploads import Uploads
from dara_dagster.workspace.runs.child_runs import NotebookRunFinder
from dara_dagster.workspace.watch.monitor import Monitor, monitor_for

__all__ = ["ComputeResource", "RunParameters", "WorkspaceSession", "resources_of"]


class RunParameters(ConfigurableResource):  # type: ignore[type-arg]
    """Values given when a run is started; each overrides the parameter of that name in every task."""

    values: dict[str, str] = Field(
        default={},
        description="Parameter name -> value; overrides that parameter of workflow and tasks.",
    )
    uploads: dict[str, str] = Field(
        default={},
        description="File in a volume -> local file, uploaded before the run's first task; sensors set it.",
    )


class WorkspaceSession:
    """The Databricks workspace as one process of one Dagster run uses it.

    Nothing is opened before an op needs it; then each part is made once for all ops of the process. A
    failed opening is not remembered: the next op tries again. That nothing answers is borne for
    `patience` seconds (`open_seconds` by default).
    """

    def __init__(self, plan: Plan, patience: float | None = None) -> None:
        self.plan = plan
        self._patience = plan.poll.open_seconds if patience is None else patience
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._files: FileSync | None = None
        self._attempts: AttemptLog | None = None
        self._history: History | None = None
        self._fail_fast: FailFast | None = None
        self._uploads: Uploads | None = None
        self._notebook_runs: NotebookRunFinder | None = None
        self._computes: dict[tuple[str, str], ComputeResource] = {}

    @property
    def workspace(self) -> Workspace:
        """Return the open workspace; faults of the service are borne. Raises the subclasses of
        `WorkspaceError`."""
        with self._lock:
            if self._workspace is None:
                self._workspace = open_workspace(
                    self.plan.workspace,
                    root=self.plan.root,
                    settings=self.plan.poll,
                    token=caller_token(),
                    patience=self._patience,
                )
            return self._workspace

    @property
    def monitor(self) -> Monitor:
        """Return the process's one watcher of runs."""
        return monitor_for(self.workspace)

    @property
    def files(self) -> FileSync:
        """Return what brings task files to the workspace."""
        workspace = self.workspace
        with self._lock:
            if self._files is None:
                self._files = FileSync(workspace, self.plan)
            return self._files

    @property
    def uploads(self) -> Uploads:
        """Return what brings the files that started the run to a volume."""
        workspace = self.workspace
        with self._lock:
            if self._uploads is None:
                self._uploads = Uploads(workspace)
            return self._uploads

    @property
    def notebook_runs(self) -> NotebookRunFinder:
        """Return what finds the notebook runs that tasks have started."""
        workspace = self.workspace
        with self._lock:
            if self._notebook_runs is None:
                self._notebook_runs = NotebookRunFinder(workspace, self.plan)
            return self._notebook_runs

    def compute_id(self, compute: ComputePlan) -> str:
        """Return the id of a compute that has no resource of its own in the op at hand. Raises as `ensure`
        does."""
        with self._lock:
            resource = self._computes.setdefault((compute.kind, compute.name), ComputeResource(compute))
        return resource.ensure(self)

    def attempts(self, instance: DagsterInstance, run: DagsterRun) -> AttemptLog:
        """Return what the event logs of `run` and of the runs it re-executes say about earlier attempts."""
        with self._lock:
            if self._attempts is None or self._attempts.run_id != run.run_id:
                self._attempts = AttemptLog(instance, run)
            return self._attempts

    def fail_fast(self, instance: DagsterInstance, run_id: str) -> FailFast:
        """Return which task of the run has failed, for workflows that set `fail_fast`."""
        with self._lock:
            if self._fail_fast is None or self._fail_fast.run_id != run_id:
                self._fail_fast = FailFast(instance, run_id)
            return self._fail_fast

    def history(self, instance: DagsterInstance, job_name: str) -> History:
        """Return how long the tasks of a job usually take."""
        with self._lock:
            if self._history is None or self._history.job_name != job_name:
                self._history = History(instance, job_name)
            return self._history


class ComputeResource:
    """One named cluster or warehouse, made to match its settings when the first op of the process asks."""

    def __init__(self, compute: ComputePlan) -> None:
        self.compute = compute
        self._lock = threading.Lock()
        self._id: str | None = None
        self._error: ComputeError | None = None

    def ensure(self, session: WorkspaceSession) -> str:
        """Return the id of the compute, after making or changing it where needed.

        Raises `ComputeError` when it cannot be made to match (what Databricks refuses for good is reported to
        every op that asks, after one try) and the subclasses of `WorkspaceError` (each op tries again).
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._id is None:
                try:
                    self._id = ensure_compute(
                        session.workspace, self.compute, lock_dir=session.plan.root / ".dara"
                    )
                except ComputeError as error:
                    self._error = error
                    raise
            return self._id


def resources_of(plan: Plan, translator: Translator) -> Mapping[str, ResourceDefinition]:
    """Return every resource of the plan by its key: `workspace`, `parameters`, one a cluster or warehouse."""
    keys = translator.resource_keys(plan)
    computes = (*plan.clusters.values(), *plan.warehouses.values())
    return {
        WORKSPACE: _session_resource(plan),
        PARAMETERS: RunParameters.configure_at_launch().get_resource_definition(),
        **{keys[c.kind, c.name]: _compute_resource(c, translator) for c in computes},
    }


def _session_resource(plan: Plan) -> ResourceDefinition:
    where = "the local workspace (emulator)" if plan.workspace == "emulator" else "the Databricks workspace"
    text = f"Opens {where} of project {plan.name!r} when an op first needs it, once a process."
    return ResourceDefinition(lambda _: WorkspaceSession(plan), description=text)


def _compute_resource(compute: ComputePlan, translator: Translator) -> ResourceDefinition:
    def make(_: InitResourceContext) -> ComputeResource:
        return ComputeResource(compute)

    return ResourceDefinition(make, description=translator.compute_description(compute))
