"""Arithmetic and dates in DataFrame calls: name -> a function of a session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from tests.emulator.sail.golden.snippets.data import D, Session, days, doubles, longs, money, one

ARITHMETIC: dict[str, Callable[[Session], Any]] = {
    "decimal times int and decimal": lambda s: money(s).select(
        "k", F.col("p") * F.col("q"), F.col("p") * F.col("r")
    ),
    "decimal division": lambda s: money(s).select(F.col("p") / F.col("q"), F.col("p") / F.col("r")),
    "decimal plus and minus": lambda s: money(s).select(
        F.col("p") + 1, F.col("p") - F.col("r"), 1 - F.col("r"), -F.col("p")
    ),
    "decimal with a chain of operators": lambda s: money(s).select(
        (F.col("p") * F.col("q") * (1 + F.col("r"))).alias("total")
    ),
    "decimal sum and avg by group": lambda s: (
        money(s)
        .groupBy("k")
        .agg(F.sum("p"), F.avg("p"), F.sum(F.col("p") * F.col("q")).alias("t"))
        .orderBy("k")
    ),
    "decimal sum divided by count": lambda s: (
        money(s).groupBy("k").agg((F.sum("p") / F.count("p")).alias("m")).orderBy("k")
    ),
    "decimal avg over a window": lambda s: (
        money(s).select("k", F.avg("p").over(Window.partitionBy("k")).alias("m")).orderBy("k", "m")
    ),
    "groupBy().avg() of a decimal": lambda s: money(s).groupBy("k").avg("p").orderBy("k"),
    "groupBy().sum() of a decimal": lambda s: money(s).groupBy("k").sum("p", "q").orderBy("k"),
    "withColumn with decimal arithmetic": lambda s: (
        money(s).withColumn("v", F.col("p") * F.col("q")).withColumn("w", F.col("v") / 3).orderBy("p")
    ),
    "selectExpr with decimal arithmetic": lambda s: (
        money(s).selectExpr("p * q AS v", "p / q", "round(p / 3, 2) r").orderBy("v")
    ),
    "BIGINT overflow of +": lambda s: longs(s).select(F.col("a") + F.col("b")),
    "BIGINT overflow of *": lambda s: longs(s).select(F.col("a") * 2),
    "BIGINT overflow of -": lambda s: longs(s).select(-F.col("a") - 2),
    "INT overflow of +": lambda s: longs(s).select(F.col("i") + 1),
    "INT overflow of *": lambda s: longs(s).select(F.col("i") * F.col("i")),
    "BIGINT overflow of a filter": lambda s: longs(s).filter(F.col("a") + F.col("b") > 0),
    "BIGINT overflow of sum": lambda s: longs(s).union(longs(s)).agg(F.sum("a")),
    "BIGINT overflow of groupBy().sum()": lambda s: longs(s).union(longs(s)).groupBy("i").sum("a"),
    "BIGINT overflow of sum over a window": lambda s: (
        longs(s).union(longs(s)).select(F.sum("a").over(Window.partitionBy("i")))
    ),
    "INT plus BIGINT": lambda s: longs(s).select(
        F.col("i") + F.col("b"), F.col("i") * F.col("b"), F.col("i") - 1
    ),
    "try_add and try_multiply": lambda s: longs(s).select(
        F.try_add("a", "b"), F.try_multiply("a", F.lit(2)), F.try_divide("b", F.lit(0))
    ),
    "division of integers": lambda s: longs(s).select(F.col("b") / 2, F.col("i") % 10, F.lit(7) / F.lit(2)),
    "division by zero": lambda s: longs(s).select(F.col("b") / 0),
    "remainder by zero": lambda s: longs(s).select(F.col("b") % 0),
    "round of a double": lambda s: doubles(s).select(
        F.round("x"), F.round("x", 2), F.round("y", -3), F.bround("x"), F.bround("x", 2)
    ),
    "round of a decimal": lambda s: money(s).select(
        F.round("p", 1), F.round("p"), F.bround("p", 1), F.bround("p")
    ),
    "round of an int": lambda s: one(s).select(F.round(F.lit(25), -1), F.round("i"), F.bround(F.lit(25), -1)),
    "floor and ceil": lambda s: doubles(s).select(
        F.floor("x"), F.ceil("x"), F.floor("x", F.lit(1)), F.ceil("y", F.lit(1))
    ),
    "floor and ceil of a decimal": lambda s: money(s).select(
        F.floor("p"), F.ceil("p"), F.floor("p", F.lit(1))
    ),
    "double to string": lambda s: doubles(s).select(
        F.col("y").cast("string"), F.concat(F.lit("v="), F.col("y")), F.col("x").cast("string")
    ),
    "double to string in concat_ws": lambda s: doubles(s).select(F.concat_ws("|", "x", "y")),
    "float to string": lambda s: doubles(s).select(F.col("y").cast("float").cast("string")),
    "abs, negative, signum, pmod": lambda s: longs(s).select(
        F.abs(-F.col("b")), F.negative("b"), F.signum("b"), F.pmod(F.lit(-7), F.lit(3))
    ),
    "greatest and least": lambda s: longs(s).select(F.greatest("b", "i"), F.least("b", "i", F.lit(0))),
    "sum of int and double": lambda s: one(s).select(
        F.sum("i"), F.avg("i"), F.sum(F.lit(1.5)), F.avg(F.lit(D("1.5")))
    ),
    "expr() with arithmetic": lambda s: longs(s).select(
        F.expr("b + 1"), F.expr("b * 2 AS d"), F.expr("i / 2")
    ),
    "reversed operators": lambda s: longs(s).select(
        1 + F.col("b"), 2 * F.col("b"), 10 / F.col("b"), 3 - F.col("b"), 7 % F.col("i")
    ),
    "bitwise operators": lambda s: longs(s).select(
        F.col("b").bitwiseOR(F.lit(6)),
        F.col("b").bitwiseAND(F.lit(3)),
        F.bitwise_not("b"),
        F.shiftleft("b", 3),
    ),
}

DATES: dict[str, Callable[[Session], Any]] = {
    "date minus date": lambda s: days(s).select(F.col("a") - F.col("b")),
    "date minus date, in a filter": lambda s: days(s).filter(F.datediff("a", "b") > 5).select("a"),
    "date plus days": lambda s: days(s).select(F.date_add("a", 1), F.date_sub("a", 1), F.col("a") + 5),
    "date plus an interval": lambda s: days(s).select(
        F.col("a") + F.expr("INTERVAL 1 MONTH"),
        F.col("a") + F.expr("INTERVAL 5 HOURS"),
        F.col("a") + F.expr("INTERVAL 1 DAY"),
    ),
    "timestamp plus an interval": lambda s: days(s).select(
        F.col("t") + F.expr("INTERVAL 5 HOURS"), F.col("t") - F.expr("INTERVAL 1 MONTH")
    ),
    "timestamp minus timestamp": lambda s: days(s).select(F.col("t") - F.col("a").cast("timestamp")),
    "date_trunc and trunc": lambda s: days(s).select(
        F.date_trunc("month", "t"), F.trunc("a", "year"), F.date_trunc("hour", "t"), F.date_trunc("day", "a")
    ),
    "parts of a date": lambda s: days(s).select(
        F.year("a"),
        F.month("a"),
        F.dayofmonth("a"),
        F.dayofweek("a"),
        F.weekday("a"),
        F.weekofyear("a"),
        F.quarter("a"),
        F.dayofyear("a"),
    ),
    "parts of a timestamp": lambda s: days(s).select(
        F.hour("t"),
        F.minute("t"),
        F.second("t"),
        F.date_part(F.lit("hour"), "t"),
        F.extract(F.lit("month"), "t"),
    ),
    "months_between and add_months": lambda s: days(s).select(
        F.months_between("a", "b"), F.add_months("a", 1), F.last_day("b"), F.next_day("a", "Mon")
    ),
    "to_date and to_timestamp": lambda s: one(s).select(
        F.to_date(F.lit("31/12/2024"), "dd/MM/yyyy"),
        F.to_timestamp(F.lit("2024-12-31 23:59"), "yyyy-MM-dd HH:mm"),
        F.to_date(F.lit("2024-01-02")),
    ),
    "date_format": lambda s: days(s).select(
        F.date_format("a", "EEE dd MMM yyyy"),
        F.date_format("t", "HH:mm"),
        F.date_format("t", "yyyy-MM-dd'T'HH:mm:ss"),
    ),
    "unix time": lambda s: days(s).select(
        F.unix_timestamp("t"),
        F.from_unixtime(F.lit(0)),
        F.col("t").cast("bigint"),
        F.timestamp_seconds(F.lit(1)),
    ),
    "negative timestamp to BIGINT": lambda s: one(s).select(
        F.lit(dt.datetime(1969, 12, 31, 23, 59, 59, 500000)).cast("bigint"),
        F.lit(dt.datetime(1960, 1, 1)).cast("bigint"),
    ),
    "timestamp to double and back": lambda s: days(s).select(
        F.col("t").cast("double"), F.lit(1.5).cast("timestamp"), F.lit(0).cast("timestamp")
    ),
    "casts of dates": lambda s: days(s).select(
        F.col("a").cast("string"),
        F.col("t").cast("string"),
        F.col("t").cast("date"),
        F.col("a").cast("timestamp"),
    ),
    "sequence of dates": lambda s: days(s).select(
        F.sequence("b", F.col("b") + 2), F.explode(F.sequence("b", F.col("b") + 1))
    ),
    "window of time": lambda s: (
        days(s).groupBy(F.window("t", "1 hour")).count().select(F.col("window.start").cast("string"), "count")
    ),
    "datediff and timestamp_diff": lambda s: days(s).select(
        F.datediff("a", "b"),
        F.date_diff("b", "a"),
        F.timestamp_diff("HOUR", F.col("a").cast("timestamp"), "t"),
    ),
    "make_date": lambda s: one(s).select(
        F.make_date(F.lit(2024), F.lit(2), F.lit(29)),
        F.make_timestamp(F.lit(2024), F.lit(1), F.lit(2), F.lit(3), F.lit(4), F.lit(5)),
    ),
    "from_utc_timestamp": lambda s: days(s).select(
        F.from_utc_timestamp("t", "Asia/Kolkata"), F.to_utc_timestamp("t", "America/New_York")
    ),
    "literals of dates": lambda s: one(s).select(
        F.lit(dt.date(2024, 1, 1)), F.lit(dt.datetime(2024, 1, 1, 2)), F.lit(dt.timedelta(days=1, hours=2))
    ),
}

TOPICS = {"frames: arithmetic": ARITHMETIC, "frames: dates": DATES}
