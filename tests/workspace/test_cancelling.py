"""Stopping runs on the emulator: many at once, in bad weather, and where the service takes no cancel."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dara_dagster.config.settings import Settings
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.runs import cancel as cancelling
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.cancel import cancel_and_wait
from dara_dagster.workspace.watch.monitor import Monitor, Stopped, _Jobs
from tests.workspace.conftest import Admin, request_of

CANCEL = "*/jobs/runs/cancel"


@pytest.mark.parametrize("weather", ["fair", "foul"])
def test_100_runs_in_flight_are_cancelled_while_the_budget_is_busy(
    workspace: Workspace, admin: Admin, weather: str
) -> None:
    admin.simulate(duration_ms=600_000)
    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(lambda n: jobs_api.submit(workspace, request_of(str(n))), range(100)))
    busy = Monitor(_Jobs(workspace), Settings(calls_per_second=0.5, lost_after_seconds=60.0))
    stop = threading.Event()
    waiting = [threading.Thread(target=_call_until, args=(busy, workspace, ids[0], stop)) for _ in range(20)]
    for thread in waiting:
        thread.start()
    if weather == "foul":
        admin.fault("POST", CANCEL, kind="status", status=429, retry_after="0", probability=0.2, seed=1)
        admin.fault("POST", CANCEL, kind="drop", when="before", probability=0.1, seed=2)
    assert cancel_and_wait(workspace, ids, 30, limiter=busy._limiter) == []
    stop.set()
    for thread in waiting:
        thread.join()
    assert admin.stats()["active_runs"] == 0
    assert list(jobs_api.list_active(workspace)) == []


def _call_until(monitor: Monitor, workspace: Workspace, run_id: int, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            monitor.call(lambda: jobs_api.get_snapshot(workspace, run_id), stop=stop)
        except Stopped:
            return


def test_a_run_that_cannot_be_cancelled_is_named(
    workspace: Workspace, monitor: Monitor, admin: Admin
) -> None:
    admin.simulate(duration_ms=60_000)
    run_id = jobs_api.submit(workspace, request_of("one"))
    admin.fault("POST", CANCEL, kind="status", status=503, retry_after="0")
    (alive,) = cancel_and_wait(workspace, [run_id], 1.5)
    assert alive.run_id == run_id and alive.outcome is None
    admin.heal()
    assert cancel_and_wait(workspace, [run_id, 1], 20) == []


class Clock:
    """Time that passes only while somebody sleeps, here and on the emulator."""

    def __init__(self, admin: Admin) -> None:
        self.now = 0.0
        self._admin = admin

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._admin.advance(seconds)


@pytest.fixture
def clock(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(admin)
    monkeypatch.setattr(cancelling, "time", clock)
    return clock


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_cancel_that_is_refused_again_and_again_is_reported_early_and_says_why(
    workspace: Workspace, monitor: Monitor, admin: Admin, clock: Clock, status: int
) -> None:
    admin.simulate(duration_ms=600_000)
    ids = [jobs_api.submit(workspace, request_of(str(number))) for number in range(2)]
    admin.fault("POST", CANCEL, kind="status", status=status, message="you must not")
    alive = cancel_and_wait(workspace, ids, 40)
    assert {snapshot.run_id for snapshot in alive} == set(ids) and all(
        "you must not" in one.message for one in alive
    )
    assert clock.now == pytest.approx(10.0), "the bound for a service that takes no cancel"
    assert 6 <= admin.stats()["calls"]["POST /api/2.2/jobs/runs/cancel"] / len(ids) <= 12


def test_a_service_that_recovers_in_time_is_used(
    workspace: Workspace, monitor: Monitor, admin: Admin, clock: Clock
) -> None:
    admin.simulate(duration_ms=600_000)
    run_id = jobs_api.submit(workspace, request_of("one"))
    admin.fault("POST", CANCEL, kind="status", status=403, count=5)
    assert cancel_and_wait(workspace, [run_id], 40) == []
    assert 3.0 < clock.now < 10.0


def test_a_wait_the_service_asks_for_is_kept_to_if_it_is_not_too_long(
    workspace: Workspace, monitor: Monitor, admin: Admin, clock: Clock
) -> None:
    admin.simulate(duration_ms=600_000)
    for seconds, until in ((5, 5.0), (60, 10.0)):
        run_id = jobs_api.submit(workspace, request_of(str(seconds)))
        began = clock.now
        admin.fault("POST", CANCEL, kind="status", status=429, retry_after=str(seconds), count=1)
        assert cancel_and_wait(workspace, [run_id], 40) == []
        assert clock.now - began == pytest.approx(until, abs=1.0)


def test_a_run_whose_cancel_was_taken_has_all_the_time_to_end(
    workspace: Workspace, monitor: Monitor, admin: Admin, clock: Clock
) -> None:
    admin.simulate(duration_ms=600_000)
    taken, refused = (jobs_api.submit(workspace, request_of(str(number))) for number in range(2))
    admin.fault("GET", "*/jobs/runs/get", kind="status", status=400, message="nothing to see")
    admin.fault("POST", CANCEL, kind="status", status=403, skip=1)
    alive = {snapshot.run_id: snapshot for snapshot in cancel_and_wait(workspace, [taken, refused], 40)}
    assert clock.now == pytest.approx(40.0)
    assert sum("nothing to see" in snapshot.message for snapshot in alive.values()) == 1
