"""CONTINUE_IF_FAIL of a definition, in a deployed job that runs: the outcomes that Dagster gives."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import OperationFailed

from dara_dagster.config import plan_from
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import Deployment
from tests.support.waiting import PATIENCE
from tests.workspace.conftest import Admin

NAMES = ("load", "left", "right", "other", "last")


def level(number: int, *threads: list[dict[str, str]]) -> dict[str, Any]:
    each = [{"THREAD_ID": str(index), "STEPS": steps} for index, steps in enumerate(threads)]
    return {"LEVEL_ID": str(number), "THREADS": each}


def step(name: str, **more: str) -> dict[str, str]:
    return {"JOB_ID": name, "JOB_NAME": name, "TYPE": "sync", "FUNCTION_ID_NAME": "run", **more}


@pytest.fixture
def job_id(tmp_path: Path, workspace: Workspace) -> int:
    """`load`; then `left` (tolerated) and `right` in one thread, `other` (tolerated) in a second; `last`."""
    config = tmp_path / "shop" / "config"
    (config / "notebooks").mkdir(parents=True)
    for name in NAMES:
        (config / "notebooks" / f"{name}.py").write_text("# Databricks notebook source\n")
    tolerated = {"CONTINUE_IF_FAIL": "true"}
    threads = [step("left", **tolerated), step("right")], [step("other", **tolerated)]
    definition = [level(1, [step("load")]), level(2, *threads), level(3, [step("last")])]
    files = {
        "project": {"notebooks": "notebooks"},
        "parameters": {"executors": {"run": {"format": "py"}}},
        "dependency": {"name": "daily", "definition": definition},
    }
    for name, content in files.items():
        (config / f"{name}.json").write_text(json.dumps(content))
    deployment = Deployment(workspace, plan_from(config, {}))
    [done] = deployment.run(deployment.chosen(()))
    assert done.job_id is not None
    return done.job_id


@pytest.mark.parametrize(
    ("failing", "succeeded"),
    [
        ((), {"load", "left", "right", "other", "last"}),
        (("left",), {"load", "right", "other", "last"}),
        (("left", "other"), {"load", "right", "last"}),
        (("right",), {"load", "left", "other"}),
        (("load",), set()),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_what_runs_when_steps_fail(
    client: WorkspaceClient, admin: Admin, job_id: int, failing: tuple[str, ...], succeeded: set[str]
) -> None:
    for name in failing:
        admin.simulate(name, duration_ms=10, result="FAILED")
    run_id = client.jobs.run_now(job_id).run_id or 0
    for _ in range(8):
        admin.advance(10)
    try:
        run = client.jobs.wait_get_run_job_terminated_or_skipped(run_id, timeout=timedelta(seconds=PATIENCE))
    except OperationFailed:
        run = client.jobs.get_run(run_id)
    ends = {
        task.task_key: task.state.result_state.value
        for task in run.tasks or []
        if task.state and task.state.result_state
    }
    assert {name for name in NAMES if ends[name] == "SUCCESS"} == succeeded
    left_out = set(NAMES) - succeeded - set(failing)
    assert {ends[name] for name in left_out} <= {"UPSTREAM_FAILED"}
