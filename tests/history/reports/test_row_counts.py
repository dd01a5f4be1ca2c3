"""The rows that tasks wrote are read from the histories of their tables, on a warehouse that runs already."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config.plan import ComputePlan, Plan
from dara_dagster.history.comparison import Comparison, compare
from dara_dagster.history.materializations import Table
from dara_dagster.history.pages.report import comparison_page
from dara_dagster.history.report import RunReport
from dara_dagster.history.row_counts import count_rows, rows_of
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.table_history import Commit, find_warehouse, read_history
from tests.conftest import Emulator
from tests.history.reports.made_up import report, task
from tests.support.waiting import until

TABLE = "main.default.counted"


def reported(name: str, start: float, end: float, *tables: str, workspace: str = "databricks") -> RunReport:
    """A run of one task that wrote these tables between those times."""
    made = report(task("a", 0, 1, databricks_start=start, databricks_end=end), workspace=workspace)
    tasks = tuple(replace(each, tables=tuple(Table(table) for table in tables)) for each in made.tasks)
    return replace(made, run_id=name * 36, tasks=tasks)


def test_rows_are_those_of_the_commits_of_the_time() -> None:
    history = tuple(
        Commit(at, float(at), rows) for at, rows in ((4, 1), (3, 20), (2, 300), (1, None), (0, 5))
    )

    assert rows_of(history, 2, 3) == 320
    assert rows_of(history, 3.5, 3.9) == 0
    assert rows_of(history, 1, 3) is None  # one does not tell
    assert rows_of(history[:3], 2.5, 4) == 21
    assert rows_of(history[:3], 1.5, 4) is None  # there may have been more before
    assert rows_of((), 0, 9) is None


def compared(*rows: int | None) -> Comparison:
    first, second = (replace(reported(name, 0, 1, TABLE)) for name in "12")
    sides = [
        replace(run, tasks=tuple(replace(t, tables=(Table(TABLE, count),)) for t in run.tasks))
        for run, count in zip((first, second), rows, strict=True)
    ]
    return compare([sides[0]], [sides[1]], rows_unknown="no warehouse of the project is running")


def test_a_table_whose_rows_differ_is_named_and_one_not_known_is_no_difference() -> None:
    assert compared(1200, 1).differences == (f"a: {TABLE} 1,200 rows (run 11111111), 1 row (run 22222222)",)
    assert compared(7, 7).results.endswith("the same 1 table written (as many rows each).")
    unknown = compared(7, None)
    assert unknown.agree and unknown.results.endswith(
        "the same 1 table written (not all of their rows are known: no warehouse of the project is running)."
    )
    page = comparison_page(compared(1200, None), *[reported("1", 0, 1)] * 2)
    assert f"<th>{TABLE}</th>" in page and ">1,200<" in page and ">not known<" in page


@pytest.fixture
def plan(tmp_path: Path, emulator: Emulator, workspace_token: str, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("DATABRICKS_HOST", emulator.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace_token)
    warehouses = {"reports": ComputePlan("warehouse", "reports", {})}
    return Plan("p", tmp_path, tmp_path, "databricks", tmp_path, "/Shared/p", {}, warehouses, ())


def test_why_rows_are_not_known_is_reported(plan: Plan, emulator: Emulator, workspace_token: str) -> None:
    runs = [reported("1", 0, 1, TABLE)]
    client = emulator.client(workspace_token)

    def why(of: Plan = plan, side: list[RunReport] = runs) -> str:
        (same,), reason = count_rows(of, side)
        assert same == side
        return reason

    assert why(side=[reported("1", 0, 1)]) == ""
    assert why(side=[reported("1", 0, 1, TABLE, workspace="emulator")]).startswith("a run was not on")
    assert why(replace(plan, warehouses={})) == "the project has no warehouse to ask"
    assert why() == "no warehouse of the project is running"
    made = client.warehouses.create(name="reports", cluster_size="Small", auto_stop_mins=10).response
    client.warehouses.stop(str(made.id))
    until(lambda: str(client.warehouses.get(str(made.id)).state).endswith("STOPPED"))
    assert why() == "no warehouse of the project is running"
    calls = emulator.admin("GET", "stats", token=workspace_token)["calls"]
    assert "POST /api/2.0/sql/statements" not in calls
    fault = {"method": "GET", "path": "/api/2.0/sql/warehouses", "kind": "status", "status": 503, "count": 1}
    emulator.admin("POST", "faults", fault, token=workspace_token)
    assert why().startswith("the warehouses cannot be listed: ")
    assert why() == "no warehouse of the project is running"  # the fault has passed: it was asked once


@pytest.fixture
def sql(plan: Plan, emulator: Emulator, workspace_token: str) -> Callable[[str], Any]:
    client = emulator.client(workspace_token)
    made = client.warehouses.create(name="reports", cluster_size="Small").response

    def run(statement: str) -> None:
        answer = client.statement_execution.execute_statement(statement, str(made.id), wait_timeout="50s")
        assert answer.status and str(answer.status.state).endswith("SUCCEEDED"), answer.status

    return run


def test_the_history_of_real_tables_is_read(
    plan: Plan, sql: Callable[[str], Any], emulator: Emulator, workspace_token: str
) -> None:
    def during(*statements: str) -> tuple[float, float]:
        start = time.time()
        for statement in statements:
            sql(statement)
        return start, time.time()

    during(f"CREATE TABLE {TABLE} (id INT, n INT)")
    one = during(f"INSERT INTO {TABLE} VALUES (1, 1), (2, 2), (3, 3)")
    source = "(SELECT * FROM VALUES (3, 9), (4, 4) AS s(id, n)) s"
    merge = f"MERGE INTO {TABLE} t USING {source} ON t.id = s.id WHEN MATCHED THEN UPDATE SET *"
    two = during(f"{merge} WHEN NOT MATCHED THEN INSERT *", f"DELETE FROM {TABLE} WHERE id = 1")

    sides, why = count_rows(
        plan, [reported("1", *one, TABLE)], [reported("2", *two, TABLE, "main.default.gone")]
    )

    counts = [[table.rows for table in run.tasks[0].tables] for side in sides for run in side]
    assert counts == [[3], [3, None]] and "main.default.gone" in why
    (workspace, warehouse) = _opened(plan)
    assert [commit.rows for commit in read_history(workspace, warehouse, TABLE)][-2:] == [3, 0]


def _opened(plan: Plan) -> tuple[Workspace, str]:
    from dara_dagster.workspace.client import open_workspace

    workspace = open_workspace(plan.workspace, root=plan.root)
    warehouse = find_warehouse(workspace, tuple(plan.warehouses))
    assert warehouse is not None
    return workspace, warehouse
