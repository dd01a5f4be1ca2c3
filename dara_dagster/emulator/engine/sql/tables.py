"""CREATE TABLE in the forms Sail lacks (CTAS with options, LIKE, CLONE, CLUSTER BY, keys), and DROP TABLE."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, named, split_top_level, unquote

if TYPE_CHECKING:
    from pathlib import Path

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
    """Whether the table is there already. Raises when the statement allows neither that nor a replacement,
    and for a view, which a table never replaces.
    """
    name = spark.registry.resolve(match["name"])
    there = name is not None and spark.store.table_folder(name) is not None
    is_view = not there and name is not None and spark.store.view_sql(name) is not None
    if (is_view or (there and not match["replace"])) and not match["quiet"]:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view {match['name']} because it already "
            "exists. Choose a different name, drop or replace the existing object, or add the IF NOT EXISTS "
            "clause. SQLSTATE: 42P07"
        )
    return there or is_view


@statement(
    rf"(?P<before>{_CREATE}{NAME}.*\btblproperties\s*\()(?P<pairs>[^)]*\bdelta\.enableChangeDataFeed\b[^)]*)(?P<after>\).*)"
)
def create_with_change_feed(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """The table is made without the feed: reading that is what is refused."""
    others = [pair for pair in split_top_level(match["pairs"]) if "enablechangedatafeed" not in pair.lower()]
    if others:
        return spark.sql(match["before"] + ", ".join(others) + match["after"])
    before = re.sub(r"\btblproperties\s*\($", "", match["before"], flags=re.I)
    return spark.sql(before + match["after"][1:])


@statement(_CREATE + NAME + r"(?:\s*\(.*\))?\s*using\s+(?!delta\b)(?P<format>\w+).*")
def create_other_format(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Sail would keep such a table for this session only."""
    raise NotSupportedLocally(
        f"A table USING {match['format'].upper()}", "Make a Delta table, or read the files by their path."
    )


@statement(
    _CREATE + NAME + rf"\s*(?:using\s+delta\s*)?(?P<options>(?:(?:{_OPTION})\s*)*)"
    r"as\s+(?P<query>(?:\(|select\b|with\b|values\b|table\b|from\b).*)"
)
def create_as_select(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
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
    _describe(spark, table_folder(spark, name.quoted), options)
    return spark.rows([(rows, rows)], _INSERTED)


def _describe(spark: LocalSpark, folder: Path, options: str) -> None:
    """Gives a table the comment and the properties of its CREATE ... AS, and takes those of a table it
    replaced away, constraints too.
    """
    comment = re.search(r"\bcomment\s+('(?:\\.|''|[^'])*'|\"[^\"]*\")", options, re.I)
    pairs = re.search(r"tblproperties\s*\(([^)]*)\)", options, re.I)
    metadata = delta_log.read_snapshot(folder).metadata
    description = unquote(comment[1]) if comment else None
    old = metadata.get("configuration") or {}
    # What Delta itself needs (features, modes) stays.
    gone = {key: None for key in old if not key.startswith("delta.") or key.startswith("delta.constraints.")}
    changes = {**gone, **(properties(pairs[1]) if pairs else {})}
    if changes or description != metadata.get("description"):
        delta_log.change_metadata(folder, "SET TBLPROPERTIES", description=description, configuration=changes)
        spark.registry.forget_folder(folder)


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
