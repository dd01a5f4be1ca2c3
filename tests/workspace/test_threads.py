"""The threads behind the calls: the watcher's crew, calls that are left alone, one monitor a process."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dara_dagster.workspace.client import open_workspace
from dara_dagster.workspace.rate_limited import Stopped, _answer, until_stopped
from dara_dagster.workspace.watch.monitor import monitor_for
from dara_dagster.workspace.watch.threads import WatchThreads
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE


def test_a_job_that_fails_costs_the_crew_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    threads = WatchThreads(lambda: None, lambda: False, 8)

    def fail() -> None:
        raise ValueError("a bug")

    for _ in range(3 * 8):
        threads.hand_over(fail)
    done = threading.Event()
    threads.hand_over(done.set)
    assert done.wait(PATIENCE) and "a bug" in caplog.text


def test_a_call_that_was_left_alone_before_it_began_never_begins() -> None:
    begun: list[bool] = []
    answer: Future[None] = Future()
    answer.cancel()
    _answer(lambda: begun.append(True), answer)
    assert not begun


def test_a_call_under_way_is_left_alone_and_comes_to_its_end_unseen() -> None:
    stop, hold, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        stop.set()
        hold.wait(PATIENCE)
        ended.set()

    with pytest.raises(Stopped):
        until_stopped(call, stop)
    hold.set()
    assert ended.wait(PATIENCE)


def test_all_threads_get_one_monitor_and_it_goes_with_its_workspace(
    emulator: Emulator, workspace_token: str, tmp_path: Path
) -> None:
    environ = {"DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": workspace_token}
    workspace = open_workspace("databricks", root=tmp_path, environ=environ, check=False)
    with ThreadPoolExecutor(20) as pool:
        found = set(pool.map(monitor_for, [workspace] * 200))
    (monitor,) = found
    kept = weakref.ref(monitor)
    del workspace, monitor, found
    gc.collect()
    assert kept() is None
