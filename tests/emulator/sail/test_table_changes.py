"""What happens to a table's definition: replacing it, its properties, its columns, its constraints."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


@pytest.fixture(autouse=True)
def table(spark: LocalSpark) -> Iterator[None]:
    """main.changes.t (id INT, v STRING): (1, a), (2, NULL); the current schema is main.changes."""
    spark.sql("DROP SCHEMA IF EXISTS main.changes CASCADE")
    spark.sql("CREATE SCHEMA main.changes")
    spark.sql("USE main.changes")
    spark.sql(
        "CREATE TABLE t (id INT, v STRING) COMMENT 'old' "
        "TBLPROPERTIES ('k' = 'v', 'delta.feature.allowColumnDefaults' = 'supported')"
    )
    spark.sql("INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    yield
    spark.sql("USE main.default")


def rows(spark: LocalSpark, query: str = "SELECT * FROM t") -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in spark.sql(query).collect()), key=str)


def shown(spark: LocalSpark) -> dict[str, str]:
    return {row.key: row.value for row in spark.sql("SHOW TBLPROPERTIES t").collect()}


def test_a_replaced_table_keeps_nothing_of_the_old_one(spark: LocalSpark) -> None:
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)")
    spark.sql("CREATE OR REPLACE TABLE t TBLPROPERTIES ('new' = 'yes') AS SELECT -1 AS id")
    assert spark.sql("DESCRIBE DETAIL t").first().description is None
    assert {"k", "delta.constraints.positive"}.isdisjoint(shown(spark)) and shown(spark)["new"] == "yes"
    spark.sql("INSERT INTO t VALUES (-2)")
    assert rows(spark) == [(-1,), (-2,)]


def test_properties_and_constraints_can_be_taken_away(spark: LocalSpark) -> None:
    spark.sql("ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)")
    spark.sql("ALTER TABLE t DROP CONSTRAINT positive")
    spark.sql("INSERT INTO t VALUES (-1, 'b')")
    spark.sql("ALTER TABLE t UNSET TBLPROPERTIES IF EXISTS ('k', 'no.such')")
    assert "k" not in shown(spark)


def test_columns_change_their_comment_default_and_nullability(spark: LocalSpark) -> None:
    spark.sql("COMMENT ON COLUMN t.id IS 'the key'")
    assert tuple(spark.sql("DESCRIBE t").first()) == ("id", "int", "the key")
    spark.sql("ALTER TABLE t ALTER COLUMN v SET DEFAULT 'none'")
    spark.sql("INSERT INTO t (id) VALUES (3)")
    assert (3, "none") in rows(spark)
    with pytest.raises(AnalysisException, match="violate the new NOT NULL constraint on v"):
        spark.sql("ALTER TABLE t ALTER COLUMN v SET NOT NULL")
    spark.sql("ALTER TABLE t ALTER COLUMN id SET NOT NULL")
    with pytest.raises(Exception, match=r"(?i)not null|null"):
        spark.sql("INSERT INTO t VALUES (NULL, 'x')")
    spark.sql("ALTER TABLE t ALTER COLUMN id DROP NOT NULL")
    spark.sql("INSERT INTO t VALUES (NULL, 'x')")
    with pytest.raises(AnalysisException, match="There is no column nope in the table t"):
        spark.sql("ALTER TABLE t ALTER COLUMN nope COMMENT 'x'")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other (id INT) USING parquet",
        "CREATE TABLE other USING csv OPTIONS (header 'true') LOCATION '/Volumes/main/changes/x'",
        "CREATE TABLE other USING json AS SELECT 1 AS id",
    ],
)
def test_tables_of_other_formats_are_refused(spark: LocalSpark, statement: str) -> None:
    with pytest.raises(NotSupportedLocally, match=r"A table USING [A-Z]+ is not supported"):
        spark.sql(statement)
    with pytest.raises(NotSupportedLocally, match="saveAsTable in the format parquet"):
        spark.range(1).write.format("parquet").saveAsTable("other")


def test_the_change_feed_may_be_asked_for_but_not_read(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE fed (id INT) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'a' = 'b')")
    spark.sql("CREATE TABLE fed_only (id INT) TBLPROPERTIES (delta.enableChangeDataFeed = true)")
    spark.sql("ALTER TABLE fed SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    spark.sql("INSERT INTO fed VALUES (1)")
    place = str(spark.store.root / "main" / "changes" / "fed")
    changes = spark.read.option("readChangeFeed", "true").option("startingVersion", 0)
    for read in (
        lambda: changes.table("fed").collect(),
        lambda: changes.format("delta").load(place).collect(),
    ):
        with pytest.raises(NotSupportedLocally, match="The change data feed"):
            read()


def test_names_of_catalogs_ignore_case(spark: LocalSpark) -> None:
    spark.sql("USE CATALOG MAIN")
    spark.sql("USE SCHEMA Changes")
    assert len(rows(spark, "SELECT * FROM T")) == 2


def folder_of(spark: LocalSpark) -> Path:
    return Path(spark.sql("DESCRIBE DETAIL t").first().location)


def test_vacuum_deletes_what_is_old_and_not_used(spark: LocalSpark) -> None:
    spark.sql("INSERT OVERWRITE t VALUES (7, 'new')")
    files = sorted(folder_of(spark).glob("*.parquet"))
    used = {unquote(path) for path in delta_log.read_snapshot(folder_of(spark)).files}
    live = [file for file in files if file.name in used]
    stale = [file for file in files if file not in live]
    assert stale and len(live) == 1

    def aged(hours: float) -> None:
        """Makes the files, and the commits that removed some of them, that old."""
        moment = time.time() - hours * 3600
        for file in files:
            os.utime(file, (moment,) * 2)
        removed = f'"deletionTimestamp":{int(moment * 1000)}'
        for commit in (folder_of(spark) / "_delta_log").glob("*.json"):
            commit.write_text(re.sub(r'"deletionTimestamp":\s*\d+', removed, commit.read_text()))

    def left() -> list[Path]:
        spark.sql("VACUUM t")
        return [file for file in files if file.exists()]

    aged(166)
    assert left() == files
    aged(170)
    spark.sql("VACUUM t RETAIN 172 HOURS")
    assert all(file.exists() for file in files)
    assert len(spark.sql("VACUUM t DRY RUN").collect()) == len(stale)
    assert left() == live
    assert rows(spark) == [(7, "new")]


def test_restore_brings_the_columns_back_too(spark: LocalSpark) -> None:
    before = spark.sql("DESCRIBE HISTORY t LIMIT 1").first().version
    spark.sql("ALTER TABLE t ADD COLUMNS (extra INT COMMENT 'late')")
    spark.sql("INSERT INTO t VALUES (3, 'c', 30)")
    assert spark.table("t").columns == ["id", "v", "extra"]

    spark.sql(f"RESTORE TABLE t TO VERSION AS OF {before}")

    assert spark.table("t").columns == ["id", "v"]
    assert [row.col_name for row in spark.sql("DESCRIBE TABLE t").collect()] == ["id", "v"]
    assert rows(spark) == [(1, "a"), (2, None)]
    spark.sql("INSERT INTO t VALUES (4, 'd')")
    assert (4, "d") in rows(spark)


def test_copy_into_skips_a_file_that_has_changed_since_it_was_loaded(
    spark: LocalSpark, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    options = "FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')"
    copy = f"COPY INTO t FROM '{source}' FILEFORMAT = CSV {options}"
    source.write_text("id,v\n5,e\n")
    assert spark.sql(copy).first().num_inserted_rows == 1

    source.write_text("id,v\n5,e\n6,f\n")
    os.utime(source, (time.time() + 60,) * 2)

    assert spark.sql(copy).first().num_inserted_rows == 0
    assert rows(spark, "SELECT id FROM t") == [(1,), (2,), (5,)]
    again = f"{copy} COPY_OPTIONS ('force' = 'true')"
    assert spark.sql(again).first().num_inserted_rows == 2


def test_a_delete_by_subquery_keeps_rows_of_which_nulls_leave_it_open(spark: LocalSpark) -> None:
    spark.sql("INSERT INTO t VALUES (3, 'c')")

    assert spark.sql("DELETE FROM t WHERE v NOT IN (SELECT 'a' UNION SELECT NULL)").first()[0] == 0
    assert len(rows(spark)) == 3
    assert spark.sql("DELETE FROM t WHERE v NOT IN (SELECT 'a')").first()[0] == 1
    assert rows(spark) == [(1, "a"), (2, None)]
    assert spark.sql("DELETE FROM t WHERE v IN (SELECT CAST(NULL AS STRING))").first()[0] == 0
    assert spark.sql("DELETE FROM t WHERE id IN (SELECT id FROM t WHERE v IS NULL)").first()[0] == 1
    assert rows(spark) == [(1, "a")]
