"""Faults on request: wrong answers, lost ones, delays."""

from __future__ import annotations

import http.client
import time
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError, InternalError

from tests.conftest import Emulator, start_emulator
from tests.emulator.driving import notebook, submit
from tests.emulator.switches import Switches
from tests.support.waiting import PATIENCE, until

SUBMIT = "/api/2.2/jobs/runs/submit"


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
