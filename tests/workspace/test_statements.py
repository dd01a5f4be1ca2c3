"""Statements on a warehouse: run once whatever the weather, cancelled in time, and never left unseen."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.rate_limited import Stopped
from dara_dagster.workspace.sql import run_statement, table_exists
from dara_dagster.workspace.watch.monitor import Monitor, monitor_for
from tests.conftest import Emulator

PATH = "/api/2.0/sql/statements"
ENDLESS = "SELECT sum(a.id * b.id) FROM range(10000000) a CROSS JOIN range(10000000) b"


class Warehouse:
    """A warehouse of the test's workspace, and the faults of its statements."""

    def __init__(self, workspace: Workspace, emulator: Emulator, token: str) -> None:
        self.workspace, self.emulator, self.token = workspace, emulator, token
        self.monitor: Monitor = monitor_for(workspace)
        made = api(
            workspace, "POST", "/api/2.0/sql/warehouses", body={"name": "bi", "cluster_size": "2X-Small"}
        )
        self.id = str(made["id"])

    def run(self, statement: str, *, stop: threading.Event | None = None, **how: Any) -> list[Sequence[Any]]:
        stop = stop or threading.Event()
        return run_statement(self.workspace, self.monitor, self.id, statement, {}, stop=stop, **how)

    def fault(self, method: str, path: str, **fault: Any) -> None:
        fault = {"method": method, "path": path, "kind": "status", "status": 503, "count": 1, **fault}
        self.emulator.admin("POST", "faults", fault, token=self.token)

    def calls(self, route: str) -> int:
        found: dict[str, int] = self.emulator.admin("GET", "stats", token=self.token)["calls"]
        return sum(count for name, count in found.items() if name.startswith(route))


@pytest.fixture
def warehouse(workspace: Workspace, emulator: Emulator, workspace_token: str) -> Warehouse:
    return Warehouse(workspace, emulator, workspace_token)


@pytest.mark.parametrize("kind", ["status", "drop"])
def test_a_statement_that_may_have_run_is_not_sent_again(warehouse: Warehouse, kind: str) -> None:
    warehouse.run("CREATE TABLE main.default.n AS SELECT 1 AS n")
    warehouse.fault("POST", PATH, kind=kind, when="after")
    with pytest.raises(RunError, match="it is not known whether the statement was started"):
        warehouse.run("INSERT INTO main.default.n VALUES (2)")
    assert warehouse.calls(f"POST {PATH}") == 2
    warehouse.fault("POST", PATH, kind=kind, when="after")
    assert warehouse.run("-- how many\nSELECT max(n) - min(n) FROM main.default.n") == [["1"]]


def test_a_statement_that_was_turned_away_is_sent_again(warehouse: Warehouse) -> None:
    warehouse.fault("POST", PATH, status=429, retry_after=0)
    warehouse.run("CREATE TABLE main.default.n AS SELECT 1 AS n")
    assert table_exists(warehouse.workspace, "main.default.n")
    assert not table_exists(warehouse.workspace, "main.default.m")


def test_a_look_that_fails_does_not_fail_the_statement(warehouse: Warehouse) -> None:
    warehouse.fault("GET", f"{PATH}/*", count=3)
    assert warehouse.run("SELECT 7") == [["7"]]


def test_a_bad_statement_fails_with_the_reason(warehouse: Warehouse) -> None:
    with pytest.raises(RunError, match=r"the statement failed: .*nothing_here"):
        warehouse.run("SELECT * FROM nothing_here")
    with pytest.raises(RunError, match="the warehouse did not take the statement: "):
        warehouse.run("")


def test_a_statement_is_cancelled_at_its_timeout_unless_it_has_ended(warehouse: Warehouse) -> None:
    with pytest.raises(RunError, match=r"did not end within 0\.1 s \(timeout_seconds\) and was cancelled"):
        warehouse.run(ENDLESS, timeout_seconds=0.1)
    warehouse.fault("POST", f"{PATH}/*", kind="delay", delay_ms=4_000)  # so it ends before
    assert warehouse.run("SELECT 2", timeout_seconds=0.01) == [["2"]]


def test_a_stop_cancels_the_statement_and_tells_when_it_cannot(warehouse: Warehouse) -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped, match="was cancelled"):
        warehouse.run(ENDLESS, stop=stop)
    with pytest.raises(Stopped, match="before the statement was sent"):
        warehouse.run("SELECT 1", stop=stop)
    assert warehouse.calls(f"POST {PATH}") == 2  # the statement and its cancel
    warehouse.fault("POST", f"{PATH}/*", status=403)
    with pytest.raises(
        RunError, match=r"0\.1 s \(timeout_seconds\) and could not be cancelled: \S+ may still be running"
    ) as reported:
        warehouse.run(ENDLESS, timeout_seconds=0.1)
    statement = str(reported.value).partition("cancelled: ")[2].partition(" ")[0]
    warehouse.workspace.client.statement_execution.cancel_execution(statement)


def test_a_statement_that_cannot_be_watched_is_cancelled(warehouse: Warehouse) -> None:
    warehouse.fault("GET", f"{PATH}/*", status=403, count=1)
    with pytest.raises(RunError, match=r"cannot be watched: .* It was cancelled"):
        warehouse.run(ENDLESS)
