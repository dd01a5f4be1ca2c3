"""Generates the JSON Schema of every file from the models, for editors to complete and check."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dara_dagster.spec.compute import ClusterSettings, WarehouseSettings
from dara_dagster.spec.fields import Model
from dara_dagster.spec.level_models import DefinitionWorkflow, LevelFile
from dara_dagster.spec.models import Entry, Executor, Project, TasksWorkflow
from dara_dagster.spec.step_models import StepsWorkflow

_REFERENCE = r"\$\{.+\}"


class _Parameters(Model):
    """Variables for `${name}` in all files, and what the names of executors stand for."""

    model_config = ConfigDict(extra="allow")

    executors: dict[str, Executor] = Field(default={})


_WORKFLOW = TasksWorkflow | DefinitionWorkflow | StepsWorkflow
_FILES: dict[str, tuple[str, Any]] = {
    "cluster_config.json": ("Clusters by name", dict[str, ClusterSettings]),
    "warehouse_config.json": ("SQL warehouses by name", dict[str, WarehouseSettings]),
    "dependency.json": ("The main workflow", tuple[Entry, ...] | _WORKFLOW),
    "workflows/*.json": ("A workflow", tuple[Entry, ...] | tuple[LevelFile, ...] | _WORKFLOW),
    "project.json": ("The project", Project),
    "parameters*.json": ("Variables, and executors", _Parameters),
}


def schemas() -> dict[str, dict[str, Any]]:
    """File name (or pattern, from the config folder) -> its JSON Schema (draft 2020-12)."""
    return {file: _schema(title, kind) for file, (title, kind) in _FILES.items()}


def _schema(title: str, kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(schema_generator=_FileSchema)
    if "additionalProperties" in schema and "properties" not in schema:
        schema["properties"] = {"$schema": {"type": "string"}}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}


class _FileSchema(GenerateJsonSchema):
    """Allows what the files allow: numbers and truth values as text, and `${name}` for any value."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_text(super().int_schema(schema), r"\s*-?[0-9]+\s*")

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_text(super().float_schema(schema), r"\s*-?[0-9.]+([eE][-+]?[0-9]+)?\s*")

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _or_text(super().bool_schema(schema), "[A-Za-z01]+")

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return _or_text(super().literal_schema(schema), "")


def _or_text(schema: JsonSchemaValue, pattern: str) -> JsonSchemaValue:
    patterns = f"^({pattern}|{_REFERENCE})$" if pattern else f"^{_REFERENCE}$"
    return {"anyOf": [schema, {"type": "string", "pattern": patterns}]}
