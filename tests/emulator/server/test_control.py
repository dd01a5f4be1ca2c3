"""The test switches: faults, clock, counts, reset; and what survives a restart of the server."""

from __future__ import annotations

import http.client
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, InternalError, ResourceDoesNotExist
from databricks.sdk.service.compute import State

from tests.conftest import Emulator, start_emulator
from tests.emulator.driving import life_cycle, notebook, result, submit, wait
from tests.support.waiting import PATIENCE, until

SUBMIT = "/api/2.2/jobs/runs/submit"


class Switches:
    def __init__(self, emulator: Emulator, token: str) -> None:
        self._emulator, self._token = emulator, token

    def __call__(self, method: str, path: str, /, **body: Any) -> Any:
        return self._emulator.admin(method, path, body, token=self._token)

    def made(self) -> int:
        return int(self("GET", "stats")["runs_created"])

    def calls(self, route: str) -> int:
        return int(self("GET", "stats")["calls"].get(route, 0))


@pytest.fixture
def switch(emulator: Emulator, workspace_token: str) -> Switches:
    switches = Switches(emulator, workspace_token)
    switches("POST", "simulate", duration_ms=60_000)
    return switches


@pytest.mark.parametrize("kind", ["status", "drop"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_submit_is_sent_again_and_makes_one_run(
    switch: Switches, client: WorkspaceClient, kind: str, when: str
) -> None:
    switch("POST", "faults", path=SUBMIT, kind=kind, when=when, count=1, status=503, retry_after=0)
    assert submit(client, notebook("a"), idempotency_token="one")
    assert switch.made() == 1
    assert switch.calls(f"POST {SUBMIT}") == 2


def test_without_a_token_a_lost_answer_makes_two_runs(switch: Switches, client: WorkspaceClient) -> None:
    switch("POST", "faults", path=SUBMIT, kind="drop", when="after", count=1)
    submit(client, notebook("a"))
    assert switch.made() == 2


def test_status_faults_carry_code_and_message(switch: Switches, client: WorkspaceClient) -> None:
    switch("POST", "faults", method="GET", path="/api/2.2/jobs/*", status=500, message="broken", count=1)
    with pytest.raises(InternalError, match="broken"):
        list(client.jobs.list_runs())
    assert list(client.jobs.list_runs()) == []


def test_skip_count_and_clearing(switch: Switches, client: WorkspaceClient) -> None:
    switch("POST", "faults", path=SUBMIT, status=500, skip=1, count=2)
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(bool(submit(client, notebook("a"))))
        except DatabricksError:
            outcomes.append(False)
    assert outcomes == [True, False, False, True]
    switch("POST", "faults", path=SUBMIT, status=500)
    switch("DELETE", "faults")
    assert submit(client, notebook("a"))


def test_probability_repeats_with_its_seed(
    switch: Switches, emulator: Emulator, workspace_token: str
) -> None:
    drawn = []
    for _ in range(2):
        switch("DELETE", "faults")
        switch("POST", "faults", path="/api/2.2/jobs/runs/list", status=500, probability=0.5, seed=7)
        calls = [emulator.call("GET", "/api/2.2/jobs/runs/list", token=workspace_token)[0] for _ in range(30)]
        drawn.append(calls)
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {200, 500}


def test_a_delay_adds_to_another_fault(switch: Switches, emulator: Emulator, workspace_token: str) -> None:
    switch("POST", "faults", path="/api/2.2/jobs/runs/list", kind="delay", delay_ms=150, count=1)
    switch("POST", "faults", path="/api/2.2/jobs/runs/list", status=429, count=1)
    began = time.monotonic()
    status, answer = emulator.call("GET", "/api/2.2/jobs/runs/list", token=workspace_token)
    assert (status, answer["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert time.monotonic() - began >= 0.15


def test_a_hanging_call_does_not_hold_up_the_others_nor_the_end(tmp_path: Path) -> None:
    running = start_emulator(tmp_path)
    running.admin("POST", "faults", {"path": "/api/*", "kind": "hang", "count": 1})
    hanging = http.client.HTTPConnection(running.host.removeprefix("http://"), timeout=PATIENCE)
    hanging.request("GET", "/api/2.2/jobs/runs/list", headers={"Authorization": f"Bearer {running.token}"})
    until(lambda: running.call("GET", "/api/2.2/jobs/runs/list")[0] == 200, "another call is answered")
    assert running.stop() == 0
    hanging.close()


def test_wrong_switches_are_refused(switch: Switches, emulator: Emulator, workspace_token: str) -> None:
    for path, body in (
        ("faults", {"kind": "storm"}),
        ("faults", {"pathh": "/x"}),
        ("simulate", {"duration": 5}),
        ("clock", {"advance_ms": -1}),
    ):
        assert emulator.call("POST", path, body, token=workspace_token)[0] == 400


def test_the_clock_is_lived_through_in_order(switch: Switches, client: WorkspaceClient) -> None:
    run_id = submit(client, notebook("a"), notebook("b", "a"), notebook("c", "b"))
    switch("POST", "clock", advance_ms=10 * 60_000)
    run = wait(client, run_id)
    assert 180_000 <= (run.run_duration or 0) < 185_000, "three tasks of a minute, although ten were skipped"


def test_reset_empties_the_workspace(switch: Switches, client: WorkspaceClient) -> None:
    client.workspace.mkdirs("/Shared/x")
    run_id = submit(client, notebook("a"))
    switch("POST", "reset")
    with pytest.raises(ResourceDoesNotExist):
        client.jobs.get_run(run_id)
    assert list(client.workspace.list("/Shared")) == []
    assert switch("GET", "stats")["active_runs"] == 0


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[list[Emulator]]:
    """A server on a folder of its own, in a list so that a test may replace it."""
    servers = [start_emulator(tmp_path, token="lasting")]
    yield servers
    servers[-1].stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["asked to end", "killed"])
def test_a_restart_loses_nothing(lasting: list[Emulator], number: int) -> None:
    before = lasting[0]
    client = before.client("lasting")
    before.admin("POST", "simulate", {"duration_ms": 30_000, "exit_value": "late"})
    before.admin("POST", "clock", {"advance_ms": 5_000_000})
    submitted = submit(client, notebook("a"), notebook("b", "a"), idempotency_token="kept")
    before.stop(number)

    after = start_emulator(before.data, token="lasting")
    lasting.append(after)
    client = after.client("lasting")
    assert submit(client, notebook("a"), idempotency_token="kept") == submitted
    assert life_cycle(client.jobs.get_run(submitted)) in ("PENDING", "RUNNING")
    after.admin("POST", "clock", {"advance_ms": 100_000})
    assert result(wait(client, submitted)) == "TERMINATED/SUCCESS"
    assert submit(client, notebook("c")) > submitted, "ids go on rising, rules stay"


def test_clusters_and_files_survive(lasting: list[Emulator]) -> None:
    client = lasting[0].client("lasting")
    cluster = client.clusters.create(
        spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1
    )
    client.workspace.mkdirs("/Shared/kept")
    lasting[0].stop()
    lasting.append(start_emulator(lasting[0].data, token="lasting"))
    client = lasting[1].client("lasting")
    assert client.clusters.get(cluster.response.cluster_id or "").state in (State.PENDING, State.RUNNING)
    assert [item.path for item in client.workspace.list("/Shared")] == ["/Shared/kept"]
