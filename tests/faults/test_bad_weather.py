"""A service that is often at fault, in all its calls: nothing fails and nothing is made twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dara_dagster.config import plan_from
from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import DaraError
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace, open_workspace
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.jobs.store import same_name_jobs
from dara_dagster.workspace.resources.compute import ensure_compute
from dara_dagster.workspace.resources.files import FileSync
from dara_dagster.workspace.runs.jobs_api import list_active
from tests.faults.conftest import Trial

# As measured on a busy workspace: refusals, outages, and answers lost after the effect, which arrive as text.
WEATHER: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "probability": 0.10, "retry_after": "0"},
    {"kind": "status", "status": 503, "probability": 0.05, "retry_after": "0"},
    {"kind": "text", "status": 500, "probability": 0.03, "when": "after", "message": "upstream error"},
)
CLUSTERS, WAREHOUSES, WORKSPACE = "/api/2.1/clusters", "/api/2.0/sql/warehouses", "/api/2.0/workspace"
SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}


def files(trial: Trial, count: int) -> list[str]:
    names = [f"task_{number:02}" for number in range(count)]
    folder = trial.root / "config" / "notebooks"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.py").write_text("# Databricks notebook source\nprint(1)\n")
    return names


@pytest.fixture
def workspace(trial: Trial) -> Workspace:
    return open_workspace("databricks", root=trial.root, environ=trial.environ)


def test_60_tasks_in_bad_weather_are_all_run_once(trial: Trial) -> None:
    names = files(trial, 60)
    trial.write("cluster_config.json", {"etl": SPARK})
    tasks = [{"file_name": name, "format": "py", "compute_name": "etl"} for name in names]
    trial.workflow(*tasks)
    for seed, fault in enumerate(WEATHER):
        trial.fault("/api/*", seed=seed, **fault)

    result = trial.run()

    assert result.success
    trial.clear_faults()
    runs = trial.runs()
    assert sorted(runs) == names and {len(made) for made in runs.values()} == {1}
    assert trial.calls(f"{WORKSPACE}/import") < 90, "files that have arrived are not sent again"
    assert trial.calls(f"{WORKSPACE}/delete") == 0
    listed = trial.emulator.call("GET", f"{CLUSTERS}/list", token=trial.token)[1]["clusters"]
    assert [cluster["cluster_name"] for cluster in listed] == ["etl"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "text", "status": 500, "message": "oops", "when": "after"},
        {"kind": "status", "status": 504},
        {"kind": "drop", "when": "after"},
        {"kind": "text", "status": 200, "message": "[1, 2]"},
        {"kind": "text", "status": 200, "message": "<html>", "when": "after"},
    ],
    ids=lambda fault: " ".join(map(str, fault.values())),
)
def test_one_fault_in_each_kind_of_call_fails_no_task(trial: Trial, fault: dict[str, Any]) -> None:
    [name] = files(trial, 1)
    trial.write("cluster_config.json", {"etl": SPARK})
    trial.workflow({"file_name": name, "format": "py", "compute_name": "etl"})
    paths = ("/api/2.0/preview/scim/v2/Me", f"{WORKSPACE}/list", f"{WORKSPACE}/mkdirs", f"{WORKSPACE}/import")
    paths += (f"{CLUSTERS}/list", f"{CLUSTERS}/create", "*/jobs/runs/submit", "*/jobs/runs/get")
    for path in paths:
        trial.fault(path, **fault, count=1)

    result = trial.run()

    assert result.success
    assert trial.stats()["runs_created"] == 1 and len(trial.runs()[name]) == 1
    listed = trial.emulator.call("GET", f"{CLUSTERS}/list", token=trial.token)[1]["clusters"]
    assert len(listed) == 1


def test_what_is_created_is_not_created_again_after_a_lost_answer(trial: Trial, workspace: Workspace) -> None:
    for path in (f"{CLUSTERS}/create", WAREHOUSES):
        trial.fault(path, kind="text", status=500, message="lost", when="after", count=1, method="POST")
    computes = (
        ComputePlan("cluster", "c", SPARK),
        ComputePlan("warehouse", "w", {"cluster_size": "2X-Small"}),
    )

    ids = [ensure_compute(workspace, compute, lock_dir=trial.root) for compute in computes]

    clusters = api(workspace, "GET", f"{CLUSTERS}/list")["clusters"]
    warehouses = api(workspace, "GET", WAREHOUSES)["warehouses"]
    assert [[one["cluster_id"] for one in clusters], [one["id"] for one in warehouses]] == [[i] for i in ids]


def test_filters_that_the_service_ignores_are_applied_here(trial: Trial, workspace: Workspace) -> None:
    trial.workflow({"name": "a"})
    assert trial.run().success
    listed = trial.emulator.call("GET", "/api/2.2/jobs/runs/list", token=trial.token)[1]["runs"]
    assert [run["state"]["life_cycle_state"] for run in listed] == ["TERMINATED"]
    jobs = {
        "jobs": [{"job_id": 1, "settings": {"name": "other"}}, {"job_id": 2, "settings": {"name": "mine"}}]
    }
    for path, answer in (("*/jobs/runs/list", {"runs": listed}), ("*/jobs/list", jobs)):
        trial.fault(path, "text", status=200, message=json.dumps(answer))

    assert list(list_active(workspace)) == []
    assert find_saved_job(workspace, "mine") == 2
    assert same_name_jobs(
        workspace, {"name": "mine", "tags": {"dara_project": "p", "dara_workflow": "w"}}
    ) == [2]


def test_a_list_without_an_end_is_an_error(trial: Trial, workspace: Workspace) -> None:
    answer = json.dumps({"jobs": [], "next_page_token": "again"})
    trial.fault("*/jobs/list", "text", status=200, message=answer)
    with pytest.raises(DaraError, match=r"GET /api/2\.2/jobs/list gives the same page twice"):
        find_saved_job(workspace, "mine")


def test_a_refusal_fails_the_task_at_once_and_names_the_call(trial: Trial) -> None:
    names = files(trial, 3)
    trial.write("cluster_config.json", {"etl": SPARK})
    trial.workflow(*({"file_name": name, "format": "py", "compute_name": "etl"} for name in names))
    trial.fault(f"{CLUSTERS}/create", "status", status=400, message="no such node type")

    result = trial.run()

    assert not result.success and trial.calls(f"{CLUSTERS}/create") == 1, "what lasts is remembered"
    failure = result.failure_data_for_node(names[0])
    assert failure is not None and failure.error is not None
    words = "no such node type (POST /api/2.1/clusters/create, 400)"
    assert words in failure.error.message or words in str(failure.user_failure_data)


def test_an_outage_of_the_uploads_costs_no_file_that_has_arrived(trial: Trial) -> None:
    names = files(trial, 12)
    trial.workflow(*({"file_name": name, "format": "py"} for name in names))
    plan = plan_from(trial.config)
    workspace = open_workspace("databricks", root=trial.root, environ=trial.environ, settings=plan.poll)
    trial.fault(f"{WORKSPACE}/import", "status", status=503, retry_after="0", skip=5, count=9)

    FileSync(workspace, plan).sync(plan.workflows[0].tasks)

    assert trial.calls(f"{WORKSPACE}/import") == len(names) + 1 + 9
