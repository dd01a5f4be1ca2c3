"""Mistakes in task files that can be seen before anything runs, and what must not be taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.config.conftest import Project, entry

HEAD = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n"


def wrong(project: Project, name: str, content: str) -> list[str]:
    task = {"file_name": name.partition(".")[0], "format": name.partition(".")[2]}
    project.file(name, content).write("dependency.json", [task])
    return [problem.message for problem in project.problems()]


def jupyter(*sources: Any, language: str = "python") -> str:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": language}}})


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.py", "x = 1\ny = = 2\n", "line 2"),
        ("a.py", HEAD + "x = 1\n" + CELL + "\ndef f(:\n    pass\n", "line 6"),
        ("a.py", HEAD + "x = (1\n" + CELL + "y = 2)\n", "line 2"),
        ("a.py", HEAD + "%pip install x\nx = = 1\n", "line"),
        ("a.ipynb", jupyter("x = 1", ["y = 1\n", "if y\n", "  z"]), "cell 2, line 2"),
    ],
)
def test_a_syntax_error_is_named_with_its_place(
    project: Project, name: str, content: str, place: str
) -> None:
    (text,) = wrong(project, name, content)
    assert text.startswith(f"{name}: {place}") and "is not valid Python 3." in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", HEAD + "# MAGIC %sql\n# MAGIC SELECT = FROM\n" + CELL + "x = 1\n"),
        ("a.py", HEAD + "%pip install x\n!ls\nfiles = !ls\nprint?\n"),
        ("a.py", HEAD + "await f()\n" + CELL + "# MAGIC %md\n# MAGIC it's (\n"),
        ("a.py", "\ufeff" + HEAD + "x = 'é'\n"),
        ("a.py", "x = (7\n  % 2)\n"),
        ("a.py", "import argparse\nprint('dbutils.widgets')  # dbutils.widgets\n"),
        ("a.ipynb", jupyter("%sql\nSELECT = 1", "%%bash\nfor (", "%pip install x\n", "  !ls\n  x = 1", [])),
        ("a.ipynb", jupyter("val x: Int = 1", language="scala")),
    ],
)
def test_magics_and_other_languages_are_no_mistakes(project: Project, name: str, content: str) -> None:
    assert wrong(project, name, content) == []


def test_a_script_has_no_widgets(project: Project) -> None:
    code = "day = 1\nday = dbutils.widgets.get('day')\n"
    (text,) = wrong(project, "a.py", code)
    assert text == "a.py: line 2 uses dbutils.widgets, which only a notebook has"
    (problem,) = project.problems()
    assert "# Databricks notebook source" in problem.hint and "argparse" in problem.hint
    assert wrong(project, "a.py", HEAD + code) == []


@pytest.mark.parametrize("stated", [{}, {"format": "ipynb"}])
def test_a_file_named_with_its_ending_is_given_what_to_write(
    project: Project, stated: dict[str, str]
) -> None:
    project.file("customers.py").write("dependency.json", [{"file_name": "customers.py", **stated}])
    problem = next(found for found in project.problems() if found.key.endswith("file_name"))
    assert problem.hint == 'Write "file_name": "customers" and "format": "py".'


def test_yaml_beside_the_files_is_not_passed_over(project: Project) -> None:
    project.file("a.py").write("dependency.json", [entry()]).write("other.yaml", "x: 1")
    assert project.problems() == []
    project.write("project.yml", "name: x").write("workflows/hours.yaml", "tasks: []")
    assert [(p.file.name, p.message) for p in project.problems()] == [
        ("project.yml", "YAML is not read"),
        ("hours.yaml", "YAML is not read"),
    ]


@pytest.mark.parametrize("key", ["max_retries", "timeout_seconds", "retry_delay_seconds"])
@pytest.mark.parametrize("number", ["9" * 20, 10**20, 2**31])
def test_a_number_that_the_jobs_api_cannot_take(project: Project, key: str, number: Any) -> None:
    project.file("a.py").write("dependency.json", [entry(**{key: number})])
    (problem,) = project.problems()
    assert "too large" in problem.message and "2147483647" in problem.hint
    assert not project.write("dependency.json", [entry(**{key: 2**31 - 1})]).problems()
