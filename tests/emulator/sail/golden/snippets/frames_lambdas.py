"""Lambdas, respelled functions and checked results in DataFrame calls: name -> a function of a session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from tests.emulator.sail.golden.snippets.data import Session, days, one

MOST = "99999999999999999999999999999999999999"


def lists(s: Session) -> Any:
    return s.sql(
        "SELECT array(1, 2147483647) xs, array(1.5, 2.25) ds, map('a', 2147483647) m, array(1.005D) fs, "
        "array(named_struct('a', 2147483647)) ss, array(array(2147483647)) nested"
    )


LAMBDAS: dict[str, Callable[[Session], Any]] = {
    "transform that overflows": lambda s: lists(s).select(F.transform("xs", lambda x: x + 1)),
    "transform that fits": lambda s: lists(s).select(F.transform("xs", lambda x: x - 1).alias("t")),
    "transform with the place": lambda s: lists(s).select(F.transform("xs", lambda x, i: i * 10).alias("t")),
    "transform of decimals": lambda s: lists(s).select(
        F.transform("ds", lambda x: x * 2).alias("a"), F.transform("ds", lambda x: x / 3).alias("b")
    ),
    "transform that rounds": lambda s: lists(s).select(F.transform("fs", lambda x: F.round(x, 2)).alias("t")),
    "transform of a field that overflows": lambda s: lists(s).select(
        F.transform("ss", lambda x: x.getField("a") + 1)
    ),
    "transform in transform that overflows": lambda s: lists(s).select(
        F.transform("nested", lambda xs: F.transform(xs, lambda x: x * 2))
    ),
    "filter that overflows": lambda s: lists(s).select(F.filter("xs", lambda x: x + 1 > 0)),
    "exists and forall": lambda s: lists(s).select(
        F.exists("xs", lambda x: x - 1 == 0).alias("e"), F.forall("xs", lambda x: x / 2 > 0).alias("f")
    ),
    "aggregate that overflows": lambda s: lists(s).select(F.aggregate("xs", F.lit(0), lambda a, x: a + x)),
    "aggregate that fits": lambda s: lists(s).select(
        F.aggregate("xs", F.lit(0).cast("bigint"), lambda a, x: a + x, lambda a: a / 2).alias("t")
    ),
    "zip_with that overflows": lambda s: lists(s).select(F.zip_with("xs", "xs", lambda a, b: a + b)),
    "transform_values that overflows": lambda s: lists(s).select(F.transform_values("m", lambda k, v: v + 1)),
    "map_filter that overflows": lambda s: lists(s).select(F.map_filter("m", lambda k, v: v + 1 > 0)),
    "array_sort by a difference": lambda s: one(s).select(
        F.array_sort(F.array(F.lit(3), F.lit(1)), lambda a, b: a - b).alias("t")
    ),
}
FUNCTIONS: dict[str, Callable[[Session], Any]] = {
    "left and right of a negative length": lambda s: one(s).select(
        F.left(F.lit("hello"), F.lit(-1)).alias("l"), F.right(F.lit("hello"), F.lit(-2)).alias("r")
    ),
    "initcap with marks": lambda s: one(s).select(F.initcap(F.lit("o'neil mc-donald x_y")).alias("t")),
    "split by an empty text": lambda s: one(s).select(F.split(F.lit("abc"), "").alias("t")),
    "regexp_replace with a reference before a letter": lambda s: one(s).select(
        F.regexp_replace(F.lit("abc"), "(b)", "$1x").alias("t"),
        F.regexp_replace(F.lit("abc"), "b", r"\$").alias("u"),
    ),
    "slice from 0": lambda s: lists(s).select(F.slice("xs", 0, 1)),
    "json_array_length of an object": lambda s: one(s).select(F.json_array_length(F.lit("{}")).alias("t")),
    "from_json of an empty text": lambda s: one(s).select(F.from_json(F.lit(""), "a int").alias("t")),
    "nullif of several types": lambda s: one(s).select(
        F.nullif(F.lit(1), F.lit(1.0)).alias("a"), F.nullif(F.lit(0.0), F.lit(-0.0)).alias("b")
    ),
    "format_string of a half": lambda s: one(s).select(F.format_string("%.2f", F.lit(1.005)).alias("t")),
    "a double as a decimal": lambda s: one(s).select(F.lit(1.005).cast("decimal(5,2)").alias("t")),
    "nested values as text": lambda s: one(s).select(
        F.array(F.lit(1), F.lit(None)).cast("string").alias("t")
    ),
    "a decimal of 38 digits and one": lambda s: one(s).select(F.lit(MOST).cast("decimal(38,0)") + 1),
    "a sum of more than 38 digits": lambda s: (
        s.range(2).select(F.lit(MOST).cast("decimal(38,0)").alias("x")).agg(F.sum("x"))
    ),
    "TINYINT that overflows": lambda s: one(s).select(F.lit(127).cast("tinyint") + F.lit(1).cast("tinyint")),
    "a comparison that overflows": lambda s: s.range(1).filter(F.col("id") + 9223372036854775807 + 1 > 0),
    "a RANGE of days": lambda s: (
        s.createDataFrame([(dt.date(2024, 1, i), i) for i in (1, 2, 4)], "d date, v int")
        .select("d", F.sum("v").over(Window.orderBy("d").rangeBetween(-1, 0)).alias("s"))
        .orderBy("d")
    ),
    "row_number without an order": lambda s: days(s).select(F.row_number().over(Window.partitionBy("a"))),
    "intersect and subtract of several types": lambda s: [
        s.sql("SELECT 1 a").intersect(s.sql("SELECT 1.0 a")),
        s.sql("SELECT 1 a").subtract(s.sql("SELECT 2L a")),
    ],
    "a union of arrays": lambda s: (
        s.sql("SELECT array(1) a").union(s.sql("SELECT array(2.5) a")).orderBy("a")
    ),
    "a function that is nowhere": lambda s: s.range(1).select(F.expr("nowhere(id)")),
}

TOPICS = {"frames: lambdas": LAMBDAS, "frames: functions": FUNCTIONS}
