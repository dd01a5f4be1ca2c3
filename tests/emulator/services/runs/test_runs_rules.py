"""The rules without a server: clock, store, lifecycles, outcomes and conditions by themselves."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from dara_dagster.emulator.composition import Workspace, build_server
from dara_dagster.emulator.core.clock import Clock
from dara_dagster.emulator.core.lifecycle import Lifecycle
from dara_dagster.emulator.core.store import Store
from dara_dagster.emulator.runtime.runner import _read_command
from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.conditions import compare
from dara_dagster.emulator.services.runs.outcomes import CANCELED, TaskOutcome, combine_outcomes
from dara_dagster.emulator.services.runs.rules import ListFilter


def test_timers_fire_in_order_at_their_own_moment() -> None:
    clock, seen = Clock(), list[tuple[str, int]]()
    began = clock.now_ms()
    clock.call_later(2, lambda: seen.append(("second", clock.now_ms() - began)))
    clock.call_later(1, lambda: clock.call_later(0.5, lambda: seen.append(("first", clock.now_ms() - began))))
    never = clock.call_later(1, lambda: seen.append(("never", 0)))
    never.cancel()
    clock.advance(3_000)
    assert [name for name, _ in seen] == ["first", "second"]
    assert seen[0][1] in range(1_499, 1_600)
    assert seen[1][1] in range(1_999, 2_100)
    assert clock.now_ms() - began >= 3_000


def test_the_clock_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now_ms()
    monkeypatch.setattr("time.time", lambda: before / 1000 - 3600)
    assert clock.now_ms() >= before
    monkeypatch.setattr("time.time", lambda: before / 1000 - 3599)
    assert clock.now_ms() >= before + 999


def test_a_lifecycle_goes_on_by_itself_and_can_be_halted() -> None:
    clock, seen = Clock(), list[str]()
    lifecycle = Lifecycle({"PENDING": ("RUNNING", 1.0), "TERMINATING": ("TERMINATED", 1.0)}, speed=2.0)
    lifecycle.follow(clock, "PENDING", seen.append)
    clock.advance(499)
    assert seen == []
    clock.advance(2)
    assert seen == ["RUNNING"]
    lifecycle.follow(clock, "TERMINATING", seen.append).cancel()
    clock.advance(5_000)
    assert seen == ["RUNNING"]


@dataclass
class Thing:
    name: str
    parts: list[str]


def test_a_store_keeps_what_was_set(tmp_path: Path) -> None:
    file = tmp_path / "new" / "store.db"
    store = Store(file)
    store.table("things")["1"] = Thing("a", ["x"])
    store.table("things")["2"] = {"gone": True}
    store.save("things", "2")
    del store.table("things")["2"]
    store.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dict(Store(file).table("things")) == {"1": {"name": "a", "parts": ["x"]}}


def test_a_saved_item_is_on_disk_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    store.table("runs")["1"] = {"token": "t"}
    store.save("runs", "1")
    store.table("runs")["2"] = {"later": True}
    with sqlite3.connect(tmp_path / "store.db") as other:
        assert other.execute("SELECT key FROM items").fetchall() == [("1",)]
    other.close()
    store.close()


def test_the_first_failure_names_the_run() -> None:
    ends = [
        TaskOutcome("a", outcomes.SUCCESS, False),
        TaskOutcome("b", outcomes.notebook_missing("/x", "u"), False),
        TaskOutcome("c", outcomes.UPSTREAM_FAILED, True),
    ]
    outcome = combine_outcomes(ends)
    assert (outcome.life_cycle, outcome.result, outcome.code) == (
        "INTERNAL_ERROR",
        "FAILED",
        "RESOURCE_NOT_FOUND",
    )
    assert outcome.message.startswith('Task b failed with message: Unable to access the notebook "/x"')
    assert outcome.message.endswith("permissions. This caused all downstream tasks to get skipped.")


@pytest.mark.parametrize(
    "op,left,right,value",
    [
        ("EQUAL_TO", "12.0", "12", False),
        ("NOT_EQUAL", "a", "b", True),
        ("GREATER_THAN", "10", "9", True),
        ("LESS_THAN_OR_EQUAL", "9", "9.0", True),
        ("LESS_THAN", "9", "9", False),
        ("GREATER_THAN_OR_EQUAL", "8", "9", False),
    ],
)
def test_conditions(op: str, left: str, right: str, value: bool) -> None:
    assert compare({"op": op, "left": left, "right": right}) is value


def test_an_order_of_words_has_no_value() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        compare({"op": "LESS_THAN", "left": "a", "right": "b"})


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
        "it may be gone on with"
    )
    assert not (again.context.tables / ".trash-1").exists()
    again.context.store.close()


def test_a_process_is_recognised_without_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small containers have no ps: the server did not start any more where a task had been running."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert _read_command(2**22 + 1) == ""
    if Path("/proc/self/cmdline").exists():
        assert "python" in _read_command(os.getpid())
