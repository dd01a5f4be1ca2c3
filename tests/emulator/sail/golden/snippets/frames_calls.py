"""Calls of DataFrames: name -> a function of a session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F

from tests.emulator.sail.golden.snippets.data import D, Session, doubles, holes, one, pair, people

FRAMES: dict[str, Callable[[Session], Any]] = {
    "union keeps duplicates": lambda s: pair(s)[0].union(pair(s)[0]).orderBy("id"),
    "union widens types": lambda s: (
        s.createDataFrame([(1,)], "a int").union(s.createDataFrame([(2.5,)], "a double")).orderBy("a")
    ),
    "unionByName with missing columns": lambda s: (
        pair(s)[0].unionByName(pair(s)[1], allowMissingColumns=True).orderBy("id", "n")
    ),
    "exceptAll": lambda s: pair(s)[0].select("id").exceptAll(pair(s)[1].select("id")),
    "subtract": lambda s: pair(s)[0].select("id").subtract(pair(s)[1].select("id")),
    "intersect": lambda s: pair(s)[0].select("id").intersect(pair(s)[1].select("id")).orderBy("id"),
    "intersectAll with nulls": lambda s: holes(s).select("b").intersectAll(holes(s).select("b")).orderBy("b"),
    "join inner": lambda s: pair(s)[0].join(pair(s)[1], "id"),
    "join left": lambda s: pair(s)[0].join(pair(s)[1], "id", "left").orderBy("id"),
    "join full": lambda s: pair(s)[0].join(pair(s)[1], "id", "full").orderBy("id", "n"),
    "join semi and anti": lambda s: [
        pair(s)[0].join(pair(s)[1], "id", "left_semi"),
        pair(s)[0].join(pair(s)[1], "id", "left_anti").orderBy("id"),
    ],
    "join by a condition": lambda s: (
        lambda a, b: a.join(b, a.id == b.id, "right").select(a.id, b.f).orderBy("f")
    )(*pair(s)),
    "join by eqNullSafe": lambda s: (
        lambda a, b: a.join(b, a.id.eqNullSafe(b.id)).select("n", "f").orderBy("n")
    )(*pair(s)),
    "crossJoin": lambda s: [pair(s)[0].crossJoin(pair(s)[1]).count()],
    "self join by alias": lambda s: (
        people(s)
        .alias("a")
        .join(people(s).alias("b"), F.expr("a.city = b.city AND a.id < b.id"))
        .select("a.name", "b.name")
        .orderBy("a.id")
    ),
    "distinct and dropDuplicates": lambda s: [
        holes(s).distinct().orderBy("a"),
        holes(s).dropDuplicates(["a"]).count(),
    ],
    "fillna": lambda s: holes(s).fillna({"a": 0, "c": "z"}).orderBy("a", "b"),
    "fillna of a number": lambda s: holes(s).fillna(7).orderBy("a"),
    "na.drop": lambda s: [
        holes(s).na.drop().count(),
        holes(s).na.drop("all").count(),
        holes(s).na.drop(thresh=2),
        holes(s).na.drop(subset=["c"]).count(),
    ],
    "replace": lambda s: [holes(s).replace("a", "q").orderBy("a"), holes(s).na.replace({1: 5}).orderBy("a")],
    "describe": lambda s: people(s).describe("age", "name"),
    "describe of a double": lambda s: doubles(s).describe("x"),
    "describe of a single value": lambda s: one(s).describe("i"),
    "summary": lambda s: people(s).summary(),
    "summary of chosen statistics": lambda s: holes(s).summary("count", "50%", "max"),
    "approxQuantile": lambda s: [people(s).approxQuantile("age", [0.0, 0.5, 1.0], 0.0)],
    "corr, cov, crosstab, freqItems": lambda s: [
        people(s).corr("id", "city"),
        people(s).cov("id", "city"),
        people(s)
        .crosstab("city", "name")
        .orderBy("city_name")
        .select("city_name", "Ann", "Bob", "Cid", "Dee", "Eve"),
    ],
    "withColumnRenamed, drop, toDF": lambda s: one(s).withColumnRenamed("i", "n").drop("b").toDF("x", "y"),
    "withColumns": lambda s: one(s).withColumns({"j": F.col("i") + 1, "k": F.lit("z")}),
    "withColumnsRenamed and selectExpr": lambda s: (
        one(s).withColumnsRenamed({"i": "x", "s": "y"}).selectExpr("x + 1 AS n", "y", "*")
    ),
    "colRegex and columns": lambda s: [one(s).select(one(s).colRegex("`[is]`")).columns, one(s).dtypes],
    "limit, offset, head, take, tail": lambda s: [
        people(s).orderBy("id").limit(2),
        people(s).orderBy("id").offset(3),
        people(s).orderBy("id").head(),
        people(s).orderBy("id").take(1),
        people(s).orderBy("id").tail(1),
    ],
    "orderBy several": lambda s: people(s).orderBy(F.desc("city"), F.asc("age")).select("id"),
    "sort ascending list": lambda s: people(s).sort(["city", "id"], ascending=[False, True]).select("id"),
    "unpivot": lambda s: s.createDataFrame([(1, 10, 20)], "id int, a int, b int").unpivot(
        "id", ["a", "b"], "k", "v"
    ),
    "sample with a seed": lambda s: [s.range(0, 100, 1, 1).sample(0.5, 3).count()],
    "randomSplit adds up": lambda s: [sum(part.count() for part in s.range(20).randomSplit([0.5, 0.5], 1))],
    "filter by text": lambda s: people(s).filter("age > 30 AND name <> 'Bob'").where("city = 1"),
    "createDataFrame of rows": lambda s: s.createDataFrame([Row(a=1, b="x"), Row(a=2, b=None)]),
    "createDataFrame of dicts": lambda s: s.createDataFrame([{"a": 1, "b": 1.5}]),
    "createDataFrame of nested values": lambda s: s.createDataFrame(
        [(1, [1, 2], {"k": 1}, Row(x=1))], ["i", "a", "m", "r"]
    ),
    "createDataFrame of decimals and dates": lambda s: s.createDataFrame(
        [(D("1.5"), dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 2), b"x")], ["d", "a", "t", "b"]
    ),
    "createDataFrame of nothing": lambda s: s.createDataFrame([], "a int, b string"),
    "createDataFrame of the wrong type": lambda s: s.createDataFrame([("x",)], "a int"),
    "toPandas": lambda s: [people(s).orderBy("id").toPandas().to_dict("list")],
    "isEmpty, count, first": lambda s: [
        people(s).isEmpty(),
        people(s).count(),
        people(s).orderBy("id").first(),
        people(s).filter("false").first(),
    ],
    "range": lambda s: s.range(1, 10, 3),
    "transform of a DataFrame": lambda s: one(s).transform(lambda df: df.withColumn("n", F.col("i") * 2)),
    "hint, repartition, coalesce": lambda s: [one(s).hint("broadcast").repartition(2).coalesce(1).count()],
    "temp view and table": lambda s: (
        one(s).createOrReplaceTempView("one_v"),
        s.sql("SELECT i + 1 AS n FROM one_v"),
    )[1],
    "lateral alias across withColumn": lambda s: (
        one(s).withColumn("i", F.col("i") + 1).withColumn("j", F.col("i") * 2)
    ),
    "to schema": lambda s: (
        s.createDataFrame([(1, "2")], "a int, b string").select(F.col("b").cast("int"), "a").toDF("x", "y")
    ),
    "nested select of structs": lambda s: s.sql("SELECT named_struct('a', named_struct('b', 1)) z").select(
        "z.a.b", F.col("z.a")
    ),
    "column that does not exist": lambda s: people(s).select("nope"),
    "table that does not exist": lambda s: s.table("nope"),
    "ambiguous column": lambda s: pair(s)[0].join(pair(s)[1], pair(s)[0].id == pair(s)[1].id).select("id"),
    "sql with named parameters": lambda s: s.sql("SELECT :a + 1 AS n, :b AS t", {"a": 41, "b": "x'y"}),
    "sql with positional parameters": lambda s: s.sql("SELECT ? * 2 AS n, ? AS t", [21, "?"]),
    "sql with a DataFrame": lambda s: s.sql("SELECT sum(i) / 2 AS n FROM {df}", df=one(s)),
    "join of aggregates": lambda s: (
        people(s)
        .join(people(s).groupBy("city").agg(F.avg("age").alias("m")), "city")
        .select("id", (F.col("age") - F.col("m")).alias("d"))
        .orderBy("id")
    ),
    "dropna then avg": lambda s: (
        people(s)
        .na.drop(subset=["age"])
        .groupBy("city")
        .agg(F.round(F.avg("age"), 1).alias("m"))
        .orderBy("city")
    ),
    "mapInPandas": lambda s: (
        s.range(3)
        .mapInPandas(lambda parts: (p.assign(id=p.id * 2) for p in parts), "id bigint")
        .orderBy("id")
    ),
    "foreach row values": lambda s: [[row.asDict() for row in one(s).collect()]],
    "schema of a literal select": lambda s: s.sql(
        "SELECT 1 AS a, 'x' AS b, 1.5 AS c, NULL AS d, array(1) AS e"
    ),
}

TOPICS = {"frames: calls": FRAMES}
