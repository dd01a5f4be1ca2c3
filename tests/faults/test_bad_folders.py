"""Folders that are read-only, missing, wrong, or have a name that nobody tries first."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.places import NOTEBOOK, Place

_BOUND = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "project")
    place.workflow({"quick.py": NOTEBOOK})
    yield place
    place.clear()


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("a: [b", "line 1"),
        ("nonsense: 1", "nonsense"),
        ("event_log_storage:\n  module: no.such\n  class: X\n  config: {}\n", "no.such"),
    ],
)
def test_a_broken_dagster_yaml(place: Place, yaml: str, words: str) -> None:
    file = place.write(".dagster/dagster.yaml", yaml)

    text = place.dara("status", code=1)

    assert str(file) in text and words in text and "Put that file right" in text


def test_a_home_that_is_no_folder_or_no_path(place: Place) -> None:
    file = place.write("file", "")

    assert "which is not a folder" in place.dara("status", code=1, DAGSTER_HOME=str(file))
    assert "must be an absolute path" in place.dara("status", code=1, DAGSTER_HOME="some/where")


def test_a_config_folder_that_is_not_there(tmp_path: Path) -> None:
    empty = Place(tmp_path)

    assert "No config/ folder" in empty.dara("run", code=1)
    assert "there is no such folder" in empty.dara("run", "--config", "nope", code=1)


def test_no_write_access(place: Place) -> None:
    """As a user who is not root: root itself has to lay down its right to pass over permissions."""
    if os.geteuid() == 0 and subprocess.run([*_BOUND, "true"], check=False, capture_output=True).returncode:
        pytest.skip("root cannot lay down its rights here")
    bound = _BOUND if os.geteuid() == 0 else ()
    place.root.chmod(0o555)

    def call(*arguments: str) -> str:
        command = [*bound, sys.executable, "-m", "dara_dagster.cli", *arguments]
        answer = subprocess.run(command, cwd=place.root, env=place.environ, capture_output=True, text=True)
        assert answer.returncode == 1 and "Traceback" not in answer.stderr, answer
        return answer.stdout + answer.stderr

    try:
        assert f"cannot be kept in {place.root / '.dagster'}: Permission denied" in call("run")
        assert f"cannot use its folder {place.root / '.dara'}: Permission denied" in call("emulator", "start")
        (place.root / "config").chmod(0)
        assert "config cannot be read: Permission denied" in call("validate")
    finally:
        place.root.chmod(0o755)
        (place.root / "config").chmod(0o755)


def test_names_with_spaces_umlauts_and_quotes(tmp_path: Path) -> None:
    place = Place(tmp_path / 'O\'Neil "größe" & 50% sons')
    notebook = (
        "spark.sql(f'CREATE TABLE main.default.t{name} AS SELECT 1 AS x')\n"
        "spark.sql(f'INSERT INTO main.default.t{name} VALUES (2)')\n"
        "spark.sql(f'UPDATE main.default.t{name} SET x = 3 WHERE x = 1')\n"
        "spark.sql('CREATE VOLUME IF NOT EXISTS main.default.v')\n"
        "spark.table(f'main.default.t{name}').write.csv(f'/Volumes/main/default/v/{name}')\n"
        "found = spark.read.csv(f'/Volumes/main/default/v/{name}').collect()\n"
        "dbutils.notebook.exit(','.join(sorted(row[0] for row in found)))\n"
    )
    names = ("load data", "täglich", "v1.2 it's")
    place.workflow({f"{name}.py": f"{NOTEBOOK}name = {n}\n{notebook}" for n, name in enumerate(names)})
    shutil.move(place.root / "config" / "notebooks", place.root / "my notebooks")
    place.write("config/project.json", {"name": "Größe 1", "notebooks": "../my notebooks"})
    try:
        run = place.json("run")
        assert {task["name"]: task["exit_value"] for task in run["tasks"]} == dict.fromkeys(names, "2,3")
        tables = place.root / ".dara" / "tables" / "main" / "default"
        assert {f"t{n}" for n in range(3)} <= {entry.name for entry in tables.iterdir()}
    finally:
        place.clear()


def test_dagster_itself_prints_config_problems_without_a_traceback(place: Place) -> None:
    place.write("config/dependency.json", [{"file_name": "quick", "format": "py", "dependant_on": []}])
    place.write(
        "definitions.py",
        "from dara_dagster.defs.definitions import build_definitions\ndefs = build_definitions('config')\n",
    )
    command = [sys.executable, "-m", "dagster", "job", "execute", "-f", "definitions.py", "-j", "flow"]

    answer = subprocess.run(command, cwd=place.root, env=place.environ, capture_output=True, text=True)

    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    assert "config/dependency.json:1: " in answer.stderr and "Did you mean 'dependent_on'?" in answer.stderr
