"""Python functions in queries, and files: name -> a function of a session."""

# ruff: noqa: E501
from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import functions as F

Session = Any


def numbers(spark: Session) -> Any:
    return spark.createDataFrame([(1, 1.0), (1, 3.0), (2, 5.0), (None, None)], "k int, v double")


def plain_udf(s: Session) -> Any:
    twice = F.udf(lambda x: None if x is None else x * 2, "int")
    return numbers(s).select("k", twice("k")).orderBy("k", "v")


def udf_of_the_wrong_type(s: Session) -> Any:
    return numbers(s).select(F.udf(lambda x: "text", "int")("k").alias("t"))


def udf_of_text(s: Session) -> Any:
    return numbers(s).select(F.udf(lambda x: f"<{x}>")("v").alias("t")).orderBy("t")


def registered_udf(s: Session) -> Any:
    s.udf.register("dbl", lambda x: (x or 0) * 2, "int")
    return s.sql("SELECT dbl(v) AS d, dbl(v) + 1 AS e FROM VALUES (3), (NULL) t(v) ORDER BY d")


def pandas_scalar(s: Session) -> Any:
    @F.pandas_udf("double")  # type: ignore[call-overload,untyped-decorator,unused-ignore]
    def plus(values: pd.Series) -> pd.Series:
        return values + 1.5

    return numbers(s).select(plus("v").alias("p")).orderBy("p")


def pandas_mean(s: Session) -> Any:
    @F.pandas_udf("double")  # type: ignore[call-overload,untyped-decorator,unused-ignore]
    def mean(values: pd.Series) -> float:
        return float(values.mean())

    return numbers(s).na.drop().groupBy("k").agg(mean("v").alias("m")).orderBy("k")


def grouped_map(s: Session) -> Any:
    total = (
        numbers(s)
        .na.drop()
        .groupBy("k")
        .applyInPandas(lambda p: p.assign(v=p.v.sum()).head(1), "k int, v double")
    )
    return total.orderBy("k")


def udf_that_raises(s: Session) -> Any:
    return numbers(s).select(F.udf(lambda x: 1 // 0, "int")("k"))


def folder(text: str, name: str = "data.txt") -> str:
    place = Path(tempfile.mkdtemp(prefix="golden"))
    (place / name).write_text(text)
    return str(place)


CSV = 'id,name,amt,day\n1,Ann,1.50,2024-01-02\n2,"Bob, jr",,2024-02-03\n3,,7,\n'
JSON = '{"id":1,"t":["a"],"z":{"c":"X"},"f":1.5}\n{"id":2,"t":[],"z":null}\n'


def csv(s: Session, **options: Any) -> Any:
    return s.read.options(**options).csv(folder(CSV, "a.csv"))


def round_trip(s: Session, kind: str, frame: Any, **options: Any) -> Any:
    place = str(Path(tempfile.mkdtemp(prefix="golden")) / "out")
    frame.write.format(kind).options(**options).save(place)
    return s.read.format(kind).options(**options).load(place)


UDFS: dict[str, Callable[[Session], Any]] = {
    "udf": plain_udf,
    "udf that answers another type": udf_of_the_wrong_type,
    "udf of text": udf_of_text,
    "udf registered for SQL": registered_udf,
    "pandas_udf": pandas_scalar,
    "pandas_udf that aggregates": pandas_mean,
    "applyInPandas": grouped_map,
    "udf that raises": udf_that_raises,
}

FILES: dict[str, Callable[[Session], Any]] = {
    "csv with a header": lambda s: csv(s, header=True).orderBy("id"),
    "csv without a header": lambda s: csv(s).orderBy("_c0"),
    "csv with inferred types": lambda s: csv(s, header=True, inferSchema=True).orderBy("id"),
    "csv with a schema": lambda s: (
        s.read.schema("id int, name string, amt decimal(5,2), day date")
        .option("header", True)
        .csv(folder(CSV, "a.csv"))
        .orderBy("id")
    ),
    "csv with a separator and a null value": lambda s: (
        s.read.option("sep", ";").option("nullValue", "NA").csv(folder("1;NA\n2;x\n", "a.csv")).orderBy("_c0")
    ),
    "csv PERMISSIVE: what does not fit is null": lambda s: (
        s.read.schema("a int, b string").csv(folder("1,x\nzz,y\n", "a.csv")).orderBy("b")
    ),
    "csv DROPMALFORMED": lambda s: (
        s.read.schema("a int, b string").option("mode", "DROPMALFORMED").csv(folder("1,x\nzz,y\n", "a.csv"))
    ),
    "csv FAILFAST": lambda s: (
        s.read.schema("a int, b string").option("mode", "FAILFAST").csv(folder("1,x\nzz,y\n", "a.csv"))
    ),
    "csv quotes and escapes": lambda s: s.read.csv(folder('1,"say ""hi"""\n2,"a\\"b"\n', "a.csv")).orderBy(
        "_c0"
    ),
    "csv too few and too many fields": lambda s: (
        s.read.schema("a int, b int").csv(folder("1\n2,3,4\n", "a.csv")).orderBy("a")
    ),
    "csv with a date format": lambda s: (
        s.read.schema("d date").option("dateFormat", "dd/MM/yyyy").csv(folder("31/12/2024\n", "a.csv"))
    ),
    "json lines": lambda s: s.read.json(folder(JSON, "a.json")).orderBy("id"),
    "json lines with a schema": lambda s: s.read.schema(
        "id bigint, f int, t array<string>, more string"
    ).json(folder('{"id":1,"t":["a"]}\n', "a.json")),
    "json of several lines": lambda s: (
        s.read.option("multiLine", True).json(folder('[{"id":1},\n {"id":2}]', "a.json")).orderBy("id")
    ),
    "json: mixed types become text": lambda s: s.read.json(folder('{"a":1}\n{"a":"x"}\n', "a.json")).orderBy(
        "a"
    ),
    "json: integers and fractions become double": lambda s: s.read.json(
        folder('{"a":1}\n{"a":2.5}\n', "a.json")
    ).orderBy("a"),
    "json: a bad line": lambda s: s.read.json(folder('{"a":1}\nbad\n', "a.json")).orderBy("a"),
    "json DROPMALFORMED": lambda s: (
        s.read.option("mode", "DROPMALFORMED").schema("a int").json(folder('{"a":1}\nbad\n', "a.json"))
    ),
    "text": lambda s: s.read.text(folder("one\n\ntwo\n")).orderBy("value"),
    "text whole": lambda s: s.read.option("wholetext", True).text(folder("one\ntwo\n")),
    "parquet there and back": lambda s: round_trip(
        s,
        "parquet",
        s.sql(
            "SELECT 1 a, CAST(1.10 AS DECIMAL(5,2)) b, DATE'2024-01-01' c, TIMESTAMP'2024-01-01 01:02:03' d, array(1) e, named_struct('x', 'y') f, CAST(NULL AS INT) g, 'z' h"
        ),
    ),
    "csv there and back": lambda s: round_trip(
        s,
        "csv",
        s.sql("SELECT 1 a, 'x,y' b, 1e7D c, DATE'2024-01-01' d, true e, CAST(NULL AS INT) f"),
        header=True,
    ),
    "json there and back": lambda s: round_trip(
        s,
        "json",
        s.sql(
            "SELECT 1 a, 'x' b, 1e7D c, DATE'2024-01-01' d, TIMESTAMP'2024-01-01 01:02:03' e, array(1) f, CAST(1.10 AS DECIMAL(5,2)) g"
        ),
    ),
    "parquet in partitions": lambda s: round_trip_partitioned(s),
    "binaryFile": lambda s: (
        s.read.format("binaryFile").load(folder("abc")).select("length", F.col("content").cast("string"))
    ),
    "SQL over files": lambda s: s.sql(f"SELECT * FROM csv.`{folder('1,x', 'a.csv')}`"),
    "a folder that does not exist": lambda s: s.read.csv("/nope/nothing"),
}


def round_trip_partitioned(s: Session) -> Any:
    place = str(Path(tempfile.mkdtemp(prefix="golden")) / "out")
    s.sql("SELECT * FROM VALUES (1, 'a'), (2, 'b'), (3, NULL) t(v, p)").write.partitionBy("p").parquet(place)
    return s.read.parquet(place).orderBy("v")


TOPICS = {"functions": UDFS, "files": FILES}
