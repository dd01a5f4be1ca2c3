"""Commands that read the config files and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dara_dagster.cli.project import open_instance
from tests.cli.conftest import Project


def test_validate_says_what_was_read(project: Project) -> None:
    assert project.dara("validate") == "config: 1 workflow, 3 tasks, OK\n"
    assert project.json("validate") == {"ok": True, "problems": [], "notes": []}


def test_validate_tells_once_what_has_no_meaning_here(project: Project) -> None:
    steps = [
        {"JOB_ID": job, "JOB_NAME": name, "FUNCTION_ID_NAME": "e", "FUNCTION_STATUS_NAME": "e"}
        for job, name in enumerate(("load", "left", "right"))
    ]
    project.write(
        "config/parameters.json", [{"ParameterKey": "executors", "ParameterValue": {"*": {"format": "py"}}}]
    )
    threads = [{"THREAD_ID": 1, "STEPS": steps}]
    project.write("config/workflows/levels.json", {"definition": [{"LEVEL_ID": 1, "THREADS": threads}]})
    lines = project.here("validate").splitlines()
    assert lines[0].endswith(": 2 workflows, 6 tasks, OK")
    text = " ".join(" ".join(lines[1:]).split())
    assert text.startswith("note: ") and text.count("note:") == 1
    assert "levels.json:13 and 2 other places: FUNCTION_STATUS_NAME has no meaning here" in text
    (note,) = project.json("validate")["notes"]
    assert (note["key"], note["line"], note["count"]) == ("FUNCTION_STATUS_NAME", 13, 3)


def test_validate_prints_every_problem_with_its_line(project: Project) -> None:
    project.write("config/cluster_config.json", '{"etl": {"spark_versoin": "16.4.x-scala2.12"}}')
    tasks = [
        {"file_name": "load", "format": "py", "dependent_on": ["load"]},
        {"file_name": "nowhere", "format": "py", "compute_name": "elt"},
    ]
    project.write("config/dependency.json", {"name": "daily", "tasks": tasks})

    text = project.dara("validate", code=1)

    lines = text.splitlines()
    assert lines[-1] == f"{len(lines) - 1} problems in config"
    assert any(
        line.startswith("config/cluster_config.json:1: ") and "spark_version" in line for line in lines
    )
    assert any(line.startswith("config/dependency.json:") and "nowhere" in line for line in lines)
    found = project.json("validate", code=1)
    assert found["ok"] is False and len(found["problems"]) == len(lines) - 1
    assert {"file", "line", "key", "message", "hint"} == set(found["problems"][0])


def test_the_other_commands_refuse_wrong_files_with_the_same_words(project: Project) -> None:
    project.write("config/dependency.json", "[{]")

    assert project.dara("plan", code=1) == "".join(
        line
        for line in project.dara("validate", code=1).splitlines(keepends=True)
        if "dependency.json" in line
    )


def test_plan_shows_order_compute_and_files(project: Project) -> None:
    text = project.dara("plan")

    assert text.index("1. load") < text.index("2. left  after load")
    assert "notebook load.py on serverless" in text
    plan = project.json("plan")
    assert plan["workspace"] == "emulator"
    tasks = plan["workflows"][0]["tasks"]
    assert [task["name"] for task in tasks] == ["load", "left", "right"]
    assert tasks[1]["upstream"] == ["load"] and tasks[0]["remote_file"] == "/Workspace/Shared/dara/tiny/load"


def test_the_config_folder_is_found_from_below_and_can_be_named(project: Project, tmp_path: Path) -> None:
    below = tmp_path / "config" / "notebooks"
    elsewhere = Project(below)

    assert "3 tasks" in elsewhere.dara("validate")
    assert "3 tasks" in elsewhere.dara("validate", "--config", "..")
    assert "there is no such folder" in elsewhere.dara("validate", "--config", "nope", code=1)


def test_no_config_folder_is_reported_in_a_sentence(tmp_path: Path) -> None:
    assert "No config/ folder" in Project(tmp_path).dara("plan", code=1)


@pytest.mark.parametrize("arguments", [["--help"], ["validate"], ["run", "--help"], ["render", "daily"]])
def test_quick_commands_load_neither_dagster_nor_the_sdk_nor_rich(
    project: Project, arguments: list[str]
) -> None:
    code = (
        "import sys\n"
        "from dara_dagster.cli.app import dara\n"
        f"dara({arguments!r}, standalone_mode=False)\n"
        "print([name for name in ('dagster', 'databricks.sdk', 'rich', 'pandas') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True)

    assert answer.stdout.splitlines()[-1] == "[]", answer.stderr


def test_schema_prints_one_schema_a_file(project: Project, tmp_path: Path) -> None:
    schemas = json.loads(project.dara("schema"))

    assert "dependency.json" in schemas and schemas["dependency.json"]["$schema"].startswith("https://")
    project.dara("schema", "--out", "schemas")
    assert (tmp_path / "schemas" / "dependency.schema.json").is_file()


def test_a_folder_that_cannot_hold_the_schemas_is_reported_in_a_sentence(project: Project) -> None:
    project.write("a_file", "")

    text = project.dara("schema", "--out", "a_file/x", code=1)

    assert text.startswith("a_file/x cannot be written to: Not a directory.")


def test_plan_and_validate_tell_of_steps_sensors_and_rules(project: Project) -> None:
    steps = [{"name": "wait", "uses": "wait_for_table", "settings": {"table": "main.a.b"}}]
    sensor = {"volume": "/Volumes/main/default/inbox", "pattern": "*.csv"}
    project.write("config/workflows/chain.json", {"name": "chain", "steps": steps, "sensor": sensor})
    rule = [
        {"file_name": "load", "format": "py"},
        {"file_name": "left", "format": "py", "dependent_on": ["load"], "run_if": "ALL_DONE"},
    ]
    step = {"JOB_ID": 1, "TYPE": "workflow", "workflow_name": "rules"}
    nested = {"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": [step]}]}
    project.write("config/workflows/rules.json", {"name": "rules", "tasks": rule})
    project.write("config/workflows/outer.json", {"name": "outer", "definition": [nested]})

    text = project.here("plan")

    assert "chain (1 step, started by files in /Volumes/main/default/inbox)" in text
    assert "2. left  after load (ALL_DONE)" in text
    assert "       workflow rules\n" in text
    assert project.here("validate").endswith("4 workflows, 6 tasks, 1 step, OK\n")
    plans = {workflow["name"]: workflow for workflow in project.json("plan")["workflows"]}
    assert plans["chain"]["sensor"] == "/Volumes/main/default/inbox"
    assert plans["rules"]["tasks"][1]["run_if"] == "ALL_DONE"


def test_doctor_opens_the_history(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(project.root / ".dagster"))
    with open_instance(project.root / "config"):
        pass  # makes the home
    project.write(
        "config/project.json", {"name": "tiny"}
    )  # its notebooks are not there: no workspace is opened
    assert f"ok   Task store: SQLite {project.root}/.dagster, as " in project.here("doctor", code=1)
    project.write(".dagster/dagster.yaml", "a: [b")

    text = project.here("doctor", code=1)

    assert "FAIL Task store: Dagster cannot open its history" in text and "Put that file right" in text


def test_an_unexpected_error_asks_for_a_report_and_debug_shows_the_place(project: Project) -> None:
    broken = "import dara_dagster.cli.project as p, dara_dagster.config as s\n"
    code = broken + "s.plan_from = lambda d: 1 / 0\nfrom dara_dagster.cli import main\nmain()"

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, cwd=project.root, capture_output=True, text=True)

    plain, debug = call("plan"), call("--debug", "plan")
    assert plain.returncode == 1 and "Traceback" not in plain.stderr
    assert "ZeroDivisionError: division by zero" in plain.stderr and "report it" in plain.stderr
    assert debug.returncode == 1 and "Traceback" in debug.stderr
