"""The models of what users write: entries, workflows, sensors and the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, create_model, model_validator

from dara_dagster.config.fields import (
    NAMES_OR_ARGUMENTS,
    Arguments,
    Count,
    Cron,
    FileName,
    Group,
    LocalFolder,
    Model,
    Moment,
    MoreThanZero,
    Name,
    ObjectName,
    Owner,
    Patterns,
    PlainName,
    Positive,
    RetryRule,
    Seconds,
    Table,
    TablePart,
    Texts,
    Timezone,
    Volume,
    WorkspacePath,
    invalid,
)
from dara_dagster.config.kinds import (
    FORMAT_CHOICE,
    ON_CLUSTER,
    ON_WAREHOUSE,
    TAKES_PARAMETERS,
    Choice,
    Format,
    RunIf,
)
from dara_dagster.config.rules.payload import payload_schema
from dara_dagster.config.settings import all_settings


@dataclass(frozen=True)
class OnlyFor:
    """Says of a key of an entry that only these kinds of tasks have a use for it.

    They are named as in `kinds.FileKind`, or by their type in the Jobs API.
    """

    kinds: frozenset[str]


def use_of(model: type[Model], key: str) -> frozenset[str] | None:
    """Return the kinds of tasks that have a use for the key; None where all of them have."""
    return next((each.kinds for each in model.model_fields[key].metadata if isinstance(each, OnlyFor)), None)


class Maven(Model):
    """A Maven library of the Jobs API."""

    coordinates: str
    repo: str | None = None
    exclusions: tuple[str, ...] = ()


class Package(Model):
    """A PyPI or CRAN library of the Jobs API."""

    package: str
    repo: str | None = None


class Library(Model):
    """One library of a task: exactly one kind (SDK: `compute.Library`)."""

    jar: str | None = None
    egg: str | None = None
    whl: str | None = None
    requirements: str | None = None
    pypi: Package | None = None
    maven: Maven | None = None
    cran: Package | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Library:
        if len(self.model_fields_set) != 1:
            kinds = ", ".join(Library.model_fields)
            raise invalid(
                f"a library has one kind, this has {len(self.model_fields_set)}", f"Write one of {kinds}."
            )
        for kind in self.model_fields_set:
            if getattr(self, kind) is None:
                raise invalid(f"{kind} is null", "Say which library, or remove it.")
        return self


class FileWork(Model):
    """The keys of a file to run, wherever it is named."""

    compute_name: Annotated[str | None, OnlyFor(ON_CLUSTER | {"sql"})] = Field(
        default=None, description="A cluster's name; for sql a warehouse's."
    )
    warehouse_name: Annotated[str | None, OnlyFor(ON_WAREHOUSE)] = Field(
        default=None, description="A name in warehouse_config.json."
    )
    cluster: Annotated[Literal["shared", "job"], OnlyFor(ON_CLUSTER)] = Field(
        default="shared", description="The named cluster, or a fresh cluster a run from its settings."
    )
    libraries: Annotated[tuple[Library, ...], OnlyFor(ON_CLUSTER)] = Field(
        default=(), description="As in the Jobs API."
    )
    parameters: Annotated[Texts | Arguments, OnlyFor(TAKES_PARAMETERS), NAMES_OR_ARGUMENTS] = Field(
        default={}, description="Given to the code: widgets, arguments or SQL markers; for whl also a list."
    )
    entry_point: Annotated[str | None, OnlyFor(frozenset({"wheel"}))] = Field(
        default=None, min_length=1, description="For whl: the entry point (or function) of the package."
    )
    package_name: Annotated[str | None, OnlyFor(frozenset({"wheel"}))] = Field(
        default=None, min_length=1, description="For whl: the package; default: the first part of file_name."
    )
    timeout_seconds: Count = Field(default=0, description="Cancel the run after this time; 0 = never.")
    max_retries: Count = Field(default=0, description="How often a failed task is started again.")
    retry_delay_seconds: Seconds = Field(default=0.0, description="Pause before a retry.")
    poll_seconds: Seconds = Field(default=0.0, description="Poll the run no more often than this.")

    @property
    def named_parameters(self) -> Mapping[str, str]:
        """Return the parameters that have names."""
        return self.parameters if isinstance(self.parameters, dict) else {}

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the parameters that are a list."""
        return self.parameters if isinstance(self.parameters, tuple) else ()


class Entry(FileWork):
    """One task: a file of the notebooks folder, or a raw task payload of the Jobs API."""

    file_name: FileName | None = Field(
        default=None, description="File in the notebooks folder, without its ending; also the task's name."
    )
    name: Name | None = Field(default=None, description="The task's name where it is not the file's.")
    format: Format | None = Field(default=None, description=f"The file's ending: {FORMAT_CHOICE}.")
    dependent_on: tuple[str, ...] = Field(default=(), description="Names of the tasks before it.")
    run_if: RunIf = Field(default="ALL_SUCCESS", description="Which ends of the tasks before let it run.")
    on_partial: Choice = Field(default="succeed", description="What SUCCESS_WITH_FAILURES counts as.")
    on_skipped: Choice = Field(default="fail", description="What a run that Databricks skipped counts as.")
    outputs: tuple[Table, ...] = Field(default=(), description="Tables it writes, catalog.schema.table.")
    mode: Literal["append"] | None = Field(
        default=None, description="It adds rows to its tables: other tasks that say so may write them too."
    )
    owners: tuple[Owner, ...] = Field(
        default=(), description="Whose its tables are, in Dagster: e-mail addresses, team:<name>."
    )
    group: Group | None = Field(
        default=None, description="The group of its tables in Dagster; default: the workflow."
    )
    description: str = Field(default="", description="Shown in Dagster.")
    tags: Texts = Field(default={}, description="Shown in Dagster.")
    task: Annotated[dict[str, Any], WithJsonSchema(payload_schema())] | None = Field(
        default=None, description="A raw task payload of the Jobs API instead of a file."
    )

    @property
    def task_name(self) -> str:
        """Return the name other tasks call it by."""
        return self.name or self.file_name or ""


class Sensor(Model):
    """What starts a workflow when files arrive."""

    volume: Volume | None = Field(default=None, description="A folder in a volume.")
    folder: LocalFolder | None = Field(
        default=None, description="A local folder, relative to the project's folder."
    )
    pattern: Patterns = Field(default=("*",), min_length=1, description="File name patterns, such as *.csv.")
    recursive: bool = Field(default=False, description="Look into subfolders too.")
    follow_links: bool = Field(
        default=False,
        description="Take symbolic links in a local folder too; they may lead to any file of the machine.",
    )
    settle_seconds: Seconds = Field(default=0.0, description="How long a file must have been left alone.")
    batch_size: Positive = Field(default=100, description="Runs (or files in a batch) of one tick at most.")
    per: Literal["file", "batch"] = Field(default="file", description="One run a file, or one for a batch.")
    upload_to: Volume | None = Field(
        default=None, description="Where the files of a local folder are uploaded first."
    )
    since: Moment | None = Field(default=None, description="Take files from this time on (ISO 8601).")
    interval_seconds: Positive = Field(default=30, description="Time between two looks.")

    @model_validator(mode="after")
    def _one_place(self) -> Sensor:
        if (self.volume is None) == (self.folder is None):
            raise invalid(
                "a sensor watches one place: volume or folder", "Write exactly one of volume and folder."
            )
        if self.volume and self.upload_to:
            raise invalid("upload_to is for files of a local folder", "Remove upload_to.")
        return self


class WorkflowOptions(Model):
    """What every workflow file may say besides its work."""

    schema_: str | None = Field(default=None, alias="$schema", description="For editors.")
    name: PlainName | None = Field(
        default=None, description="The workflow's name; default: the file's, or the project's."
    )
    description: str = Field(default="", description="Shown in Dagster.")
    schedule: Cron | None = Field(default=None, description="When it starts by itself: cron, five fields.")
    timezone: Timezone | None = Field(default=None, description="The schedule's time zone; default UTC.")
    sensor: Sensor | None = Field(default=None, description="Start it when files arrive.")
    running: bool = Field(default=False, description="Its schedule and sensor are on from the start.")
    max_concurrent: Positive | None = Field(default=None, description="How many tasks run in parallel.")
    max_concurrent_runs: Count = Field(default=0, description="How many runs at once; 0 = no limit.")
    sequential_job: bool = Field(
        default=False,
        description="Add the job `<name>_sequential`, which runs one task at a time.",
    )
    run_as: Literal["caller"] | None = Field(
        default=None, description="caller: with the rights of who starts the run, through a Databricks App."
    )
    fail_fast: bool = Field(default=False, description="Cancel the other tasks when one fails.")
    extra_parameters: bool = Field(
        default=False, description="Let a run be given parameters that no file declares."
    )
    parameters: Texts = Field(default={}, description="Defaults for every task.")
    retry_on: dict[str, RetryRule] = Field(
        default={}, description="Termination code or pattern -> never, now or backoff."
    )
    tags: Texts = Field(default={}, description="Tags of its runs.")


class TasksWorkflow(WorkflowOptions):
    """A workflow as a list of tasks and what they depend on."""

    tasks: tuple[Entry, ...] = Field(min_length=1)


if TYPE_CHECKING:

    class Poll(Model):
        """`poll` of project.json."""

else:
    Poll = create_model(
        "Poll",
        __base__=Model,
        __doc__="How Databricks is called: rates, time-outs and patience.",
        **{
            one.name: (
                Positive if one.kind is int else MoreThanZero,
                Field(default=one.default, description=one.text),
            )
            for one in all_settings()
        },
    )


class Project(Model):
    """project.json: all optional."""

    schema_url: str | None = Field(default=None, alias="$schema", description="For editors.")
    name: PlainName | None = Field(
        default=None,
        description="Needed on Databricks; else the folder's.",
    )
    workspace: Literal["emulator", "databricks"] = Field(default="emulator", description="Where tasks run.")
    notebooks: LocalFolder | None = Field(
        default=None, description="Folder of task files, relative to this file."
    )
    dependency: LocalFolder | None = Field(
        default=None, description="The dependency file or its folder, relative to this file."
    )
    workspace_path: WorkspacePath | None = Field(default=None, description="Where task files go.")
    catalog: TablePart | None = Field(default=None, description="Default for unqualified tables.")
    schema_: TablePart | None = Field(
        default=None, alias="schema", description="Default for unqualified tables."
    )
    poll: Poll = Poll()
    max_concurrent: Positive = Field(default=300, description="How many tasks of a run go in parallel.")
    routers: tuple[ObjectName, ...] = Field(
        default=(), description="FastAPI routers that `dara serve` serves too, each as module:router."
    )
    upload_folders: tuple[LocalFolder, ...] = Field(
        default=(),
        description="Folders, relative to this file, whose files may be named by who starts a run over HTTP.",
    )


class Executor(FileWork):
    """What an executor's name in a LEVEL / THREAD / STEP definition stands for: a file, or any task."""

    format: Format | None = Field(default=None, description="The ending of the file that JOB_NAME names.")
    parameters: Annotated[Texts, OnlyFor(TAKES_PARAMETERS)] = Field(
        default={}, description="Given to the code, beside STEP_PROPERTIES."
    )
    task: Annotated[dict[str, Any], WithJsonSchema(payload_schema())] | None = Field(
        default=None,
        description="A task of the Jobs API; ${step.job_name} and ${step.properties.x} are filled in.",
    )
