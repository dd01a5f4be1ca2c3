"""Corrects overwrites that Sail takes for "replace the whole table", and schema changes it ignores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import CachedRelation

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.sql.literals import literal

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["AUTO_MERGE", "DYNAMIC_MODE", "partition_filter", "prepare_write"]

AUTO_MERGE = "spark.databricks.delta.schema.autoMerge.enabled"
DYNAMIC_MODE = "spark.sql.sources.partitionOverwriteMode"


def prepare_write(spark: LocalSpark, command: pb.Command) -> None:
    """Changes a write command in place so that Sail does what Databricks would.

    - `replaceWhere` with a table name replaces the whole table in Sail 0.7.2; with a path it is right.
    - `partitionOverwriteMode=dynamic` is ignored: it becomes `replaceWhere` over the new rows' partitions.
    - `writeTo(t).overwritePartitions()` is refused by Sail: it becomes such a dynamic overwrite.
    - autoMerge is ignored: it becomes `mergeSchema`, or schema evolution of the MERGE.
    """
    if command.HasField("merge_into_table_command"):
        if spark.setting(AUTO_MERGE) == "true":
            command.merge_into_table_command.with_schema_evolution = True
        return
    _partitions_by_name(command)
    if command.HasField("write_operation_v2") and (
        name := spark.registry.resolve(command.write_operation_v2.table_name)
    ):
        command.write_operation_v2.table_name = name.lower.quoted
    if not command.HasField("write_operation"):
        return
    write = command.write_operation
    if write.table.table_name and (name := spark.registry.resolve(write.table.table_name)):
        write.table.table_name = name.lower.quoted  # Sail names a new table's folder as it is spelled
    options = {key.lower(): value for key, value in write.options.items()}
    if (
        "mergeschema" not in options
        and "overwriteschema" not in options
        and spark.setting(AUTO_MERGE) == "true"
    ):
        write.options["mergeSchema"] = "true"
    folder = _existing_table(spark, write)
    if write.mode != pb.WriteOperation.SAVE_MODE_OVERWRITE or folder is None:
        return
    mode = options.get("partitionoverwritemode") or spark.setting(DYNAMIC_MODE) or "static"
    if "replacewhere" in options:
        _write_to_path(write, folder)
    elif mode.lower() == "dynamic":
        _replace_partitions(spark, write, folder)


def partition_filter(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A condition that holds for exactly the partitions in which the rows lie."""

    def test(column: str, value: Any) -> str:
        return f"`{column}` IS NULL" if value is None else f"`{column}` = {literal(value)}"

    partitions = [" AND ".join(test(column, row[column]) for column in columns) for row in rows]
    return " OR ".join(f"({partition})" for partition in partitions) or "false"


def _partitions_by_name(command: pb.Command) -> None:
    """Turns writeTo(t).overwritePartitions() into the same write by saveAsTable."""
    modern = command.write_operation_v2
    if not command.HasField("write_operation_v2") or modern.mode != modern.MODE_OVERWRITE_PARTITIONS:
        return
    write = pb.WriteOperation(
        input=modern.input,
        source="delta",
        mode=pb.WriteOperation.SAVE_MODE_OVERWRITE,
        options={**modern.options, "partitionOverwriteMode": "dynamic"},
    )
    write.table.table_name = modern.table_name
    write.table.save_method = pb.WriteOperation.SaveTable.TABLE_SAVE_METHOD_SAVE_AS_TABLE
    command.write_operation.CopyFrom(write)


def _existing_table(spark: LocalSpark, write: pb.WriteOperation) -> Path | None:
    if write.table.table_name:
        name = spark.registry.resolve(write.table.table_name)
        return spark.store.table_folder(name) if name else None
    folder = Path(spark.paths.local(write.path)) if write.path else None
    return folder if folder and (folder / "_delta_log").is_dir() else None


def _write_to_path(write: pb.WriteOperation, folder: Path) -> None:
    write.ClearField("table")
    write.path = str(folder)
    write.source = "delta"


def _replace_partitions(spark: LocalSpark, write: pb.WriteOperation, folder: Path) -> None:
    snapshot = delta_log.read_snapshot(folder)
    if not snapshot.partition_columns:
        return
    rows: Any = DataFrame(CachedRelation(write.input), spark)
    by_position = pb.WriteOperation.SaveTable.TABLE_SAVE_METHOD_INSERT_INTO
    if write.HasField("table") and write.table.save_method == by_position:
        rows = rows.toDF(*[field["name"] for field in snapshot.fields])
        write.input.CopyFrom(rows._plan.plan(spark.client))
    touched = [row.asDict() for row in rows.select(*snapshot.partition_columns).distinct().collect()]
    write.options["replaceWhere"] = partition_filter(touched, snapshot.partition_columns)
    _write_to_path(write, folder)
