"""Columns, aggregates and windows of DataFrames: name -> a function of a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from tests.emulator.sail.golden.snippets.data import (
    BY_O,
    ORDERED,
    D,
    Session,
    doubles,
    lists,
    one,
    people,
    texts,
    w,
)

COLUMNS: dict[str, Callable[[Session], Any]] = {
    "when and otherwise": lambda s: (
        people(s)
        .select(
            "id",
            F.when(F.col("age") > 40, "old").when(F.col("age") > 30, "mid").otherwise("young").alias("g"),
            F.when(F.col("age").isNull(), 1),
        )
        .orderBy("id")
    ),
    "when with mixed numbers": lambda s: one(s).select(
        F.when(F.col("b"), 1).otherwise(F.lit(2.5)),
        F.when(F.col("b"), F.lit(1)).otherwise(F.col("i").cast("bigint")),
        F.coalesce("i", F.lit(2.5)),
    ),
    "when with mixed numbers and text": lambda s: one(s).select(F.when(F.col("b"), 1).otherwise("x")),
    "isin, between, like": lambda s: (
        people(s)
        .filter(F.col("city").isin(1, 2) & F.col("age").between(30, 40) & ~F.col("name").like("B%"))
        .orderBy("id")
    ),
    "isin with null": lambda s: (
        people(s).select("id", F.col("age").isin(34, None), ~F.col("age").isin(34, 41)).orderBy("id")
    ),
    "eqNullSafe and comparisons": lambda s: (
        people(s).select(F.col("age").eqNullSafe(None), F.col("age") != 34, F.col("age") == 34).orderBy("id")
    ),
    "cast and try_cast": lambda s: one(s).select(
        F.col("i").cast("string"),
        F.col("s").try_cast("int"),
        F.col("b").cast("int"),
        F.lit("12").cast("int"),
        F.lit(" 7 ").cast("bigint"),
    ),
    "cast of text that is no number": lambda s: one(s).select(F.col("s").cast("int")),
    "substr, startswith, contains": lambda s: (
        people(s)
        .select(
            F.col("name").substr(1, 2),
            F.col("name").startswith("A"),
            F.col("name").contains("b"),
            F.col("name").endswith("e"),
            F.col("name").rlike("^[A-C]"),
        )
        .orderBy("id")
    ),
    "asc and desc with nulls": lambda s: (
        people(s).orderBy(F.col("age").desc_nulls_first(), "id").select("id")
    ),
    "asc_nulls_last": lambda s: people(s).orderBy(F.asc_nulls_last("age")).select("id", "age"),
    "string functions": lambda s: texts(s).select(
        F.upper("s"),
        F.length("s"),
        F.lpad("s", 7, "*"),
        F.split("t", ","),
        F.concat("s", "t"),
        F.concat_ws("-", "s", "t"),
        F.initcap("s"),
        F.reverse("s"),
        F.trim("s"),
    ),
    "regular expressions": lambda s: texts(s).select(
        F.regexp_extract("s", r"([a-z])(\d+)", 2),
        F.regexp_replace("s", r"\d+", "#"),
        F.rlike("s", F.lit(r"\d")),
        F.regexp_count("s", F.lit(r"\d")),
    ),
    "substring_index, instr, translate": lambda s: texts(s).select(
        F.substring_index("t", ",", 1),
        F.instr("s", "b"),
        F.translate("s", "ab", "xy"),
        F.substring("s", 2, 2),
        F.locate("2", "s"),
        F.overlay("s", F.lit("_"), 2),
    ),
    "format_number and format_string": lambda s: doubles(s).select(
        F.format_number("y", 2), F.format_string("%.1f", "x")
    ),
    "hashes": lambda s: one(s).select(
        F.hash("i", "s"), F.xxhash64("i", "s"), F.md5("s"), F.sha2("s", 256), F.crc32("s"), F.base64("s")
    ),
    "lit of kinds": lambda s: one(s).select(
        F.lit(1),
        F.lit(1.5),
        F.lit("x"),
        F.lit(True),
        F.lit(None),
        F.lit(D("1.50")),
        F.lit([1, 2]),
        F.lit(3000000000),
    ),
    "struct and its fields": lambda s: (
        one(s)
        .select(F.struct("i", "s").alias("z"))
        .select("z.i", "z", F.col("z").getField("s"), F.col("z")["i"], "z.*")
    ),
    "withField and dropFields": lambda s: (
        one(s)
        .select(F.struct("i", "s").alias("z"))
        .select(F.col("z").withField("n", F.lit(1)), F.col("z").dropFields("s"))
    ),
    "arrays": lambda s: (
        lists(s)
        .select(
            "id",
            F.size("a"),
            F.sort_array("a"),
            F.array_contains("a", 1),
            F.array_max("a"),
            F.array_distinct("a"),
            F.element_at("m", "x"),
            F.map_keys("m"),
        )
        .orderBy("id")
    ),
    "higher-order functions": lambda s: (
        lists(s)
        .select(
            "id",
            F.transform("a", lambda x: x + 1),
            F.filter("a", lambda x: x > 1),
            F.aggregate("a", F.lit(0), lambda a, x: a + F.coalesce(x, F.lit(0))),
            F.exists("a", lambda x: x == 3),
            F.forall("a", lambda x: x > 0),
        )
        .orderBy("id")
    ),
    "zip_with": lambda s: lists(s).select(F.zip_with("a", "a", lambda x, y: x + y)),
    "maps": lambda s: (
        lists(s)
        .select(
            "id",
            F.map_values("m"),
            F.map_entries("m"),
            F.map_filter("m", lambda k, v: v > 1),
            F.transform_values("m", lambda k, v: v * 2),
            F.col("m")["x"],
            F.col("m").getItem("y"),
        )
        .orderBy("id")
    ),
    "explode": lambda s: lists(s).select("id", F.explode("a")),
    "explode_outer": lambda s: lists(s).select("id", F.explode_outer("a").alias("e")).orderBy("id", "e"),
    "posexplode": lambda s: lists(s).select("id", F.posexplode("a")),
    "explode of a map": lambda s: lists(s).select("id", F.explode("m")).orderBy("key"),
    "arrays made": lambda s: one(s).select(
        F.array("i", F.lit(2)),
        F.array_repeat("s", 2),
        F.sequence(F.lit(1), F.lit(5), F.lit(2)),
        F.create_map(F.lit("k"), "i"),
        F.arrays_zip(F.array("i"), F.array("s")),
        F.flatten(F.array(F.array("i"))),
    ),
    "getItem out of bounds": lambda s: one(s).select(F.array("i").getItem(5)),
    "get out of bounds": lambda s: one(s).select(
        F.get(F.array("i"), 5), F.try_element_at(F.array("i"), F.lit(5))
    ),
    "json": lambda s: one(s).select(
        F.from_json(F.lit('{"a":1,"b":[2]}'), "a int, b array<int>"),
        F.to_json(F.struct("i", "s")),
        F.get_json_object(F.lit('{"a":{"b":1}}'), "$.a.b"),
        F.schema_of_json(F.lit('{"a":1}')),
    ),
    "json_tuple": lambda s: one(s).select(F.json_tuple(F.lit('{"a":1,"b":"x"}'), "a", "b")),
    "csv": lambda s: one(s).select(F.from_csv(F.lit("1,x"), "a int, b string"), F.to_csv(F.struct("i", "s"))),
    "expr and alias": lambda s: (
        people(s)
        .select(
            F.expr("id + 1 AS n"), F.expr("upper(name)"), (F.col("id") + 1).alias("m"), F.col("id").alias("q")
        )
        .orderBy("n")
    ),
    "names of columns": lambda s: (
        people(s)
        .select(
            F.col("id") + 1,
            F.sum("id").over(Window.partitionBy("city").orderBy("id")),
            F.upper("name"),
            F.col("id").cast("string"),
            F.lit("a"),
        )
        .orderBy("id")
    ),
    "nanvl and isnan": lambda s: one(s).select(
        F.isnan(F.lit(float("nan"))),
        F.nanvl(F.lit(float("nan")), F.lit(1.0)),
        F.lit(float("nan")) == F.lit(float("nan")),
    ),
    "ifnull, nvl, nullif": lambda s: (
        people(s)
        .select(
            F.ifnull("age", F.lit(0)),
            F.nvl("age", F.lit(1)),
            F.nullif("city", F.lit(1)),
            F.nvl2("age", F.lit("y"), F.lit("n")),
        )
        .orderBy("id")
    ),
    "monotonically_increasing_id": lambda s: s.range(3).coalesce(1).select(F.monotonically_increasing_id()),
    "rand and randn with a seed": lambda s: s.range(0, 2, 1, 1).select(F.rand(42), F.randn(42)),
    "typeof": lambda s: one(s).select(
        F.typeof(F.lit(1) / 2), F.typeof(F.col("i") + F.lit(1)), F.typeof(F.lit(D("1.5")) * 2)
    ),
}

AGGREGATES: dict[str, Callable[[Session], Any]] = {
    "count, countDistinct, sum, avg": lambda s: people(s).agg(
        F.count("*"),
        F.count("age"),
        F.countDistinct("city"),
        F.sum("age"),
        F.avg("age"),
        F.min("name"),
        F.max("name"),
    ),
    "agg of a mapping": lambda s: people(s).groupBy("city").agg({"age": "max"}).orderBy("city"),
    "groupBy().count()": lambda s: people(s).groupBy("city").count().orderBy("city"),
    "groupBy().max() and min()": lambda s: people(s).groupBy("city").max("age").orderBy("city"),
    "groupBy().mean()": lambda s: people(s).groupBy("city").mean("age", "id").orderBy("city"),
    "collect_list and collect_set": lambda s: (
        people(s)
        .groupBy("city")
        .agg(F.sort_array(F.collect_list("name")), F.sort_array(F.collect_set("age")))
        .orderBy("city")
    ),
    "first and last": lambda s: (
        people(s)
        .coalesce(1)
        .orderBy("id")
        .agg(
            F.first("age"),
            F.last("age"),
            F.first("age", ignorenulls=True),
            F.max_by("name", "age"),
            F.min_by("name", "age"),
        )
    ),
    "stddev and variance": lambda s: people(s).agg(
        F.stddev("age"),
        F.variance("age"),
        F.stddev_pop("age"),
        F.skewness("age"),
        F.kurtosis("age"),
        F.corr("id", "age"),
    ),
    "percentiles": lambda s: people(s).agg(
        F.percentile_approx("age", 0.5), F.median("age"), F.percentile("age", F.lit(0.25))
    ),
    "rollup": lambda s: (
        people(s)
        .rollup("city")
        .agg(F.count("*").alias("n"), F.grouping("city").alias("g"))
        .orderBy("g", "city")
    ),
    "cube": lambda s: people(s).filter("id < 3").cube("city", "name").count().orderBy("city", "name"),
    "pivot": lambda s: people(s).groupBy("city").pivot("id", [1, 2, 3]).agg(F.first("name")).orderBy("city"),
    "pivot without values": lambda s: w(s).groupBy("o").pivot("k").sum("v").orderBy("o"),
    "pivot of two aggregates": lambda s: (
        w(s)
        .groupBy("o")
        .pivot("k", ["a", "b"])
        .agg(F.sum("v").alias("s"), F.count("v").alias("c"))
        .orderBy("o")
    ),
    "sum_distinct and count_if": lambda s: people(s).agg(
        F.sum_distinct("city"),
        F.count_if(F.col("age") > 30),
        F.bool_and(F.col("id") > 0),
        F.approx_count_distinct("city"),
    ),
    "group by an expression": lambda s: (
        people(s).groupBy((F.col("id") % 2).alias("odd")).agg(F.count("*").alias("n")).orderBy("odd")
    ),
    "having": lambda s: (
        people(s).groupBy("city").agg(F.count("*").alias("n")).filter("n > 1").orderBy("city")
    ),
    "listagg": lambda s: people(s).agg(F.array_join(F.sort_array(F.collect_list("name")), "+")),
    "agg of null only": lambda s: (
        people(s).filter("false").agg(F.sum("age"), F.count("age"), F.max("name"), F.avg("age"))
    ),
}

WINDOWS: dict[str, Callable[[Session], Any]] = {
    "row_number, rank, dense_rank": lambda s: (
        w(s)
        .select(
            "k",
            F.row_number().over(ORDERED),
            F.rank().over(Window.orderBy("o")),
            F.dense_rank().over(Window.orderBy("o")),
            F.ntile(2).over(ORDERED),
        )
        .orderBy("k")
    ),
    "lag and lead": lambda s: (
        w(s)
        .select("k", F.lag("v").over(ORDERED), F.lead("v", 1, -1).over(ORDERED), F.lag("v", 2).over(ORDERED))
        .orderBy("k")
    ),
    "running sum with ties": lambda s: (
        w(s).select("k", F.sum("v").over(Window.orderBy("o")).alias("s")).orderBy("k")
    ),
    "rowsBetween": lambda s: (
        w(s)
        .select(
            "k",
            F.sum("v").over(ORDERED.rowsBetween(-1, 0)).alias("s"),
            F.avg("v").over(ORDERED.rowsBetween(Window.unboundedPreceding, Window.currentRow)).alias("a"),
        )
        .orderBy("k")
    ),
    "rangeBetween": lambda s: (
        s.range(4).withColumn("s", F.sum("id").over(Window.orderBy("id").rangeBetween(-1, 0))).orderBy("id")
    ),
    "first_value and last_value": lambda s: (
        w(s)
        .select(
            "k",
            F.first("v", True).over(BY_O).alias("f"),
            F.last("v").over(Window.orderBy("o")).alias("l"),
            F.nth_value("v", 2).over(ORDERED).alias("n"),
        )
        .orderBy("k")
    ),
    "max over a partition": lambda s: (
        w(s).withColumn("m", F.max("v").over(Window.partitionBy("o"))).filter("v = m").orderBy("k")
    ),
    "percent_rank and cume_dist": lambda s: (
        w(s)
        .select("k", F.percent_rank().over(Window.orderBy("o")), F.cume_dist().over(Window.orderBy("o")))
        .orderBy("k")
    ),
}

TOPICS = {"frames: columns": COLUMNS, "frames: aggregates": AGGREGATES, "frames: windows": WINDOWS}
