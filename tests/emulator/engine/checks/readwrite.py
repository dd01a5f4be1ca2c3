"""Checks: DataFrame readers and writers."""

from __future__ import annotations

from pyspark.sql import functions as F

from tests.emulator.engine.checks.check import RAISES, Check

CHECKS: list[Check] = [
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
    Check(
        "show / printSchema / explain",
        lambda e: (e.spark.range(2).show(), e.spark.range(2).printSchema(), e.spark.range(1).explain()),
    ),
    Check("display-like limit+toPandas", lambda e: e.spark.table("main.bronze.part").limit(5).toPandas()),
    Check("rdd access (not in Connect)", lambda e: e.spark.range(3).rdd),
    Check("spark.sparkContext (not in Connect)", lambda e: e.spark.sparkContext.setLogLevel("WARN")),
]
