"""Checks: functions in Python."""

from typing import Any

import pandas as pd
from pyspark.sql import functions as F

from tests.emulator.engine.checks.check import RAISES, Check, Environment


def decorated(e: Environment) -> Any:
    @F.udf(returnType="string")
    def upper(text: str | None) -> str:
        return (text or "").upper()

    return e.people.select(upper("g"))


def aggregated(e: Environment) -> Any:
    @F.pandas_udf("double")
    def total(v: pd.Series) -> float:
        return float(v.sum())

    return e.people.groupBy("g").agg(total("v"))


CHECKS: list[Check] = [
    Check("python UDF", lambda e: e.people.select(F.udf(lambda x: (x or 0) + 1, "int")("id"))),
    Check("@udf decorator", decorated),
    Check("pandas_udf scalar", lambda e: e.people.select(F.pandas_udf(lambda s: s * 2, "double")("v"))),
    Check("pandas_udf grouped agg", aggregated),
    Check(
        "applyInPandas",
        lambda e: e.people.groupBy("g").applyInPandas(
            lambda p: p.assign(v=p.v.fillna(0)), "id int, g string, v double"
        ),
    ),
    Check(
        "mapInPandas",
        lambda e: e.people.mapInPandas(lambda it: (x for x in it), "id int, g string, v double"),
    ),
    Check(
        "mapInArrow", lambda e: e.people.mapInArrow(lambda it: (x for x in it), "id int, g string, v double")
    ),
    Check(
        "cogroup applyInPandas",
        lambda e: (
            e.people.groupBy("id")
            .cogroup(e.people.groupBy("id"))
            .applyInPandas(lambda left, right: left, "id int, g string, v double")
        ),
    ),
    Check(
        "spark.udf.register + SQL",
        lambda e: (
            e.spark.udf.register("pyf", lambda x: x * 2, "int"),
            e.spark.sql("select pyf(3)").collect(),
        )[1],
        lambda r: r[0][0] == 6,
    ),
    Check(
        "UDTF",
        lambda e: F.udtf(
            type("U", (), {"eval": lambda self, n: ((i,) for i in range(n))}), returnType="x int"
        )(F.lit(3)),
    ),
    Check(
        "UDF raising → error text",
        lambda e: e.people.select(F.udf(lambda x: 1 / 0, "int")("id")).collect(),
        RAISES,
    ),
    Check("foreach / foreachPartition", lambda e: e.people.foreach(lambda r: None)),
]
