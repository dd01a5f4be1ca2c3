"""Notebooks: cells and their magics, parameters, other notebooks, and where an error is shown."""

# ruff: noqa: E501  the code of tasks stands in strings
from __future__ import annotations

import json

import pytest

from tests.emulator.task.task_processes import Tasks


def test_cells_share_names_and_the_exit_value_ends_with_success(tasks: Tasks) -> None:
    ended = tasks.notebook(
        "%md\n# Title",
        "x = 20\nx + 1",
        "import json\ntry:\n    dbutils.notebook.exit(json.dumps({'x': x}))\nexcept Exception:\n    print('swallowed')",
        "print('never')",
    )
    assert ended.result["exit_value"] == '{"x": 20}'
    assert ended.log == "21\n"


def test_sql_cells_take_widgets_and_leave_their_result(tasks: Tasks) -> None:
    ended = tasks.notebook(
        'dbutils.widgets.text("day", "2024-01-01")\ndbutils.widgets.text("table", "sales")',
        "%sql\nCREATE OR REPLACE TABLE main.default.${table} (day DATE, n INT);\n"
        "INSERT INTO main.default.sales VALUES (CAST(:day AS DATE), 3);\nSELECT day, n FROM main.default.sales",
        "print(_sqldf.first().day, _sqldf.columns)",
        parameters={"day": "2025-05-05"},
    )
    assert ended.log.splitlines()[-1] == "2025-05-05 ['day', 'n']"
    assert ended.result["tables"] == {"main.default.sales": 1}


def test_run_shares_the_scope_and_passes_arguments(tasks: Tasks) -> None:
    tasks.notebook_file(
        "lib/shared.py",
        'dbutils.widgets.text("who", "nobody")',
        'greeting = "hello " + dbutils.widgets.get("who")',
    )
    path = tasks.notebook_file("caller.py", '%run ./lib/shared $who="Ada L"', "print(greeting)")
    ended = tasks.run("notebook", path)
    assert ended.log == "hello Ada L\n", ended.trace


@pytest.mark.parametrize("named", ["/Shared/lib/greet", "/Workspace/Shared/lib/greet", "../Shared/lib/greet"])
def test_run_finds_notebooks_with_and_without_workspace(tasks: Tasks, named: str) -> None:
    tasks.notebook_file("lib/greet.py", "%run ./name")
    tasks.notebook_file("lib/name.py", 'name = "Ada"')
    path = tasks.notebook_file("outside.py", f"%run {named}", "print(name)")
    local = str(tasks.workspace / "Shared/outside.py")
    ended = tasks.run("notebook", path.removeprefix("/Workspace"), file=local)
    assert ended.log == "Ada\n", ended.trace


def test_run_of_a_plain_file_or_a_missing_one_says_why(tasks: Tasks) -> None:
    tasks.file("plain.py", "x = 1\n")
    assert "it is a file, not a notebook" in tasks.notebook("%run ./plain").error
    assert "Notebook not found: /Workspace/Shared/missing" in tasks.notebook("%run ./missing").error


def test_a_module_beside_the_notebook_can_be_imported(tasks: Tasks) -> None:
    tasks.file("neighbour.py", "VALUE = 5\n")
    assert tasks.notebook("from neighbour import VALUE\nprint(VALUE)").log == "5\n"


def test_other_magics(tasks: Tasks) -> None:
    ended = tasks.notebook(
        "%python\nprint('py')",
        "%sh\necho shell; ls /Workspace/Shared >/dev/null && echo seen",
        "%pip install pandas",
    )
    assert ended.log.splitlines()[:3] == ["py", "shell", "seen"]
    assert ended.log.splitlines()[3] == "Requirement already satisfied."
    refused = tasks.notebook("%scala\nval x = 1")
    assert refused.error.startswith("NotSupportedLocally: A %scala cell (cell 1 of /Workspace/Shared/")
    assert refused.error.endswith("is not supported by the local workspace; it works on Databricks.")


def test_type_hints_stay_types_and_code_below_pip_runs(tasks: Tasks) -> None:
    ended = tasks.notebook(
        "import pandas as pd\nfrom pyspark.sql.functions import pandas_udf\n"
        "@pandas_udf('long')\ndef twice(v: pd.Series) -> pd.Series:\n    return v * 2\n"
        "print(spark.range(3).select(twice('id').alias('d')).agg({'d': 'sum'}).first()[0])",
        "%pip install pyarrow\nprint('below')",
    )
    assert ended.log.splitlines()[0] == "6" and ended.log.splitlines()[-1] == "below", ended.trace


def test_an_error_shows_cell_and_line_of_the_file(tasks: Tasks) -> None:
    path = tasks.notebook_file("failing.py", "def f(x):\n    return 1 / x", "y = 0\nf(y)")
    ended = tasks.run("notebook", path)
    assert ended.error == "ZeroDivisionError: division by zero"
    assert ended.trace.splitlines() == [
        "Traceback (most recent call last):",
        '  File "/Workspace/Shared/failing.py", line 8, in cell 2',
        "    f(y)",
        '  File "/Workspace/Shared/failing.py", line 3, in f (cell 1)',
        "    return 1 / x",
        "ZeroDivisionError: division by zero",
    ]


def test_a_syntax_error_shows_cell_and_line(tasks: Tasks) -> None:
    ended = tasks.run("notebook", tasks.notebook_file("syntax.py", "x = 1", "y = 2\nif y\n    print(y)"))
    assert ended.error.startswith("SyntaxError: ") and "line 7" in ended.error
    assert 'File "/Workspace/Shared/syntax.py", line 7, in cell 2\n    if y\n' in ended.trace


def test_an_error_in_an_sql_cell_shows_its_statement(tasks: Tasks) -> None:
    ended = tasks.run(
        "notebook",
        tasks.notebook_file("sqlfail.py", "x = 1", "%sql\nSELECT 1;\nSELECT * FROM main.default.no_such"),
    )
    assert (
        'File "/Workspace/Shared/sqlfail.py", line 8, in cell 2\n    SELECT * FROM main.default.no_such\n'
        in ended.trace
    )


def test_chained_errors_are_both_shown(tasks: Tasks) -> None:
    ended = tasks.notebook(
        "try:\n    {}['k']\nexcept KeyError as error:\n    raise RuntimeError('no key') from error"
    )
    assert "KeyError: 'k'" in ended.trace and ended.trace.endswith("RuntimeError: no key\n")


def test_sql_notebooks_and_ipynb(tasks: Tasks) -> None:
    sql = (
        "-- Databricks notebook source\nCREATE WIDGET TEXT n DEFAULT '4';\n\n-- COMMAND ----------\n\n"
        "-- MAGIC %python\n-- MAGIC print('from python')\n\n-- COMMAND ----------\n\nSELECT :n AS n\n"
    )
    ended = tasks.run("notebook", tasks.file("report.sql", sql))
    assert ended.result["ok"], ended.trace
    assert "from python" in ended.log and ended.log.split()[-1] == "4"
    cells = [
        {"cell_type": "markdown", "source": ["# hi"]},
        {"cell_type": "code", "source": ["x = 1\n", "x + 1"]},
        {"cell_type": "code", "source": "%sql\nSELECT 7 AS seven"},
        {"cell_type": "code", "source": ["y = 1\n", "raise ValueError(y)"]},
    ]
    ended = tasks.run("notebook", tasks.file("book.ipynb", json.dumps({"cells": cells, "metadata": {}})))
    assert ended.log.startswith("2\n") and "seven" in ended.log
    assert 'File "/Workspace/Shared/book.ipynb", line 2, in cell 3\n    raise ValueError(y)' in ended.trace
