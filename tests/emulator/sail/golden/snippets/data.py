"""Small DataFrames that the snippets ask about."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pyspark.sql import Window

Session = Any
D = Decimal
BY_O = Window.partitionBy("o").orderBy("k")
ORDERED = Window.orderBy("o", "k")


def people(spark: Session) -> Any:
    return spark.table("people")


def w(spark: Session) -> Any:
    return spark.table("w")


def money(spark: Session) -> Any:
    return spark.createDataFrame(
        [("a", D("1.25"), 3, D("0.0725")), ("a", D("2.50"), 1, D("0.1")), ("b", D("9.99"), 2, None)],
        "k string, p decimal(8,2), q int, r decimal(5,4)",
    )


def longs(spark: Session) -> Any:
    return spark.createDataFrame([(9223372036854775807, 1, 2147483647)], "a bigint, b bigint, i int")


def doubles(spark: Session) -> Any:
    return spark.createDataFrame([(2.5, 1e7), (1.005, 123456.789), (None, -0.5)], "x double, y double")


def days(spark: Session) -> Any:
    return spark.createDataFrame(
        [(dt.date(2024, 3, 1), dt.date(2024, 2, 1), dt.datetime(2024, 3, 1, 12, 30))],
        "a date, b date, t timestamp",
    )


def texts(spark: Session) -> Any:
    return spark.createDataFrame([("a1b22", "x,y"), ("", None), (None, "z")], "s string, t string")


def lists(spark: Session) -> Any:
    return spark.createDataFrame(
        [(1, [3, 1, None], {"x": 1, "y": 2}), (2, [], {}), (3, None, None)],
        "id int, a array<int>, m map<string,int>",
    )


def one(spark: Session) -> Any:
    return spark.createDataFrame([(1, "a", True)], "i int, s string, b boolean")


def pair(spark: Session) -> tuple[Any, Any]:
    left = spark.createDataFrame([(1, "x"), (2, "y"), (None, "n")], "id int, n string")
    return left, spark.createDataFrame([(2, True), (None, False)], "id int, f boolean")


def holes(spark: Session) -> Any:
    return spark.createDataFrame(
        [(1, None, "a"), (1, None, "a"), (None, 2.0, None)], "a int, b double, c string"
    )
