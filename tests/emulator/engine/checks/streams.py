"""Checks: structured streaming."""

from __future__ import annotations

from tests.emulator.engine.checks.check import Check, Environment


def delta_stream(e: Environment) -> int:
    stream = e.spark.readStream.format("delta").table("main.bronze.part")
    writer = stream.writeStream.option("checkpointLocation", e.data + "/cp1").trigger(availableNow=True)
    writer.toTable("main.bronze.strm").awaitTermination(15)
    return e.spark.table("main.bronze.strm").count()


def auto_loader(e: Environment) -> int:
    reader = e.spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", True)
    stream = reader.option("cloudFiles.schemaLocation", e.data + "/sl").load(e.data + "/in")
    writer = stream.writeStream.option("checkpointLocation", e.data + "/cp2").trigger(availableNow=True)
    writer.toTable("main.bronze.al").awaitTermination(15)
    return e.spark.table("main.bronze.al").count()


def csv_stream(e: Environment) -> int:
    stream = e.spark.readStream.schema("id string").option("header", True).csv(e.data + "/in")
    writer = stream.writeStream.option("checkpointLocation", e.data + "/cp3").trigger(availableNow=True)
    writer.format("parquet").start(e.data + "/so").awaitTermination(15)
    return e.spark.read.parquet(e.data + "/so").count()


def rate_batches(e: Environment) -> None:
    stream = e.spark.readStream.format("rate").load().writeStream.foreachBatch(lambda frame, number: None)
    stream.option("checkpointLocation", e.data + "/cp4").trigger(availableNow=True).start().awaitTermination(
        5
    )


CHECKS: list[Check] = [
    Check("readStream.format(rate)", lambda e: e.spark.readStream.format("rate").load().isStreaming, True),
    Check("readStream.table delta", lambda e: e.spark.readStream.table("main.bronze.part").isStreaming, True),
    Check("delta → availableNow → toTable", delta_stream, lambda n: n > 0),
    Check("cloudFiles → availableNow → toTable", auto_loader, 2),
    Check("csv readStream → availableNow → parquet", csv_stream, 2),
    Check("foreachBatch", rate_batches),
]
