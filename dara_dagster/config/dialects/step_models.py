"""The models of step pipelines: the settings of each built-in step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from dara_dagster.config.fields import (
    Count,
    FileName,
    Model,
    MoreThanZero,
    Name,
    ObjectName,
    Positive,
    Seconds,
    Table,
    Texts,
    Volume,
    invalid,
)
from dara_dagster.config.kinds import FORMAT_CHOICE, Format
from dara_dagster.config.models import FileWork, WorkflowOptions
from dara_dagster.config.sql_placeholders import CannotBind, bind_placeholders


def _job(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise invalid("should be a job's id or name", "Write the id as a number or the name as text.")
    return value


JobReference = Annotated[
    int | str,
    BeforeValidator(_job),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1}]}),
]


def _statement(value: str) -> str:
    try:
        bind_placeholders(value)
    except CannotBind as error:
        raise invalid(error.message, error.hint) from None
    return value


Statement = Annotated[str, AfterValidator(_statement)]


WarehouseName = Annotated[str, "warehouse"]
"""The name of a warehouse: it must be there, and the step has it as its compute."""


def warehouse_key(uses: str) -> str | None:
    """Return the key under which a built-in step names a warehouse; None when it names none."""
    fields = BUILT_IN[uses].model_fields.items() if uses in BUILT_IN else ()
    return next((key for key, field in fields if "warehouse" in field.metadata), None)


class UploadFile(Model):
    """Uploads a file to a volume."""

    file: str | None = Field(default=None, description="Local file; default: the file that started the run.")
    to: Volume = Field(description="File in a volume, or (ending with /) the folder for it.")
    overwrite: bool = Field(default=True, description="Replace the file that is there.")


class RunJob(Model):
    """Runs a saved Databricks job, or a workflow of the project as one."""

    job: JobReference = Field(description="The job's id (a number), its name, or a workflow's name.")
    parameters: Texts = Field(default={}, description="Job parameters.")
    timeout_seconds: Count = Field(default=0, description="Cancel the run after this time; 0 = never.")
    poll_seconds: Seconds = Field(default=0.0, description="Poll the run no more often than this.")


class RunTask(FileWork):
    """Runs a file of the notebooks folder."""

    file_name: FileName = Field(description="File in the notebooks folder, without its ending.")
    format: Format = Field(description=f"The file's ending: {FORMAT_CHOICE}.")


class RunSql(Model):
    """Runs one SQL statement on a warehouse."""

    statement: Statement = Field(
        min_length=1, description="The statement; :name stands for a parameter, ${context.x} for a value."
    )
    warehouse_name: WarehouseName = Field(description="A name in warehouse_config.json.")
    parameters: Texts = Field(default={}, description="Values of the statement's parameters.")
    timeout_seconds: Count = Field(default=0, description="Cancel it after this time; 0 = never.")


class WaitForTable(Model):
    """Waits until a table exists."""

    table: Table = Field(description="catalog.schema.table")
    timeout_seconds: Count = Field(default=3600, description="Fail after this time; 0 = wait on.")
    poll_seconds: MoreThanZero = Field(default=10.0, description="Time between two looks.")


class NewIndex(Model):
    """What an index is made of where it is not there."""

    endpoint_name: str = Field(min_length=1, description="Endpoint; made where it is not there.")
    endpoint_type: Literal["STANDARD", "STORAGE_OPTIMIZED"] = Field(
        default="STANDARD", description="Type of an endpoint that is made."
    )
    source_table: Table = Field(description="catalog.schema.table that the index follows.")
    primary_key: str = Field(min_length=1, description="The table's column that tells rows apart.")
    embedding_column: str = Field(min_length=1, description="The table's column of vectors.")
    embedding_dimension: Positive = Field(description="How many numbers a vector has.")


class SyncIndex(Model):
    """Brings a Vector Search index up to date with its table."""

    index: Table = Field(description="catalog.schema.index")
    create: NewIndex | None = Field(default=None, description="How to make an index that is not there.")
    timeout_seconds: Count = Field(default=3600, description="Fail after this time; 0 = wait on.")
    poll_seconds: MoreThanZero = Field(default=5.0, description="Time between two looks.")


BUILT_IN: Mapping[str, type[Model]] = {
    "upload_file": UploadFile,
    "run_job": RunJob,
    "run_task": RunTask,
    "run_sql": RunSql,
    "wait_for_table": WaitForTable,
    "sync_index": SyncIndex,
}


class StepItem(Model):
    """One step: a built-in one, or a class of your own as `module:Class`."""

    name: Name | None = Field(default=None, description="Default: what it uses.")
    uses: str = Field(description=f"{', '.join(BUILT_IN)} or module:Class.")
    settings: dict[str, Any] = Field(default={}, description="Settings of the step.")


class StepsOptions(WorkflowOptions):
    """What a step pipeline may say besides its steps."""

    context: ObjectName | None = Field(
        default=None, description="Your subclass of StepContext, as module:Class."
    )
