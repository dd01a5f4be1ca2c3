"""SHOW statements, answered from the store and the Delta logs with Databricks' column names."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.sql.handlers import statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, unquote
from dara_dagster.emulator.engine.sql.types import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

_IN_SCHEMA = rf"(?:\s+(?:in|from)\s+{NAME})?"
_LIKE = r"(?:\s+(?:like\s+)?'(?P<like>[^']*)')?"


def _schema(spark: LocalSpark, match: re.Match[str]) -> tuple[str, str]:
    if match["name"]:
        catalog, schema = spark.registry.resolve_schema(match["name"])
        if not spark.store.schema_folder(catalog, schema).is_dir():
            raise AnalysisException(f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found.")
        return catalog, schema
    return spark.registry.catalog, spark.registry.schema


def _like(names: list[str], match: re.Match[str]) -> list[str]:
    patterns = (match["like"] or "*").lower().split("|")
    return [name for name in names if any(fnmatch.fnmatch(name.lower(), pattern) for pattern in patterns)]


@statement(rf"show\s+catalogs{_LIKE}")
def show_catalogs(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    return spark.rows([(name,) for name in _like(spark.store.catalogs(), match)], "catalog string")


@statement(rf"show\s+(?:schemas|databases)(?:\s+(?:in|from)\s+(?P<catalog>`[^`]+`|\w+))?{_LIKE}")
def show_schemas(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog = unquote(match["catalog"]) if match["catalog"] else spark.registry.catalog
    return spark.rows([(name,) for name in _like(spark.store.schemas(catalog), match)], "databaseName string")


@statement(rf"show\s+tables{_IN_SCHEMA}{_LIKE}")
def show_tables(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog, schema = _schema(spark, match)
    names = sorted(spark.store.tables(catalog, schema) + spark.store.views(catalog, schema))
    rows = [(schema, name, False) for name in _like(names, match)]
    rows += [("", view.name, True) for view in spark.catalog.listTables() if view.isTemporary]
    return spark.rows(rows, "database string, tableName string, isTemporary boolean")


@statement(rf"show\s+views{_IN_SCHEMA}{_LIKE}")
def show_views(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog, schema = _schema(spark, match)
    rows = [(schema, name, False) for name in _like(spark.store.views(catalog, schema), match)]
    return spark.rows(rows, "namespace string, viewName string, isTemporary boolean")


@statement(rf"show\s+volumes{_IN_SCHEMA}{_LIKE}")
def show_volumes(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog, schema = _schema(spark, match)
    rows = [(schema, name) for name in _like(spark.store.volumes(catalog, schema), match)]
    return spark.rows(rows, "database string, volume_name string")


@statement(rf"show\s+tblproperties\s+{NAME}(?:\s*\(\s*'?(?P<key>[\w.]+)'?\s*\))?")
def show_properties(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    pairs = delta_log.read_snapshot(table_folder(spark, match["name"])).configuration
    rows = sorted((key, value) for key, value in pairs.items() if match["key"] in (None, key))
    return spark.rows(rows, "key string, value string")


@statement(rf"show\s+partitions\s+{NAME}")
def show_partitions(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    snapshot = delta_log.read_snapshot(table_folder(spark, match["name"]))
    columns = snapshot.partition_columns
    if not columns:
        raise AnalysisException(
            f"[INVALID_PARTITION_OPERATION] The table {match['name']} is not partitioned."
        )
    values = {
        tuple(add["partitionValues"].get(column) for column in columns) for add in snapshot.files.values()
    }
    rows = sorted(values, key=lambda row: [value or "" for value in row])
    return spark.rows(rows, ", ".join(f"`{column}` string" for column in columns))


@statement(rf"show\s+columns\s+(?:in|from)\s+{NAME}")
def show_columns(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    return spark.rows([(name,) for name in spark.table(match["name"]).columns], "col_name string")


@statement(rf"show\s+create\s+table\s+{NAME}")
def show_create_table(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    view = spark.store.view_sql(name) if name else None
    if view is not None:
        return spark.rows([(f"CREATE VIEW {name} AS {view}",)], "createtab_stmt string")
    snapshot = delta_log.read_snapshot(table_folder(spark, match["name"]))
    columns = ",\n  ".join(
        f"{f['name']} {delta_type(f['type']).upper()}{'' if f['nullable'] else ' NOT NULL'}"
        for f in snapshot.fields
    )
    text = f"CREATE TABLE {name} (\n  {columns})\nUSING delta"
    if snapshot.partition_columns:
        text += f"\nPARTITIONED BY ({', '.join(snapshot.partition_columns)})"
    if comment := snapshot.metadata.get("description"):
        text += f"\nCOMMENT '{comment}'"
    return spark.rows([(text,)], "createtab_stmt string")
