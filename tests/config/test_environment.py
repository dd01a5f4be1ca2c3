"""The variables the project reads, and the `.env` file they may stand in."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from dara_dagster.config.environment import VARIABLES, example_file, read_env_file
from dara_dagster.errors import DaraError
from tests.cli.conftest import Project, project

__all__ = ["project"]

PACKAGE = Path(__file__).parents[2] / "dara_dagster"
NAME = re.compile(r"(?:DARA|DATABRICKS|DAGSTER|LAKEBASE)_[A-Z_]*[A-Z]|PG[A-Z]{4,}")
# In the process of a task, which the local workspace and Databricks set up themselves.
TASK_PROCESS = [PACKAGE / "emulator" / room for room in ("task", "sail", "lake")]


def read_in_code() -> Iterator[str]:
    for file in PACKAGE.rglob("*.py"):
        if not set(TASK_PROCESS) & set(file.parents) and file.name != "environment.py":
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from NAME.findall(node.value)


def test_the_example_names_every_variable_of_the_code_once() -> None:
    declared = [each.name for each in VARIABLES]
    assert len(declared) == len(set(declared))
    assert set(declared) == set(read_in_code())


def test_the_example_is_a_file_of_comments_that_works_once_uncommented() -> None:
    lines = example_file().splitlines()
    assert all(line.startswith("# ") and len(line) <= 120 for line in lines)
    assert dotenv_values(stream=io.StringIO(example_file())) == {}
    values = dotenv_values(stream=io.StringIO("\n".join(line[2:] for line in lines[2:])))
    assert values == {each.name: each.example for each in VARIABLES}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nexport B='two words' # why\nC\nD=${A}/x\n")
    environ = {"A": "outside"}

    read_env_file(tmp_path, environ)

    assert environ == {"A": "outside", "B": "two words", "D": "file/x"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"A=1\n\n\nsome secret\n", r"\.env:4: this is not of the form NAME=value"),
        (b"A='secret\n", r"\.env:1: this is not"),
        (b"A=\xff\n", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported_without_its_content(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / ".env").write_bytes(content)

    with pytest.raises(DaraError, match=words) as reported:
        read_env_file(tmp_path, {})

    assert "secret" not in str(reported.value)


def test_no_file_is_fine_and_a_folder_is_reported(tmp_path: Path) -> None:
    read_env_file(tmp_path, {})
    (tmp_path / ".env").mkdir()
    with pytest.raises(DaraError, match="Is a directory"):
        read_env_file(tmp_path, {})


def test_dara_and_the_definitions_read_the_file_of_the_project(project: Project) -> None:
    project.write(".env", "DARA_WORKSPACE=from-the-file\n")
    assert "'from-the-file'" in project.dara("validate", code=1)
    code = "import os; from dara_dagster.defs.definitions import load_plan; load_plan('config')"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=project.root, env=project.environ, capture_output=True, text=True)
    assert "'from-the-file'" in ended.stderr

    project.environ["DARA_WORKSPACE"] = "databricks"
    assert ", OK" in project.dara("validate")
