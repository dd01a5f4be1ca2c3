"""ALTER TABLE, COMMENT ON TABLE and TRUNCATE by changes of the Delta log."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from dara_dagster.emulator.lake import column_mapping, delta_log
from dara_dagster.emulator.lake.column_mapping import with_mapping
from dara_dagster.emulator.sail.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.sail.sql.tables import properties
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import scan, split_list, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

_ALTER = "ALTER TABLE <name> "
_COLUMN = "(ALTER | CHANGE) [COLUMN] <column:word> "
_NEW_COLUMN = Pattern(
    "[ADD] [IF NOT EXISTS] <definition:rest> [COMMENT <text:string>] place=[FIRST | AFTER <after:word>]"
)
Fields = list[dict[str, Any]]


def _change(spark: BaseSession, name: str, operation: str, **changes: Any) -> DataFrame:
    folder = table_folder(spark, name)
    with spark.store.lock(folder):
        delta_log.change_metadata(folder, operation, **changes)
        spark.registry.forget_folder(folder)
    return done(spark)


def _change_fields(
    spark: BaseSession, name: str, operation: str, change: Callable[[Fields], Fields]
) -> DataFrame:
    folder = table_folder(spark, name)
    with spark.store.lock(folder):
        fields = change(delta_log.read_snapshot(folder).fields)
        delta_log.change_metadata(folder, operation, fields=fields)
        spark.registry.forget_folder(folder)
    return done(spark)


@statement(_ALTER + "ADD (COLUMNS | COLUMN) (<columns:group> | <columns:rest>)")
def add_columns(spark: BaseSession, match: Match) -> DataFrame:
    new = [_column(spark, definition) for definition in split_list(match["columns"])]

    def add(fields: Fields) -> Fields:
        there = {field["name"].lower() for field in fields}
        for field in new:
            if field["name"].lower() in there:
                raise AnalysisException(
                    f"[FIELD_ALREADY_EXISTS] Cannot add column, because `{field['name']}` already exists. "
                    "SQLSTATE: 42710"
                )
        return fields + new

    folder = table_folder(spark, match["name"])
    with spark.store.lock(folder):
        snapshot = delta_log.read_snapshot(folder)
        fields, mapping = add(snapshot.fields), with_mapping(snapshot, new)
        delta_log.change_metadata(folder, "ADD COLUMNS", fields=fields, configuration=mapping)
        spark.registry.forget_folder(folder)
    return done(spark)


def _column(spark: BaseSession, definition: str) -> dict[str, Any]:
    match = _NEW_COLUMN.match(definition)
    assert match is not None  # the pattern's rest takes anything
    if match["place"]:
        raise NotSupportedLocally("ALTER TABLE ... ADD COLUMN with FIRST or AFTER")
    field: dict[str, Any] = json.loads(spark.rows([], match["definition"]).schema.json())["fields"][0]
    if match["text"]:
        field["metadata"] = {**field["metadata"], "comment": unquote(match["text"])}
    return field


@statement("COMMENT ON TABLE <name> IS (<text:string> | NULL)")
def comment_on_table(spark: BaseSession, match: Match) -> DataFrame:
    return _change(spark, match["name"], "SET TBLPROPERTIES", description=unquote(match["text"] or "''"))


@statement(
    _ALTER + "((SET | UNSET) (TAGS | OWNER) | OWNER TO | CLUSTER BY "
    "| (ADD | DROP) [CONSTRAINT <key:word>] (PRIMARY | FOREIGN) KEY) <what:rest>"
)
def informational(spark: BaseSession, match: Match) -> DataFrame:
    """Accept tags, owners, clustering and informational keys: the table must exist, nothing else is done."""
    table_folder(spark, match["name"])
    return done(spark)


@statement(_ALTER + "SET TBLPROPERTIES <pairs:group>")
def set_properties(spark: BaseSession, match: Match) -> DataFrame:
    pairs = properties(match.items("pairs"))
    pairs.pop("delta.enableChangeDataFeed", None)  # reading the feed is what is refused
    if column_mapping.MODE in pairs:
        folder = table_folder(spark, match["name"])
        with spark.store.lock(folder):
            column_mapping.enable(folder, dict(pairs))
            spark.registry.forget_folder(folder)
        return done(spark)
    return _change(spark, match["name"], "SET TBLPROPERTIES", configuration=pairs)


@statement(_ALTER + "UNSET TBLPROPERTIES [IF EXISTS] <keys:group>")
def unset_properties(spark: BaseSession, match: Match) -> DataFrame:
    gone = {unquote(key): None for key in match.items("keys")}
    return _change(spark, match["name"], "UNSET TBLPROPERTIES", configuration=gone)


@statement(_ALTER + "DROP CONSTRAINT [lenient=(IF EXISTS)] <constraint:word> [RESTRICT | CASCADE]")
def drop_constraint(spark: BaseSession, match: Match) -> DataFrame:
    """Drop a CHECK constraint. Informational keys are not kept, so they are not known by name."""
    key = f"delta.constraints.{unquote(match['constraint'])}".lower()
    known = delta_log.read_snapshot(table_folder(spark, match["name"])).configuration
    gone = {name: None for name in known if name.lower() == key}
    if not gone and not match["lenient"]:
        raise AnalysisException(
            f"[DELTA_CONSTRAINT_DOES_NOT_EXIST] Cannot drop nonexistent constraint {match['constraint']} "
            f"from table {match['name']}. To avoid this error, use DROP CONSTRAINT IF EXISTS, also for a "
            "primary or foreign key: the local workspace does not keep their names. SQLSTATE: 42704"
        )
    return _change(spark, match["name"], "DROP CONSTRAINT", configuration=gone) if gone else done(spark)


@statement(_ALTER + _COLUMN + "COMMENT <text:string>")
@statement("COMMENT ON COLUMN <name> '.' <column:word> IS (<text:string> | NULL)")
def comment_on_column(spark: BaseSession, match: Match) -> DataFrame:
    text = unquote(match["text"] or "''")
    return _change_column(
        spark, match, lambda field: {**field, "metadata": {**field["metadata"], "comment": text}}
    )


@statement(_ALTER + _COLUMN + "(SET | nullable=(DROP)) NOT NULL")
def column_not_null(spark: BaseSession, match: Match) -> DataFrame:
    nullable = match["nullable"] is not None
    empty = f"SELECT 1 FROM {match['name']} WHERE {match['column']} IS NULL LIMIT 1"
    if not nullable and spark.sql(empty).collect():
        raise AnalysisException(
            f"[DELTA_NEW_NOT_NULL_VIOLATION] Rows in {match['name']} violate the new NOT NULL constraint on "
            f"{match['column']}."
        )
    return _change_column(spark, match, lambda field: {**field, "nullable": nullable})


@statement(_ALTER + _COLUMN + "(SET DEFAULT <value:rest> | DROP DEFAULT)")
def column_default(spark: BaseSession, match: Match) -> DataFrame:
    protocol = delta_log.read_snapshot(table_folder(spark, match["name"])).protocol
    if "allowColumnDefaults" not in (protocol.get("writerFeatures") or []):
        raise AnalysisException(
            "[WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED] Failed to execute ALTER TABLE because it "
            "assigned a column DEFAULT value, but the corresponding table feature was not enabled. Make the "
            "table with TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')."
        )

    def change(field: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in field["metadata"].items() if key != "CURRENT_DEFAULT"}
        new = {"CURRENT_DEFAULT": match["value"]} if match["value"] else {}
        return {**field, "metadata": {**kept, **new}}

    return _change_column(spark, match, change)


def _change_column(
    spark: BaseSession, match: Match, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> DataFrame:
    column = unquote(match["column"]).lower()

    def all_fields(fields: Fields) -> Fields:
        if column not in [field["name"].lower() for field in fields]:
            raise AnalysisException(
                f"[DELTA_COLUMN_NOT_FOUND_IN_SCHEMA] There is no column {match['column']} in the table "
                f"{match['name']}. It has: {', '.join(field['name'] for field in fields)}."
            )
        return [change(field) if field["name"].lower() == column else field for field in fields]

    return _change_fields(spark, match["name"], "CHANGE COLUMN", all_fields)


@statement("ALTER (TABLE | VIEW) <name> RENAME TO <new>")
def rename_table(spark: BaseSession, match: Match) -> DataFrame:
    old, new = spark.registry.resolve(match["name"]), spark.registry.resolve(match["new"])
    assert old is not None and new is not None
    if spark.store.table_folder(new) is not None or spark.store.view_sql(new) is not None:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot rename {old} to {new} because it already exists. "
            "SQLSTATE: 42P07"
        )
    if not spark.store.schema_folder(new.catalog, new.schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{new.catalog}`.`{new.schema}` cannot be found. SQLSTATE: 42704"
        )
    body = spark.store.view_sql(old)
    if body is not None and spark.store.table_folder(old) is None:
        spark.store.put_view(new, body)
        spark.store.drop_view(old)
        return done(spark)
    with spark.store.lock(table_folder(spark, match["name"])):
        spark.registry.forget(old)
        spark.store.rename_table(old, new)
    return done(spark)


@statement(_ALTER + "RENAME COLUMN <column:word> TO <new:word>")
def rename_column(spark: BaseSession, match: Match) -> DataFrame:
    """Rename a column by its mapping (https://docs.databricks.com/aws/en/delta/column-mapping)."""
    old, new = unquote(match["column"]), unquote(match["new"])

    def rename(fields: Fields) -> Fields:
        _named(fields, old, match["name"])
        if new.lower() in [field["name"].lower() for field in fields] and new.lower() != old.lower():
            raise AnalysisException(
                f"[FIELD_ALREADY_EXISTS] Cannot rename column, because `{new}` already exists. "
                "SQLSTATE: 42710"
            )
        return [{**field, "name": new} if field["name"].lower() == old.lower() else field for field in fields]

    snapshot = _mapped(spark, match["name"], "rename", [old])
    partitions = [new if name.lower() == old.lower() else name for name in snapshot.partition_columns]
    return _change(
        spark, match["name"], "RENAME COLUMN", fields=rename(snapshot.fields), partitionColumns=partitions
    )


@statement(_ALTER + "DROP (COLUMN | COLUMNS) [IF EXISTS] (<columns:group> | <columns:rest>)")
def drop_columns(spark: BaseSession, match: Match) -> DataFrame:
    """Drop columns by their mapping (https://docs.databricks.com/aws/en/delta/column-mapping)."""
    gone = [unquote(column) for column in match.items("columns")]
    snapshot = _mapped(spark, match["name"], "drop", gone)
    for column in gone:
        _named(snapshot.fields, column, match["name"])
        if column.lower() in [name.lower() for name in snapshot.partition_columns]:
            raise AnalysisException(
                "[DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN] Dropping partition columns is not allowed: "
                f"{column}."
            )
    lower = {column.lower() for column in gone}
    left = [field for field in snapshot.fields if field["name"].lower() not in lower]
    if not left:
        raise AnalysisException(
            "[DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA] A table needs one column at least."
        )
    return _change(spark, match["name"], "DROP COLUMNS", fields=left)


def _mapped(spark: BaseSession, name: str, verb: str, columns: list[str]) -> delta_log.Snapshot:
    """Return the table, if its columns may be renamed and dropped, and no constraint or other column needs
    them."""
    snapshot = delta_log.read_snapshot(table_folder(spark, name))
    if not column_mapping.is_mapped(snapshot):
        raise AnalysisException(
            f"[DELTA_UNSUPPORTED_{verb.upper()}_COLUMN] Column {verb} is not supported for your Delta table. "
            f"Run: ALTER TABLE {name} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
        )
    rules = [*snapshot.constraints.values()]
    rules += [field["metadata"].get("delta.generationExpression", "") for field in snapshot.fields]
    used = {unquote(token.text).lower() for rule in rules for token in scan(rule).tokens if token.is_name}
    for column in columns:
        if column.lower() in used:
            raise AnalysisException(
                f"[DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE] Cannot {verb} column {column}: a CHECK "
                "constraint or a generated column depends on it. SQLSTATE: 42K09"
            )
    return snapshot


def _named(fields: Fields, column: str, name: str) -> None:
    if column.lower() not in [field["name"].lower() for field in fields]:
        raise AnalysisException(
            f"[DELTA_COLUMN_NOT_FOUND_IN_SCHEMA] There is no column {column} in the table {name}. It has: "
            f"{', '.join(field['name'] for field in fields)}."
        )


@statement("TRUNCATE TABLE <name>")
def truncate(spark: BaseSession, match: Match) -> DataFrame:
    with spark.writes.named("TRUNCATE"):
        spark.sql(f"DELETE FROM {match['name']}")
    return done(spark)
