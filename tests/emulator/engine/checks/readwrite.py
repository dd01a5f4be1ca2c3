"""Checks: DataFrame readers and writers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
from pyspark.sql import functions as F

from tests.emulator.engine.checks.check import RAISES, Check

CHECKS: list[Check] = [
    Check(
        "read.csv options",
        lambda e: (
            e.spark.read.option("header", True)
            .option("sep", ";")
            .option("inferSchema", True)
            .csv(e.data + "/in")
        ),
        lambda r: r[0].amt == 1.5 and isinstance(r[0].ts, dt.datetime),
    ),
    Check(
        "read.format(csv).load + schema",
        lambda e: (
            e.spark.read.format("csv")
            .schema("id int, name string, amt double, ts timestamp")
            .option("header", "true")
            .option("delimiter", ";")
            .load(e.data + "/in/a.csv")
        ),
    ),
    Check(
        "csv mode PERMISSIVE + _corrupt_record/rescued",
        lambda e: (
            e.spark.read.option("header", True)
            .option("sep", ";")
            .option("mode", "PERMISSIVE")
            .schema("id int, name string, amt double, ts timestamp, _corrupt_record string")
            .csv(e.data + "/in")
        ),
    ),
    Check("read.json", lambda e: e.spark.read.json(e.data + "/json")),
    Check(
        "read.json multiLine", lambda e: e.spark.read.option("multiLine", True).json(e.data + "/multi.json")
    ),
    Check(
        "text(wholetext=True)",
        lambda e: e.spark.read.text(e.data + "/multi.json", wholetext=True),
    ),
    Check(
        "read.text / wholetext", lambda e: e.spark.read.option("wholetext", True).text(e.data + "/multi.json")
    ),
    Check(
        "read.parquet + write.parquet partitionBy",
        lambda e: (
            e.spark.range(10)
            .withColumn("p", F.col("id") % 2)
            .write.mode("overwrite")
            .partitionBy("p")
            .parquet(e.data + "/pq"),
            e.spark.read.parquet(e.data + "/pq").count(),
        )[1],
        10,
    ),
    Check(
        "write.csv header",
        lambda e: (
            e.spark.range(3).write.mode("overwrite").option("header", True).csv(e.data + "/csvout"),
            sorted(file.name for file in Path(e.data, "csvout").iterdir()),
        )[1],
    ),
    Check("write.json", lambda e: e.spark.range(3).write.mode("overwrite").json(e.data + "/jsout")),
    Check(
        "coalesce(1).write.csv gives 1 file + _SUCCESS",
        lambda e: (
            e.spark.range(3).coalesce(1).write.mode("overwrite").csv(e.data + "/c1"),
            sorted(file.name for file in Path(e.data, "c1").iterdir()),
        )[1],
    ),
    Check(
        "_metadata.file_path / input_file_name",
        lambda e: (
            e.spark.read.option("header", True)
            .csv(e.data + "/in")
            .select("*", F.col("_metadata.file_path"))
            .collect()
        ),
    ),
    Check(
        "input_file_name()", lambda e: e.spark.read.csv(e.data + "/in").select(F.input_file_name()).collect()
    ),
    Check("read excel/xml", lambda e: e.spark.read.format("xml").option("rowTag", "a").load(e.data + "/in")),
    Check(
        "binaryFile",
        lambda e: e.spark.read.format("binaryFile").load(e.data + "/in").select("path", "length").collect(),
    ),
    Check(
        "spark.table / read.table",
        lambda e: (e.spark.table("main.bronze.part").count(), e.spark.read.table("main.bronze.part").count())[
            1
        ],
    ),
    Check(
        "write append saveAsTable (3-level)",
        lambda e: (
            e.spark.createDataFrame([(20, "eu")], "id int, region string")
            .write.mode("append")
            .saveAsTable("main.bronze.part")
        ),
    ),
    Check(
        "write overwrite saveAsTable new",
        lambda e: e.spark.range(5).write.format("delta").mode("overwrite").saveAsTable("main.bronze.w1"),
    ),
    Check(
        "overwrite + overwriteSchema saveAsTable",
        lambda e: (
            e.spark.range(5)
            .withColumn("x", F.lit("a"))
            .write.mode("overwrite")
            .option("overwriteSchema", "true")
            .saveAsTable("main.bronze.w1")
        ),
    ),
    Check(
        "append + mergeSchema",
        lambda e: (
            e.spark.range(5)
            .withColumn("x", F.lit("a"))
            .withColumn("y", F.lit(1))
            .write.mode("append")
            .option("mergeSchema", "true")
            .saveAsTable("main.bronze.w1")
        ),
    ),
    Check(
        "append + mergeSchema: check schema",
        lambda e: e.spark.table("main.bronze.w1").columns,
        ["id", "x", "y"],
    ),
    Check(
        "replaceWhere",
        lambda e: (
            e.spark.createDataFrame([(30, "eu")], "id int, region string")
            .write.mode("overwrite")
            .option("replaceWhere", "region='eu'")
            .saveAsTable("main.bronze.part")
        ),
    ),
    Check(
        "replaceWhere: replaceWhere kept other partitions",
        lambda e: len({r.region for r in e.spark.table("main.bronze.part").collect()}),
        lambda n: n > 1,
    ),
    Check(
        "dynamic partition overwrite",
        lambda e: (
            e.spark.createDataFrame([(31, "us")], "id int, region string")
            .write.mode("overwrite")
            .option("partitionOverwriteMode", "dynamic")
            .saveAsTable("main.bronze.part")
        ),
    ),
    Check(
        "dynamic partition overwrite: check regions kept",
        lambda e: sorted({r.region for r in e.spark.table("main.bronze.part").collect()}),
        lambda r: len(r) > 1,
    ),
    Check(
        "insertInto",
        lambda e: e.spark.createDataFrame([(21, "eu")], "id int, region string").write.insertInto(
            "main.bronze.part"
        ),
    ),
    Check(
        "insertInto overwrite",
        lambda e: e.spark.createDataFrame([(21, "eu")], "id int, region string").write.insertInto(
            "main.bronze.part", overwrite=True
        ),
    ),
    Check(
        "insertInto overwrite: check regions kept (insertInto static overwrite keeps 1)",
        lambda e: e.spark.table("main.bronze.part").count(),
        1,
    ),
    Check(
        "partitionBy saveAsTable",
        lambda e: (
            e.spark.range(10)
            .withColumn("p", F.col("id") % 2)
            .write.partitionBy("p")
            .mode("overwrite")
            .saveAsTable("main.bronze.w2")
        ),
    ),
    Check(
        "write.save(path) delta + read",
        lambda e: (
            e.spark.range(4).write.format("delta").mode("overwrite").save(e.data + "/dl"),
            e.spark.read.format("delta").load(e.data + "/dl").count(),
        )[1],
        4,
    ),
    Check(
        "saveAsTable with option path",
        lambda e: (
            e.spark.range(4)
            .write.option("path", e.data + "/dl2")
            .mode("overwrite")
            .saveAsTable("main.bronze.ext1")
        ),
    ),
    Check(
        "writeTo.createOrReplace",
        lambda e: e.spark.range(4).writeTo("main.bronze.w3").using("delta").createOrReplace(),
    ),
    Check("writeTo.append", lambda e: e.spark.range(4).writeTo("main.bronze.w3").append()),
    Check(
        "writeTo.overwritePartitions",
        lambda e: e.spark.range(4).writeTo("main.bronze.w3").overwritePartitions(),
    ),
    Check(
        "df.mergeInto (Spark 4)",
        lambda e: (
            e.spark.range(4)
            .alias("s")
            .mergeInto("main.bronze.w3", F.expr("w3.id = s.id"))
            .whenNotMatched()
            .insertAll()
            .merge()
        ),
    ),
    Check(
        "saveAsTable errorifexists", lambda e: e.spark.range(1).write.saveAsTable("main.bronze.w3"), RAISES
    ),
    Check("createDataFrame(list, names)", lambda e: e.spark.createDataFrame([(1, "a")], ["id", "n"])),
    Check(
        "createDataFrame(pandas)",
        lambda e: e.spark.createDataFrame(
            pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])})
        ),
    ),
    Check("createDataFrame([], schema)", lambda e: e.spark.createDataFrame([], "a int, b string")),
    Check("createDataFrame(Row/dict)", lambda e: e.spark.createDataFrame([{"a": 1, "b": "x"}])),
    Check("toPandas", lambda e: e.spark.range(3).toPandas()),
    Check("toArrow", lambda e: e.spark.range(3).toArrow()),
    Check("toLocalIterator", lambda e: list(e.spark.range(3).toLocalIterator())),
    Check(
        "show / printSchema / explain",
        lambda e: (e.spark.range(2).show(), e.spark.range(2).printSchema(), e.spark.range(1).explain()),
    ),
    Check("display-like limit+toPandas", lambda e: e.spark.table("main.bronze.part").limit(5).toPandas()),
    Check(
        "cache/persist/unpersist", lambda e: (lambda d: (d.cache().count(), d.unpersist()))(e.spark.range(3))
    ),
    Check("checkpoint/localCheckpoint", lambda e: e.spark.range(3).localCheckpoint().count()),
    Check("rdd access (not in Connect)", lambda e: e.spark.range(3).rdd),
    Check("spark.sparkContext (not in Connect)", lambda e: e.spark.sparkContext.setLogLevel("WARN")),
]
