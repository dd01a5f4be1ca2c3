"""`max_concurrent_runs`: runs of several processes at once wait for each other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import pairwise

import pytest
from dagster import DagsterInstance

from dara_dagster.executor.run_limit import RunLimit
from tests.cli.conftest import Project, begun
from tests.support.waiting import PATIENCE, until


@pytest.fixture
def limited(connected: Project) -> Project:
    """The project, its workflow `daily` limited to one run at a time."""
    task = {"file_name": "load", "format": "py"}
    connected.write("config/dependency.json", {"name": "daily", "tasks": [task], "max_concurrent_runs": 1})
    return connected


def test_of_runs_started_at_once_one_continues_at_a_time(
    limited: Project, simulate: Callable[..., None]
) -> None:
    simulate(duration_ms=500)
    starts = [("run", "daily"), ("run", "daily", "--sequential"), ("run", "daily")]
    processes = [limited.start(*words) for words in starts]
    for process in processes:
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, out + err

    runs = [limited.json("status", run["run_id"]) for run in limited.json("status")]
    times = sorted((run["tasks"][0]["start"], run["tasks"][0]["end"]) for run in runs)
    assert len(times) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def waits(project: Project) -> bool:
    """Whether the newest run has recorded that it waits for its turn."""
    with DagsterInstance.from_config(str(project.root / ".dagster")) as instance:
        [newest] = instance.get_run_ids(limit=1)
        return any("Waiting: 1 of its runs may" in entry.message for entry in instance.all_logs(newest))


def test_a_run_that_waits_says_so_and_can_be_cancelled(
    limited: Project, simulate: Callable[..., None], active: Callable[[], int]
) -> None:
    simulate(duration_ms=600_000)
    first = begun(limited, active)
    waiting = limited.start("run", "daily")
    try:
        until(lambda: waits(limited), "the second run, waiting", pause=0.2)

        waiting.send_signal(signal.SIGINT)

        out, err = waiting.communicate(timeout=PATIENCE)
        assert "1 run of daily at a time (max_concurrent_runs): this one waits for its turn." in err
        assert "cancelled" in out and active() == 1
    finally:
        for process in (first, waiting):
            process.kill()
            process.communicate()


def test_a_run_that_has_gone_holds_no_slot(limited: Project) -> None:
    (limited.root / ".dagster").mkdir()
    limit = RunLimit("tiny/daily", 1)
    with DagsterInstance.from_config(str(limited.root / ".dagster")) as instance:
        assert limit.claim(instance, "deleted")
        assert limit.claim(instance, "next") and limit.claim(instance, "next")
        assert RunLimit("tiny/other", 1).claim(instance, "of another workflow")
