"""Generates the JSON Schema of every file from the models, for editors to complete and check."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dara_dagster.config.compute_models import ClusterSettings, WarehouseSettings
from dara_dagster.config.dialects.level_models import DefinitionWorkflow, LevelFile
from dara_dagster.config.dialects.step_models import BUILT_IN, StepItem, StepsOptions
from dara_dagster.config.fields import Model
from dara_dagster.config.models import Entry, Executor, Project, TasksWorkflow
from dara_dagster.config.parameters import Pair

# Texts for another value: a reference that is filled in; a number; true or false.
_REFERENCE = {"type": "string", "pattern": r"\$\{"}
_NUMBER_TEXT = {"type": "string", "pattern": r"\$\{|^\s*[-+]?\.?[0-9]"}
_TRUTH_TEXT = {"type": "string", "pattern": r"\$\{|^([TtFfYyNn]|[Oo][NnFf]|0$|1$)"}


class _Parameters(Model):
    """Variables for `${name}` in all files, and what the names of executors stand for."""

    model_config = ConfigDict(extra="allow")

    executors: dict[str, Executor] = Field(default={})


class _ExecutorsPair(Pair):
    """The executors in a parameters file that is a list."""

    key: Literal["executors"] = Field(alias="ParameterKey")
    value: dict[str, Executor] = Field(alias="ParameterValue")


class _VariablePair(Pair):
    """A variable in a parameters file that is a list."""

    key: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^(?!executors$)."})] = Field(
        alias="ParameterKey"
    )


class _OwnStep(StepItem):
    """A step of a class of your own."""

    uses: Annotated[str, WithJsonSchema({"type": "string", "pattern": ":"})] = Field(
        description="module:Class"
    )


def _built_in(name: str, settings: type[Model]) -> type[Model]:
    """Return a built-in step, with the settings that it takes."""
    fields: Any = {
        "uses": (Literal[name], ...),
        "settings": (settings, Field(description="Settings of the step.")),
    }
    return create_model(f"{settings.__name__}Step", __base__=StepItem, **fields)


_Step: Any = reduce(or_, [*(_built_in(name, settings) for name, settings in BUILT_IN.items()), _OwnStep])
_Steps: Any = Annotated[tuple[_Step, ...], Field(min_length=1)]


class _StepsWorkflow(StepsOptions):
    """A workflow as a pipeline of steps that share one context."""

    steps: _Steps


_WORKFLOW = (
    Annotated[tuple[Entry, ...], Field(min_length=1)]
    | Annotated[tuple[LevelFile, ...], Field(min_length=1)]
    | _Steps
    | TasksWorkflow
    | DefinitionWorkflow
    | _StepsWorkflow
)
_FILES: dict[str, tuple[str, Any]] = {
    "cluster_config.json": ("Clusters by name", dict[str, ClusterSettings]),
    "warehouse_config.json": ("SQL warehouses by name", dict[str, WarehouseSettings]),
    "dependency.json": ("The main workflow", _WORKFLOW),
    "workflows/*.json": ("A workflow", _WORKFLOW),
    "project.json": ("The project", Project),
    "parameters*.json": (
        "Variables, and executors",
        _Parameters | tuple[_ExecutorsPair | _VariablePair, ...],
    ),
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return file name (or pattern, from the config folder) -> its JSON Schema (draft 2020-12)."""
    return {file: _schema(title, kind) for file, (title, kind) in _FILES.items()}


def _schema(title: str, kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(schema_generator=_FileSchema)
    if "additionalProperties" in schema and "properties" not in schema:
        schema["properties"] = {"$schema": {}}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}


class _FileSchema(GenerateJsonSchema):
    """Allows what the files allow: numbers and truth values as text, and `${name}` for any value."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {"anyOf": [super().int_schema(schema), _NUMBER_TEXT]}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {"anyOf": [super().float_schema(schema), _NUMBER_TEXT]}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return {"anyOf": [super().bool_schema(schema), {"enum": [0, 1]}, _TRUTH_TEXT]}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return {"anyOf": [super().literal_schema(schema), _REFERENCE]}
