"""SHOW statements, answered from the store and the Delta logs with Databricks' column names."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.sql.handlers import statement, table_folder
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.tokens import unquote
from dara_dagster.emulator.sail.syntax.type_names import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

_IN_SCHEMA = " [(IN | FROM) <name>]"
_LIKE = " [[LIKE] <like:string>]"


def _schema(spark: BaseSession, match: Match) -> tuple[str, str]:
    if match["name"]:
        catalog, schema = spark.registry.resolve_schema(match["name"])
        if not spark.store.schema_folder(catalog, schema).is_dir():
            raise AnalysisException(f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found.")
        return catalog, schema
    return spark.registry.catalog, spark.registry.schema


def _like(names: list[str], match: Match) -> list[str]:
    patterns = unquote(match["like"] or "*").lower().split("|")
    return [name for name in names if any(fnmatch.fnmatch(name.lower(), pattern) for pattern in patterns)]


@statement("SHOW CATALOGS" + _LIKE)
def show_catalogs(spark: BaseSession, match: Match) -> DataFrame:
    return spark.rows([(name,) for name in _like(spark.store.catalogs(), match)], "catalog string")


@statement("SHOW (SCHEMAS | DATABASES) [(IN | FROM) <catalog:word>]" + _LIKE)
def show_schemas(spark: BaseSession, match: Match) -> DataFrame:
    catalog = unquote(match["catalog"]) if match["catalog"] else spark.registry.catalog
    return spark.rows([(name,) for name in _like(spark.store.schemas(catalog), match)], "databaseName string")


@statement("SHOW TABLES" + _IN_SCHEMA + _LIKE)
def show_tables(spark: BaseSession, match: Match) -> DataFrame:
    catalog, schema = _schema(spark, match)
    names = sorted(spark.store.tables(catalog, schema) + spark.store.views(catalog, schema))
    rows = [(schema, name, False) for name in _like(names, match)]
    rows += [("", view.name, True) for view in spark.catalog.listTables() if view.isTemporary]
    return spark.rows(rows, "database string, tableName string, isTemporary boolean")


@statement("SHOW VIEWS" + _IN_SCHEMA + _LIKE)
def show_views(spark: BaseSession, match: Match) -> DataFrame:
    catalog, schema = _schema(spark, match)
    rows = [(schema, name, False) for name in _like(spark.store.views(catalog, schema), match)]
    return spark.rows(rows, "namespace string, viewName string, isTemporary boolean")


@statement("SHOW VOLUMES" + _IN_SCHEMA + _LIKE)
def show_volumes(spark: BaseSession, match: Match) -> DataFrame:
    catalog, schema = _schema(spark, match)
    rows = [(schema, name) for name in _like(spark.store.volumes(catalog, schema), match)]
    return spark.rows(rows, "database string, volume_name string")


@statement("SHOW TBLPROPERTIES <name> [<key:group>]")
def show_properties(spark: BaseSession, match: Match) -> DataFrame:
    pairs = delta_log.read_snapshot(table_folder(spark, match["name"])).configuration
    wanted = unquote(match.text("key"))
    if wanted and wanted not in pairs:
        name = spark.registry.resolve(match["name"])
        pairs = {wanted: f"Table {name} does not have property: {wanted}"}
    rows = sorted((key, value) for key, value in pairs.items() if wanted in ("", key))
    return spark.rows(rows, "key string, value string")


@statement("SHOW PARTITIONS <name>")
def show_partitions(spark: BaseSession, match: Match) -> DataFrame:
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


@statement("SHOW COLUMNS (IN | FROM) <name>")
def show_columns(spark: BaseSession, match: Match) -> DataFrame:
    return spark.rows([(name,) for name in spark.table(match["name"]).columns], "col_name string")


@statement("SHOW CREATE TABLE <name>")
def show_create_table(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    view = spark.store.view_sql(name) if name else None
    if view is not None:
        return spark.rows([(f"CREATE VIEW {name} AS {view}",)], "createtab_stmt string")
    snapshot = delta_log.read_snapshot(table_folder(spark, match["name"]))
    columns = ",\n  ".join(map(_column, snapshot.fields))
    text = f"CREATE TABLE {name} (\n  {columns})\nUSING delta"
    if snapshot.partition_columns:
        text += f"\nPARTITIONED BY ({', '.join(snapshot.partition_columns)})"
    if comment := snapshot.metadata.get("description"):
        text += f"\nCOMMENT {quote(comment)}"
    return spark.rows([(text,)], "createtab_stmt string")


def _column(field: dict[str, Any]) -> str:
    comment = field["metadata"].get("comment")
    text = f"{field['name']} {delta_type(field['type']).upper()}{'' if field['nullable'] else ' NOT NULL'}"
    return f"{text} COMMENT {quote(comment)}" if comment else text
