"""A workspace built without a server: what it finds in a folder that an earlier one has left."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from dara_dagster.emulator.composition import Workspace, build_server
from dara_dagster.emulator.services.runs.outcomes import CANCELED
from dara_dagster.emulator.services.runs.rules import ListFilter

TASKS = [{"task_key": "a", "notebook_task": {"notebook_path": "/x"}}]


def opened(data: Path) -> Workspace:
    workspace = build_server(data, "t").workspace("t")
    assert workspace is not None
    workspace.admin.simulations.add({"duration_ms": 60_000})
    return workspace


def test_ids_rise_over_a_restart_though_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(tmp_path)
    earlier = first.runs.submit({"tasks": TASKS})
    first.context.store.close()
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now - 3600)
    again = opened(tmp_path)
    later = again.runs.submit({"tasks": TASKS})
    assert later.run_id > earlier.tasks[0].run_id
    assert [run.run_id for run in again.runs.list(ListFilter(), None)] == [later.run_id, earlier.run_id]
    again.context.store.close()


def test_a_run_that_a_newer_version_wrote_can_be_read(tmp_path: Path) -> None:
    first = opened(tmp_path)
    run = first.runs.submit({"tasks": TASKS})
    table = first.context.store.table("runs")
    stored = json.loads(json.dumps(run, default=vars))
    stored["tasks"][0]["of_tomorrow"] = stored["of_tomorrow"] = 1
    table[str(run.run_id)] = stored
    first.context.store.close()
    again = opened(tmp_path)
    assert again.runs.get(run.run_id)[0].tasks[0].task_key == "a"
    again.context.store.close()


def test_runs_of_an_older_store_keep_their_outcome(tmp_path: Path) -> None:
    """There `ending` was the outcome, and `outcome` the branch that a condition took."""
    first = opened(tmp_path)
    run = first.runs.submit({"tasks": TASKS})
    first.runs.cancel(run.run_id)
    first.context.advance_clock(60_000)
    stored = json.loads(json.dumps(run, default=vars))
    for one in (stored, *stored["tasks"]):
        one["ending"], one["outcome"] = one.pop("outcome"), one.pop("branch", None)
    stored["tasks"][0]["outcome"] = "true"
    first.context.store.table("runs")[str(run.run_id)] = stored
    first.context.store.close()
    again = opened(tmp_path)
    kept = again.runs.get(run.run_id)[0]
    assert (kept.outcome, kept.tasks[0].outcome, kept.tasks[0].branch) == (CANCELED, CANCELED, "true")
    again.context.store.close()


def test_what_a_killed_server_left_is_cleared_away(tmp_path: Path) -> None:
    first = opened(tmp_path)
    (first.files.prepare_staging() / "half-an-upload").write_text("x")
    upload = first.files.prepare_staging() / "upload-0123"
    upload.mkdir()
    (first.context.tables / ".trash-1").mkdir()
    first.context.store.close()
    again = opened(tmp_path)
    assert [one.name for one in again.files.prepare_staging().iterdir()] == ["upload-0123"], (
        "it may be resumed"
    )
    assert not (again.context.tables / ".trash-1").exists()
    again.context.store.close()
