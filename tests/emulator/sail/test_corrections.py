"""Where Sail answers wrongly without an error: the engine's answer must be Databricks'."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import Window
from pyspark.sql import functions as F

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally
from dara_dagster.emulator.sail.writes.write_plans import AUTO_MERGE, DYNAMIC_MODE

T = "main.fixes.t"


@pytest.fixture(autouse=True)
def table(spark: LocalSpark) -> Iterator[None]:
    """A table of regions, partitioned: (1, eu), (2, us), (3, us)."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS main.fixes")
    spark.sql(f"CREATE OR REPLACE TABLE {T} (id INT, region STRING) PARTITIONED BY (region)")
    spark.sql(f"INSERT INTO {T} VALUES (1, 'eu'), (2, 'us'), (3, 'us')")
    yield
    spark.sql("USE main.default")
    spark.conf.unset(AUTO_MERGE)
    spark.conf.unset(DYNAMIC_MODE)


def rows(spark: LocalSpark, query: str = f"SELECT * FROM {T}") -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in spark.sql(query).collect())


def new(spark: LocalSpark, *values: tuple[int, str]) -> Any:
    return spark.createDataFrame(list(values), "id int, region string")


def test_replace_where_keeps_the_rest(spark: LocalSpark) -> None:
    new(spark, (9, "eu")).write.mode("overwrite").option("replaceWhere", "region = 'eu'").saveAsTable(T)
    assert rows(spark) == [(2, "us"), (3, "us"), (9, "eu")]


def test_dynamic_overwrite_by_option_and_by_setting(spark: LocalSpark) -> None:
    new(spark, (9, "eu")).write.mode("overwrite").option("partitionOverwriteMode", "dynamic").saveAsTable(T)
    assert rows(spark) == [(2, "us"), (3, "us"), (9, "eu")]
    spark.conf.set(DYNAMIC_MODE, "dynamic")
    new(spark, (7, "us")).write.mode("overwrite").insertInto(T)
    assert rows(spark) == [(7, "us"), (9, "eu")]
    spark.sql(f"INSERT OVERWRITE {T} SELECT 8, 'us'")
    assert rows(spark) == [(8, "us"), (9, "eu")]
    spark.sql(f"INSERT OVERWRITE TABLE {T} VALUES (5, NULL)")
    assert len(rows(spark, f"SELECT id FROM {T}")) == 3
    new(spark, (6, "eu")).writeTo(T).overwritePartitions()
    assert rows(spark, f"SELECT id FROM {T}") == [(5,), (6,), (8,)]


def test_static_overwrite_replaces_all(spark: LocalSpark) -> None:
    spark.sql(f"INSERT OVERWRITE {T} SELECT 8, 'us'")
    assert rows(spark) == [(8, "us")]


def test_insert_with_partition(spark: LocalSpark) -> None:
    spark.sql(f"INSERT INTO {T} PARTITION (region = 'ap') VALUES (4), (5)")
    spark.sql(f"INSERT OVERWRITE {T} PARTITION (region = 'us') SELECT 6")
    assert rows(spark) == [(1, "eu"), (4, "ap"), (5, "ap"), (6, "us")]


def test_writes_answer_affected_rows(spark: LocalSpark) -> None:
    def answer(statement: str) -> dict[str, int]:
        return spark.sql(statement).first().asDict()

    assert answer(f"UPDATE {T} SET id = id + 10 WHERE region = 'us'") == {"num_affected_rows": 2}
    assert answer(f"UPDATE {T} SET id = 0 WHERE false") == {"num_affected_rows": 0}
    assert answer(f"DELETE FROM {T} WHERE id = 1") == {"num_affected_rows": 1}
    assert answer(f"INSERT INTO {T} SELECT 5, 'eu'") == {"num_affected_rows": 1, "num_inserted_rows": 1}
    merge = f"""MERGE INTO {T} t USING (SELECT 5 AS id, 'eu' AS region UNION ALL SELECT 6, 'ap') s
        ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *
        WHEN NOT MATCHED BY SOURCE THEN DELETE"""
    assert answer(merge) == {
        "num_affected_rows": 4,
        "num_updated_rows": 1,
        "num_deleted_rows": 2,
        "num_inserted_rows": 1,
    }


def test_delete_and_update_by_subquery(spark: LocalSpark) -> None:
    spark.sql(f"INSERT INTO {T} VALUES (2, 'us')")
    assert spark.sql(f"DELETE FROM {T} WHERE id IN (SELECT 2)").first().num_affected_rows == 2
    spark.sql(
        f"UPDATE {T} AS x SET region = (SELECT max(region) FROM {T}) WHERE EXISTS (SELECT 1 WHERE x.id = 1)"
    )
    assert rows(spark) == [(1, "us"), (3, "us")]
    spark.sql(f"DELETE FROM {T} WHERE id NOT IN (SELECT 1 UNION SELECT 99)")
    assert rows(spark) == [(1, "us")]


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {T} VALUES (-1, 'eu')",
        f"UPDATE {T} SET id = -id WHERE id = 2",
        f"MERGE INTO {T} t USING (SELECT 2 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET id = -5",
        f"MERGE INTO {T} t USING (SELECT -2 AS id, 'x' AS region) s ON t.id = s.id "
        "WHEN NOT MATCHED THEN INSERT *",
    ],
)
def test_check_constraints_hold_for_every_write(spark: LocalSpark, statement: str) -> None:
    spark.sql(f"ALTER TABLE {T} ADD CONSTRAINT positive CHECK (id > 0)")
    with pytest.raises(AnalysisException, match=r"CHECK constraint positive \(id > 0\) violated"):
        spark.sql(statement).collect()
    assert rows(spark) == [(1, "eu"), (2, "us"), (3, "us")]


def test_auto_merge_adds_columns(spark: LocalSpark) -> None:
    spark.conf.set(AUTO_MERGE, "true")
    new(spark, (4, "ap")).withColumn("extra", F.lit(1)).write.mode("append").saveAsTable(T)
    assert spark.table(T).columns == ["id", "region", "extra"]
    spark.sql(
        f"MERGE INTO {T} t USING (SELECT 5 AS id, 'ap' AS region, 2 AS extra, 'm' AS more) s ON t.id = s.id "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    assert rows(spark, f"SELECT id, more FROM {T} WHERE more IS NOT NULL") == [(5, "m")]


def test_merge_schema_by_name_and_by_path_and_missing_columns(spark: LocalSpark) -> None:
    by_path = str(spark.store.root / "main" / "fixes" / "t")
    wider = new(spark, (4, "ap")).withColumn("extra", F.lit(1))
    wider.write.mode("append").option("mergeSchema", "true").saveAsTable(T)
    widest = wider.withColumn("more", F.lit("m"))
    widest.write.format("delta").mode("append").option("mergeSchema", "true").save(by_path)
    new(spark, (6, "ap")).write.mode("append").saveAsTable(T)
    assert rows(
        spark, f"SELECT extra, more FROM {T} WHERE id = 4 AND extra IS NOT NULL AND more IS NOT NULL"
    ) == [(1, "m")]
    assert rows(spark, f"SELECT id, extra, more FROM {T} WHERE id = 6") == [(6, None, None)]
    with pytest.raises(Exception, match=r"(?i)schema|field|column"):
        wider.withColumn("refused", F.lit(1)).write.mode("append").saveAsTable(T)


def test_an_external_table_is_one_for_every_task(spark: LocalSpark, tmp_path: Path) -> None:
    place = tmp_path / "outside"
    new(spark, (1, "eu")).write.option("path", str(place)).saveAsTable("main.fixes.outside")
    assert (place / "_delta_log").is_dir()
    assert spark.store.tables("main", "fixes").count("outside") == 1
    assert len(rows(spark, "SELECT * FROM main.fixes.outside")) == 1
    spark.sql("DROP TABLE main.fixes.outside")
    assert (place / "_delta_log").is_dir()


def test_create_over_an_existing_table_is_refused(spark: LocalSpark) -> None:
    spark.registry.forget_folder(
        spark.store.root / "main" / "fixes" / "t"
    )  # as in a session that never named it
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.sql(f"CREATE TABLE {T} (id INT)")
    with pytest.raises(AnalysisException):
        new(spark, (1, "x")).write.saveAsTable(T)
    spark.sql(f"CREATE TABLE IF NOT EXISTS {T} (id INT)")
    assert len(rows(spark)) == 3


def test_who_and_where_we_are(spark: LocalSpark) -> None:
    spark.sql("USE main.fixes")
    assert tuple(spark.sql("SELECT current_user(), current_catalog(), current_schema()").first()) == (
        "ada@example.org",
        "main",
        "fixes",
    )
    assert spark.range(1).select(F.current_user()).collect()[0].asDict() == {
        "current_user()": "ada@example.org"
    }
    assert (spark.catalog.currentCatalog(), spark.catalog.currentDatabase()) == ("main", "fixes")
    assert "t" in [table.name for table in spark.catalog.listTables()]
    spark.catalog.setCurrentDatabase("default")
    assert spark.sql("SELECT current_database()").first()[0] == "default"


def test_versions_and_parameters_in_names(spark: LocalSpark) -> None:
    assert spark.sql(f"SELECT count(*) FROM {T}@v0").first()[0] == 0
    counted = spark.sql(
        "SELECT count(*) FROM IDENTIFIER(:schema || '.t') WHERE id > :n", {"schema": "main.fixes", "n": 1}
    )
    assert counted.first()[0] == 2
    assert spark.sql("SELECT ':n', ?", ["it's"]).first()[1] == "it's"


def test_catalogs_made_at_run_time(spark: LocalSpark) -> None:
    spark.sql("CREATE CATALOG IF NOT EXISTS extra")
    spark.sql("USE CATALOG extra")
    spark.sql("CREATE TABLE things (id INT)")
    spark.sql("INSERT INTO things VALUES (1)")
    assert rows(spark, "SELECT * FROM extra.default.things") == [(1,)]
    assert spark.sql("SHOW TABLES").first().tableName == "things"


def test_decode_pivot_and_lateral_aliases(spark: LocalSpark) -> None:
    assert spark.sql("SELECT decode(2, 1, 'a', 2, 'b', 'z')").first()[0] == "b"
    assert tuple(spark.sql("SELECT 1 AS a, a + 1 AS b").first()) == (1, 2)
    pivoted = spark.sql(f"SELECT * FROM {T} PIVOT (count(id) FOR region IN ('eu', 'us'))").first()
    assert tuple(pivoted) == (1, 2)


def test_names_are_case_insensitive(spark: LocalSpark) -> None:
    spark.sql("CREATE TABLE Main.Fixes.Mixed (id INT)")
    spark.sql("INSERT INTO main.fixes.MIXED VALUES (1)")
    new(spark, (2, "x")).select("id").write.mode("append").saveAsTable("main.Fixes.mIxed")
    spark.range(2).write.mode("overwrite").saveAsTable("main.fixes.Other")
    spark.sql("CREATE OR REPLACE TABLE main.fixes.THIRD AS SELECT count(*) AS n FROM MAIN.fixes.other")
    assert rows(spark, "SELECT id FROM main.fixes.mixed") == [(1,), (2,)]
    assert spark.table("main.fixes.Third").first().n == 2
    assert {"mixed", "other", "third"} <= set(spark.store.tables("main", "fixes"))


def test_time_of_errors_is_the_call(spark: LocalSpark) -> None:
    with pytest.raises(AnalysisException):
        spark.sql(f"SELECT no_such_column FROM {T}")


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("by_path", [False, True])
def test_a_value_that_does_not_fit_its_column_is_no_null(spark: LocalSpark, mode: str, by_path: bool) -> None:
    def write(value: str) -> None:
        writer = spark.sql(f"SELECT 'us' AS region, {value} AS ID").write.format("delta").mode(mode)
        if by_path:
            writer.save(str(spark.store.root / "main" / "fixes" / "t"))
        else:
            writer.saveAsTable(T)

    kept = rows(spark)
    for value in ("'x'", "3000000000L"):
        with pytest.raises(Exception, match="cast"):
            write(value)
    with pytest.raises(AnalysisException, match=r"DELTA_FAILED_TO_MERGE_FIELDS.*table has int"):
        write("DATE'2024-01-01'")
    assert rows(spark) == kept
    write("7L")
    assert (7, "us") in rows(spark)
    assert spark.table(T).dtypes == [("id", "int"), ("region", "string")]


def test_a_version_of_a_day(spark: LocalSpark) -> None:
    assert spark.read.option("timestampAsOf", "2099-01-01").table(T).count() == 3
    with pytest.raises(AnalysisException, match=r"\(2000-01-01\) is before the earliest version"):
        spark.read.option("timestampAsOf", "2000-01-01").table(T).count()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("extract(DOW FROM DATE'2024-02-11')", 1),
        ("extract(DAYOFWEEK FROM TIMESTAMP'2024-02-12 23:00:00')", 2),
        ("extract(DOW_ISO FROM DATE'2024-02-11')", 7),
        ("extract(DAYOFWEEK_ISO FROM DATE'2024-02-12')", 1),
        ("extract(YEAROFWEEK FROM DATE'2024-12-30')", 2025),
        ("extract(YEAROFWEEK FROM DATE'2023-01-01')", 2022),
        ("date_part('dow', DATE'2024-02-11')", 1),
        ("datepart('DAYOFWEEK_ISO', DATE'2024-02-11')", 7),
        ("hash(CAST(1.10 AS DECIMAL(5,2)))", 588972421),
        ("hash(CAST(NULL AS DECIMAL(5,2)))", 42),
        ("hash(1, CAST(-1.10 AS DECIMAL(18,2)), 'a')", 1978154112),
        ("xxhash64(CAST(1.10 AS DECIMAL(5,2)))", 214815589036292259),
    ],
)
def test_parts_of_days_and_hashes_of_decimals(spark: LocalSpark, expression: str, expected: int) -> None:
    """The values are those of Apache Spark 4.0.1."""
    assert spark.sql(f"SELECT {expression} AS x").collect() == [(expected,)]
    assert spark.range(1).select(F.expr(expression).alias("x")).collect() == [(expected,)]


def test_a_hash_of_a_long_decimal_is_refused(spark: LocalSpark) -> None:
    with pytest.raises(PySparkException, match="more than 18 digits is not supported by the local workspace"):
        spark.sql("SELECT hash(CAST(1.10 AS DECIMAL(25,2)))").collect()


RANDOM = [
    "SELECT nullif(CAST(rand() * 2 AS INT), 0) FROM range(200)",
    "SELECT nullif(decode(CAST(rand() * 3 AS INT), 0, 1, 1, 2, 2, 3, 0), 5) - 1 FROM range(200)",
    "SELECT CAST(CAST(rand() * 2e7 AS STRING) AS DOUBLE) FROM range(200)",
    "SELECT array_contains(array(0, 1), CAST(rand() * 2 AS INT)) FROM range(200)",
]


def test_a_random_operand_is_computed_once(spark: LocalSpark) -> None:
    nullif, decoded, _, contained = ({row[0] for row in spark.sql(query).collect()} for query in RANDOM)
    assert nullif == {None, 1}
    assert decoded == {0, 1, 2}
    assert contained == {True}
    spark.sql("CREATE OR REPLACE TEMPORARY FUNCTION nothing(x DOUBLE) RETURNS DOUBLE RETURN x - x")
    assert spark.sql("SELECT nothing(rand())").first()[0] == 0
    number = F.floor(F.rand() * 2).cast("int")
    found = spark.range(200).select(F.nullif(number, F.lit(0)).alias("n")).collect()
    assert {row[0] for row in found} == {None, 1}


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT rand() AS a, a - a AS b", "The alias a of a random value in the same SELECT"),
        ("SELECT uuid() LIKE ANY ('a%', 'b%')", "LIKE ANY or LIKE ALL of a random value"),
    ],
)
def test_what_would_compute_a_random_value_twice_is_refused(spark: LocalSpark, query: str, what: str) -> None:
    with pytest.raises(NotSupportedLocally, match=f"{what} is not supported"):
        spark.sql(query).collect()


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("SELECT x + 1 FROM VALUES (2147483647) t(x)", "ARITHMETIC_OVERFLOW"),
        ("SELECT transform(array(2147483647), x -> x + 1)", "ARITHMETIC_OVERFLOW"),
        ("SELECT sum(x) FROM VALUES (9223372036854775807), (1) t(x)", "ARITHMETIC_OVERFLOW"),
        ("SELECT 127Y + 1Y", "BINARY_ARITHMETIC_OVERFLOW"),
        ("SELECT CAST(x AS TINYINT) FROM VALUES (300) t(x)", "CAST_OVERFLOW"),
        ("SELECT CAST(12345.6 AS DECIMAL(3,1))", "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"),
    ],
)
def test_an_overflow_has_the_condition_of_spark(spark: LocalSpark, query: str, condition: str) -> None:
    with pytest.raises(PySparkException) as raised:
        spark.sql(query).collect()
    assert raised.value.getCondition() == condition
    assert f"[{condition}]" in str(raised.value)


def test_windows_of_opposite_orders_of_a_dataframe_keep_equal_rows_in_order(spark: LocalSpark) -> None:
    frame = spark.createDataFrame([(0, 1, 10), (0, 1, 20), (0, 2, 30)], "g int, o int, v int")
    up, down = (Window.partitionBy("g").orderBy(key) for key in (F.asc("o"), F.desc("o")))
    found = frame.select("v", F.sum("o").over(down).alias("s"), F.last("v").over(up).alias("l"))
    assert rows_of(found) == [(10, 4, 20), (20, 4, 20), (30, 2, 30)]


def rows_of(frame: Any) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.collect())


def test_the_expression_of_a_column_may_be_longer_than_the_name_of_a_file(spark: LocalSpark) -> None:
    words = ", ".join(f"'{number:050}'" for number in range(8))
    assert spark.sql(f"SELECT array_contains(array({words}), 'x')").first()[0] is False
