"""Commands that only read: they make nothing, load no Databricks SDK, and say where they looked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dara_dagster.cli.app import dara

WORKFLOW = '{"tasks": [{"name": "a", "task": {"notebook_task": {"notebook_path": "/a"}}}]}'


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop" / "config"
    folder.mkdir(parents=True)
    (folder / "dependency.json").write_text(WORKFLOW)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    return folder


@pytest.mark.parametrize(
    "command", [["status"], ["status", "ab"], ["report"], ["cancel", "ab"], ["compare", "a", "b"]]
)
def test_a_wrong_dagster_home_is_named_and_not_made(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    home = tmp_path / "no" / "such"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    result = CliRunner().invoke(dara, [*command, "--config", str(config)])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert f"DAGSTER_HOME is {home}, which holds no Dagster history" in result.output
    assert not home.parent.exists()


def test_where_nothing_has_run_there_are_no_runs(config: Path) -> None:
    for command, code in (("status", 0), ("report", 1)):
        result = CliRunner().invoke(dara, [command, "--config", str(config)])
        assert result.exit_code == code and "No runs yet" in result.output
    assert CliRunner().invoke(dara, ["status", "--json", "--config", str(config)]).output == "[]\n"
    assert not (config.parent / ".dagster").exists()


def test_reading_the_history_loads_no_databricks_sdk() -> None:
    modules = "dara_dagster.cli.render.charts, dara_dagster.history.pages.report, sys"
    code = f"import {modules}; sys.exit(any(name.startswith('databricks') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_credentials_no_run_is_made(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARA_WORKSPACE", "databricks")
    (config / "project.json").write_text('{"name": "shop"}')
    for command in (["run"], ["compare"]):
        result = CliRunner().invoke(dara, [*command, "--config", str(config)])
        assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
        assert "Set DATABRICKS_HOST and DATABRICKS_TOKEN" in result.output
    assert not (config.parent / ".dagster").exists()
