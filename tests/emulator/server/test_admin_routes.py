"""The admin routes: refusals, clock, reset."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import ResourceDoesNotExist

from tests.conftest import Emulator
from tests.emulator.driving import notebook, submit, wait
from tests.emulator.switches import Switches


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
