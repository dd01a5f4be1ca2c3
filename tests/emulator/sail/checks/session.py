"""Checks: spark.catalog, settings, errors.

Values of the source SPARK are those of Apache Spark; the others are those of the page that
stands beside them.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from pyspark.sql import functions as F

from tests.emulator.sail.checks.check import SPARK, Check, Environment, after, differs, fails, refused, sql

_PAGES = "https://docs.databricks.com/en/"
_API = "https://spark.apache.org/docs/4.0.1/api/python/reference/pyspark.sql/api/pyspark.sql.DataFrame"
_CONNECT = "https://spark.apache.org/docs/4.0.1/spark-connect-overview.html"


def part(e: Environment) -> Any:
    """A table of two rows, partitioned by its second column."""
    e.run("CREATE TABLE part (id INT COMMENT 'c', region STRING) PARTITIONED BY (region)")
    e.run("INSERT INTO part VALUES (1, 'eu'), (2, 'us')")
    return e.spark.catalog


def imported(e: Environment) -> int:
    """What a module says that came as an artifact."""
    folder = e.file("artifact_of_a_check.py", "Z = 5\n")
    before = list(sys.path)
    try:
        e.spark.addArtifact(f"{folder}/artifact_of_a_check.py", pyfile=True)
        return int(importlib.import_module("artifact_of_a_check").Z)
    finally:
        sys.path[:] = before
        sys.modules.pop("artifact_of_a_check", None)


def delta_table(e: Environment) -> Any:
    part(e)
    table = importlib.import_module("delta.tables").DeltaTable.forName(e.spark, "main.lab.part")
    table.delete("id = 1")
    return table.toDF()


def evolved(e: Environment) -> Any:
    e.spark.range(1).write.saveAsTable("w")
    e.spark.conf.set("spark.databricks.delta.schema.autoMerge.enabled", "true")
    e.spark.range(1).withColumn("new", F.lit(1)).write.mode("append").saveAsTable("w")
    return e.spark.table("w").orderBy("new")


def forgotten_view(e: Environment) -> list[bool]:
    e.people.createOrReplaceTempView("dropped")
    return [e.spark.catalog.dropTempView("dropped") for _ in range(2)]


def tagged(e: Environment) -> list[str]:
    e.spark.addTag("a")
    e.spark.addTag("b")
    e.spark.removeTag("a")
    return sorted(e.spark.getTags())


CHECKS: list[Check] = [
    Check(
        "catalog.listTables",
        lambda e: [(t.name, t.namespace, t.tableType, t.isTemporary) for t in part(e).listTables("lab")],
        [("part", ["lab"], "MANAGED", False)],
        SPARK,
    ),
    Check(
        "catalog.listDatabases",
        lambda e: [d.name for d in e.spark.catalog.listDatabases("la*")],
        ["lab"],
        SPARK,
    ),
    Check(
        "catalog.listCatalogs",
        lambda e: "main" in [c.name for c in e.spark.catalog.listCatalogs()],
        True,
        f"{_PAGES}catalogs/index.html",
    ),
    Check(
        "catalog.tableExists",
        lambda e: (part(e), [e.spark.catalog.tableExists(f"{e.schema}.{n}") for n in ("part", "nope")])[1],
        [True, False],
        SPARK,
    ),
    Check(
        "catalog.databaseExists",
        lambda e: [e.spark.catalog.databaseExists(name) for name in (e.schema, "zz")],
        [True, False],
        SPARK,
    ),
    Check(
        "catalog.listColumns",
        lambda e: [
            (c.name, c.description, c.dataType, c.nullable, c.isPartition)
            for c in part(e).listColumns("part")
        ],
        [("id", "c", "int", True, False), ("region", None, "string", True, True)],
        SPARK,
    ),
    Check(
        "catalog.getTable",
        lambda e: (lambda t: (t.name, t.namespace, t.tableType, t.isTemporary))(part(e).getTable("part")),
        ("part", ["lab"], "MANAGED", False),
        SPARK,
    ),
    Check(
        "catalog.refreshTable keeps the rows",
        after(lambda e: part(e).refreshTable("part"), "SELECT * FROM part ORDER BY id"),
        [(1, "eu"), (2, "us")],
        SPARK,
    ),
    Check("catalog.dropTempView", forgotten_view, [True, False], SPARK),
    Check(
        "catalog.clearCache keeps the rows",
        after(lambda e: part(e).clearCache(), "SELECT count(*) FROM part"),
        [(2,)],
        SPARK,
    ),
    Check("conf.get of a default", lambda e: e.spark.conf.get("spark.sql.ansi.enabled"), "true", SPARK),
    Check(
        "conf.get of no setting", lambda e: e.spark.conf.get("spark.nope"), fails("SQL_CONF_NOT_FOUND"), SPARK
    ),
    Check("conf.get with a default of one's own", lambda e: e.spark.conf.get("spark.nope", "x"), "x", SPARK),
    Check("autoMerge on append", evolved, [(0, None), (0, 1)], f"{_PAGES}delta/update-schema.html"),
    Check(
        "spark.version",
        lambda e: e.spark.version.rpartition(".")[0],
        differs("4.2", "4.0", "The version is that of the Spark Connect client"),
        SPARK,
    ),
    Check("DeltaTable.forName", delta_table, [(2, "us")], "https://docs.delta.io/delta-update/"),
    Check("addArtifact of a module", imported, 5, _CONNECT),
    Check("addTag and removeTag", tagged, ["b"], SPARK),
    Check(
        "interruptAll leaves the session in use",
        after(lambda e: e.spark.interruptAll(), "SELECT 1"),
        [(1,)],
        _CONNECT,
    ),
    Check("isStreaming of a frame", lambda e: e.people.isStreaming, False, SPARK),
    Check(
        "sameSemantics",
        lambda e: e.spark.range(3).sameSemantics(e.spark.range(3)),
        refused("DataFrame.sameSemantics()"),
        f"{_API}.sameSemantics.html",
    ),
    Check(
        "semanticHash",
        lambda e: e.people.semanticHash(),
        refused("DataFrame.semanticHash()"),
        f"{_API}.semanticHash.html",
    ),
    Check(
        "inputFiles of a table",
        lambda e: (part(e), [file.endswith(".parquet") for file in e.spark.table("part").inputFiles()])[1],
        refused("DataFrame.inputFiles()"),
        f"{_API}.inputFiles.html",
    ),
    Check(
        "a table that is missing",
        lambda e: e.spark.table("lab.zzz").collect(),
        fails("TABLE_OR_VIEW_NOT_FOUND"),
        SPARK,
    ),
    Check(
        "a column that is missing",
        lambda e: e.people.select("zzz").collect(),
        fails("UNRESOLVED_COLUMN.WITH_SUGGESTION"),
        SPARK,
    ),
    Check("a schema that is missing", sql("SHOW TABLES IN zzz"), fails("SCHEMA_NOT_FOUND"), SPARK),
]
