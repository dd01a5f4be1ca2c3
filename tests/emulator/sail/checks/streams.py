"""Checks: structured streaming.

Values of the source SPARK are those of Apache Spark; the others are those of the Databricks page that stands
beside them.
"""

from __future__ import annotations

from typing import Any

from tests.emulator.sail.checks.check import SPARK, Check, Environment, refused

_PAGES = "https://docs.databricks.com/en/"
_CSV = "id,name\n1,x\n2,y\n"
_PATIENCE = 60  # seconds for one stream


def source(e: Environment) -> Any:
    """A stream of a Delta table of two rows."""
    e.run("CREATE TABLE src (id INT)")
    e.run("INSERT INTO src VALUES (1), (2)")
    return e.spark.readStream.format("delta").table("src")


def into_table(e: Environment, stream: Any, name: str) -> None:
    writer = stream.writeStream.option("checkpointLocation", f"{e.data}/cp").trigger(availableNow=True)
    writer.toTable(name).awaitTermination(_PATIENCE)


def delta_stream(e: Environment) -> Any:
    into_table(e, source(e), "copied")
    return e.spark.table("copied").orderBy("id")


def delta_stream_again(e: Environment) -> Any:
    stream = source(e)
    into_table(e, stream, "copied")
    e.run("INSERT INTO src VALUES (3)")
    into_table(e, stream, "copied")
    return e.spark.table("copied").orderBy("id")


def auto_loader(e: Environment) -> Any:
    folder = e.file("in/a.csv", _CSV)
    reader = e.spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", True)
    into_table(e, reader.option("cloudFiles.schemaLocation", f"{e.data}/sl").load(folder), "loaded")
    return e.spark.table("loaded").select("id", "name").orderBy("id")


def csv_stream(e: Environment) -> Any:
    folder = e.file("in/a.csv", _CSV)
    stream = e.spark.readStream.schema("id string, name string").option("header", True).csv(folder)
    writer = stream.writeStream.option("checkpointLocation", f"{e.data}/cp").trigger(availableNow=True)
    writer.format("parquet").start(f"{e.data}/out").awaitTermination(_PATIENCE)
    return e.spark.read.parquet(f"{e.data}/out").orderBy("id")


def in_batches(e: Environment) -> Any:
    seen = []
    stream = source(e).writeStream.foreachBatch(lambda frame, number: seen.append((number, frame.count())))
    writer = stream.option("checkpointLocation", f"{e.data}/cp").trigger(availableNow=True)
    writer.start().awaitTermination(_PATIENCE)
    return seen


def rate_once(e: Environment) -> Any:
    stream = e.spark.readStream.format("rate").load().writeStream.foreachBatch(lambda frame, number: None)
    return (
        stream.option("checkpointLocation", f"{e.data}/cp")
        .trigger(availableNow=True)
        .start()
        .awaitTermination(5)
    )


CHECKS: list[Check] = [
    Check("format rate streams", lambda e: e.spark.readStream.format("rate").load().isStreaming, True, SPARK),
    Check(
        "a table streams",
        lambda e: source(e).isStreaming,
        True,
        f"{_PAGES}structured-streaming/delta-lake.html",
    ),
    Check(
        "availableNow from Delta to a table",
        delta_stream,
        [(1,), (2,)],
        f"{_PAGES}structured-streaming/delta-lake.html",
    ),
    Check(
        "availableNow continues from its checkpoint",
        delta_stream_again,
        [(1,), (2,), (3,)],
        f"{_PAGES}structured-streaming/checkpoints.html",
    ),
    Check(
        "availableNow from cloudFiles to a table",
        auto_loader,
        [("1", "x"), ("2", "y")],
        f"{_PAGES}ingestion/cloud-object-storage/auto-loader/index.html",
    ),
    Check("availableNow from CSV to Parquet", csv_stream, [("1", "x"), ("2", "y")], SPARK),
    Check("foreachBatch", in_batches, [(0, 2)], f"{_PAGES}structured-streaming/foreach.html"),
    Check(
        "foreachBatch of rate",
        rate_once,
        refused("foreachBatch of a stream of the source rate"),
        "https://spark.apache.org/docs/4.0.1/streaming/apis-on-dataframes-and-datasets.html",
    ),
]
