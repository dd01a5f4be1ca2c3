"""`dara deploy` and `dara render` as a user calls them; a deployed job really runs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from tests.cli.conftest import Project

LOAD = """# Databricks notebook source
dbutils.widgets.text("day", "0")
dbutils.jobs.taskValues.set("day", int(dbutils.widgets.get("day")))
"""
LEFT = """# Databricks notebook source
day = dbutils.jobs.taskValues.get("load", "day")
dbutils.notebook.exit(f"{day + 1} {dbutils.widgets.get('own')}")
"""


@pytest.fixture
def scheduled(connected: Project) -> Project:
    """The project with a schedule and a parameter."""
    tasks = [
        {"file_name": "load", "format": "py"},
        {"file_name": "left", "format": "py", "dependent_on": ["load"], "parameters": {"own": "mine"}},
    ]
    options = {"schedule": "0 6 * * *", "timezone": "Europe/Berlin", "parameters": {"day": "1"}}
    connected.write("config/dependency.json", {"name": "daily", "tasks": tasks, **options})
    return connected


def test_deploying_says_what_was_done_and_what_starts_the_job(scheduled: Project) -> None:
    first = scheduled.here("deploy").splitlines()
    job_id = first[0].rpartition(" ")[2]
    assert first[0] == f"daily: created  job {job_id}"
    assert first[1] == f"  {scheduled.own['DATABRICKS_HOST']}/jobs/{job_id}"
    assert first[2:] == [
        "  schedule 0 0 6 * * ? (Europe/Berlin), unpaused",
        "1 created; 2 files uploaded.",
        "Databricks now starts these jobs by itself: turn off in Dagster what would start the same "
        "work twice.",
    ]
    again = scheduled.here("deploy").splitlines()
    assert again[0] == f"daily: unchanged  job {job_id}" and again[-1] == "1 unchanged; 0 files uploaded."


def test_the_diff_shows_what_would_change_and_json_tells_it_to_programs(scheduled: Project) -> None:
    scheduled.here("deploy")
    text = (scheduled.root / "config/dependency.json").read_text()
    scheduled.write("config/dependency.json", text.replace('"0 6 * * *"', '"0 7 * * *"'))
    lines = scheduled.here("deploy", "--diff").splitlines()
    assert lines[0].startswith("daily: to update")
    assert "    ~ schedule.quartz_cron_expression: '0 0 6 * * ?' -> '0 0 7 * * ?'" in lines
    assert lines[-1] == "1 to update; 0 files to upload. Nothing was written."
    assert not any("edited" in line for line in lines)
    [job] = scheduled.json("deploy", "--dry-run", "--paused")["jobs"]
    assert job["action"] == "update" and not job["edited_on_databricks"]
    assert [change["path"] for change in job["changes"]] == [
        "schedule.quartz_cron_expression",
        "schedule.pause_status",
    ]


def test_a_deployed_job_runs_its_notebooks_in_order(scheduled: Project, client: WorkspaceClient) -> None:
    scheduled.write("config/notebooks/load.py", LOAD)
    scheduled.write("config/notebooks/left.py", LEFT)
    [job] = scheduled.json("deploy", "--paused")["jobs"]
    assert job["starts"].endswith("paused")
    run = client.jobs.run_now(job["job_id"], job_parameters={"day": "41"}).result(timedelta(seconds=60))
    assert run.state is not None and run.state.result_state == jobs.RunResultState.SUCCESS
    [left] = [task for task in run.tasks or [] if task.task_key == "left"]
    output = client.jobs.get_run_output(left.run_id or 0).notebook_output
    assert output is not None and output.result == "42 mine"


def test_what_cannot_be_a_job_is_left_out_and_refused_when_asked_for(scheduled: Project) -> None:
    scheduled.write("config/workflows/own.json", {"steps": [{"name": "mine", "uses": "steps:Mine"}]})
    reason = "step 'mine' is Python of your own (steps:Mine), which only Dagster runs"
    lines = scheduled.here("deploy").splitlines()
    assert lines[-3:-1] == [f"  ! {reason}", "1 created, 1 left out; 2 files uploaded."]
    for command in ("deploy", "render"):
        refused = scheduled.here(command, "own", code=1)
        assert f"config/workflows/own.json: {reason}." in refused and "dara run" in refused
    known = "There is no workflow 'nix'. This project has: daily, own."
    assert known in scheduled.here("deploy", "nix", code=1)


def test_pruning_asks_first(scheduled: Project, client: WorkspaceClient) -> None:
    scheduled.write("config/workflows/other.json", {"tasks": [{"file_name": "right", "format": "py"}]})
    scheduled.here("deploy")
    (scheduled.root / "config/workflows/other.json").unlink()
    asked = scheduled.here("deploy", "--prune", code=1)
    assert "'tiny: other': its workflow is no longer there" in asked and "Delete 1 saved job?" in asked
    assert "other: to delete" in scheduled.here("deploy", "--prune", "--dry-run")
    assert len(list(client.jobs.list())) == 2
    assert "other: deleted" in scheduled.here("deploy", "--prune", "--yes")
    [left] = client.jobs.list()
    assert left.settings is not None and left.settings.name == "tiny: daily"


def test_rendering_needs_no_workspace(project: Project) -> None:
    project.own |= {"DARA_WORKSPACE": "databricks", "DATABRICKS_HOST": "http://127.0.0.1:9"}
    project.write(
        "config/cluster_config.json", {"etl": {"spark_version": "16.4.x-scala2.12", "num_workers": 1}}
    )
    tasks = [
        {
            "file_name": "load",
            "format": "py",
            "compute_name": "etl",
            "max_retries": 1,
            "retry_delay_seconds": 3,
        }
    ]
    project.write("config/dependency.json", {"name": "daily", "tasks": tasks, "retry_on": {"X": "now"}})
    settings = json.loads(project.here("render", "daily"))
    assert settings["tasks"][0]["existing_cluster_id"] == "<id of cluster 'etl'>"
    assert jobs.JobSettings.from_dict(settings).name == "tiny: daily"


def test_lines_fit_into_80_columns(scheduled: Project) -> None:
    scheduled.own["COLUMNS"] = "80"
    scheduled.write(
        "config/workflows/own.json", {"steps": [{"name": "a" * 30, "uses": "package.steps:Mine"}]}
    )
    reported = [line for line in scheduled.here("deploy").splitlines() if line.startswith(("  !", "    "))]
    assert len(reported) == 2 and all(len(line) <= 80 for line in reported)
