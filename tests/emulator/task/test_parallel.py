"""Many tasks writing one table at once: none fails, nothing is lost."""

# ruff: noqa: E501  the code of tasks stands in strings
from __future__ import annotations

from tests.emulator.task.task_processes import Tasks

WORKERS = 4
ROUNDS = 5


def test_parallel_merges_into_one_table_lose_nothing(tasks: Tasks) -> None:
    tasks.script(
        """
        spark.sql("CREATE SCHEMA IF NOT EXISTS main.shared")
        spark.sql("CREATE OR REPLACE TABLE main.shared.counts (id STRING, n INT)")
        spark.sql("INSERT INTO main.shared.counts VALUES ('all', 0)")
        """
    )
    worker = """
        import sys
        for number in range(int(sys.argv[2])):
            spark.sql(f'''MERGE INTO main.shared.counts t
                USING (SELECT 'all' AS id, 1 AS n UNION ALL SELECT '{sys.argv[1]}-{number}', 1) s ON t.id = s.id
                WHEN MATCHED THEN UPDATE SET n = t.n + s.n WHEN NOT MATCHED THEN INSERT *''')
        """
    path = tasks.file("merge_worker.py", worker)
    specs = [tasks.start("script", path, parameters=[f"w{index}", str(ROUNDS)]) for index in range(WORKERS)]
    for spec in specs:
        ended = tasks.wait(spec)
        assert ended.result["ok"], ended.trace
        assert ended.result["tables"] == {"main.shared.counts": 2 * ROUNDS}
    ended = tasks.run("statement", text="SELECT max(n), count(*) FROM main.shared.counts")
    assert ended.result["rows"] == [[str(WORKERS * ROUNDS), str(WORKERS * ROUNDS + 1)]]


def test_threads_of_one_notebook_may_write_one_table(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        from concurrent.futures import ThreadPoolExecutor
        spark.sql("CREATE OR REPLACE TABLE main.default.threads (n INT)")
        def add(n):
            spark.createDataFrame([(n,)], "n int").write.mode("append").saveAsTable("main.default.threads")
            spark.sql("UPDATE main.default.threads SET n = n + 100 WHERE n < 100")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(8)))
        print(sorted(row.n for row in spark.table("main.default.threads").collect()))
        """
    )
    assert ended.log == f"{list(range(100, 108))}\n", ended.trace


def test_reading_threads_do_not_trip_over_a_table_being_replaced(tasks: Tasks) -> None:
    ended = tasks.notebook(
        """
        from concurrent.futures import ThreadPoolExecutor
        name = "main.default.replaced"
        spark.range(3).write.mode("overwrite").saveAsTable(name)
        def read(_):
            return spark.table(name).count()
        def write(_):
            spark.range(3).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(name)
        with ThreadPoolExecutor(4) as pool:
            writes = [pool.submit(write, n) for n in range(15)]
            print(set(pool.map(read, range(60))))
            for done in writes:
                done.result()
        """
    )
    assert ended.log == "{3}\n", ended.trace


def test_a_table_changed_by_another_task_is_read_as_it_is(tasks: Tasks) -> None:
    """Schema changes, drops and views of other tasks are seen by a session that already knew the table."""
    ended = tasks.script(
        """
        import subprocess, sys, json
        spark.sql("CREATE OR REPLACE TABLE main.default.changing AS SELECT 1 AS a")
        print(spark.table("main.default.changing").columns)
        from dara_dagster.emulator.lake.paths import PathMap
        from dara_dagster.emulator.sail.server import SparkServer
        from dara_dagster.emulator.sail.session import open_session
        server = SparkServer(spark.store)
        other = open_session(server, PathMap(spark.store, None), "other")
        other.sql("CREATE OR REPLACE TABLE main.default.changing AS SELECT 'x' AS b, 2 AS c")
        other.sql("CREATE OR REPLACE VIEW main.default.seen AS SELECT c FROM main.default.changing")
        print(spark.table("main.default.changing").collect(), spark.sql("SELECT * FROM main.default.seen").collect())
        other.sql("DROP TABLE main.default.changing")
        print(spark.catalog.tableExists("main.default.changing"))
        spark.sql("CREATE TABLE main.default.made_here (n INT)")
        try:
            other.sql("CREATE TABLE main.default.made_here (n INT)")
        except Exception as error:
            print(str(error)[:31])
        """
    )
    assert ended.log.splitlines() == [
        "['a']",
        "[Row(b='x', c=2)] [Row(c=2)]",
        "False",
        "[TABLE_OR_VIEW_ALREADY_EXISTS] ",
    ], ended.trace
