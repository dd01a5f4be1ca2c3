"""Answers that are JSON, but not what the API documents, end in one error that names the call."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config.kinds import ComputeKind
from dara_dagster.config.models import Entry
from dara_dagster.config.plan import ComputePlan, Plan, TaskPlan
from dara_dagster.config.settings import Settings
from dara_dagster.errors import DaraError
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.compute_states import change_state, read_state
from dara_dagster.workspace.resources.table_history import find_warehouse, read_history
from dara_dagster.workspace.resources.vector_search import IndexSync, NewIndex
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.child_runs import NotebookRunFinder
from dara_dagster.workspace.watch.monitor import monitor_for
from tests.support.waiting import until
from tests.workspace.conftest import Admin, request_of

IMPATIENT = Settings(calls_per_second=400.0, lost_after_seconds=1.0)
SHAPE = "an answer of another shape than the API documents"


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    return replace(workspace, settings=IMPATIENT, limiters={}, monitors={})


def answer(admin: Admin, method: str, path: str, body: Any) -> None:
    """Let the emulator give that body, with status 200, to each such call from now on."""
    admin.fault(method, path, kind="text", status=200, message=json.dumps(body))


def reported(error: BaseException, call: str) -> bool:
    """Whether it is one line with what is wrong, and the call with its status."""
    return SHAPE in str(error) and f"({call}, 200)" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("body", [[], "text", {}, {"state": 5}, {"state": "RUNNING", "health": ["x"]}])
def test_the_state_of_a_warehouse(workspace: Workspace, admin: Admin, tmp_path: Path, body: Any) -> None:
    kind: ComputeKind = "warehouse"
    plan = ComputePlan(kind, "bi", {"cluster_size": "2X-Small"})
    started = change_state(workspace, plan, "start", lock_dir=tmp_path, patience=60, tell=lambda state: None)
    path = f"/api/2.0/sql/warehouses/{started.compute_id}"
    answer(admin, "GET", path, body)
    with pytest.raises(DaraError) as caught:
        read_state(workspace, plan)
    assert reported(caught.value, f"GET {path}")
    with pytest.raises(DaraError) as caught:
        change_state(workspace, plan, "stop", lock_dir=tmp_path, patience=60, tell=lambda state: None)
    assert reported(caught.value, f"GET {path}")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"runs": "many"},
        {"runs": [5]},
        {"runs": [{"run_type": "WORKFLOW_RUN"}]},
        {"runs": [{"run_type": "WORKFLOW_RUN", "run_id": 5, "tasks": "x"}]},
        {"runs": [{"run_type": "WORKFLOW_RUN", "run_id": 5, "tasks": [{"notebook_task": "x"}]}]},
        {"runs": [{"run_type": "WORKFLOW_RUN", "run_id": 5, "parent_run_id": {}}]},
    ],
)
def test_the_list_of_notebook_runs(workspace: Workspace, admin: Admin, tmp_path: Path, body: Any) -> None:
    run_id = jobs_api.submit(workspace, request_of("1"))
    ended = until(lambda: (snapshot := jobs_api.get_snapshot(workspace, run_id)).outcome and snapshot)
    file = tmp_path / "outer.py"
    file.write_text("# Databricks notebook source\ndbutils.notebook.run('./inner', 60)\n")
    plan = Plan("p", tmp_path, tmp_path, "databricks", tmp_path, "/Shared/p", {}, {}, ())
    answer(admin, "GET", "/api/2.2/jobs/runs/list", body)
    finder = NotebookRunFinder(workspace, plan)
    with pytest.raises(DaraError) as caught:
        task = TaskPlan("outer", "outer", "notebook", Entry(), file=file)
        finder.started_by(task, ended, workspace.limiter.call)
    assert reported(caught.value, "GET /api/2.2/jobs/runs/list")


def _history(*row: Any) -> dict[str, Any]:
    columns = [{"name": name} for name in ("version", "timestamp", "operation", "operationMetrics")]
    return {
        "status": {"state": "SUCCEEDED"},
        "manifest": {"schema": {"columns": columns}},
        "result": {"data_array": [row]},
    }


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"status": "SUCCEEDED"},
        {"status": {"state": "FAILED", "error": "broken"}},
        {"status": {"state": "SUCCEEDED"}, "manifest": []},
        _history("1", "2026-01-01"),
        _history("one", "2026-01-01T00:00:00Z", "WRITE", "{}"),
        _history("1", "yesterday", "WRITE", "{}"),
        _history("1", "2026-01-01T00:00:00Z", "WRITE", '["numOutputRows"]'),
    ],
)
def test_the_history_of_a_table(workspace: Workspace, admin: Admin, body: Any) -> None:
    answer(admin, "POST", "/api/2.0/sql/statements", body)
    with pytest.raises(DaraError, match=r"the history of c.s.t cannot be read: ") as caught:
        read_history(workspace, "w", "c.s.t")
    assert reported(caught.value, "POST /api/2.0/sql/statements")


@pytest.mark.parametrize(
    "body",
    [[], {"warehouses": "bi"}, {"warehouses": ["bi"]}, {"warehouses": [{"name": "bi", "state": "RUNNING"}]}],
)
def test_the_list_of_warehouses(workspace: Workspace, admin: Admin, body: Any) -> None:
    answer(admin, "GET", "/api/2.0/sql/warehouses", body)
    with pytest.raises(DaraError, match="the warehouses cannot be listed: ") as caught:
        find_warehouse(workspace, ("bi",))
    assert reported(caught.value, "GET /api/2.0/sql/warehouses")


def _sync(workspace: Workspace) -> IndexSync:
    return IndexSync(
        workspace,
        monitor_for(workspace),
        "c.s.i",
        stop=threading.Event(),
        timeout_seconds=60,
        poll_seconds=0.1,
        progress=lambda text: None,
    )


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"status": "READY"},
        {"status": {"indexed_row_count": "many", "ready": True}},
        {"status": {"triggered_update_status": [1], "ready": True}},
        {"status": {"ready": True}, "delta_sync_index_spec": "main.s.t"},
    ],
)
def test_an_index(workspace: Workspace, admin: Admin, body: Any) -> None:
    answer(admin, "GET", "/api/2.0/vector-search/indexes/c.s.i", body)
    with pytest.raises(DaraError) as caught:
        _sync(workspace).run(None)
    assert reported(caught.value, "GET /api/2.0/vector-search/indexes/c.s.i")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/2.0/vector-search/endpoints/e", []),
        ("GET", "/api/2.0/vector-search/endpoints/e", {"endpoint_status": "ONLINE"}),
        ("POST", "/api/2.0/vector-search/endpoints", []),
    ],
)
def test_an_endpoint(workspace: Workspace, admin: Admin, method: str, path: str, body: Any) -> None:
    answer(admin, method, path, body)
    with pytest.raises(DaraError) as caught:
        _sync(workspace).run(NewIndex("e", "c.s.t", "id", "v", 2))
    assert reported(caught.value, f"{method} {path}")
