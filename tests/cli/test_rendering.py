"""`dara render` of one definition outside of a project: printed, written, and compared in CI."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from databricks.sdk.service import jobs

from dara_dagster.cli.app import dara

ORIGINALS = Path(__file__).parents[1] / "config" / "aef"
PARAMETERS = "platform-parameters-dev.json"
DEFINITIONS = sorted(path.name for path in ORIGINALS.glob("*.json") if path.name != PARAMETERS)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the original files and nothing else; it is the current one."""
    for name in (*DEFINITIONS, PARAMETERS):
        shutil.copy(ORIGINALS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("DARA_WORKSPACE", "DARA_ENV"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def render(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(dara, ["render", *arguments], prog_name="dara")
    assert result.exit_code == code, f"exit {result.exit_code} {result.exception!r}\n{result.output}"
    return result.stdout if code == 0 else result.output


def test_every_original_file_is_rendered_and_checked(folder: Path) -> None:
    assert len(DEFINITIONS) == 6
    for name in DEFINITIONS:
        out = f"out/deep/{name}"
        arguments = (name, "--parameters", PARAMETERS, "--output", out)
        assert render(*arguments) == f"{out} written\n"
        settings = json.loads((folder / out).read_text())
        stem = name.removesuffix(".json")
        assert jobs.JobSettings.from_dict(settings).name == stem
        for task in settings["tasks"]:
            path = task["notebook_task"]["notebook_path"]
            assert path.startswith(f"/Workspace/Shared/dara/{stem}/")
        assert render(*arguments, "--check") == f"{out} is up to date\n"
    assert settings["tasks"][0]["timeout_seconds"] == 720
    assert not (folder / "config").exists()


def test_the_check_fails_when_the_output_is_out_of_date(folder: Path) -> None:
    arguments = ("etl_example_0.json", "--parameters", PARAMETERS, "--output", "job.json")
    assert "job.json does not exist. Run" in render(*arguments, "--check", code=1)
    assert not (folder / "job.json").exists()
    render(*arguments)
    settings = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps(settings, sort_keys=True))  # laid out in another way
    render(*arguments, "--check")
    (folder / "job.json").write_text(json.dumps({**settings, "max_concurrent_runs": 7}))
    text = render(*arguments, "--check", code=1)
    assert "job.json is out of date" in text and '-  "max_concurrent_runs": 7' in text
    (folder / "job.json").write_text("{")
    assert "job.json is not valid JSON" in render(*arguments, "--check", code=1)


def test_parameters_lie_over_each_other_and_compute_stands_beside_them(folder: Path) -> None:
    """The parameters file as Terraform writes it, and a second one with the executors."""
    pairs: list[dict[str, Any]] = json.loads((folder / PARAMETERS).read_text())
    (folder / PARAMETERS).write_text(json.dumps(pairs[:-1]))
    (folder / "cfg").mkdir()
    executors = {
        "*": {
            "task": {"notebook_task": {"notebook_path": "/${pRegion}/${step.job_name}"}},
            "compute_name": "c",
        },
        "dataform-tag-executor": {"task": {"run_job_task": {"job_id": 42}}},
    }
    (folder / "cfg/executors.json").write_text(json.dumps({"executors": executors}))
    (folder / "cfg/cluster_config.json").write_text(
        json.dumps({"c": {"spark_version": "16", "num_workers": 1}})
    )
    files = ("--parameters", PARAMETERS, "--parameters", "cfg/executors.json")

    settings = json.loads(render(DEFINITIONS[0], *files, "--config", "cfg"))

    first, _, last = settings["tasks"]
    assert (
        first["notebook_task"]["notebook_path"] == "/us-central1/sample_serverless_spark_mainframe_ingestion"
    )
    assert first["existing_cluster_id"] == "<id of cluster 'c'>"
    assert last["run_job_task"] == {"job_id": 42}
    assert len(last["depends_on"]) == 2


def test_what_is_wrong_is_reported_in_a_line(folder: Path) -> None:
    pairs = json.loads((folder / PARAMETERS).read_text())
    (folder / PARAMETERS).write_text(json.dumps(pairs[:-1]))
    text = render("etl_example_0.json", "--parameters", PARAMETERS, code=1)
    assert text.count("\n") == 2
    assert text.startswith("etl_example_0.json:14: definition[0].THREADS[0].STEPS[0].FUNCTION_ID_NAME: ")
    assert f"there is no executor 'orch-framework-dataflow-executor' in {PARAMETERS}. Declare it" in text
    assert '{"ParameterKey": "executors", "ParameterValue": {"*": {"format": "py"}}}' in text
    assert render("nowhere.json", code=1) == "nowhere.json: there is no such file.\n"
    assert "none.json: there is no such file. Name" in render(
        "etl_example_0.json", "--parameters", "none.json", code=1
    )
    (folder / "file").write_text("")
    (folder / PARAMETERS).write_text(json.dumps(pairs))
    wrong = render("etl_example_0.json", "--parameters", PARAMETERS, "--output", "file/job.json", code=1)
    assert wrong.startswith("file/job.json cannot be written: ") and wrong.count("\n") == 1
    for arguments in (("daily", "--parameters", PARAMETERS), ("etl_example_0.json", "--check")):
        assert "Error: --" in render(*arguments, code=2)


def test_project_json_beside_the_parameters_says_where_the_notebooks_are(folder: Path) -> None:
    (folder / "project.json").write_text(json.dumps({"name": "shop", "notebooks": "books"}))
    arguments = ("etl_example_0.json", "--parameters", PARAMETERS)
    assert "the notebooks folder " in render(*arguments, code=1)
    (folder / "books").mkdir()
    assert "there is no etl_1_load_step.py in " in render(*arguments, code=1)
    (folder / "books/etl_1_load_step.py").write_text("print(1)")
    (folder / "books/etl_2_trnf_step2.py").write_text("# Databricks notebook source\n")
    settings = json.loads(render(*arguments))
    assert settings["name"] == "shop: etl_example_0"
    assert {"spark_python_task", "notebook_task"} <= {key for task in settings["tasks"] for key in task}
