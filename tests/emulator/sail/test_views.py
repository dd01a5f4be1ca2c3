"""Views: what they show after the tables below them changed, and which names they may take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


@pytest.fixture(autouse=True)
def table(spark: LocalSpark) -> Iterator[None]:
    """main.seen.t: (1, a), (2, b); the current schema is main.seen."""
    spark.sql("DROP SCHEMA IF EXISTS main.seen CASCADE")
    spark.sql("CREATE SCHEMA main.seen")
    spark.sql("USE main.seen")
    spark.sql("CREATE TABLE t AS SELECT * FROM VALUES (1, 'a'), (2, 'b') AS v(id, name)")
    yield
    spark.sql("USE main.default")


def rows(spark: LocalSpark, query: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in spark.sql(query).collect())


def test_a_view_reads_a_table_made_anew(spark: LocalSpark) -> None:
    spark.sql("CREATE VIEW v AS SELECT id FROM t")
    spark.sql("CREATE VIEW above AS SELECT id + 1 AS next FROM v AS above")
    assert rows(spark, "SELECT * FROM above") == [(2,), (3,)]
    spark.sql("DROP TABLE t")
    spark.range(7, 8).write.saveAsTable("t")
    assert rows(spark, "SELECT * FROM v") == [(7,)]
    assert rows(spark, "SELECT * FROM above") == [(8,)]


def test_a_view_keeps_the_columns_it_was_made_with(spark: LocalSpark) -> None:
    spark.sql("CREATE VIEW star AS SELECT * FROM t")
    spark.sql("CREATE VIEW named (number COMMENT 'one, two', word) AS SELECT * FROM t")
    spark.sql("ALTER TABLE t ADD COLUMN later INT")
    assert spark.table("star").columns == ["id", "name"]
    assert spark.table("named").columns == ["number", "word"]
    spark.sql("ALTER VIEW star AS SELECT count(*) AS n FROM t")
    assert rows(spark, "SELECT * FROM star") == [(2,)]
    with pytest.raises(AnalysisException, match="1 columns are named, the query has 2"):
        spark.sql("CREATE VIEW short (a) AS SELECT 1, 2")


def test_a_view_may_use_newer_syntax(spark: LocalSpark) -> None:
    spark.sql(
        "CREATE VIEW newest AS SELECT id, id + 1 AS n, n * 2 AS m FROM t "
        "QUALIFY row_number() OVER (ORDER BY id DESC) = 1"
    )
    assert rows(spark, "SELECT * FROM newest") == [(2, 3, 6)]
    spark.sql("CREATE VIEW less AS WITH c AS (SELECT * FROM t) SELECT * EXCEPT (name) FROM c")
    assert rows(spark, "SELECT * FROM less") == [(1,), (2,)]
    with pytest.raises(NotSupportedLocally, match="A view over read_files"):
        spark.sql("CREATE VIEW files AS SELECT * FROM read_files('/Volumes/main/seen/x', format => 'csv')")


def test_a_table_and_a_view_never_share_a_name(spark: LocalSpark) -> None:
    spark.sql("CREATE VIEW v AS SELECT 1 AS id")
    for statement in (
        "CREATE VIEW t AS SELECT 1 AS id",
        "CREATE OR REPLACE VIEW t AS SELECT 1 AS id",
        "CREATE TABLE v (id INT)",
        "CREATE OR REPLACE TABLE v AS SELECT 1 AS id",
    ):
        with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
            spark.sql(statement)
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.range(1).write.mode("overwrite").saveAsTable("v")
    for statement in ("DROP TABLE v", "DROP VIEW t"):
        with pytest.raises(AnalysisException):
            spark.sql(statement)
