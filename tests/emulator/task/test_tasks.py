"""Scripts, SQL files, statements and wheels: what their code finds and what they answer."""

# ruff: noqa: E501  the code of tasks stands in strings
from __future__ import annotations

import zipfile
from pathlib import Path

from tests.emulator.task.task_processes import Tasks


def test_a_script_runs_as_in_a_repl(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        import os, sys
        from pyspark.sql import SparkSession
        print(__name__, "__file__" in globals(), sys.argv[1:], os.path.basename(sys.argv[0]).startswith("script"))
        print(SparkSession.builder.getOrCreate() is spark, type(dbutils).__name__)
        def main():
            return sum(row.id for row in spark.range(4).collect())
        if __name__ == "__main__":
            print(main())
        """,
        parameters=["--day", "2024-01-01"],
    )
    assert ended.log.splitlines() == [
        "__main__ False ['--day', '2024-01-01'] True",
        "True DBUtils",
        "6",
    ]


def test_every_exit_of_a_script_is_a_failure(tasks: Tasks) -> None:
    for code in ("0", "3", "'text'", ""):
        ended = tasks.script(f"import sys\nsys.exit({code})")
        assert ended.error == f"SystemExit: {code}".rstrip().rstrip(":").replace("'", "")
        assert ended.status == 1


def test_a_scripts_traceback_shows_its_file_and_not_our_frames(tasks: Tasks) -> None:
    path = tasks.file("outer.py", "import inner_module\n\n\ninner_module.divide(0)\n")
    tasks.file("inner_module.py", "def divide(by):\n    return 1 / by\n")
    ended = tasks.run("script", path)
    assert ended.error == "ZeroDivisionError: division by zero"
    assert 'File "/Workspace/Shared/outer.py", line 4, in <module>' in ended.trace
    assert "inner_module.py" in ended.trace and "return 1 / by" in ended.trace
    assert "dara_dagster/emulator/" not in ended.trace
    assert ended.trace in ended.log


def test_a_wrong_query_fails_at_its_line_with_the_servers_words(tasks: Tasks) -> None:
    ended = tasks.script("x = 1\nspark.sql('SELECT nothing_like_it FROM main.default.nowhere')\n")
    assert "TABLE_OR_VIEW_NOT_FOUND" in ended.error
    assert "line 2" in ended.trace and "pyspark" not in ended.trace


def test_functions_of_a_module_beside_the_script_run_as_udf(tasks: Tasks) -> None:
    tasks.file("doubling.py", "def double(x):\n    return x * 2\n")
    ended = tasks.script(
        """
        from doubling import double
        from pyspark.sql import functions as F
        print(spark.range(3).select(F.udf(double, "long")("id").alias("d")).agg(F.sum("d")).first()[0])
        """
    )
    assert ended.log == "6\n"


def test_environment_of_the_spec_and_credentials_of_the_workspace(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        import os, time
        print(os.environ["MODE"], os.environ["DATABRICKS_HOST"], time.tzname[0])
        print(os.environ["DATABRICKS_TOKEN"])
        """,
        env={"MODE": "test"},
        host="http://127.0.0.1:1",
        token="dapi-secret-token",
    )
    assert ended.log.splitlines() == ["test http://127.0.0.1:1 UTC", "[REDACTED]"]


def test_sdk_runtime_gives_the_same_objects(tasks: Tasks) -> None:
    ended = tasks.script(
        """
        from databricks.sdk import runtime
        from dbruntime.databricks_repl_context import get_context
        print(runtime.spark is spark, runtime.dbutils is dbutils, get_context().jobId)
        """,
        job_id=17,
    )
    assert ended.log == "True True 17\n"


def test_an_sql_file_keeps_its_last_result(tasks: Tasks) -> None:
    text = """
        -- two statements; and a comment with a semicolon
        CREATE OR REPLACE TABLE main.default.greeting AS SELECT :who AS who, 'a;b' AS text;

        SELECT who, text, 1 AS n FROM main.default.greeting;
        """
    ended = tasks.run("sql", tasks.file("greeting.sql", text), parameters={"who": "d'Artagnan"})
    assert ended.result["columns"] == [["who", "STRING"], ["text", "STRING"], ["n", "INT"]]
    assert ended.result["rows"] == [["d'Artagnan", "a;b", "1"]]
    assert ended.result["tables"] == {"main.default.greeting": 1}


def test_an_sql_file_may_hold_a_script(tasks: Tasks) -> None:
    text = """-- numbers from :low on
DECLARE OR REPLACE VARIABLE low INT = :low;
CREATE OR REPLACE FUNCTION main.default.half(n INT) RETURNS DOUBLE RETURN n / 2;
BEGIN
  DECLARE total INT DEFAULT 0;
  FOR r AS SELECT id FROM range(low, 5) DO
    SET total = total + r.id;
  END FOR;
  SELECT total, main.default.half(total) AS half;
END;
"""
    ended = tasks.run("sql", tasks.file("script.sql", text), parameters={"low": "3"})
    assert ended.result["ok"], ended.error
    assert ended.result["columns"] == [["total", "INT"], ["half", "DOUBLE"]]
    assert ended.result["rows"] == [["7", "3.5"]]
    ended = tasks.run("statement", text="SELECT main.default.half(nosuch) FROM (SELECT 4 AS nosuc)")
    assert (
        ended.error.startswith("AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION]")
        and "[`nosuc`]" in ended.error
    ), ended.error


def test_an_sql_error_shows_the_line_of_its_statement(tasks: Tasks) -> None:
    ended = tasks.run(
        "sql", tasks.file("wrong.sql", "SELECT 1;\n\nSELECT nonsense\nFROM main.default.nowhere;\n")
    )
    assert not ended.result["ok"]
    assert 'File "/Workspace/Shared/wrong.sql", line 3' in ended.trace and "SELECT nonsense" in ended.trace


def test_a_marker_without_value_is_named(tasks: Tasks) -> None:
    ended = tasks.run("sql", tasks.file("unbound.sql", "SELECT :day"))
    assert ended.error == (
        "UnboundParameter: [UNBOUND_SQL_PARAMETER] Found the unbound parameter: day. SQLSTATE: 42P02"
    )


def test_a_statement_answers_strings_and_type_texts(tasks: Tasks) -> None:
    query = """
        SELECT 1L AS l, 1.50BD AS d, 1e10D AS f, true AS b, DATE'2024-02-03' AS day, NULL AS nothing,
          TIMESTAMP'2024-02-03 04:05:06' AS at, array(1, 2) AS a, named_struct('x', 1) AS s, :n AS n
        """
    ended = tasks.run("statement", text=query, parameters={"n": {"value": "7", "type": "INT"}})
    assert ended.result["columns"] == [
        ["l", "BIGINT"],
        ["d", "DECIMAL(3,2)"],
        ["f", "DOUBLE"],
        ["b", "BOOLEAN"],
        ["day", "DATE"],
        ["nothing", "VOID"],
        ["at", "TIMESTAMP"],
        ["a", "ARRAY<INT>"],
        ["s", "STRUCT<x: INT>"],
        ["n", "INT"],
    ]
    assert ended.result["rows"] == [
        [
            "1",
            "1.50",
            "1.0E10",
            "true",
            "2024-02-03",
            None,
            "2024-02-03T04:05:06.000Z",
            "[1, 2]",
            '{"x": 1}',
            "7",
        ]
    ]


def test_row_limit_truncates(tasks: Tasks) -> None:
    ended = tasks.run("statement", text="SELECT * FROM range(10)", row_limit=3)
    assert (len(ended.result["rows"]), ended.result["truncated"]) == (3, True)
    ended = tasks.run("statement", text="SELECT * FROM range(3)", row_limit=3)
    assert (len(ended.result["rows"]), ended.result["truncated"]) == (3, False)


def test_catalog_and_schema_of_the_spec_are_the_current_ones(tasks: Tasks) -> None:
    assert tasks.run("statement", text="CREATE SCHEMA IF NOT EXISTS main.other").result["ok"]
    ended = tasks.run("statement", text="SELECT current_schema()", catalog="main", schema="other")
    assert ended.result["rows"] == [["other"]]


def test_a_wheels_entry_point_is_called_with_its_parameters(tasks: Tasks, tmp_path: Path) -> None:
    wheel = tmp_path / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pack/__init__.py", "")
        archive.writestr("pack/jobs.py", "import sys\ndef main():\n    print('wheel', sys.argv)\n")
        archive.writestr("pack-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
        archive.writestr("pack-1.0.dist-info/entry_points.txt", "[console_scripts]\nload = pack.jobs:main\n")
    ended = tasks.run("wheel", "pack", file=str(wheel), text="load", parameters={"day": "1"})
    assert ended.log == "wheel ['pack', '--day=1']\n", ended.trace


def test_a_missing_file_is_one_sentence(tasks: Tasks) -> None:
    ended = tasks.run("script", "/Workspace/Shared/nothing.py")
    assert ended.error == "FileNotFoundError: There is no file /Workspace/Shared/nothing.py in the workspace."


def test_a_session_outlives_any_pause_between_two_queries(tasks: Tasks) -> None:
    """The limit of the environment is shorter than the pause, as an hour of training is longer than Sail's."""
    ended = tasks.script(
        """
        import time
        spark.range(3).createOrReplaceTempView("before")
        time.sleep(3)
        print("rows", spark.sql("SELECT count(*) FROM before").first()[0])
        """,
        env={"SAIL_SPARK__SESSION_TIMEOUT_SECS": "1"},
    )
    assert ended.status == 0, ended.log
    assert "rows 3" in ended.log
