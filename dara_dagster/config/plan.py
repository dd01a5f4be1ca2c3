"""Turns a checked spec into the plan: what would run, in which order, on what. No Dagster, no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dara_dagster.config.kinds import ComputeKind, TaskKind
from dara_dagster.config.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from dara_dagster.config.models import Entry, Sensor, WorkflowOptions

HOME = "/Workspace/Users/~"
"""Stands in paths for the folder of the user who runs or deploys, known once the workspace is open."""


@dataclass(frozen=True)
class ComputePlan:
    """One named cluster or warehouse; `settings` go to its create call as written, numbers as numbers."""

    kind: ComputeKind
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class TaskPlan:
    """One Databricks task run: `entry` is what the file says of it, as it was read; the rest is resolved.

    `key` is the task's name made safe for the Jobs API (`[A-Za-z0-9_-]{1,100}`), unique in its workflow.
    `file` is the local file and `remote_file` where it goes in the workspace (without `.py`/`.ipynb`
    for a notebook); both are None for the kinds that have no file. `compute` None means serverless.
    `parameters` are the workflow's defaults overlaid by the task's own, `outputs` whole names of tables.
    `workflow` is what the kinds "workflow" (of this project) and "saved_job" (by name, on Databricks) start.
    `tolerates` names those of `upstream` that count as succeeded for `run_if` when they ran and failed or
    timed out (not when they were skipped or never ran): CONTINUE_IF_FAIL of a STEP. `inputs_from` maps a
    parameter's name to the task in `upstream` whose exit value it is given; no exit value, no parameter.
    """

    name: str
    key: str
    kind: TaskKind
    entry: Entry
    file: Path | None = None
    remote_file: str | None = None
    compute: ComputePlan | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    workflow: str | None = None
    tolerates: tuple[str, ...] = ()
    inputs_from: Mapping[str, str] = field(default_factory=dict)
    catalog: str | None = None
    schema: str | None = None
    content_hash: str = ""

    @property
    def upstream(self) -> tuple[str, ...]:
        """Return the names of the tasks before it."""
        return self.entry.dependent_on

    @property
    def on_job_cluster(self) -> bool:
        """Return whether each run makes a cluster of its own from the settings of `compute`."""
        return self.entry.cluster == "job"

    @property
    def libraries(self) -> tuple[dict[str, Any], ...]:
        """Return the libraries as the Jobs API has them."""
        return tuple(library.model_dump(exclude_unset=True) for library in self.entry.libraries)


@dataclass(frozen=True)
class StepPlan:
    """One step of a step pipeline: `uses` is a built-in step's name or `"module:Class"`.

    `settings` are as written (JSON values, defaults filled in for built-in steps); texts in them may hold
    `${context.NAME}`, to be filled in from the StepContext. `task` is what a `run_task` step runs,
    `compute` the warehouse of a `run_sql` step.
    """

    name: str
    uses: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    task: TaskPlan | None = None
    compute: ComputePlan | None = None


@dataclass(frozen=True)
class WorkflowPlan:
    """One workflow: `tasks` in a stable topological order, or `steps` for a step pipeline (never both).

    `options` is what its file says besides, as it was read. `sensor` is the one of the options with the whole
    path of its folder. `context` is the class of a pipeline's context as `module:Class`; None is StepContext.
    """

    name: str
    source: Path
    options: WorkflowOptions
    tasks: tuple[TaskPlan, ...] = ()
    steps: tuple[StepPlan, ...] = ()
    context: str | None = None
    sensor: Sensor | None = None
    max_concurrent: int = 300

    @property
    def timezone(self) -> str:
        """Return the time zone of the schedule."""
        return self.options.timezone or "UTC"

    def all_tasks(self) -> tuple[TaskPlan, ...]:
        """Return its tasks, those of `run_task` steps included."""
        return self.tasks + tuple(step.task for step in self.steps if step.task is not None)


@dataclass(frozen=True)
class Plan:
    """Everything the files say, resolved. `root` is the project's folder, which holds `config_dir`.

    `from_environment` maps each text that came from the environment to how it is written, `${env.NAME}`.
    """

    name: str
    root: Path
    config_dir: Path
    workspace: Literal["emulator", "databricks"]
    notebooks: Path
    workspace_path: str
    clusters: Mapping[str, ComputePlan]
    warehouses: Mapping[str, ComputePlan]
    workflows: tuple[WorkflowPlan, ...]
    catalog: str | None = None
    schema: str | None = None
    poll: Settings = DEFAULTS
    from_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_concurrent: int = 300
    upload_folders: tuple[Path, ...] = ()

    @property
    def identity(self) -> str:
        """Return what tells the project's saved jobs from those of other projects.

        On Databricks the name and the folder its files go to: clones that share the folder are one project,
        and projects of one name in two folders are two. That folder is in the user's home by default, so
        before the user is known (see HOME) a mark stands here. The local workspace has one project only.
        """
        if self.workspace == "emulator":
            return self.name
        if self.workspace_path.startswith(f"{HOME}/"):
            return f"<id of project {self.name!r}>"
        return f"{self.name}-{sha256(self.workspace_path.encode()).hexdigest()[:8]}"
