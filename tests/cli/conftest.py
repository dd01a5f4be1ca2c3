"""A small project in a folder of its own, and the `dara` command as a user calls it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dara_dagster.cli.app import dara
from tests.conftest import Emulator
from tests.support.forked import Forked
from tests.support.waiting import PATIENCE, until

NOTEBOOK = '# Databricks notebook source\ndbutils.notebook.exit("done")\n'


class Project:
    """A project folder; `write` puts a file there, `dara` calls the command in it."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        # Without bytecode on disk every `dara` compiles Dagster anew: seconds of a test that starts a few.
        dropped = ("DARA_", "DAGSTER_", "DATABRICKS_", "UV", "PYTHONDONTWRITEBYTECODE")
        outer = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.own = dict(environ or {})
        self.environ = {**outer, **self.own}

    def write(self, name: str, content: Any) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return path

    def read(self, name: str) -> Any:
        """What a JSON file holds."""
        return json.loads((self.root / name).read_text())

    def start(self, *arguments: str) -> Forked:
        """`dara ARGUMENTS` in the project's folder, not waited for."""
        return Forked(self.root, self.environ, arguments)

    def dara(self, *arguments: str, code: int = 0) -> str:
        """The output of `dara ARGUMENTS`; with another exit code than `code` the test fails, showing all."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return out if code == 0 else out + err

    def here(self, *arguments: str, code: int = 0) -> str:
        """Like `dara`, in this process: quicker by the seconds that loading Dagster takes."""
        environ = {"DAGSTER_HOME": str(self.root / ".dagster"), **self.own}
        command = [*arguments, "--config", str(self.root / "config")]
        result = CliRunner().invoke(dara, command, env=environ, prog_name="dara")
        assert result.exit_code == code, f"exit {result.exit_code} {result.exception!r}\n{result.output}"
        return result.stdout if code == 0 else result.output

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What `dara ARGUMENTS --json` prints, parsed."""
        return json.loads(self.here(*arguments, "--json", code=code))


def begun(project: Project, active: Callable[[], int]) -> Forked:
    """`dara run daily`, started and waited for until it has an active Databricks run."""
    process = project.start("run", "daily")
    until(lambda: process.poll() is not None or active(), "a Databricks run", pause=0.05)
    assert process.poll() is None, process.text
    return process


def fill(project: Project) -> Project:
    """The files of a workflow `daily`: `load`, then `left` and `right`."""
    for name in ("load", "left", "right"):
        project.write(f"config/notebooks/{name}.py", NOTEBOOK)
    tasks = [
        {"file_name": "load", "format": "py"},
        {"file_name": "left", "format": "py", "dependent_on": ["load"]},
        {"file_name": "right", "format": "py", "dependent_on": ["load"]},
    ]
    project.write("config/project.json", {"name": "tiny", "notebooks": "notebooks"})
    options = {"extra_parameters": True, "sequential_job": True}
    project.write("config/dependency.json", {"name": "daily", "tasks": tasks, **options})
    project.write("config/cluster_config.json", {})
    project.write("config/warehouse_config.json", {})
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project, for commands that need no workspace."""
    return fill(Project(tmp_path))


@pytest.fixture
def connected(tmp_path: Path, emulator: Emulator, workspace_token: str) -> Project:
    """The project with the session's server as its workspace, through the variables a user sets."""
    environ = {
        "DARA_WORKSPACE": "databricks",
        "DATABRICKS_HOST": emulator.host,
        "DATABRICKS_TOKEN": workspace_token,
    }
    return fill(Project(tmp_path, environ))


@pytest.fixture
def simulate(emulator: Emulator, workspace_token: str) -> Callable[..., None]:
    """Adds a rule for tasks that the workspace of this test does not really run."""

    def add(task_key: str = "*", **rule: Any) -> None:
        emulator.admin("POST", "simulate", {"task_key": task_key, **rule}, token=workspace_token)

    return add


@pytest.fixture
def active(emulator: Emulator, workspace_token: str) -> Callable[[], int]:
    """How many runs are active in this test's workspace."""
    return lambda: int(emulator.admin("GET", "stats", token=workspace_token)["active_runs"])
