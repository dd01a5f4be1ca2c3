"""Delta tables: maintenance, time travel, copies and names, each by its documentation."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException, IllegalArgumentException

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


@pytest.fixture(autouse=True)
def table(spark: LocalSpark) -> Iterator[None]:
    """main.delta.t (id INT, v STRING) with a property; 12 versions, so one has a checkpoint."""
    spark.sql("DROP SCHEMA IF EXISTS main.delta CASCADE")
    spark.sql("CREATE SCHEMA main.delta")
    spark.sql("USE main.delta")
    spark.sql("CREATE TABLE t (id INT COMMENT 'key', v STRING) COMMENT 'small' TBLPROPERTIES ('k' = 'v')")
    for number in range(11):
        spark.sql(f"INSERT INTO t VALUES ({number}, 'a')")
    yield
    spark.sql("USE main.default")


def rows(spark: LocalSpark, query: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in spark.sql(query).collect()), key=str)


def folder_of(spark: LocalSpark, name: str = "t") -> Path:
    return Path(spark.sql(f"DESCRIBE DETAIL {name}").first().location)


def operation(spark: LocalSpark, name: str = "t") -> str:
    return str(spark.sql(f"DESCRIBE HISTORY {name} LIMIT 1").first().operation)


def test_every_version_can_be_read_beside_others(spark: LocalSpark) -> None:
    union = " UNION ALL ".join(f"SELECT count(*) FROM t VERSION AS OF {version}" for version in range(12))
    assert sorted(row[0] for row in spark.sql(union).collect()) == list(range(12))
    # A table of another writer has the hint that Sail reads wrongly.
    (folder_of(spark) / "_delta_log/_last_checkpoint").write_text('{"version":10,"size":13}')
    spark.registry.forget_folder(folder_of(spark))
    assert spark.sql(union).count() == 12


def test_optimize_changes_no_data(spark: LocalSpark, tmp_path: Path) -> None:
    def stream() -> int:
        query = spark.readStream.table("t").writeStream.option("checkpointLocation", str(tmp_path / "c"))
        query.trigger(availableNow=True).toTable("copied").awaitTermination()
        return spark.table("copied").count()

    before = rows(spark, "SELECT * FROM t")
    assert stream() == 11
    metrics = spark.sql("OPTIMIZE t").first().metrics
    assert (metrics.numFilesAdded, metrics.numFilesRemoved) == (1, 11) and operation(spark) == "OPTIMIZE"
    assert metrics.filesAdded.totalFiles == metrics.filesRemoved.totalFiles - 10 == 1
    logged = spark.sql("DESCRIBE HISTORY t LIMIT 1").first().operationMetrics
    assert logged["numAddedBytes"] == logged["minFileSize"] == logged["maxFileSize"]
    assert rows(spark, "SELECT * FROM t") == before
    assert len(delta_log.read_snapshot(folder_of(spark)).files) == 1
    assert stream() == 11
    spark.sql("INSERT INTO t VALUES (99, 'b')")
    assert stream() == 12
    assert operation(spark, "copied") == "STREAMING UPDATE"
    assert spark.sql("SELECT count(*) FROM t VERSION AS OF 5").first()[0] == 5


def test_optimize_keeps_identities_partitions_and_types(spark: LocalSpark) -> None:
    spark.sql(
        "CREATE TABLE i (id BIGINT GENERATED ALWAYS AS IDENTITY, at TIMESTAMP, n DECIMAL(9,2), day DATE) "
        "PARTITIONED BY (day)"
    )
    for number in range(3):
        spark.sql(
            f"INSERT INTO i (at, n, day) SELECT timestamp'2024-01-01 10:00:00.123456', 1.25, "
            f"date'2024-01-0{number % 2 + 1}'"
        )
    before = rows(spark, "SELECT * FROM i")
    assert spark.sql("OPTIMIZE i ZORDER BY (n)").first().metrics["numFilesAdded"] == 1
    assert rows(spark, "SELECT * FROM i") == before
    assert spark.sql("SELECT count(*) FROM i WHERE day = date'2024-01-01' AND n > 1").first()[0] == 2
    spark.sql("INSERT INTO i (at, n, day) SELECT NULL AS at, NULL AS n, date'2024-01-01'")
    assert [row[0] for row in rows(spark, "SELECT id FROM i")] == [1, 2, 3, 4]


def test_vacuum_refuses_less_than_the_retention(spark: LocalSpark) -> None:
    with pytest.raises(IllegalArgumentException, match="1 hours are less than the 168 hours of the table"):
        spark.sql("VACUUM t RETAIN 1 HOURS")
    spark.sql("OPTIMIZE t")
    old = time.time() - 400 * 3600
    for file in folder_of(spark).glob("*.parquet"):
        os.utime(file, (old, old))
    spark.sql("VACUUM t")  # the files are old, but they were in use until a moment ago
    assert spark.sql("SELECT count(*) FROM t VERSION AS OF 11").first()[0] == 11
    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    spark.sql("VACUUM t RETAIN 0 HOURS")
    spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert len(list(folder_of(spark).glob("*.parquet"))) == 1
    with pytest.raises(AnalysisException, match="Version 11 needs files that VACUUM deleted"):
        spark.sql("RESTORE TABLE t TO VERSION AS OF 11")
    spark.sql("ALTER TABLE t SET TBLPROPERTIES ('delta.deletedFileRetentionDuration' = 'interval 2 days')")
    spark.sql("VACUUM t RETAIN 48 HOURS")


def test_restore_counts_files(spark: LocalSpark) -> None:
    answer = spark.sql("RESTORE TABLE t TO VERSION AS OF 5").first().asDict()
    counts = ("num_of_files_after_restore", "num_removed_files", "num_restored_files")
    assert [answer[name] for name in counts] == [5, 6, 0]
    assert operation(spark) == "RESTORE" and spark.table("t").count() == 5


@pytest.mark.parametrize("kind", ["DEEP", "SHALLOW"])
def test_a_clone_is_the_same_table_apart(spark: LocalSpark, kind: str) -> None:
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id >= 0)")
    spark.sql(f"CREATE TABLE c {kind} CLONE t VERSION AS OF 3 TBLPROPERTIES ('extra' = 'yes')")
    assert spark.table("c").count() == 3 and operation(spark, "c") == "CLONE"
    answer = spark.sql(f"CREATE OR REPLACE TABLE c {kind} CLONE t").first()
    copied = 0 if kind == "SHALLOW" else 11
    assert (answer.source_num_of_files, answer.num_copied_files, answer.num_removed_files) == (11, copied, 3)
    assert spark.table("c").count() == 11
    shown = {row.key: row.value for row in spark.sql("SHOW TBLPROPERTIES c").collect()}
    assert shown["k"] == "v" and "delta.constraints.positive" in shown
    described = spark.sql("DESCRIBE TABLE c").first()
    assert described.comment == "key" and spark.sql("DESCRIBE DETAIL c").first().description == "small"
    spark.sql("DELETE FROM t")
    assert spark.table("c").count() == 11
    spark.sql("INSERT INTO c VALUES (50, 'own')")
    with pytest.raises(Exception, match="positive"):
        spark.sql("INSERT INTO c VALUES (-1, 'own')")
    spark.sql("CREATE TABLE l LIKE t")
    assert spark.table("l").count() == 0
    assert {row.key for row in spark.sql("SHOW TBLPROPERTIES l").collect()} >= {"k"}


def test_a_renamed_table_is_there_under_its_new_name_only(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE other AS SELECT 1 AS one")
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.sql("ALTER TABLE t RENAME TO other")
    with pytest.raises(AnalysisException, match="SCHEMA_NOT_FOUND"):
        spark.sql("ALTER TABLE t RENAME TO main.nowhere.t")
    spark.sql("ALTER TABLE t RENAME TO Renamed")
    assert spark.table("renamed").count() == 11 and spark.catalog.tableExists("main.delta.renamed")
    assert not spark.catalog.tableExists("main.delta.t")
    spark.sql("CREATE TABLE t AS SELECT 7 AS id")
    assert rows(spark, "SELECT * FROM t") == [(7,)] and spark.table("renamed").count() == 11


def test_a_mapped_table_of_a_query_or_a_clone_keeps_its_values_when_renamed(spark: LocalSpark) -> None:
    mapped = "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    spark.sql(f"CREATE TABLE q {mapped} AS SELECT 1 AS id, 'b' AS v")
    spark.sql(f"CREATE TABLE c DEEP CLONE t {mapped}")
    for name in ("q", "c"):
        spark.sql(f"ALTER TABLE {name} RENAME COLUMN v TO w")
    assert rows(spark, "SELECT * FROM q") == [(1, "b")]
    assert spark.sql("SELECT count(w) FROM c").first()[0] == 11
    spark.sql("CREATE TABLE c2 CLONE c")
    assert spark.sql("SELECT count(w) FROM c2").first()[0] == 11


def test_a_view_is_renamed(spark: LocalSpark) -> None:
    spark.sql("CREATE VIEW seen AS SELECT 5 AS five")
    spark.sql("ALTER VIEW seen RENAME TO viewed")
    assert rows(spark, "SELECT * FROM viewed") == [(5,)]
    assert not spark.catalog.tableExists("main.delta.seen")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE t REPLACE COLUMNS (a INT)",
        "ALTER TABLE t SET LOCATION '/x'",
        "ALTER TABLE t ALTER COLUMN v FIRST",
        "ALTER TABLE t RENAME COLUMN a.b TO c",
        "SELECT * FROM table_changes('t', 0)",
        "SELECT * FROM table_changes_by_path('/x', 0)",
    ],
)
def test_what_is_not_there_is_refused_by_name(spark: LocalSpark, statement: str) -> None:
    with pytest.raises(NotSupportedLocally, match="not supported by the local workspace"):
        spark.sql(statement)


def test_history_names_the_statement(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE h AS SELECT 1 AS id")
    assert operation(spark, "h") == "CREATE TABLE AS SELECT"
    spark.sql("CREATE OR REPLACE TABLE h AS SELECT 2 AS id")
    assert operation(spark, "h") == "CREATE OR REPLACE TABLE AS SELECT"
    spark.sql("TRUNCATE TABLE h")
    assert operation(spark, "h") == "TRUNCATE"


def test_replace_where_takes_only_rows_that_fulfil_it(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE r AS SELECT * FROM VALUES (1, 'a'), (2, 'b') AS t(id, v)")
    new = spark.sql("SELECT 9 AS id, CAST(NULL AS STRING) AS v").write.mode("overwrite")
    with pytest.raises(AnalysisException, match=r"MISMATCH.*'v = 'a''.*id = 9, v = None"):
        new.option("replaceWhere", "v = 'a'").saveAsTable("r")
    with pytest.raises(AnalysisException, match="DELTA_REPLACE_WHERE_MISMATCH"):
        spark.sql("INSERT INTO r REPLACE WHERE (v = 'a') VALUES (5, 'q')")
    assert rows(spark, "SELECT * FROM r") == [(1, "a"), (2, "b")]
    spark.sql("INSERT INTO r REPLACE WHERE v = 'a' SELECT 7, 'a'")
    assert rows(spark, "SELECT * FROM r") == [(2, "b"), (7, "a")]
    spark.conf.set("spark.databricks.delta.replaceWhere.constraintCheck.enabled", "false")
    new.option("replaceWhere", "v = 'a'").saveAsTable("r")
    spark.conf.unset("spark.databricks.delta.replaceWhere.constraintCheck.enabled")
    assert rows(spark, "SELECT * FROM r") == [(2, "b"), (9, None)]


def test_columns_are_renamed_and_dropped_by_column_mapping(spark: LocalSpark, tmp_path: Path) -> None:
    with pytest.raises(AnalysisException, match=r"Column rename is not supported.*Mapping.mode' = 'name'"):
        spark.sql("ALTER TABLE t RENAME COLUMN v TO w")
    with pytest.raises(AnalysisException, match="Column drop is not supported"):
        spark.sql("ALTER TABLE t DROP COLUMN v")
    spark.sql("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
    spark.sql("ALTER TABLE t RENAME COLUMN v TO `a name`")
    spark.sql("ALTER TABLE t ADD COLUMN v INT")
    spark.sql("INSERT INTO t VALUES (100, 'new', 1)")
    spark.sql("UPDATE t SET `a name` = 'changed' WHERE id = 0")
    assert spark.table("t").columns == ["id", "a name", "v"]
    assert rows(spark, "SELECT * FROM t WHERE id IN (0, 1, 100)") == [
        (0, "changed", None),
        (1, "a", None),
        (100, "new", 1),
    ]
    spark.sql("OPTIMIZE t")
    assert spark.sql("SELECT count(`a name`) FROM t").first()[0] == 12
    query = spark.readStream.table("t").writeStream.option("checkpointLocation", str(tmp_path / "c"))
    query.toTable("streamed")
    spark.sql("INSERT INTO t VALUES (101, 'later', 2)")
    query.toTable("streamed")
    assert rows(spark, "SELECT * FROM streamed WHERE id > 99") == [(100, "new", 1), (101, "later", 2)]
    spark.sql("ALTER TABLE t DROP COLUMNS (v, `a name`)")
    spark.sql("ALTER TABLE t ADD COLUMN v INT")  # a new column, not the old one come back
    assert rows(spark, "SELECT id, v FROM t WHERE id > 99") == [(100, None), (101, None)]
    with pytest.raises(AnalysisException, match="no column nothing in the table t"):
        spark.sql("ALTER TABLE t DROP COLUMN nothing")
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id >= 0)")
    with pytest.raises(AnalysisException, match="Cannot rename column id: a CHECK constraint"):
        spark.sql("ALTER TABLE t RENAME COLUMN id TO key")
