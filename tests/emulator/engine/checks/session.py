"""Checks: spark.catalog, settings, errors."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import functions as F

from tests.emulator.engine.checks.check import RAISES, Check

CHECKS: list[Check] = [
    Check(
        "spark.catalog.listTables", lambda e: [t.name for t in e.spark.catalog.listTables("main.bronze")][:3]
    ),
    Check("spark.catalog.listDatabases", lambda e: e.spark.catalog.listDatabases()),
    Check("spark.catalog.listCatalogs", lambda e: e.spark.catalog.listCatalogs()),
    Check(
        "spark.catalog.tableExists(3-level)",
        lambda e: (
            e.spark.catalog.tableExists("main.bronze.part"),
            e.spark.catalog.tableExists("main.bronze.nope"),
        ),
        (True, False),
    ),
    Check(
        "spark.catalog.databaseExists",
        lambda e: (e.spark.catalog.databaseExists("main.bronze"), e.spark.catalog.databaseExists("main.zz")),
        (True, False),
    ),
    Check("spark.catalog.listColumns", lambda e: e.spark.catalog.listColumns("main.bronze.part")),
    Check("spark.catalog.getTable", lambda e: e.spark.catalog.getTable("main.bronze.part")),
    Check("spark.catalog.refreshTable", lambda e: e.spark.catalog.refreshTable("main.bronze.part")),
    Check(
        "spark.catalog.dropTempView",
        lambda e: (
            e.people.createOrReplaceTempView("dropped"),
            e.spark.catalog.dropTempView("dropped"),
        )[1],
        True,
    ),
    Check("spark.catalog.clearCache", lambda e: e.spark.catalog.clearCache()),
    Check("spark.conf.get default", lambda e: e.spark.conf.get("spark.sql.shuffle.partitions")),
    Check(
        "conf spark.databricks.*",
        lambda e: (
            e.spark.conf.set("spark.databricks.delta.schema.autoMerge.enabled", "true"),
            e.spark.conf.get("spark.databricks.delta.schema.autoMerge.enabled"),
        )[1],
        "true",
    ),
    Check(
        "conf spark.databricks.*: autoMerge honoured on append",
        lambda e: (
            e.spark.range(1).withColumn("newc", F.lit(1)).write.mode("append").saveAsTable("main.bronze.w3"),
            e.spark.table("main.bronze.w3").columns,
        )[1],
        lambda r: "newc" in r,
    ),
    Check("spark.version", lambda e: e.spark.version),
    Check(
        "DeltaTable.forName (delta-spark connect)",
        lambda e: __import__("delta.tables", fromlist=["DeltaTable"]).DeltaTable.forName(
            e.spark, "main.bronze.part"
        ),
    ),
    Check(
        "addArtifact / addPyFile",
        lambda e: (
            Path(e.data, "mymod_x.py").write_text("Z=5\n"),
            e.spark.addArtifact(e.data + "/mymod_x.py", pyfile=True),
        ),
    ),
    Check("interruptAll / addTag", lambda e: (e.spark.addTag("t"), e.spark.interruptAll())),
    Check(
        "df.isStreaming/inputFiles/sameSemantics/schema.json",
        lambda e: (
            e.people.isStreaming,
            e.spark.table("main.bronze.part").inputFiles()[:1],
            e.people.schema.json(),
        ),
    ),
    Check(
        "error class AnalysisException for missing table",
        lambda e: e.spark.table("main.bronze.zzz").collect(),
        RAISES,
    ),
    Check(
        "error class AnalysisException for missing column",
        lambda e: e.spark.table("main.bronze.part").select("zzz").collect(),
        RAISES,
    ),
]
