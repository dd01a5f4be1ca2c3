"""CREATE TABLE in the forms Sail lacks (CTAS with options, LIKE, CLONE, CLUSTER BY, keys), and DROP TABLE."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, named, unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

_CREATE = r"create\s+(?P<replace>or\s+replace\s+)?table\s+(?P<quiet>if\s+not\s+exists\s+)?"
_OPTION = (
    r"(?:partitioned\s+by|cluster\s+by|tblproperties|options)\s*\([^)]*\)|cluster\s+by\s+(?:auto|none)"
    r"|comment\s+(?:'(?:\\.|''|[^'])*'|\"[^\"]*\")|location\s+'[^']*'"
)
_INSERTED = "num_affected_rows long, num_inserted_rows long"
_PROPERTY = re.compile(r"""['"]?([\w.]+)['"]?\s*=\s*(?:'([^']*)'|"([^"]*)"|([^,\s)]+))""")


def properties(text: str) -> dict[str, str]:
    """The pairs of a TBLPROPERTIES list."""
    return {
        m[1]: next(value for value in m.group(2, 3, 4) if value is not None) for m in _PROPERTY.finditer(text)
    }


def _exists(spark: LocalSpark, match: re.Match[str]) -> bool:
    """Whether the table is there already. Raises when the statement allows neither that nor a replacement."""
    name = spark.registry.resolve(match["name"])
    there = name is not None and spark.store.table_folder(name) is not None
    if there and not match["quiet"] and not match["replace"]:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view {match['name']} because it already "
            "exists. Choose a different name, drop or replace the existing object, or add the IF NOT EXISTS "
            "clause. SQLSTATE: 42P07"
        )
    return there


@statement(_CREATE + NAME + r".*\bdelta\.enableChangeDataFeed['\"]?\s*=\s*['\"]?true\b.*")
def create_with_change_feed(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    raise NotSupportedLocally("The change data feed (delta.enableChangeDataFeed)")


@statement(
    _CREATE + NAME + rf"\s*(?:using\s+(?P<format>\w+)\s*)?(?P<options>(?:(?:{_OPTION})\s*)*)"
    r"as\s+(?P<query>(?:\(|select\b|with\b|values\b|table\b|from\b).*)"
)
def create_as_select(spark: LocalSpark, match: re.Match[str]) -> DataFrame | None:
    if (match["format"] or "delta").lower() != "delta":
        return None
    there = _exists(spark, match)
    if there and match["quiet"]:
        return spark.rows([], _INSERTED)
    options = match["options"]
    writer = spark.sql(match["query"]).write.format("delta").mode("overwrite")
    if there:
        writer = writer.option("overwriteSchema", "true")
    partition = re.search(r"partitioned\s+by\s*\(([^)]*)\)", options, re.I)
    if partition:
        writer = writer.partitionBy(*[unquote(column) for column in partition[1].split(",")])
    location = re.search(r"location\s+'([^']*)'", options, re.I)
    name = spark.registry.resolve(match["name"])
    assert name is not None
    if location:
        folder = spark.paths.local(location[1])
        writer.save(folder)
        spark.store.add_external(name, folder)
    else:
        writer.saveAsTable(name.lower.quoted)
    rows = spark.writes.last.inserted
    _describe(spark, name.quoted, options)
    return spark.rows([(rows, rows)], _INSERTED)


def _describe(spark: LocalSpark, name: str, options: str) -> None:
    """Adds the comment and the properties of a CREATE ... AS to the new table's metadata."""
    comment = re.search(r"\bcomment\s+('(?:\\.|''|[^'])*'|\"[^\"]*\")", options, re.I)
    pairs = re.search(r"tblproperties\s*\(([^)]*)\)", options, re.I)
    changes: dict[str, object] = {}
    if comment:
        changes["description"] = unquote(comment[1])
    if pairs:
        changes["configuration"] = properties(pairs[1])
    if changes:
        delta_log.change_metadata(table_folder(spark, name), "SET TBLPROPERTIES", **changes)


@statement(
    _CREATE
    + NAME
    + rf"\s+(?:shallow\s+|deep\s+)?clone\s+{named('source')}(?P<version>\s+version\s+as\s+of\s+\d+)?.*"
)
def clone(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    if not (_exists(spark, match) and match["quiet"]):
        table_folder(spark, match["source"])
        frame = spark.sql(f"SELECT * FROM {match['source']}{match['version'] or ''}")
        _copy(spark, frame, match["name"], match["source"])
    return done(spark)


@statement(_CREATE + NAME + rf"\s+like\s+{named('source')}.*")
def create_like(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    if not (_exists(spark, match) and match["quiet"]):
        _copy(
            spark, spark.sql(f"SELECT * FROM {match['source']} WHERE false"), match["name"], match["source"]
        )
    return done(spark)


def _copy(spark: LocalSpark, frame: DataFrame, name: str, source: str) -> None:
    full, source_name = spark.registry.resolve(name), spark.registry.resolve(source)
    assert full is not None and source_name is not None
    folder = spark.store.table_folder(source_name)
    partitions = delta_log.read_snapshot(folder).partition_columns if folder else []
    writer = frame.write.mode("overwrite").option("overwriteSchema", "true")
    (writer.partitionBy(*partitions) if partitions else writer).saveAsTable(full.lower.quoted)


@statement(rf"(?P<before>{_CREATE}{NAME}\s*\(.*)\bcluster\s+by\s*(?:\([^)]*\)|auto|none)(?P<after>.*)")
def create_clustered(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Clustering is a matter of layout: the table is made without."""
    return spark.sql(match["before"] + match["after"])


@statement(
    rf"(?P<before>{_CREATE}{NAME}\s*\(.*?),\s*(?:constraint\s+`?\w+`?\s+)?(?:primary|foreign)\s+key\s*\([^)]*\)"
    r"(?:\s+references\s+[\w.`]+\s*(?:\([^)]*\))?)?(?:\s+(?:rely|norely|not\s+enforced|deferrable|initially\s+deferred))*"
    r"(?P<after>\s*[,)].*)"
)
def create_with_key(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Primary and foreign keys are informational on Databricks: the table is made without."""
    return spark.sql(match["before"] + match["after"])


@statement(rf"(?P<head>{_CREATE}{NAME})(?P<rest>\s*(?:using\s+delta\s*)?\(.*)")
def create_with_columns(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Sail makes the table; the schema's folder must be there, and an external place is noted for other
    tasks.
    """
    name = spark.registry.resolve(match["name"])
    assert name is not None
    if not spark.store.schema_folder(name.catalog, name.schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{name.catalog}`.`{name.schema}` cannot be found."
        )
    if _exists(spark, match) and match["quiet"]:
        return done(spark)
    # Sail names the folder as the statement spells it; Unity Catalog's names are lower case.
    head = re.sub(rf"{re.escape(match['name'])}$", name.lower.quoted, match["head"])
    spark.plain_sql(head + match["rest"])
    location = re.search(r"\)\s*(?:.*\s)?location\s+'([^']*)'", match["rest"], re.I | re.S)
    if location:
        spark.store.add_external(name, spark.paths.local(location[1]))
    return done(spark)


@statement(
    rf"create\s+table\s+(?P<quiet>if\s+not\s+exists\s+)?{NAME}\s+using\s+delta\s+location\s+'(?P<place>[^']+)'"
)
def register_external(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    assert name is not None
    spark.store.add_external(name, spark.paths.local(match["place"]))
    return done(spark)


@statement(rf"drop\s+table\s+(?P<quiet>if\s+exists\s+)?{NAME}(?:\s+purge)?")
def drop_table(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    folder = spark.store.table_folder(name) if name else None
    if name is None or folder is None:
        if not match["quiet"]:
            table_folder(spark, match["name"])
        return done(spark)
    with spark.store.lock(folder):
        spark.registry.forget(name)
        spark.store.drop_table(name)
    return done(spark)


@statement(rf"undrop\s+table\s+{NAME}")
def undrop_table(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    raise NotSupportedLocally("UNDROP TABLE")
