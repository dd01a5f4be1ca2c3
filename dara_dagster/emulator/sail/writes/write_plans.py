"""Corrects overwrites that Sail takes for "replace the whole table", and schema changes it ignores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb
from pyspark.errors import AnalysisException
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import CachedRelation
from pyspark.sql.functions import col
from pyspark.sql.types import (
    AtomicType,
    DataType,
    DatetimeType,
    NullType,
    NumericType,
    StringType,
    StructField,
    VariantType,
)

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.lake.column_mapping import with_mapping
from dara_dagster.emulator.sail.syntax.literals import literal
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally
from dara_dagster.emulator.sail.writes.files import prepare_files

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = [
    "AUTO_MERGE",
    "DYNAMIC_MODE",
    "external_place",
    "give_types",
    "partition_filter",
    "prepare_write",
]

AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"
_BY_NAME = pb.WriteOperation.SaveTable.TABLE_SAVE_METHOD_SAVE_AS_TABLE
_MUST_BE_NEW = (
    pb.WriteOperation.SAVE_MODE_ERROR_IF_EXISTS,
    pb.WriteOperation.SAVE_MODE_UNSPECIFIED,
)
_INTO_TABLE = (pb.WriteOperation.SAVE_MODE_APPEND, pb.WriteOperation.SAVE_MODE_OVERWRITE)
_CONSTRAINT_CHECK = "spark.databricks.delta.replaceWhere.constraintCheck.enabled"
DYNAMIC_MODE = "spark.sql.sources.partitionOverwriteMode"


def prepare_write(spark: BaseSession, command: pb.Command) -> None:
    """Change a write command in place so that Sail does what Databricks would.

    - `saveAsTable` becomes a write to the table's folder: with a name Sail 0.7.2 replaces the whole table in
      spite of `replaceWhere`, and keeps columns in its catalog, which another task's changes make wrong.
    - `partitionOverwriteMode=dynamic` is ignored: it becomes `replaceWhere` over the new rows' partitions.
    - `writeTo(t).overwritePartitions()` is refused by Sail: it becomes such a dynamic overwrite.
    - autoMerge is ignored: it becomes `mergeSchema`, or schema evolution of the MERGE.
    - A value that does not fit its column's type is written as null: the cast is made before, and fails.
    - Nulls in partition columns of plain files get Spark's folder, see `prepare_files`.
    - New names are made lower case: Sail names a table's folder as the name is spelled.
    """
    _partitions_by_name(command)
    if command.HasField("write_operation"):
        _prepare_save(spark, command.write_operation)
    elif command.HasField("merge_into_table_command"):
        evolves = (
            command.merge_into_table_command.with_schema_evolution or spark.setting(AUTO_MERGE) == "true"
        )
        command.merge_into_table_command.with_schema_evolution = evolves
    elif command.HasField("write_operation_v2"):
        name = spark.registry.resolve(command.write_operation_v2.table_name)
        if name is not None:
            command.write_operation_v2.table_name = name.lower.quoted


def _prepare_save(spark: BaseSession, write: pb.WriteOperation) -> None:
    name = spark.registry.resolve(write.table.table_name) if write.table.table_name else None
    if name is not None:
        write.table.table_name = name.lower.quoted
    options = {key.lower(): value.lower() for key, value in write.options.items()}
    mode = options.get("partitionoverwritemode") or spark.setting(DYNAMIC_MODE)
    prepare_files(spark, write, mode)
    folder = _existing_table(spark, write)
    merges = (options.get("mergeschema") or spark.setting(AUTO_MERGE)) == "true"
    if merges and folder is not None and options.get("overwriteschema") != "true":
        _add_new_columns(spark, write, folder)
    replaces = write.mode == pb.WriteOperation.SAVE_MODE_OVERWRITE
    if folder is not None and replaces and "replacewhere" in options:
        condition = next(value for key, value in write.options.items() if key.lower() == "replacewhere")
        _check_replaced_rows(spark, DataFrame(CachedRelation(write.input), spark), condition)
    elif folder is not None and replaces and mode == "dynamic":
        _replace_partitions(spark, write, folder)
    replaces_types = merges or options.get("overwriteschema") == "true"
    if folder is not None and write.mode in _INTO_TABLE and not (replaces_types or _is_by_position(write)):
        _fit_to_table(spark, write, folder)
    if write.HasField("table") and write.table.save_method == _BY_NAME:
        if write.source not in ("", "delta"):  # Sail would keep such a table for this session only
            raise NotSupportedLocally(
                f"saveAsTable in the format {write.source}", "Write a Delta table, or files by save(path)."
            )
        _save_to_folder(spark, write, folder)


def _check_replaced_rows(spark: BaseSession, rows: DataFrame, condition: str) -> None:
    """Raise AnalysisException for rows that do not fulfil the condition of `replaceWhere`
    (https://docs.databricks.com/aws/en/delta/selective-overwrite).
    """
    if spark.setting(_CONSTRAINT_CHECK) == "false":
        return
    wrong: Any = rows.where(f"NOT coalesce(({condition}), false)")
    found = wrong.limit(1).collect()
    if found:
        values = ", ".join(f"{name} = {value}" for name, value in found[0].asDict().items())
        raise AnalysisException(
            "[DELTA_REPLACE_WHERE_MISMATCH] Written data does not conform to partial table overwrite "
            f"condition or constraint '{condition.strip()}'. Invalid data: {values}. SQLSTATE: 44000"
        )


def partition_filter(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return a condition that holds for exactly the partitions in which the rows lie."""

    def test(column: str, value: Any) -> str:
        return f"`{column}` IS NULL" if value is None else f"`{column}` = {literal(value)}"

    partitions = [" AND ".join(test(column, row[column]) for column in columns) for row in rows]
    return " OR ".join(f"({partition})" for partition in partitions) or "false"


def _partitions_by_name(command: pb.Command) -> None:
    """Turn writeTo(t).overwritePartitions() into the same write by saveAsTable."""
    by_name = command.write_operation_v2
    if not command.HasField("write_operation_v2") or by_name.mode != by_name.MODE_OVERWRITE_PARTITIONS:
        return
    write = pb.WriteOperation(
        input=by_name.input,
        source="delta",
        mode=pb.WriteOperation.SAVE_MODE_OVERWRITE,
        options={**by_name.options, "partitionOverwriteMode": "dynamic"},
    )
    write.table.table_name = by_name.table_name
    write.table.save_method = _BY_NAME
    command.write_operation.CopyFrom(write)


def _existing_table(spark: BaseSession, write: pb.WriteOperation) -> Path | None:
    if write.table.table_name:
        name = spark.registry.resolve(write.table.table_name)
        return spark.store.table_folder(name) if name else None
    folder = Path(spark.paths.spark(write.path)) if write.path else None
    return folder if folder and (folder / "_delta_log").is_dir() else None


def _add_new_columns(spark: BaseSession, write: pb.WriteOperation, folder: Path) -> None:
    """Add the new columns of mergeSchema first: with a path Sail 0.7.2 drops them silently."""
    rows = DataFrame(CachedRelation(write.input), spark)
    with spark.store.lock(folder):
        known = delta_log.read_snapshot(folder).fields
        names = {field["name"].lower() for field in known}
        new = [
            field for field in json.loads(rows.schema.json())["fields"] if field["name"].lower() not in names
        ]
        if new:
            nullable = [{**field, "nullable": True} for field in new]
            mapping = with_mapping(delta_log.read_snapshot(folder), nullable)
            delta_log.change_metadata(
                folder, "ADD COLUMNS", fields=[*known, *nullable], configuration=mapping
            )


def _is_by_position(write: pb.WriteOperation) -> bool:
    """Return whether it is an insertInto."""
    by_position = pb.WriteOperation.SaveTable.TABLE_SAVE_METHOD_INSERT_INTO
    return write.HasField("table") and write.table.save_method == by_position


def _fit_to_table(spark: BaseSession, write: pb.WriteOperation, folder: Path) -> None:
    """Give columns the names (which Sail minds the case of) and the types of the table.

    Raises AnalysisException for types that Databricks does not cast into each other.
    """
    rows: Any = DataFrame(CachedRelation(write.input), spark)
    fields = [StructField.fromJson(field) for field in delta_log.read_snapshot(folder).fields]
    wanted = {field.name.lower(): field for field in fields}
    columns, changes = [], False
    for field in rows.schema:
        target = wanted.get(field.name.lower(), field)
        kind = _stored_type(field, target.dataType)
        changes = changes or (field.name, field.dataType) != (target.name, kind)
        column = col(f"`{field.name}`")
        columns.append((column if kind == field.dataType else column.cast(kind)).alias(target.name))
    if changes:
        write.input.CopyFrom(rows.select(*columns)._plan.plan(spark.client))


def _stored_type(field: StructField, kind: DataType) -> DataType:
    """Return the type to cast a column to whose type in the table is `kind`; nested types are left to
    Sail."""
    if not (_is_simple(kind) and _is_simple(field.dataType)):
        return field.dataType
    if _family(kind) != _family(field.dataType) and StringType() not in (kind, field.dataType):
        raise AnalysisException(
            f"[DELTA_FAILED_TO_MERGE_FIELDS] Failed to merge fields '{field.name}' and '{field.name}': the "
            f"table has {kind.simpleString()}, the rows have {field.dataType.simpleString()}. SQLSTATE: 22005"
        )
    return kind


def _is_simple(kind: DataType) -> bool:
    return isinstance(kind, AtomicType) and not isinstance(kind, VariantType)


def _family(kind: DataType) -> type[DataType]:
    families = (NumericType, DatetimeType)
    return next((family for family in families if isinstance(kind, family)), type(kind))


def _save_to_folder(spark: BaseSession, write: pb.WriteOperation, folder: Path | None) -> None:
    """Turn a saveAsTable into a write to the folder of the table, or to where the new table will be."""
    name = spark.registry.resolve(write.table.table_name)
    if name is None or write.mode == pb.WriteOperation.SAVE_MODE_IGNORE:
        return
    is_view = folder is None and spark.store.view_sql(name) is not None
    if is_view or (folder is not None and write.mode in _MUST_BE_NEW):
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view {name} because it already exists. "
            "SQLSTATE: 42P07"
        )
    if not spark.store.schema_folder(name.catalog, name.schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{name.catalog}`.`{name.schema}` cannot be found. SQLSTATE: 42704"
        )
    place = external_place(spark, write)
    for key in [key for key in write.options if key.lower() == "path"]:
        del write.options[key]
    _write_to_path(write, folder or place or spark.store.managed_folder(name))


def give_types(spark: BaseSession, command: pb.Command) -> bool:
    """Make columns without a type (`NULL AS b`), of which Sail makes no Delta table, columns of strings.

    Databricks keeps them as VOID: all their values are null there, too. False when the command has none.
    """
    if not command.HasField("write_operation"):
        return False
    rows: Any = DataFrame(CachedRelation(command.write_operation.input), spark)
    untyped = {field.name for field in rows.schema if field.dataType == NullType()}
    columns = [
        col(f"`{name}`").cast("string").alias(name) if name in untyped else col(f"`{name}`")
        for name in rows.columns
    ]
    command.write_operation.input.CopyFrom(rows.select(*columns)._plan.plan(spark.client))
    return bool(untyped)


def external_place(spark: BaseSession, write: pb.WriteOperation) -> Path | None:
    """Return the folder given by the option `path` of a saveAsTable."""
    paths = [value for key, value in write.options.items() if key.lower() == "path"]
    return Path(spark.paths.spark(paths[0])).absolute() if paths else None


def _write_to_path(write: pb.WriteOperation, folder: Path) -> None:
    write.ClearField("table")
    write.path = str(folder)
    write.source = "delta"


def _replace_partitions(spark: BaseSession, write: pb.WriteOperation, folder: Path) -> None:
    snapshot = delta_log.read_snapshot(folder)
    if not snapshot.partition_columns:
        return
    rows: Any = DataFrame(CachedRelation(write.input), spark)
    if _is_by_position(write):
        rows = rows.toDF(*[field["name"] for field in snapshot.fields])
        write.input.CopyFrom(rows._plan.plan(spark.client))
    touched = [row.asDict() for row in rows.select(*snapshot.partition_columns).distinct().collect()]
    write.options["replaceWhere"] = partition_filter(touched, snapshot.partition_columns)
    _write_to_path(write, folder)
