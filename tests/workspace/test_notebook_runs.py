"""The notebooks that a task started are found in the workspace, apart from those of other tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config.models import Entry
from dara_dagster.config.plan import Plan, TaskPlan
from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.runs import child_runs as notebook_runs
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.child_run import NotebookRun, NotebookRuns
from dara_dagster.workspace.runs.child_runs import NotebookRunFinder
from dara_dagster.workspace.runs.jobs_api import RunSnapshot
from tests.conftest import Emulator
from tests.support.waiting import until
from tests.workspace.conftest import Admin, request_of

CALLS = "# Databricks notebook source\ndbutils.notebook.run('./inner', 60)\n"
PLAIN = "# Databricks notebook source\nprint(1)\n"


def call(fn: Callable[[], Any]) -> Any:
    return fn()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return Plan("p", tmp_path, tmp_path, "databricks", folder, "/Shared/p", {}, {}, ())


def notebook(plan: Plan, name: str = "outer", text: str = CALLS) -> TaskPlan:
    path = plan.notebooks / f"{name}.py"
    path.write_text(text)
    return TaskPlan(name, name, "notebook", Entry(), file=path)


class Started:
    """Active runs, and the notebooks they start."""

    def __init__(self, workspace: Workspace, emulator: Emulator, token: str) -> None:
        self._workspace, self._emulator, self._token = workspace, emulator, token

    def run(self, number: int) -> tuple[int, int]:
        """An active run: its id, and that of its task."""
        run_id = jobs_api.submit(self._workspace, request_of(str(number)))
        until(lambda: jobs_api.get_snapshot(self._workspace, run_id).life_cycle == "RUNNING")
        return run_id, jobs_api.get_snapshot(self._workspace, run_id).task_run_id or 0

    def notebook(self, parent: int, path: str) -> int:
        """A notebook that the task run `parent` starts."""
        body = {"path": path, "arguments": {}}
        route = f"notebook-runs?parent_run_id={parent}"
        return int(self._emulator.admin("POST", route, body, token=self._token)["run_id"])

    def ended(self, run_id: int) -> RunSnapshot:
        found: RunSnapshot = until(
            lambda: (snapshot := jobs_api.get_snapshot(self._workspace, run_id)).outcome and snapshot
        )
        return found


@pytest.fixture
def started(workspace: Workspace, emulator: Emulator, workspace_token: str) -> Started:
    return Started(workspace, emulator, workspace_token)


def test_the_notebooks_of_a_task_are_found_and_those_of_others_are_not(
    workspace: Workspace, admin: Admin, started: Started, plan: Plan
) -> None:
    admin.simulate(duration_ms=600_000)
    (run_id, task_id), (_, other) = started.run(1), started.run(2)
    admin.simulate("bad", duration_ms=10, result="FAILED")
    inner = started.notebook(task_id, "/Shared/p/inner")
    started.notebook(other, "/Shared/p/foreign")
    nested = started.notebook(jobs_api.get_snapshot(workspace, inner).task_run_id or 0, "/Shared/p/nested")
    bad = started.notebook(task_id, "/Shared/p/bad")
    started.ended(bad)
    jobs_api.cancel(workspace, inner)
    started.ended(inner)
    admin.advance(600)

    found = NotebookRunFinder(workspace, plan).started_by(notebook(plan), started.ended(run_id), call)

    assert found.more == 0
    assert [(run.name, run.run_id, run.depth) for run in found.runs] == [
        ("inner", inner, 1),
        ("nested", nested, 2),
        ("bad", bad, 1),
    ]
    first, _, last = found.runs
    assert (first.state, first.code, last.state, last.code) == (
        "cancelled",
        "USER_CANCELED",
        "failed",
        "RUN_EXECUTION_ERROR",
    )
    assert 0.0 < first.after_seconds < first.after_seconds + first.seconds < 600
    assert first.setup_seconds + first.execution_seconds <= first.seconds
    assert f"/runs/{inner}" in first.url


def test_a_task_whose_code_starts_none_costs_no_call(
    workspace: Workspace, admin: Admin, started: Started, plan: Plan
) -> None:
    ended = started.ended(started.run(1)[0])

    def refused(fn: Callable[[], Any]) -> Any:
        raise AssertionError("a call was made")

    def asks(task: TaskPlan) -> bool:
        try:
            NotebookRunFinder(workspace, replace(plan)).started_by(task, ended, refused)
        except AssertionError:
            return True
        return False

    assert not asks(notebook(plan, text=PLAIN))
    assert not asks(TaskPlan("s", "s", "script", Entry(), file=plan.notebooks / "outer.py"))
    assert not asks(TaskPlan("r", "r", "raw", Entry(task={"sql_task": {}})))
    assert not asks(TaskPlan("gone", "gone", "notebook", Entry(), file=plan.notebooks / "gone.py"))
    assert asks(notebook(plan))
    assert asks(notebook(plan, text=PLAIN + "# MAGIC %run ./helper\n"))
    assert asks(TaskPlan("r", "r", "raw", Entry(task={"notebook_task": {}})))
    (plan.notebooks / "outer.py").unlink()
    plain = notebook(plan, "plain", PLAIN)
    assert not asks(plain)
    (plan.notebooks / "helper.py").write_text("def run(dbutils): return dbutils.notebook.run('x', 0)\n")
    assert asks(plain)


def test_many_are_read_in_pages_and_the_first_fifty_kept(
    workspace: Workspace, admin: Admin, started: Started, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.simulate(duration_ms=600_000)
    run_id, task_id = started.run(1)
    names = [f"n{number}" for number in range(30)]
    for name in names:
        started.notebook(task_id, f"/Shared/{name}")
    monkeypatch.setattr(notebook_runs, "_MOST_KEPT", 28)
    admin.advance(600)

    found = NotebookRunFinder(workspace, plan).started_by(notebook(plan), started.ended(run_id), call)

    assert [run.name for run in found.runs] == names[:28] and found.more == 2


def test_what_a_service_does_not_filter_or_tell_is_not_guessed(
    workspace: Workspace, admin: Admin, started: Started, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that gives everything it has, and one that names no parents."""
    admin.simulate(duration_ms=600_000)
    run_id, task_id = started.run(1)
    inner = started.notebook(task_id, "/Shared/inner")
    admin.advance(600)
    ended = started.ended(run_id)
    later, later_task = started.run(2)
    started.notebook(later_task, "/Shared/later")
    admin.advance(600)
    started.ended(later)

    def unfiltered(ws: Workspace, method: str, path: str, **more: Any) -> Any:
        query = {k: v for k, v in more["query"].items() if k not in ("run_type", "start_time_to")}
        query |= {"start_time_from": 0} if "limit" in query else {}
        return api(ws, method, path, query=query, read=more["read"])

    def silent(ws: Workspace, method: str, path: str, **more: Any) -> Any:
        def read(answer: dict[str, Any]) -> Any:
            return more["read"]({key: value for key, value in answer.items() if key != "parent_run_id"})

        return api(ws, method, path, query=more["query"], read=read)

    finder = NotebookRunFinder(workspace, plan)
    monkeypatch.setattr(notebook_runs, "api", unfiltered)
    assert [run.run_id for run in finder.started_by(notebook(plan), ended, call).runs] == [inner]
    monkeypatch.setattr(notebook_runs, "api", silent)
    with pytest.raises(RunError, match="does not tell which runs started the 1 notebook runs"):
        finder.started_by(notebook(plan), ended, call)


def test_the_record_survives_its_text_and_another_version() -> None:
    run = NotebookRun("n", 1, "success", "SUCCESS", 0.5, 2.0, 0.1, 1.9, 2, "http://host/run/1")
    kept = NotebookRuns((run,), 3)

    assert NotebookRuns.from_text(kept.as_text()) == kept
    assert NotebookRuns().as_text() == "" and NotebookRuns.from_text("") == NotebookRuns()
    assert NotebookRuns.from_text(kept.as_text().replace('"depth"', '"later"')).runs[0].depth == 1
    for wrong in ("[]", "{", '{"runs": [1]}', '{"runs": [{"name": "n"}]}'):
        assert NotebookRuns.from_text(wrong) == NotebookRuns()
