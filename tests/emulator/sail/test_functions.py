"""Functions that Sail answers wrongly without an error: the answer must be Spark's, in SQL and in plans."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Observation
from pyspark.sql import functions as F

from dara_dagster.emulator.sail.functions.corrections import correct_text
from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

SUNDAY = dt.date(2024, 1, 7)


@pytest.fixture
def values(spark: LocalSpark) -> Any:
    return spark.sql(f"SELECT DATE'{SUNDAY}' AS d, 2.19D AS x, 2.5 AS h, '[1]' AS j")


def test_calls_in_plans(values: Any) -> None:
    found = values.select(
        F.weekday("d"),
        F.floor("x", F.lit(1)),
        F.ceil("x", F.lit(1)),
        F.rint("h"),
        F.bround("h"),
        F.date_trunc("month", "d"),
        F.expr("weekday(date_trunc('year', d))"),
        F.ceil("x"),
    )
    first = dt.datetime(2024, 1, 1)
    assert tuple(found.first()) == (6, Decimal("2.1"), Decimal("2.2"), 2.0, 2.0, first, 0, 3)
    assert found.dtypes[5][1] == "timestamp"


def test_calls_in_sql(spark: LocalSpark) -> None:
    query = """
        SELECT weekday(d) AS w, 'weekday(d)' AS t, date_trunc('month', d) AS m, count(*) AS n
        FROM VALUES (:day), (date_add(:day, 7)) AS t(d) GROUP BY ALL"""
    found = spark.sql(query, args={"day": SUNDAY})
    assert [tuple(row) for row in found.collect()] == [(6, "weekday(d)", dt.datetime(2024, 1, 1), 2)]
    assert found.dtypes[2][1] == "timestamp"
    assert (
        correct_text("SELECT weekday, `floor`(x, 1) -- rint(x)") == "SELECT weekday, `floor`(x, 1) -- rint(x)"
    )
    spark.sql(
        "CREATE OR REPLACE TEMP VIEW weekdays AS SELECT weekday(floor(8.9D, 0) + DATE'2024-01-06') AS w"
    )


def test_a_percentile_is_one_of_the_values(spark: LocalSpark) -> None:
    frame = spark.createDataFrame(
        [("a", 1), ("a", 3), ("a", 10), ("a", None), ("b", None)], "k string, v int"
    )
    asked = frame.groupBy("k").agg(
        F.percentile_approx("v", 0.5).alias("p"), F.expr("approx_percentile(v, 0.9)")
    )
    assert sorted(tuple(row) for row in asked.collect()) == [("a", 3, 10), ("b", None, None)]
    assert asked.dtypes[1] == ("p", "int")
    with pytest.raises(NotSupportedLocally, match="OVER"):
        spark.sql("SELECT percentile_approx(v, 0.5) OVER (PARTITION BY k) FROM VALUES ('a', 1) AS t(k, v)")


def test_a_range_of_days(spark: LocalSpark) -> None:
    window = "(PARTITION BY k ORDER BY to_date(d) RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW)"
    days = "VALUES ('2024-01-01', 1, 0), ('2024-01-02', 2, 0), ('2024-01-04', 4, 0) AS t(d, v, k)"
    query = f"SELECT sum(v) OVER {window} FROM {days} ORDER BY d"
    assert [row[0] for row in spark.sql(query).collect()] == [1, 3, 4]


def test_what_has_no_equal_is_refused(spark: LocalSpark, values: Any) -> None:
    with pytest.raises(NotSupportedLocally, match=r"The JSON path \$\[\*\] is"):
        values.select(F.get_json_object("j", "$[*]")).collect()
    for query in ("get_json_object(j, '$[*]')", "j:a[*]", "max_by(j, j, 2)"):
        with pytest.raises(NotSupportedLocally, match=r"JSON path|max_by"):
            spark.sql(f"SELECT {query} FROM VALUES ('[1]') AS t(j)").collect()
    with pytest.raises(NotSupportedLocally, match="observe"):
        values.observe(Observation("o"), F.count(F.lit(1)).alias("n")).count()


def test_moments_in_json(spark: LocalSpark) -> None:
    frame = spark.sql("SELECT TIMESTAMP'2024-01-01 10:00:00.5' AS t, CAST(NULL AS INT) AS n")
    found = frame.select(F.to_json(F.struct("t", "n")), F.expr("to_json(struct(t))"))
    assert list(found.first()) == ['{"t":"2024-01-01T10:00:00.500Z"}'] * 2
    assert frame.select(F.to_json(F.struct("t"), {"timestampFormat": "HH:mm"})).first() == ('{"t":"10:00"}',)
    with pytest.raises(NotSupportedLocally, match="ignoreNullFields"):
        frame.select(F.to_json(F.struct("n"), {"ignoreNullFields": "false"})).collect()
    with pytest.raises(NotSupportedLocally, match="ignoreNullFields"):
        frame.selectExpr("to_json(struct(n), map('ignoreNullFields', 'false'))").collect()
    for text in ("2024-01-01T10:00:00.5Z", "2024-01-01 10:00:00.5", "2024-01-01T12:00:00.500+02:00"):
        lines = spark.createDataFrame([(f'{{"t": "{text}"}}',)], "j string")
        read = lines.select(
            F.from_json("j", "t timestamp").alias("a"), F.expr("from_json(j, 't timestamp') AS b")
        )
        assert read.select("a.t", "b.t").first() == (dt.datetime(2024, 1, 1, 10, 0, 0, 500000),) * 2
