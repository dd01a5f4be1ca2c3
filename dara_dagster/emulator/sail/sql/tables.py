"""CREATE TABLE in the forms Sail lacks (CTAS with options, LIKE, CLONE, CLUSTER BY, keys), and DROP TABLE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from dara_dagster.emulator.lake import column_mapping, delta_log
from dara_dagster.emulator.lake.delta_files import copy_table
from dara_dagster.emulator.sail.sql.handlers import done, statement, table_folder
from dara_dagster.emulator.sail.sql.maintenance import version_at
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

Files = list[dict[str, Any]]
_CREATE = "CREATE replace=[OR REPLACE] TABLE quiet=[IF NOT EXISTS] <name> "
_OPTIONS = (
    "{ USING <format:word> | PARTITIONED BY <partitions:group> | COMMENT <comment:string> "
    "| clustering=(CLUSTER BY (<keys:group> | AUTO | NONE)) | tblproperties=(TBLPROPERTIES <pairs:group>) "
    "| OPTIONS <options:group> | LOCATION <location:string> } "
)
_KEY = (
    "[CONSTRAINT <constraint:word>] (PRIMARY KEY [<columns:group>] "
    "| [FOREIGN KEY <columns:group>] REFERENCES <target> [<target_columns:group>]) "
    "{ RELY | NORELY | NOT ENFORCED | DEFERRABLE | INITIALLY DEFERRED | MATCH FULL | TIMESERIES "
    "| ON (UPDATE | DELETE) NO ACTION }"
)
_TABLE_KEY = Pattern(_KEY)
_COLUMN_KEY = Pattern(f"<before:rest> key=({_KEY}) <after:rest>")
_INSERTED = "num_affected_rows long, num_inserted_rows long"
# https://docs.databricks.com/aws/en/delta/clone#clone-metrics
_CLONED = (
    *("source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files"),
    *("removed_files_size", "copied_files_size"),
)
_CHANGE_FEED = "delta.enablechangedatafeed"


def properties(pairs: Sequence[str]) -> dict[str, str]:
    """Return the pairs of a TBLPROPERTIES list: `'key' = 'value'`, `key.of.parts = 1`."""
    found = [_PAIR.match(pair) for pair in pairs]
    return {unquote(match["key"]): unquote(match["value"]) for match in found if match}


_PAIR = Pattern("<key:rest> '=' <value:rest>")


def _exists(spark: BaseSession, match: Match) -> bool:
    """Return whether the table is there already. Raises when the statement allows neither that nor a
    replacement, and for a view, which a table never replaces.
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


def _refuse_other_format(match: Match) -> None:
    """Refuse a table of another format: Sail would keep it for this session only."""
    kind = match.text("format").upper()
    if kind not in ("", "DELTA"):
        raise NotSupportedLocally(
            f"A table USING {kind}", "Make a Delta table, or read the files by their path."
        )


@statement(_CREATE + _OPTIONS + "AS <query:query>")
def create_as_select(spark: BaseSession, match: Match) -> DataFrame:
    _refuse_other_format(match)
    there = _exists(spark, match)
    if there and match["quiet"]:
        return spark.rows([], _INSERTED)
    operation = "CREATE OR REPLACE TABLE AS SELECT" if match["replace"] else "CREATE TABLE AS SELECT"
    writer = spark.sql(match["query"]).write.format("delta").mode("overwrite")
    if there:
        writer = writer.option("overwriteSchema", "true")
    if match["partitions"]:
        writer = writer.partitionBy(*[unquote(column) for column in match.items("partitions")])
    name = spark.registry.resolve(match["name"])
    assert name is not None
    with spark.writes.named(operation):
        if match["location"]:
            folder = spark.paths.spark(unquote(match["location"]))
            writer.save(folder)
            spark.store.add_external(name, folder)
        else:
            writer.saveAsTable(name.lower.quoted)
    rows = spark.writes.last.inserted
    _describe(spark, table_folder(spark, name.quoted), match)
    return spark.rows([(rows, rows)], _INSERTED)


def _describe(spark: BaseSession, folder: Path, match: Match) -> None:
    """Give a table the comment and the properties of its CREATE ... AS, and takes those of a table it
    replaced away, constraints too.
    """
    metadata = delta_log.read_snapshot(folder).metadata
    description = unquote(match["comment"]) if match["comment"] else None
    old = metadata.get("configuration") or {}
    # What Delta itself needs (features, modes) stays.
    gone = {key: None for key in old if not key.startswith("delta.") or key.startswith("delta.constraints.")}
    given: dict[str, str | None] = dict(properties(match.items("pairs")))
    mapping = given.pop(column_mapping.MODE, None)
    if mapping not in (None, "none"):
        column_mapping.enable(folder, {column_mapping.MODE: mapping})
    changes = {**gone, **given}
    if changes or description != metadata.get("description"):
        delta_log.change_metadata(folder, "SET TBLPROPERTIES", description=description, configuration=changes)
        spark.registry.forget_folder(folder)


@statement(
    _CREATE + "[shallow=(SHALLOW) | DEEP] CLONE <source> [(version=(VERSION) | TIMESTAMP) AS OF "
    "(<when:number> | <when:string>)] [TBLPROPERTIES <pairs:group>] [LOCATION <location:string>]"
)
def clone(spark: BaseSession, match: Match) -> DataFrame:
    """Return a copy of files and definition, properties included, as its own table
    (https://docs.databricks.com/aws/en/sql/language-manual/delta-clone).
    """
    source = table_folder(spark, match["source"])
    version = None
    if match["when"]:
        version = int(unquote(match["when"])) if match["version"] else version_at(source, match["when"])
        if version not in delta_log.versions(source):
            raise AnalysisException(f"[DELTA_VERSION_NOT_FOUND] {match['source']} has no version {version}.")
    counted = partial(_clone_metrics, deep=not match["shallow"])
    numbers = counted([], [])
    if not (_exists(spark, match) and match["quiet"]):
        files = _copy(spark, match, source, operation="CLONE", version=version, metrics=counted)
        numbers = counted(*files)
    return spark.rows([tuple(numbers.values())], ", ".join(f"{name} long" for name in _CLONED))


def _clone_metrics(adds: Files, gone: Files, *, deep: bool) -> dict[str, int]:
    """Return the metrics of a clone: a shallow one counts no copied files, although it copies here, too.

    https://github.com/delta-io/delta/blob/master/spark/src/main/scala/org/apache/spark/sql/delta/DeltaOperations.scala
    """
    size, removed = (sum(int(file["size"]) for file in files) for files in (adds, gone))
    return {
        "sourceTableSize": size,
        "sourceNumOfFiles": len(adds),
        "numRemovedFiles": len(gone),
        "numCopiedFiles": len(adds) if deep else 0,
        "removedFilesSize": removed,
        "copiedFilesSize": size if deep else 0,
    }


@statement(_CREATE + "LIKE <source> [TBLPROPERTIES <pairs:group>] [LOCATION <location:string>]")
def create_like(spark: BaseSession, match: Match) -> DataFrame:
    if not (_exists(spark, match) and match["quiet"]):
        source = spark.registry.resolve(match["source"])
        if source and spark.store.table_folder(source) is None and spark.store.view_sql(source):
            spark.table(source.quoted).limit(0).write.format("delta").saveAsTable(match["name"])
            return done(spark)
        _copy(spark, match, table_folder(spark, match["source"]), operation="CREATE TABLE", rows=False)
    return done(spark)


def _copy(spark: BaseSession, match: Match, source: Path, **how: Any) -> tuple[Files, Files]:
    name = spark.registry.resolve(match["name"])
    assert name is not None
    if not spark.store.schema_folder(name.catalog, name.schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{name.catalog}`.`{name.schema}` cannot be found. SQLSTATE: 42704"
        )
    place = Path(spark.paths.spark(unquote(match["location"]))).absolute() if match["location"] else None
    target = spark.store.table_folder(name) or place or spark.store.managed_folder(name)
    with spark.store.lock(target):
        counts = copy_table(source, target, configuration=properties(match.items("pairs")), **how)
        if place:
            spark.store.add_external(name, place)
        spark.registry.forget_folder(target)
    spark.writes.record(name, None)
    return counts


@statement(_CREATE + "[USING <format:word>] <columns:group> " + _OPTIONS)
def create_with_columns(spark: BaseSession, match: Match) -> DataFrame:
    """Let Sail make the table; the schema's folder must be there, and an external place is noted for other
    tasks.

    Left out is what changes no data: clustering is a matter of layout, keys are informational, and of the
    change data feed it is the reading that is refused.
    """
    _refuse_other_format(match)
    name = spark.registry.resolve(match["name"])
    assert name is not None
    if not spark.store.schema_folder(name.catalog, name.schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{name.catalog}`.`{name.schema}` cannot be found."
        )
    if _exists(spark, match) and match["quiet"]:
        return done(spark)
    # Sail names the folder as the statement spells it; Unity Catalog's names are lower case.
    edits = [match.edit("name", name.lower.quoted), *_without_change_feed(match)]
    columns = list(_without_keys(match.items("columns")))
    if columns != match.items("columns"):
        edits.append(match.edit("columns", ", ".join(columns)))
    if match["clustering"]:
        edits.append(match.edit("clustering", ""))
    spark.plain_sql(apply(match.source.text, edits))
    if match["location"]:
        spark.store.add_external(name, spark.paths.spark(unquote(match["location"])))
    return done(spark)


def _without_change_feed(match: Match) -> Iterator[Edit]:
    pairs = match.items("pairs")
    others = [pair for pair in pairs if _CHANGE_FEED not in map(str.lower, properties([pair]))]
    if others and len(others) < len(pairs):
        yield match.edit("pairs", ", ".join(others))
    elif len(others) < len(pairs):
        yield match.edit("tblproperties", "")


def _without_keys(definitions: Sequence[str]) -> Iterator[str]:
    """Yield the columns and CHECK constraints of a table, without its primary and foreign keys."""
    for definition in definitions:
        if _TABLE_KEY.match(definition):
            continue
        match = _COLUMN_KEY.match(definition)
        yield apply(definition, [match.edit("key", "")]) if match else definition


@statement("CREATE TABLE quiet=[IF NOT EXISTS] <name> USING DELTA LOCATION <place:string>")
def register_external(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    assert name is not None
    spark.store.add_external(name, spark.paths.spark(unquote(match["place"])))
    return done(spark)


@statement(_CREATE + "USING <format:word> <rest:rest>")
def create_other_format(spark: BaseSession, match: Match) -> None:
    _refuse_other_format(match)


@statement("DROP TABLE quiet=[IF EXISTS] <name> [PURGE]")
def drop_table(spark: BaseSession, match: Match) -> DataFrame:
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


@statement("UNDROP TABLE <name>")
def undrop_table(spark: BaseSession, match: Match) -> DataFrame:
    raise NotSupportedLocally("UNDROP TABLE")
