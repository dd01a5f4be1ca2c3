"""The JSON of the REST API: what it takes and what it answers. OpenAPI is generated from these models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dara_dagster.api.problem import Invalid
from dara_dagster.history.progress import RunState, TaskState

__all__ = [
    "ApiError",
    "Cancelled",
    "Health",
    "InvalidPart",
    "Launched",
    "Links",
    "Live",
    "Problem",
    "Run",
    "RunRequest",
    "Runs",
    "Task",
    "Workflow",
    "Workflows",
    "links_of",
]


class ApiError(Exception):
    """A request that cannot be met: the HTTP status, a sentence for the user, and each thing that is wrong.

    `key` is short for a single wrong key, about which the sentence is.
    """

    def __init__(
        self, status: int, message: str, key: str | None = None, errors: Sequence[Invalid] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.errors = tuple(errors) or (((message, key),) if key is not None else ())

    @classmethod
    def invalid(cls, errors: Sequence[Invalid]) -> ApiError:
        """Return the answer (422) to a request in which these things are wrong."""
        if len(errors) == 1:
            return cls(422, *errors[0])
        return cls(422, f"{len(errors)} things are wrong in the request; see errors.", errors=errors)


def _moment(value: Any) -> Any:
    """Return seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(value, timezone.utc) if isinstance(value, int | float) else value


Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class InvalidPart(BaseModel):
    """One thing that is wrong in a request."""

    detail: str = Field(description="What is wrong and what to do, in a sentence.")
    key: str | None = Field(description="The key (parameters.day), form field or header; null: the whole.")


class Problem(BaseModel):
    """Any answer with a status of 400 or more (RFC 9457), as application/problem+json."""

    type: str = Field(description="about:blank: the status says what kind of problem it is.")
    title: str = Field(description="The name of the status.")
    status: int
    detail: str = Field(description="What is wrong and what to do, in a sentence.")
    errors: list[InvalidPart] = Field([], description="Everything that is wrong in the request.")


class Links(BaseModel):
    """Where a run is found on this server."""

    status: str = Field(description="Its state, task by task.")
    cancel: str = Field(description="POST here ends it.")
    ui: str = Field(description="Its page in Dagster's UI.")


def links_of(run_id: str) -> Links:
    """Return the places of a run, as paths of this server."""
    return Links(
        status=f"/api/v1/runs/{run_id}",
        cancel=f"/api/v1/runs/{run_id}/cancel",
        ui=f"/runs/{run_id}",
    )


class Workflow(BaseModel):
    """One workflow of the project."""

    name: str
    description: str
    tasks: list[str] = Field(description="Names of its tasks, or of the steps of a step pipeline, in order.")
    takes_file: bool = Field(description="Whether a run can be started with a file (step pipelines).")
    parameters: dict[str, str] = Field(description="Parameters it declares, with their defaults.")
    schedule: str | None = Field(description="Five-field cron.")
    timezone: str
    max_concurrent_runs: int = Field(description="How many runs at once; 0 = no limit.")


class Workflows(BaseModel):
    """The workflows of the project."""

    project: str
    workspace: str = Field(description="emulator or databricks")
    workflows: list[Workflow]


class RunRequest(BaseModel):
    """How to start a run; everything can be left out."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,  # JSON has no such number, but 1e999 is read as one
        json_schema_extra={"example": {"parameters": {"from_date": "2013-06-01"}}},
    )

    parameters: dict[str, str | bool | int | float] = Field(
        {}, description="Parameter -> value; overrides that parameter of the workflow and its tasks."
    )
    sequential: bool = Field(False, description="One task after another, in a stable order.")


class Launched(BaseModel):
    """A run that was asked for."""

    run_id: str
    workflow: str
    state: RunState
    replayed: bool = Field(description="Whether an earlier request with this Idempotency-Key started it.")
    links: Links


class Cancelled(BaseModel):
    """A run that was asked to end."""

    run_id: str
    state: RunState = Field(description="cancelling until its Databricks runs have stopped.")
    links: Links


class NotebookRun(BaseModel):
    """A notebook that a task's code started by `dbutils.notebook.run`."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    run_id: int = Field(description="The Databricks run.")
    state: str = Field(description="success, failed, cancelled; running where its end was not seen")
    code: str = Field(description="Termination code.")
    after_seconds: float = Field(description="How long after the task's own Databricks run it began.")
    seconds: float
    setup_seconds: float
    execution_seconds: float
    depth: int = Field(description="1 where the task's code started it, 2 where such a notebook did, ...")
    url: str


class Task(BaseModel):
    """One task (or step) of a run."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    state: TaskState
    attempt: int = Field(description="Counts from 1; 0 before the first one.")
    start: Moment
    end: Moment
    seconds: float | None = Field(description="From start to end, or to now while it runs.")
    databricks_run_id: int | None
    url: str | None = Field(description="Page of the Databricks run.")
    message: str = Field(
        description="Last state Databricks gave while the run was active; empty after its end."
    )
    exit_value: str | None = Field(description="What the notebook left.")
    error: str = Field(description="Why it failed, in a line.")
    trace: str = Field(description="Traceback of the task's code, if it failed.")
    notebook_runs: list[NotebookRun] = Field(description="Notebooks it started, known once it has ended.")
    more_notebook_runs: int = Field(description="How many of them are left out.")
    result: dict[str, Any] = Field(description="What a step left in the context; secrets are left out.")


class RunHead(BaseModel):
    """One run without its tasks."""

    model_config = ConfigDict(from_attributes=True)

    run_id: str
    job: str
    state: RunState
    workspace: str
    start: Moment
    end: Moment
    seconds: float | None
    parent_run_id: str | None = Field(description="The run it resumes, or repeats.")
    user: str = Field(description="Who started it, where a proxy names them; else empty.")
    abandoned: bool = Field(description="Its process has died; cancelling it closes it.")


class Run(RunHead):
    """One run, task by task."""

    error: str = Field(description="Why it failed when that was no failure of its tasks.")
    result: dict[str, Any] = Field(description="What the steps of a step pipeline have left so far, by name.")
    tasks: list[Task]
    links: Links


class Runs(BaseModel):
    """A page of runs, the newest first."""

    runs: list[RunHead]
    next: str | None = Field(description="Give it as before for the next page; null on the last.")


class Live(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class Health(BaseModel):
    """Whether runs can be started."""

    status: Literal["ok", "degraded"] = Field(description="degraded comes with the status 503.")
    code: bool = Field(description="The project's code is loaded.")
    daemon: bool = Field(description="Dagster's daemon was heard from in the last 90 s.")
