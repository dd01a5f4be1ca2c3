"""DESCRIBE TABLE, DETAIL and HISTORY, answered from the Delta log."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.sql.handlers import statement, table_folder
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.tokens import unquote
from dara_dagster.emulator.sail.syntax.type_names import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.lake.store import TableName
    from dara_dagster.emulator.sail.base_session import BaseSession

_TARGET = "(DELTA '.' <path:quoted> | <name>)"
_COLUMNS = "col_name string, data_type string, comment string"
_HISTORY = (
    "version long, timestamp timestamp, userId string, userName string, operation string, "
    "operationParameters map<string,string>, job struct<jobId string, jobName string, jobRunId string, "
    "runId string, jobOwnerId string, triggerType string>, notebook struct<notebookId string>, "
    "clusterId string, readVersion long, isolationLevel string, isBlindAppend boolean, "
    "operationMetrics map<string,string>, userMetadata string, engineInfo string"
)
# The features that versions of the protocol imply, whose tables name none:
# https://github.com/delta-io/delta/blob/master/PROTOCOL.md#valid-feature-names-in-table-features
_WRITER_FEATURES = {
    2: ("appendOnly", "invariants"),
    3: ("checkConstraints",),
    4: ("changeDataFeed", "generatedColumns"),
    5: ("columnMapping",),
    6: ("identityColumns",),
}
_DETAIL = (
    "format string, id string, name string, description string, location string, createdAt timestamp, "
    "lastModified timestamp, partitionColumns array<string>, clusteringColumns array<string>, "
    "numFiles long, sizeInBytes long, properties map<string,string>, minReaderVersion int, "
    "minWriterVersion int, tableFeatures array<string>, statistics map<string,long>"
)


def _folder(spark: BaseSession, match: Match) -> str:
    if match["path"]:
        return spark.paths.spark(unquote(match["path"]))
    return str(table_folder(spark, match["name"]))


@statement(f"(DESCRIBE | DESC) HISTORY {_TARGET} [LIMIT <limit:number>]")
def describe_history(spark: BaseSession, match: Match) -> DataFrame:
    """Return the columns of https://docs.databricks.com/aws/en/tables/history-schema, and engineInfo."""
    records = delta_log.history(_folder(spark, match), int(match["limit"]) if match["limit"] else None)
    return spark.rows([_history_row(spark.user, record) for record in records], _HISTORY)


def _history_row(user: str, record: delta_log.CommitRecord) -> tuple[object, ...]:
    return (
        *(record.version, _time(record.timestamp), None, user, record.operation, record.parameters),
        *(None, None, None, record.version - 1 if record.version else None, "WriteSerializable"),
        *(record.is_blind_append, record.metrics, record.user_metadata, record.engine),
    )


def _time(epoch_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(epoch_ms / 1000)


@statement(f"(DESCRIBE | DESC) DETAIL {_TARGET}")
def describe_detail(spark: BaseSession, match: Match) -> DataFrame:
    """Return the columns of https://docs.databricks.com/aws/en/tables/operations/table-details."""
    folder = _folder(spark, match)
    snapshot = delta_log.read_snapshot(folder)
    metadata, newest = snapshot.metadata, delta_log.history(folder, 1)[0].timestamp
    row: tuple[object, ...] = (
        "delta",
        metadata["id"],
        None if match["path"] else str(spark.registry.resolve(match["name"])),
        metadata.get("description"),
        folder,
        _time(int(metadata.get("createdTime") or newest)),
        _time(newest),
        snapshot.partition_columns,
        [],
        len(snapshot.files),
        sum(int(add["size"]) for add in snapshot.files.values()),
        snapshot.configuration,
        snapshot.protocol["minReaderVersion"],
        snapshot.protocol["minWriterVersion"],
        _features(snapshot.protocol),
        {},
    )
    return spark.rows([row], _DETAIL)


def _features(protocol: delta_log.Action) -> list[str]:
    """Return the features that a table's protocol names or implies, in alphabetical order."""
    writer = int(protocol["minWriterVersion"])
    named = {*protocol.get("readerFeatures", []), *protocol.get("writerFeatures", [])}
    implied = [name for level, names in _WRITER_FEATURES.items() if level <= writer for name in names]
    return sorted(named if writer >= 7 else implied)


@statement("(DESCRIBE | DESC) [TABLE] extended=[EXTENDED | FORMATTED] <name>")
def describe_table(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    folder = spark.store.table_folder(name) if name else None
    if name is None or folder is None:
        fields = spark.table(match["name"]).schema.fields
        return spark.rows([(f.name, f.dataType.simpleString(), None) for f in fields], _COLUMNS)
    snapshot = delta_log.read_snapshot(folder)
    rows: list[tuple[str, str, str | None]] = [
        (
            field["name"],
            field["metadata"].get(delta_log.LENGTH_KEY) or delta_type(field["type"]),
            field["metadata"].get("comment"),
        )
        for field in snapshot.fields
    ]
    if snapshot.partition_columns:
        partitions = [row for row in rows if row[0] in snapshot.partition_columns]
        rows += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment"), *partitions]
    if match["extended"]:
        rows += _detailed(spark, name, snapshot, str(folder))
    return spark.rows(rows, _COLUMNS)


@statement("(DESCRIBE | DESC) [QUERY] <query:query>")
def describe_query(spark: BaseSession, match: Match) -> DataFrame:
    fields = spark.sql(match["query"]).schema.fields
    return spark.rows([(f.name, f.dataType.simpleString(), None) for f in fields], _COLUMNS)


def _detailed(
    spark: BaseSession, name: TableName, snapshot: delta_log.Snapshot, folder: str
) -> list[tuple[str, str, str | None]]:
    facts = {
        "Catalog": name.catalog,
        "Database": name.schema,
        "Table": name.table,
        "Type": "EXTERNAL" if spark.store.is_external(name) else "MANAGED",
        "Comment": snapshot.metadata.get("description") or "",
        "Location": folder,
        "Provider": "delta",
        "Table Properties": "["
        + ",".join(f"{k}={v}" for k, v in sorted(snapshot.configuration.items()))
        + "]",
    }
    return [
        ("", "", ""),
        ("# Detailed Table Information", "", ""),
        *((key, value, "") for key, value in facts.items()),
    ]
