"""ALTER TABLE, COMMENT ON TABLE and TRUNCATE by changes of the Delta log."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, named, split_top_level, unquote
from dara_dagster.emulator.engine.sql.tables import properties

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

_ALTER = rf"alter\s+table\s+{NAME}\s+"
_STRING = r"(?P<text>'(?:\\.|''|[^'\\])*'|\"[^\"]*\")"
Fields = list[dict[str, Any]]


def _change(spark: LocalSpark, name: str, operation: str, **changes: Any) -> DataFrame:
    folder = table_folder(spark, name)
    with spark.store.lock(folder):
        delta_log.change_metadata(folder, operation, **changes)
        spark.registry.forget_folder(folder)
    return done(spark)


def _change_fields(
    spark: LocalSpark, name: str, operation: str, change: Callable[[Fields], Fields]
) -> DataFrame:
    folder = table_folder(spark, name)
    with spark.store.lock(folder):
        fields = change(delta_log.read_snapshot(folder).fields)
        delta_log.change_metadata(folder, operation, fields=fields)
        spark.registry.forget_folder(folder)
    return done(spark)


@statement(_ALTER + r"add\s+columns?\s*(?P<columns>(?!constraint\b).*)")
def add_columns(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    text = match["columns"].strip()
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    text = re.sub(r"\b(add\s+)?(if\s+not\s+exists)\s+", "", text, flags=re.I)
    new = [_column(spark, definition) for definition in split_top_level(text, "()[]<>")]

    def add(fields: Fields) -> Fields:
        there = {field["name"].lower() for field in fields}
        for field in new:
            if field["name"].lower() in there:
                raise AnalysisException(
                    f"[FIELD_ALREADY_EXISTS] Cannot add column, because `{field['name']}` already exists. "
                    "SQLSTATE: 42710"
                )
        return fields + new

    return _change_fields(spark, match["name"], "ADD COLUMNS", add)


def _column(spark: LocalSpark, definition: str) -> dict[str, Any]:
    if re.search(r"\s(?:first|after\s+`?\w+`?)$", definition, re.I):
        raise NotSupportedLocally("ALTER TABLE ... ADD COLUMN with FIRST or AFTER")
    comment = re.search(rf"\s+comment\s+{_STRING}\s*$", definition, re.I)
    plain = definition[: comment.start()] if comment else definition
    field: dict[str, Any] = json.loads(spark.rows([], plain).schema.json())["fields"][0]
    if comment:
        field["metadata"] = {**field["metadata"], "comment": unquote(comment["text"])}
    return field


@statement(rf"comment\s+on\s+table\s+{NAME}\s+is\s+(?:{_STRING}|null)")
def comment_on_table(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    return _change(spark, match["name"], "SET TBLPROPERTIES", description=unquote(match["text"] or "''"))


@statement(
    _ALTER + r"(?:(?:un)?set\s+(?:tags|owner)|owner\s+to|cluster\s+by"
    r"|(?:add|drop)\s+(?:constraint\s+\w+\s+)?(?:primary|foreign)\s+key)\b.*"
)
def informational(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Tags, owners, clustering and informational keys: the table must exist, nothing else is done."""
    table_folder(spark, match["name"])
    return done(spark)


@statement(_ALTER + r"set\s+tblproperties\s*\((?P<pairs>.*)\)")
def set_properties(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    pairs = properties(match["pairs"])
    pairs.pop("delta.enableChangeDataFeed", None)  # reading the feed is what is refused
    return _change(spark, match["name"], "SET TBLPROPERTIES", configuration=pairs)


@statement(_ALTER + r"unset\s+tblproperties\s*(?:if\s+exists\s*)?\((?P<keys>[^)]*)\)")
def unset_properties(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    gone = {unquote(key): None for key in split_top_level(match["keys"])}
    return _change(spark, match["name"], "UNSET TBLPROPERTIES", configuration=gone)


@statement(
    _ALTER + r"drop\s+constraint\s+(?:if\s+exists\s+)?(?P<constraint>`[^`]+`|\w+)(?:\s+(?:restrict|cascade))?"
)
def drop_constraint(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Informational keys are not kept, so a name that is no CHECK constraint may be one of those."""
    key = f"delta.constraints.{unquote(match['constraint'])}".lower()
    known = delta_log.read_snapshot(table_folder(spark, match["name"])).configuration
    gone = {name: None for name in known if name.lower() == key}
    return _change(spark, match["name"], "DROP CONSTRAINT", configuration=gone) if gone else done(spark)


_COLUMN = r"(?P<column>`[^`]+`|\w+)"


@statement(_ALTER + rf"(?:alter|change)\s+(?:column\s+)?{_COLUMN}\s+comment\s+{_STRING}")
@statement(rf"comment\s+on\s+column\s+{NAME}\s*\.\s*{_COLUMN}\s+is\s+(?:{_STRING}|null)")
def comment_on_column(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    text = unquote(match["text"] or "''")
    return _change_column(
        spark, match, lambda field: {**field, "metadata": {**field["metadata"], "comment": text}}
    )


@statement(_ALTER + rf"(?:alter|change)\s+(?:column\s+)?{_COLUMN}\s+(?P<how>set|drop)\s+not\s+null")
def column_not_null(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    nullable = match["how"].lower() == "drop"
    empty = f"SELECT 1 FROM {match['name']} WHERE {match['column']} IS NULL LIMIT 1"
    if not nullable and spark.sql(empty).collect():
        raise AnalysisException(
            f"[DELTA_NEW_NOT_NULL_VIOLATION] Rows in {match['name']} violate the new NOT NULL constraint on "
            f"{match['column']}."
        )
    return _change_column(spark, match, lambda field: {**field, "nullable": nullable})


@statement(
    _ALTER + rf"(?:alter|change)\s+(?:column\s+)?{_COLUMN}\s+(?:set\s+default\s+(?P<value>.+)|drop\s+default)"
)
def column_default(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    protocol = delta_log.read_snapshot(table_folder(spark, match["name"])).protocol
    if "allowColumnDefaults" not in (protocol.get("writerFeatures") or []):
        raise AnalysisException(
            "[WRONG_COLUMN_DEFAULTS_FOR_DELTA_FEATURE_NOT_ENABLED] Failed to execute ALTER TABLE because it "
            "assigned a column DEFAULT value, but the corresponding table feature was not enabled. Make the "
            "table with TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')."
        )

    def change(field: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in field["metadata"].items() if key != "CURRENT_DEFAULT"}
        new = {"CURRENT_DEFAULT": match["value"].strip()} if match["value"] else {}
        return {**field, "metadata": {**kept, **new}}

    return _change_column(spark, match, change)


def _change_column(
    spark: LocalSpark, match: re.Match[str], change: Callable[[dict[str, Any]], dict[str, Any]]
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


@statement(_ALTER + rf"rename\s+to\s+{named('new')}")
def rename_table(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    old, new = spark.registry.resolve(match["name"]), spark.registry.resolve(match["new"])
    assert old is not None and new is not None
    with spark.store.lock(table_folder(spark, match["name"])):
        spark.registry.forget(old)
        spark.store.rename_table(old, new)
    return done(spark)


@statement(rf"truncate\s+table\s+{NAME}")
def truncate(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    return spark.sql(f"DELETE FROM {match['name']}")
