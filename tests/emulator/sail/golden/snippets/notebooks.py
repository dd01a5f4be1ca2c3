"""What notebooks do with frames, functions in Python, and files: name -> a function of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import Observation, Window
from pyspark.sql import functions as F

from tests.emulator.sail.golden.snippets.functions import folder

Session = Any
JSON = (
    '{"id":1,"tags":["a","b"],"addr":{"city":"X","zip":1},"s":"{\\"k\\":1}"}\n'
    '{"id":2,"tags":[],"addr":{"city":"Y","zip":2},"s":"{\\"k\\":2}"}\n'
)
CSV = 'id;name;amt;ts\n1;x;1.5;2024-01-02 03:04:05\n2;"y;z";2.5;2024-02-02 03:04:05\n'


def notes(s: Session) -> Any:
    return s.createDataFrame(
        [(1, "x", 10.0), (2, "y", 20.0), (3, "x", 30.0), (4, None, None)], "id int, g string, v double"
    )


def nested(s: Session) -> Any:
    return s.read.json(folder(JSON, "a.json")).orderBy("id")


def csv_reader(s: Session) -> Any:
    return s.read.option("header", True).option("sep", ";")


def observed(s: Session) -> Any:
    observation = Observation("x")
    notes(s).observe(observation, F.count(F.lit(1)).alias("n")).collect()
    return [observation.get]


def printed(act: Callable[[], Any]) -> str:
    """What a call prints, without empty lines at its end."""
    with redirect_stdout(StringIO()) as text:
        act()
    return text.getvalue().rstrip()


def decorated_udf(s: Session) -> Any:
    @F.udf(returnType="string")
    def upper(text: str | None) -> str:
        return (text or "").upper()

    return notes(s).select("id", upper("g").alias("u")).orderBy("id")


def cogrouped(s: Session) -> Any:
    left = notes(s).groupBy("id")
    return (
        left.cogroup(notes(s).filter("id > 1").groupBy("id"))
        .applyInPandas(lambda a, b: a.assign(n=len(b)), "id int, g string, v double, n long")
        .orderBy("id")
    )


def table_function(s: Session) -> Any:
    class Count:
        def eval(self, n: int) -> Iterator[tuple[int]]:
            yield from ((i,) for i in range(n))

    return F.udtf(Count, returnType="x int")(F.lit(3)).orderBy("x")


FRAMES: dict[str, Callable[[Session], Any]] = {
    "filter, withColumn and when": lambda s: (
        notes(s).filter("v > 5").withColumn("k", F.when(F.col("v") > 15, "hi").otherwise("lo")).orderBy("id")
    ),
    "groupBy with several aggregates": lambda s: (
        notes(s)
        .groupBy("g")
        .agg(
            F.sum("v").alias("s"),
            F.countDistinct("id").alias("n"),
            F.sort_array(F.collect_list("id")).alias("l"),
            F.max_by("id", "v").alias("m"),
            F.approx_count_distinct("id").alias("a"),
            F.percentile_approx("v", 0.5).alias("p"),
        )
        .orderBy("g")
    ),
    "rows of every kind of join": lambda s: [
        notes(s).filter("id < 3").join(notes(s).filter("id > 1").select("id"), "id", kind).count()
        for kind in ("inner", "left", "right", "outer", "left_semi", "left_anti")
    ],
    "cross join by a column": lambda s: [
        notes(s).filter("id < 3").join(notes(s).filter("id > 1").select("id"), "id", "cross").count()
    ],
    "broadcast": lambda s: [notes(s).join(F.broadcast(notes(s)), "id").count()],
    "several windows in one frame": lambda s: (
        notes(s)
        .withColumn("rn", F.row_number().over(Window.partitionBy("g").orderBy(F.desc("v"))))
        .withColumn("l", F.lag("v").over(Window.orderBy("id")))
        .withColumn("c", F.sum("v").over(Window.orderBy("id").rowsBetween(Window.unboundedPreceding, 0)))
        .orderBy("id")
    ),
    "pivot without values": lambda s: notes(s).groupBy("id").pivot("g").sum("v").orderBy("id"),
    "rollup and cube": lambda s: [
        notes(s).rollup("g").count().orderBy("g", "count"),
        notes(s).cube("g", "id").count().count(),
    ],
    "groupingSets": lambda s: notes(s).groupingSets([["g"], []], "g").count().orderBy("g", "count"),
    "na.fill of several columns, then na.drop": lambda s: (
        notes(s).na.fill({"v": 0.0, "g": "?"}).na.drop().orderBy("id")
    ),
    "explode_outer of json": lambda s: nested(s).select("id", F.explode_outer("tags").alias("t")),
    "fields, elements, maps and structs of json": lambda s: nested(s).select(
        "addr.city",
        F.try_element_at("tags", F.lit(1)).alias("t"),
        F.create_map(F.lit("a"), F.col("id")).alias("m"),
        F.struct("id", "s").alias("st"),
    ),
    "from_json, to_json and get_json_object of a column": lambda s: nested(s).select(
        F.from_json("s", "k int").alias("j"),
        F.to_json(F.struct("id")).alias("t"),
        F.get_json_object("s", "$.k").alias("g"),
    ),
    "observe": observed,
    "parameters of a table": lambda s: (
        notes(s).createOrReplaceTempView("notes_v"),
        s.sql("SELECT id FROM notes_v WHERE g = :g ORDER BY id", {"g": "x"}),
    )[1],
    "a view cached and uncached": lambda s: (
        notes(s).createOrReplaceTempView("notes_c"),
        s.sql("CACHE TABLE notes_c"),
        s.sql("UNCACHE TABLE notes_c"),
        s.sql("SELECT count(*) n FROM notes_c"),
    )[3],
    "hints of SQL": lambda s: (
        notes(s).createOrReplaceTempView("notes_h"),
        s.sql("SELECT /*+ BROADCAST(t), REPARTITION(2) */ count(*) n FROM notes_h t"),
    )[1],
    "createDataFrame of tuples and names": lambda s: s.createDataFrame([(1, "a")], ["id", "n"]),
    "createDataFrame of pandas": lambda s: s.createDataFrame(
        pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2024-01-01", "2024-01-02"])})
    ),
    "toArrow": lambda s: [s.range(3).toArrow().to_pydict()],
    "toLocalIterator": lambda s: [[row.id for row in s.range(3).toLocalIterator()]],
    "show": lambda s: [printed(lambda: s.range(2).show()), printed(lambda: notes(s).orderBy("id").show(2))],
    "show, vertical and cut": lambda s: [
        printed(lambda: notes(s).orderBy("id").show(1, vertical=True)),
        printed(lambda: s.sql("SELECT repeat('x', 30) AS t, 1.5 AS d").show(truncate=5)),
    ],
    "printSchema": lambda s: [printed(lambda: nested(s).printSchema())],
    "cache, persist and unpersist": lambda s: [
        s.range(3).cache().count(),
        s.range(3).persist().unpersist().count(),
    ],
    "localCheckpoint": lambda s: [s.range(3).localCheckpoint().count()],
    "isStreaming and the schema as JSON": lambda s: [notes(s).isStreaming, notes(s).schema.json()],
    "settings": lambda s: [
        s.conf.set("pipeline.x", "1"),
        s.conf.get("pipeline.x"),
        s.conf.get("pipeline.none", "other"),
    ],
    "a setting that is not set": lambda s: [s.conf.get("pipeline.none")],
    "current_timezone": lambda s: s.sql("SELECT current_timezone() AS z"),
}

UDFS: dict[str, Callable[[Session], Any]] = {
    "udf by decorator": decorated_udf,
    "mapInArrow": lambda s: notes(s).mapInArrow(lambda it: it, "id int, g string, v double").orderBy("id"),
    "cogroup and applyInPandas": cogrouped,
    "a table function": table_function,
    "foreach": lambda s: [notes(s).foreach(lambda row: None)],
}

READS: dict[str, Callable[[Session], Any]] = {
    "csv with a separator, quotes and inferred types": lambda s: (
        csv_reader(s).option("inferSchema", True).csv(folder(CSV, "a.csv")).orderBy("id")
    ),
    "csv by format, schema and load": lambda s: (
        s.read.format("csv")
        .schema("id int, name string, amt double, ts timestamp")
        .option("header", "true")
        .option("delimiter", ";")
        .load(folder(CSV, "a.csv") + "/a.csv")
        .orderBy("id")
    ),
    "csv with a column of corrupt records": lambda s: (
        csv_reader(s)
        .option("mode", "PERMISSIVE")
        .schema("id int, name string, _corrupt_record string")
        .csv(folder("id;name\n1;x\nzz;y\n", "a.csv"))
        .orderBy("name")
    ),
    "the column _metadata": lambda s: (
        csv_reader(s).csv(folder(CSV, "a.csv")).select("id", "_metadata.file_name").orderBy("id")
    ),
    "input_file_name": lambda s: s.read.text(folder("one\n", "a.txt")).select(
        F.regexp_extract(F.input_file_name(), "[^/]*$", 0).alias("f")
    ),
    "xml": lambda s: (
        s.read.format("xml").option("rowTag", "a").load(folder("<r><a><b>1</b></a></r>", "a.xml"))
    ),
    "text as a whole, by keyword": lambda s: s.read.text(folder("one\ntwo\n"), wholetext=True),
    "names of files written": lambda s: [written(s, "csv"), written(s, "json"), written(s, "parquet")],
}


def written(s: Session, kind: str) -> list[str]:
    """The kinds of the files that a write of one partition leaves."""
    place = folder("", "empty") + "/out"
    s.range(3).coalesce(1).write.format(kind).save(place)
    names = [file.name for file in Path(place).iterdir() if not file.name.startswith(".")]
    kinds = [(name, Path(name).suffix) for name in names]
    return sorted(
        f"{'part' if name.startswith('part-') else '*'}{suffix}" if suffix else name for name, suffix in kinds
    )


TOPICS = {"notebooks: frames": FRAMES, "notebooks: functions": UDFS, "notebooks: files": READS}
