"""A workflow as the settings of one saved job: pure, in words that the SDK knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs

from dara_dagster.config import plan_from
from dara_dagster.workspace.jobs.settings import JobPlan, job_plan

SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"
PIPELINE = [{"name": "own", "uses": "steps:Mine"}, {"uses": "wait_for_table", "settings": {"table": "a.b.c"}}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder `shop` with three notebooks, a script, a SQL file and some compute."""
    root = tmp_path / "shop"
    (root / "config" / "notebooks").mkdir(parents=True)
    (root / "config" / "workflows").mkdir()
    for name in ("load", "left", "right"):
        (root / f"config/notebooks/{name}.py").write_text(NOTEBOOK)
    (root / "config/notebooks/script.py").write_text("print(1)\n")
    (root / "config/notebooks/marts.sql").write_text("SELECT 1")
    write(root, "project", {"notebooks": "notebooks"})
    write(root, "cluster_config", {"etl": SPARK, "big one": {**SPARK, "autotermination_minutes": 20}})
    write(root, "warehouse_config", {"bi": {"cluster_size": "2X-Small"}})
    executors = {"run": {"format": "py", "compute_name": "etl"}}
    write(root, "parameters", {"executors": executors})
    return root


def write(root: Path, name: str, content: Any) -> None:
    (root / f"config/{name}.json").write_text(json.dumps(content))


def task(name: str, *upstream: str, **more: Any) -> dict[str, Any]:
    return {"file_name": name, "format": "py", "dependent_on": list(upstream), **more}


def planned(root: Path, tasks: list[dict[str, Any]], **options: Any) -> JobPlan:
    write(root, "dependency", {"name": "daily", "tasks": tasks, **options})
    plan = plan_from(root / "config", {})
    return job_plan(plan, next(workflow for workflow in plan.workflows if workflow.name == "daily"))


def settings_of(root: Path, tasks: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    """The settings; nothing is refused, and the SDK knows every word."""
    found = planned(root, tasks, **options)
    assert found.refused == ()
    settings = dict(found.settings)
    marked = json.loads(json.dumps(settings).replace("\"<id of job of workflow 'other'>\"", "7"))
    assert without_empty(jobs.JobSettings.from_dict(marked).as_dict()) == without_empty(marked)
    return settings


def without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: without_empty(item) for key, item in value.items() if item not in ({}, [], False)}


def by_key(settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["task_key"]: task for task in settings["tasks"]}


def test_one_job_with_its_tasks_order_and_rules(folder: Path) -> None:
    tasks = [
        task("load", compute_name="etl"),
        task("left", "load", run_if="ALL_DONE", description="cleans up"),
        {"file_name": "marts", "format": "sql", "dependent_on": ["left", "load"], "warehouse_name": "bi"},
    ]
    settings = settings_of(folder, tasks, description="Each day", tags={"team": "a"})
    assert settings["name"] == "shop: daily" and settings["description"] == "Each day"
    assert settings["tags"].keys() == {"team", "dara_project", "dara_workflow", "dara_version"}
    assert (settings["tags"]["dara_project"], settings["tags"]["dara_workflow"]) == ("shop", "daily")
    found = by_key(settings)
    assert found["load"]["existing_cluster_id"] == "<id of cluster 'etl'>"
    assert found["load"]["notebook_task"]["notebook_path"] == "/Workspace/Shared/dara/shop/load"
    assert found["left"]["run_if"] == "ALL_DONE" and found["left"]["description"] == "cleans up"
    assert found["left"]["depends_on"] == [{"task_key": "load"}]
    assert "existing_cluster_id" not in found["left"]
    assert found["marts"]["sql_task"]["warehouse_id"] == "<id of warehouse 'bi'>"
    assert [edge["task_key"] for edge in found["marts"]["depends_on"]] == ["left", "load"]
    assert not {"schedule", "trigger", "job_clusters", "environments"} & settings.keys()
    assert settings["max_concurrent_runs"] == 1000 and settings["queue"] == {"enabled": True}


def test_retries_and_limits(folder: Path) -> None:
    often = {"max_retries": 2, "retry_delay_seconds": 1.5, "timeout_seconds": 60}
    settings = settings_of(folder, [task("load", **often), task("left")])
    found = by_key(settings)
    assert found["load"]["max_retries"] == 2 and found["load"]["timeout_seconds"] == 60
    assert found["load"]["min_retry_interval_millis"] == 1500 and found["load"]["retry_on_timeout"] is True
    assert found["left"]["max_retries"] == 0 and "retry_on_timeout" not in found["left"]


def test_a_fresh_cluster_is_shared_by_the_tasks_of_a_run(folder: Path) -> None:
    fresh = {"compute_name": "big one", "cluster": "job"}
    settings = settings_of(folder, [task("load", **fresh), task("left", **fresh), task("right")])
    assert settings["job_clusters"] == [{"job_cluster_key": "big_one", "new_cluster": SPARK}]
    assert {key: one.get("job_cluster_key") for key, one in by_key(settings).items()} == {
        "load": "big_one",
        "left": "big_one",
        "right": None,
    }


def test_serverless_tasks_that_need_the_same_share_an_environment(folder: Path) -> None:
    pandas = {"libraries": [{"pypi": {"package": "pandas"}}]}
    tasks = [task("load", **pandas), task("left", **pandas), task("script"), task("right")]
    settings = settings_of(folder, tasks)
    keys = {key: one.get("environment_key") for key, one in by_key(settings).items()}
    assert keys == {"load": "default", "left": "default", "script": "default_2", "right": None}
    assert [one["spec"].get("dependencies") for one in settings["environments"]] == [["pandas"], None]


def test_parameters_of_the_workflow_are_those_of_the_job(folder: Path) -> None:
    tasks = [task("load", parameters={"day": "2"}), task("left", parameters={"own": "x"}), task("script")]
    found = planned(folder, tasks, parameters={"day": "1", "region": "north", "a.b": "c", "odd name": "d"})
    assert found.settings["parameters"] == [
        {"name": "region", "default": "north"},
        {"name": "a.b", "default": "c"},
    ]
    tasks_of = by_key(dict(found.settings))
    assert tasks_of["load"]["notebook_task"]["base_parameters"] == {
        "day": "2",
        "region": "{{job.parameters.region}}",
        "a.b": "{{job.parameters.`a.b`}}",
        "odd name": "d",
    }
    assert tasks_of["left"]["notebook_task"]["base_parameters"]["own"] == "x"
    assert "--region={{job.parameters.region}}" in tasks_of["script"]["spark_python_task"]["parameters"]
    assert sorted(line.split("'")[1] for line in found.notes) == ["day", "odd name"]


def test_schedule_and_overlap(folder: Path) -> None:
    settings = settings_of(
        folder, [task("load")], schedule="0 6 * * 1", timezone="Europe/Berlin", max_concurrent_runs=1
    )
    assert settings["schedule"] == {
        "quartz_cron_expression": "0 0 6 ? * MON",
        "timezone_id": "Europe/Berlin",
        "pause_status": "UNPAUSED",
    }
    assert settings["max_concurrent_runs"] == 1
    assert settings["queue"] == {"enabled": False}, "Dagster's schedule skips a run over the limit"


def test_a_sensor_on_a_volume_is_a_trigger(folder: Path) -> None:
    sensor = {"volume": "/Volumes/main/raw/inbox", "settle_seconds": 90, "interval_seconds": 120}
    settings = settings_of(folder, [task("load")], sensor=sensor)
    assert settings["trigger"] == {
        "file_arrival": {
            "url": "/Volumes/main/raw/inbox/",
            "wait_after_last_change_seconds": 90,
            "min_time_between_triggers_seconds": 120,
        },
        "pause_status": "UNPAUSED",
    }


def test_a_workflow_that_runs_others(folder: Path) -> None:
    write(folder, "workflows/other", {"tasks": [task("left")]})
    call = {"JOB_ID": "1", "TYPE": "workflow", "workflow_name": "other", "STEP_PROPERTIES": '{"a": 1}'}
    level = {"LEVEL_ID": "1", "THREADS": [{"THREAD_ID": "1", "STEPS": [call]}]}
    write(folder, "workflows/outer", {"definition": [level]})
    write(folder, "dependency", {"name": "daily", "tasks": [task("load")]})
    plan = plan_from(folder / "config", {})
    outer = job_plan(plan, next(one for one in plan.workflows if one.name == "outer"))
    assert outer.refused == ()
    [called] = outer.settings["tasks"]
    assert called["run_job_task"] == {
        "job_id": "<id of job of workflow 'other'>",
        "job_parameters": {"a": "1"},
    }


def level(number: int, *threads: list[dict[str, Any]]) -> dict[str, Any]:
    each = [{"THREAD_ID": str(index), "STEPS": steps} for index, steps in enumerate(threads)]
    return {"LEVEL_ID": str(number), "THREADS": each}


def step(job: str, name: str, **more: str) -> dict[str, Any]:
    return {"JOB_ID": job, "JOB_NAME": name, "TYPE": "sync", "FUNCTION_ID_NAME": "run", **more}


def levels(root: Path, *definition: dict[str, Any]) -> JobPlan:
    write(root, "dependency", {"name": "daily", "definition": list(definition)})
    plan = plan_from(root / "config", {})
    return job_plan(plan, plan.workflows[0])


def test_what_follows_a_tolerated_step_waits_for_its_end_and_for_what_it_needed(folder: Path) -> None:
    found = levels(
        folder,
        level(1, [step("1", "load")]),
        level(2, [step("2", "left", CONTINUE_IF_FAIL="true"), step("3", "right")]),
    )
    assert found.refused == ()
    tasks = by_key(dict(found.settings))
    assert tasks["right"]["depends_on"] == [
        {"task_key": "left_is_over", "outcome": "true"},
        {"task_key": "load"},
    ]
    end = tasks["left_is_over"]
    assert (end["run_if"], end["depends_on"]) == ("ALL_DONE", [{"task_key": "left"}])


def test_an_end_gets_a_key_of_its_own(folder: Path) -> None:
    (folder / "config/notebooks/left_is_over.py").write_text(NOTEBOOK)
    steps = [step("1", "left", CONTINUE_IF_FAIL="true"), step("2", "left_is_over")]
    found = levels(folder, level(1, steps))
    keys = [one["task_key"] for one in found.settings["tasks"]]
    assert keys == ["left", "left_is_over", "left_is_over_2"]


def test_what_a_saved_job_cannot_do_is_refused_line_by_line(folder: Path) -> None:
    both = {"schedule": "0 0 1 * 5", "sensor": {"volume": "/Volumes/main/raw/inbox"}}
    refused = planned(folder, [task("load")], **both).refused
    assert [line.split(";")[0] for line in refused] == [
        "it has a schedule and a sensor",
        "schedule '0 0 1 * 5' fires on days of the month and on days of the week alike",
    ]
    [line] = levels(folder, level(1, [step("1", "load"), step("2", "left", READ_INPUT_FROM="1")])).refused
    assert line.startswith("task 'left' reads the exit value of 'load' (READ_INPUT_FROM)")
    write(folder, "dependency", {"name": "daily", "steps": PIPELINE})
    plan = plan_from(folder / "config", {})
    assert job_plan(plan, plan.workflows[0]).refused == (
        "step 'own' is Python of your own (steps:Mine), which only Dagster runs",
        "step 'wait_for_table' uses wait_for_table, which only Dagster runs",
    )
    write(
        folder, "dependency", {"name": "daily", "steps": [{"uses": "run_job", "settings": {"job": "daily"}}]}
    )
    plan = plan_from(folder / "config", {})
    assert job_plan(plan, plan.workflows[0]).refused == (
        "step 'run_job' runs the workflow 'daily' of this project, which only Dagster does",
    )


def test_a_pipeline_of_runs_is_a_chain_of_tasks(folder: Path) -> None:
    run = {"uses": "run_task", "name": "first", "settings": {"file_name": "load", "format": "py"}}
    job = {"uses": "run_job", "name": "then", "settings": {"job": "nightly", "parameters": {"a": "b"}}}
    write(folder, "dependency", {"name": "daily", "steps": [run, job]})
    plan = plan_from(folder / "config", {})
    found = job_plan(plan, plan.workflows[0])
    assert found.refused == ()
    first, then = found.settings["tasks"]
    assert first["notebook_task"]["notebook_path"] == "/Workspace/Shared/dara/shop/load"
    assert then["depends_on"] == [{"task_key": "first"}]
    called = {"job_id": "<id of saved job 'nightly'>", "job_parameters": {"a": "b"}}
    assert then["run_job_task"] == called


def test_what_differs_from_dagster_is_reported(folder: Path) -> None:
    sensor = {"folder": "inbox"}
    found = planned(
        folder,
        [
            task("load", max_retries=1, retry_delay_seconds=5, on_skipped="succeed"),
            task("left", "load", run_if="ALL_DONE"),
        ],
        retry_on={"CLOUD_*": "never"},
        fail_fast=True,
        max_concurrent=2,
        sensor=sensor,
    )
    assert found.refused == ()
    assert [line.split(":")[0].split(" ")[0] for line in found.notes] == [
        "retry_on",
        "retry_delay_seconds",
        "fail_fast",
        "max_concurrent",
        "on_partial,",
        "run_if",
        "sensor",
    ]


def test_odd_names_make_safe_tags_that_differ(folder: Path) -> None:
    write(folder, "project", {"notebooks": "notebooks", "name": "läden & co"})
    one = planned(folder, [task("load")]).settings["tags"]["dara_project"]
    write(folder, "project", {"notebooks": "notebooks", "name": "låden & co"})
    other = planned(folder, [task("load")]).settings["tags"]["dara_project"]
    assert one != other and one.isascii() and one.startswith("l_den")


def test_the_version_follows_the_files_and_nothing_else(folder: Path) -> None:
    first = planned(folder, [task("load")], schedule="0 6 * * *").settings["tags"]["dara_version"]
    again = planned(folder, [task("load")], schedule="0 6 * * *").settings["tags"]["dara_version"]
    other = planned(folder, [task("load")], schedule="0 7 * * *").settings["tags"]["dara_version"]
    assert first == again != other
