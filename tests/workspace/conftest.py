"""The library's own client on a fresh workspace of the emulator, reached as any Databricks host is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from dara_dagster.config.models import Entry
from dara_dagster.config.plan import TaskPlan
from dara_dagster.config.settings import Settings
from dara_dagster.tasks.registry import kind_of
from dara_dagster.tasks.run_names import run_name
from dara_dagster.workspace.client import Workspace, open_workspace
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.watch.monitor import Monitor, monitor_for
from tests.conftest import Emulator
from tests.workspace.shop import Shop

QUICK = Settings(calls_per_second=400.0, lost_after_seconds=60.0)


@pytest.fixture
def workspace(emulator: Emulator, workspace_token: str, tmp_path: Path) -> Workspace:
    environ = {"DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": workspace_token}
    return open_workspace("databricks", root=tmp_path, environ=environ, settings=QUICK)


class Admin:
    """The emulator's switches for this test's workspace."""

    def __init__(self, emulator: Emulator, token: str) -> None:
        self._emulator, self._token = emulator, token

    def simulate(self, task_key: str = "*", **rule: Any) -> None:
        self._emulator.admin("POST", "simulate", {"task_key": task_key, **rule}, token=self._token)

    def fault(self, method: str, path: str, **fault: Any) -> None:
        body = {"method": method, "path": path, **fault}
        self._emulator.admin("POST", "faults", body, token=self._token)

    def advance(self, seconds: float) -> None:
        body = {"advance_ms": round(1000 * seconds)}
        self._emulator.admin("POST", "clock", body, token=self._token)

    def heal(self) -> None:
        self._emulator.admin("DELETE", "faults", token=self._token)

    def stats(self) -> Any:
        return self._emulator.admin("GET", "stats", token=self._token)


@pytest.fixture
def admin(emulator: Emulator, workspace_token: str) -> Admin:
    admin = Admin(emulator, workspace_token)
    admin.simulate(duration_ms=100)
    return admin


@pytest.fixture
def monitor(workspace: Workspace) -> Monitor:
    return monitor_for(workspace)


def request_of(token: str, *, task: str = "t", **more: Any) -> dict[str, Any]:
    plan = TaskPlan(task, task, "notebook", Entry(**more))
    return kind_of(plan).request(
        plan,
        run_name=run_name("tests", "flow", task, "run", "here"),
        token=jobs_api.attempt_token("run", token, 0),
        parameters={},
        remote_file="/Workspace/Shared/tests/nb",
        needed_id=None,
    )


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, client: WorkspaceClient) -> Shop:
    return Shop(tmp_path / "shop", workspace, client)


@pytest.fixture
def writes(admin: Admin) -> Callable[[], dict[str, int]]:
    """The calls so far that write something."""

    def count() -> dict[str, int]:
        calls = admin.stats()["calls"]
        return {
            route: number for route, number in calls.items() if route.startswith(("POST /api", "PUT /api"))
        }

    return count
