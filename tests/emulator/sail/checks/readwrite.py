"""Checks: DataFrame readers and writers.

Values of the source SPARK are those of Apache Spark, whose tables here are Parquet; the others are those of
the page that stands beside them.
"""

# ruff: noqa: E501
from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from pyspark.sql import functions as F

from tests.emulator.sail.checks.check import SPARK, Action, Check, Environment, fails

_DELTA = "https://docs.databricks.com/en/delta/"
_SELECTIVE = f"{_DELTA}selective-overwrite.html"
_SCHEMA = f"{_DELTA}update-schema.html"
_CONNECT = "https://docs.databricks.com/en/compute/serverless/limitations.html"


def written(act: Callable[[Environment, Any], Any]) -> Action:
    """What `part`, of two partitions, holds after a row (30, 'eu') was written to it in some way."""

    def run(e: Environment) -> Any:
        e.run("CREATE TABLE part (id INT, region STRING) PARTITIONED BY (region)")
        e.run("INSERT INTO part VALUES (1, 'eu'), (2, 'us')")
        act(e, e.spark.createDataFrame([(30, "eu")], "id int, region string").write)
        return e.spark.table("part").orderBy("id")

    return run


def made(name: str, *acts: Callable[[Environment], Any]) -> Action:
    """What a table holds, by its columns and rows, after acts."""

    def run(e: Environment) -> Any:
        for act in acts:
            act(e)
        frame = e.spark.table(name)
        return [frame.columns, frame.orderBy(*frame.columns).collect()]

    return run


def saved(e: Environment) -> Any:
    return e.spark.range(2).write.mode("overwrite").saveAsTable("w")


def wider(e: Environment, *names: str) -> Any:
    frame = e.spark.range(1)
    for name in names:
        frame = frame.withColumn(name, F.lit("a"))
    return frame.write


def merged(e: Environment) -> Any:
    source = e.spark.range(3).alias("s")
    return source.mergeInto("w", F.expr("w.id = s.id")).whenNotMatched().insertAll().merge()


def external(e: Environment) -> Any:
    e.spark.range(2).write.option("path", f"{e.data}/t").mode("overwrite").saveAsTable("ext")
    e.run("DROP TABLE ext")
    return e.spark.read.load(f"{e.data}/t").orderBy("id")


def by_path(e: Environment) -> Any:
    for _ in range(2):
        e.spark.range(2).write.format("delta").mode("append").save(f"{e.data}/d")
    return e.spark.read.format("delta").load(f"{e.data}/d").orderBy("id")


def printed(act: Callable[[Environment], Any]) -> Action:
    """What a call prints."""

    def run(e: Environment) -> str:
        with redirect_stdout(StringIO()) as text:
            act(e)
        return text.getvalue().rstrip()

    return run


CHECKS: list[Check] = [
    Check(
        "table and read.table",
        written(
            lambda e, w: e.spark.createDataFrame(
                e.spark.read.table("part").collect(), "id int, region string"
            ).write.insertInto("part")
        ),
        [(1, "eu"), (1, "eu"), (2, "us"), (2, "us")],
        SPARK,
    ),
    Check(
        "append by saveAsTable",
        written(lambda e, w: w.mode("append").partitionBy("region").saveAsTable(f"{e.schema}.part")),
        [(1, "eu"), (2, "us"), (30, "eu")],
        SPARK,
    ),
    Check(
        "append without partitionBy",
        written(lambda e, w: w.mode("append").saveAsTable("part")),
        [(1, "eu"), (2, "us"), (30, "eu")],
        f"{_DELTA}tutorial.html",
    ),
    Check("overwrite of a new table", made("w", saved), [["id"], [(0,), (1,)]], SPARK),
    Check(
        "overwrite with overwriteSchema",
        made(
            "w",
            saved,
            lambda e: wider(e, "x").mode("overwrite").option("overwriteSchema", "true").saveAsTable("w"),
        ),
        [["id", "x"], [(0, "a")]],
        _SCHEMA,
    ),
    Check(
        "overwrite with other columns, without overwriteSchema",
        made("w", saved, lambda e: wider(e, "x").mode("overwrite").format("delta").saveAsTable("w")),
        fails("DELTA_METADATA_MISMATCH"),
        _SCHEMA,
    ),
    Check(
        "append with mergeSchema",
        made(
            "w",
            saved,
            lambda e: wider(e, "x", "y").mode("append").option("mergeSchema", "true").saveAsTable("w"),
        ),
        [["id", "x", "y"], [(0, None, None), (0, "a", "a"), (1, None, None)]],
        _SCHEMA,
    ),
    Check(
        "replaceWhere",
        written(lambda e, w: w.mode("overwrite").option("replaceWhere", "region='eu'").saveAsTable("part")),
        [(2, "us"), (30, "eu")],
        _SELECTIVE,
    ),
    Check(
        "dynamic partition overwrite",
        written(
            lambda e, w: w.mode("overwrite").option("partitionOverwriteMode", "dynamic").saveAsTable("part")
        ),
        [(2, "us"), (30, "eu")],
        _SELECTIVE,
    ),
    Check(
        "insertInto", written(lambda e, w: w.insertInto("part")), [(1, "eu"), (2, "us"), (30, "eu")], SPARK
    ),
    Check(
        "insertInto with overwrite",
        written(lambda e, w: w.insertInto("part", overwrite=True)),
        [(30, "eu")],
        SPARK,
    ),
    Check(
        "partitionBy",
        lambda e: (
            e.spark.range(4).withColumn("p", F.col("id") % 2).write.partitionBy("p").saveAsTable("w2"),
            e.run("DESCRIBE w2").collect(),
        )[1],
        [
            ("id", "bigint", None),
            ("p", "bigint", None),
            ("# Partition Information", "", ""),
            ("# col_name", "data_type", "comment"),
            ("p", "bigint", None),
        ],
        SPARK,
    ),
    Check("append by a path", by_path, [(0,), (0,), (1,), (1,)], f"{_DELTA}tutorial.html"),
    Check("option path: DROP TABLE leaves the files", external, [(0,), (1,)], SPARK),
    Check(
        "writeTo.createOrReplace",
        made("w", saved, lambda e: e.spark.range(1).writeTo("w").using("delta").createOrReplace()),
        [["id"], [(0,)]],
        f"{_DELTA}tutorial.html",
    ),
    Check(
        "writeTo.append",
        made("w", saved, lambda e: e.spark.range(1).writeTo("w").append()),
        [["id"], [(0,), (0,), (1,)]],
        f"{_DELTA}tutorial.html",
    ),
    Check(
        "writeTo.overwritePartitions of a table without partitions",
        made("w", saved, lambda e: e.spark.range(1).writeTo("w").overwritePartitions()),
        [["id"], [(0,)]],
        _SELECTIVE,
    ),
    Check(
        "mergeInto",
        made("w", saved, merged),
        [["id"], [(0,), (1,), (2,)]],
        "https://spark.apache.org/docs/4.0.1/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame.mergeInto.html",
    ),
    Check(
        "saveAsTable of a table that exists",
        made("w", saved, lambda e: e.spark.range(1).write.saveAsTable("w")),
        fails("TABLE_OR_VIEW_ALREADY_EXISTS"),
        SPARK,
    ),
    Check(
        "show", printed(lambda e: e.spark.range(2).show()), "+---+\n| id|\n+---+\n|  0|\n|  1|\n+---+", SPARK
    ),
    Check(
        "printSchema",
        printed(lambda e: e.people.printSchema()),
        "root\n |-- id: integer (nullable = true)\n |-- g: string (nullable = true)\n |-- v: double (nullable = true)",
        SPARK,
    ),
    Check(
        "explain prints a plan",
        lambda e: printed(lambda e: e.spark.range(1).explain())(e).partition("\n")[0],
        "== Physical Plan ==",
        SPARK,
    ),
    Check(
        "limit and toPandas",
        lambda e: e.people.orderBy("id").limit(2).toPandas().to_dict("list"),
        {"id": [1, 2], "g": ["x", "y"], "v": [10.0, 20.0]},
        SPARK,
    ),
    Check(
        "DESCRIBE HISTORY of saveAsTable and writeTo",
        lambda e: (
            e.spark.range(1).write.saveAsTable("t"),
            e.spark.range(1).write.mode("append").saveAsTable("t"),
            e.spark.range(1).write.mode("overwrite").saveAsTable("t"),
            e.spark.range(1).write.mode("overwrite").option("replaceWhere", "id = 0").saveAsTable("t"),
            e.spark.range(1).writeTo("t").using("delta").createOrReplace(),
            e.spark.range(1).writeTo("t").append(),
            [row.operation for row in e.run("DESCRIBE HISTORY t").collect()],
        )[-1],
        [
            "WRITE",
            "CREATE OR REPLACE TABLE AS SELECT",
            "WRITE",
            "CREATE OR REPLACE TABLE AS SELECT",
            "WRITE",
            "CREATE TABLE AS SELECT",
        ],
        "https://github.com/delta-io/delta/blob/master/spark/src/main/scala/org/apache/spark/sql/delta/commands/CreateDeltaTableCommand.scala",
    ),
    Check(
        "DESCRIBE HISTORY of save",
        lambda e: (
            e.spark.range(1).write.format("delta").save(e.data + "/d"),
            e.run("DESCRIBE HISTORY delta.`{data}/d`").first().operation,
        )[1],
        "WRITE",
        "https://docs.databricks.com/aws/en/tables/history-schema",
    ),
    Check("rdd", lambda e: e.spark.range(3).rdd, fails("JVM_ATTRIBUTE_NOT_SUPPORTED"), _CONNECT),
    Check(
        "sparkContext",
        lambda e: e.spark.sparkContext.setLogLevel("WARN"),
        fails("JVM_ATTRIBUTE_NOT_SUPPORTED"),
        _CONNECT,
    ),
]
