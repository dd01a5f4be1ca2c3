"""Streams as incremental batches: each start takes what is new since the checkpoint, and only that."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.session import LocalSpark
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally


def ids(spark: LocalSpark, table: str) -> list[int]:
    return sorted(row.id for row in spark.table(table).collect())


def test_a_delta_stream_takes_new_rows_only(spark: LocalSpark, tmp_path: Path) -> None:
    source, target = "main.default.stream_source", "main.default.stream_target"

    def run() -> None:
        stream = spark.readStream.table(source).filter("id > 0").writeStream
        stream.option("checkpointLocation", str(tmp_path / "cp")).trigger(availableNow=True).toTable(target)

    spark.sql(f"CREATE OR REPLACE TABLE {source} AS SELECT * FROM VALUES (0), (1), (2) AS t(id)")
    run()
    run()
    assert ids(spark, target) == [1, 2]
    spark.sql(f"INSERT INTO {source} VALUES (3), (-1)")
    run()
    assert ids(spark, target) == [1, 2, 3]
    spark.sql(f"DELETE FROM {source} WHERE id = 3")
    with pytest.raises(RuntimeError, match="skipChangeCommits"):
        run()


def test_auto_loader_takes_new_files_only_and_batches_are_numbered(spark: LocalSpark, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    seen: list[tuple[int, int]] = []

    def note(frame: Any, number: int) -> None:
        seen.append((number, frame.count()))

    def run() -> None:
        reader = (
            spark.readStream.format("cloudFiles").option("cloudFiles.format", "csv").option("header", True)
        )
        writer = reader.schema("id INT").load(str(inbox)).writeStream.foreachBatch(note)
        writer.option("checkpointLocation", str(tmp_path / "cp")).trigger(availableNow=True).start()

    for name, rows in (("a.csv", "id\n1\n2\n"), ("b.csv", "id\n3\n")):
        (inbox / name).write_text(rows)
        run()
    run()
    assert seen == [(0, 2), (1, 1)]


def test_a_batch_that_fails_is_taken_again(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text('{"id": 1}\n')
    counts: list[int] = []

    def fail_once(frame: Any, number: int) -> None:
        counts.append(frame.count())
        if len(counts) == 1:
            raise ValueError("first time")

    def run() -> None:
        stream = (
            spark.readStream.schema("id INT").json(str(tmp_path / "in")).writeStream.foreachBatch(fail_once)
        )
        stream.option("checkpointLocation", str(tmp_path / "cp")).start()

    with pytest.raises(ValueError, match="first time"):
        run()
    run()
    assert counts == [1, 1]


def test_several_sources_with_news_in_one_are_refused(spark: LocalSpark, tmp_path: Path) -> None:
    spark.sql("CREATE OR REPLACE TABLE main.default.stream_two AS SELECT 1 AS id")
    (tmp_path / "empty").mkdir()
    files = spark.readStream.schema("id INT").json(str(tmp_path / "empty"))
    both = spark.readStream.table("main.default.stream_two").union(files)
    with pytest.raises(NotSupportedLocally, match="only some have something new"):
        both.writeStream.option("checkpointLocation", str(tmp_path / "cp")).toTable("main.default.never")


def test_partition_columns_of_later_batches(spark: LocalSpark, tmp_path: Path) -> None:
    source, target = "main.default.stream_days", "main.default.stream_days_out"
    spark.sql(f"CREATE OR REPLACE TABLE {source} (id INT, day DATE, k STRING) PARTITIONED BY (day, k)")
    spark.sql(f"INSERT INTO {source} VALUES (1, DATE'2024-01-01', 'a')")

    def run() -> list[tuple[Any, ...]]:
        stream = spark.readStream.table(source)
        writer = stream.filter(stream["id"] > 0).writeStream.option(
            "checkpointLocation", str(tmp_path / "cp")
        )
        writer.toTable(target)
        return sorted(tuple(row) for row in spark.table(target).collect())

    first, second = dt.date(2024, 1, 1), dt.date(2024, 1, 2)
    assert run() == [(1, first, "a")]
    spark.sql(f"INSERT INTO {source} VALUES (2, DATE'2024-01-02', 'a b/é'), (3, NULL, 'x'), (4, NULL, 'x')")
    assert run() == [(1, first, "a"), (2, second, "a b/é"), (3, None, "x"), (4, None, "x")]


def test_files_are_read_as_by_spark_read(spark: LocalSpark, tmp_path: Path) -> None:
    (tmp_path / "in" / "day=2024-01-01").mkdir(parents=True)
    (tmp_path / "in" / "day=2024-01-01" / "a.csv").write_text("id,due,v\n1,05/03/2024,NA\n")
    read = spark.readStream.options(header=True, dateFormat="dd/MM/yyyy", nullValue="NA")
    found: list[Any] = []
    for place in ("in", "in/day=*", "in/*/*.csv"):
        writer = read.schema("id INT, due DATE, v STRING").csv(str(tmp_path / place)).writeStream
        writer.foreachBatch(lambda frame, number: found.extend(frame.collect())).start()
    row = (1, dt.date(2024, 3, 5), None)
    assert [tuple(each) for each in found] == [(*row, dt.date(2024, 1, 1)), row, row]


def test_what_needs_earlier_batches_is_refused(spark: LocalSpark, tmp_path: Path) -> None:
    source = "main.default.stream_state"
    spark.sql(f"CREATE OR REPLACE TABLE {source} AS SELECT 1 AS id, current_timestamp() AS at")

    def run(mode: str, kind: str = "sum") -> None:
        read: Any = spark.readStream.table(source).withWatermark("at", "1 day")
        if kind == "endless":
            read = spark.readStream.table(source)
        rows = read.dropDuplicates(["id"]) if kind == "distinct" else read.groupBy("id", "at").count()
        writer = rows.writeStream.outputMode(mode).option("checkpointLocation", str(tmp_path / mode / kind))
        writer.toTable(f"main.default.stream_{mode}_{kind}")

    with pytest.raises(AnalysisException, match=r"output mode: append.*aggregations without watermark"):
        run("append", "endless")
    with pytest.raises(NotSupportedLocally, match="with a watermark in output mode append"):
        run("append")
    run("append", "distinct")
    run("complete")
    spark.sql(f"INSERT INTO {source} SELECT id, at FROM {source}")
    run("complete")
    assert [row["count"] for row in spark.table("main.default.stream_complete_sum").collect()] == [2]
    with pytest.raises(NotSupportedLocally, match="A second batch of a stream with an aggregation"):
        run("append", "distinct")


def test_a_delta_stream_starts_where_it_should(spark: LocalSpark, tmp_path: Path) -> None:
    source = "main.default.stream_start"
    spark.sql(f"CREATE OR REPLACE TABLE {source} (id INT)")
    for number in (1, 2, 3):
        spark.sql(f"INSERT INTO {source} VALUES ({number})")
    versions = {row.version: row.timestamp for row in spark.sql(f"DESCRIBE HISTORY {source}").collect()}
    last = max(versions)

    def run(name: str, **options: Any) -> list[int]:
        found: list[int] = []
        writer = spark.readStream.options(**options).table(source).writeStream
        writer = writer.option("checkpointLocation", str(tmp_path / name))
        writer.foreachBatch(lambda frame, _: found.extend(row.id for row in frame.collect())).start()
        return sorted(found)

    assert run("all") == [1, 2, 3]
    assert run("version", startingVersion=last - 1) == [2, 3]
    assert run("time", startingTimestamp=str(versions[last])) == [3]
    assert run("latest", startingVersion="latest") == []
    spark.sql(f"INSERT INTO {source} VALUES (4)")
    assert run("version", startingVersion=last - 1) == [4]
    with pytest.raises(AnalysisException, match="no version 99"):
        run("none", startingVersion=99)
    with pytest.raises(AnalysisException, match="not both"):
        run("both", startingVersion=1, startingTimestamp="2024-01-01")
    with pytest.raises(NotSupportedLocally, match="readChangeFeed"):
        run("feed", readChangeFeed=True)


def test_a_batch_takes_as_many_files_as_it_may(spark: LocalSpark, tmp_path: Path) -> None:
    source = "main.default.stream_limit"
    spark.sql(f"CREATE OR REPLACE TABLE {source} (id INT)")
    (tmp_path / "in").mkdir()
    for number in range(1, 6):
        spark.sql(f"INSERT INTO {source} VALUES ({number})")
        (tmp_path / "in" / f"{number}.csv").write_text(f"{number}\n")
    readers = {
        "delta": lambda: spark.readStream.option("maxFilesPerTrigger", 2).table(source),
        "csv": lambda: spark.readStream.option("maxFilesPerTrigger", 2).csv(str(tmp_path / "in"), "id INT"),
    }

    def run(kind: str, **trigger: bool) -> list[tuple[int, int]]:
        batches: list[tuple[int, int]] = []
        writer = readers[kind]().writeStream.option("checkpointLocation", str(tmp_path / kind))
        writer.trigger(**trigger).foreachBatch(lambda frame, n: batches.append((n, frame.count()))).start()
        return batches

    for kind in readers:
        assert run(kind, availableNow=True) == [(0, 2), (1, 2), (2, 1)]
    for number in range(6, 9):
        spark.sql(f"INSERT INTO {source} VALUES ({number})")
    assert run("delta", availableNow=True) == [(3, 2), (4, 1)]
    for number in range(9, 12):
        spark.sql(f"INSERT INTO {source} VALUES ({number})")
    assert run("delta", once=True) == [(5, 3)]
    with pytest.raises(AnalysisException, match="must be a positive integer"):
        spark.readStream.option("maxFilesPerTrigger", 0).table(source)


def test_a_batch_of_many_partitions(spark: LocalSpark, tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / "in" / f"n={number}").mkdir(parents=True)
        (tmp_path / "in" / f"n={number}" / "a.json").write_text('{"id": 1}\n')
    stream = spark.readStream.schema("id INT").json(str(tmp_path / "in"))
    stream.writeStream.option("checkpointLocation", str(tmp_path / "cp")).toTable("main.default.stream_many")
    found = spark.table("main.default.stream_many").selectExpr("count(*)", "sum(n)", "sum(id)").first()
    assert found == (150, 149 * 75, 150)
