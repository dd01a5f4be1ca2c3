"""A server with a stub of the engine (plain Python, so it starts at once), and small helps for the APIs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from tests.conftest import Emulator, start_emulator
from tests.emulator.switches import Switches

CLUSTER_SPEC: dict[str, Any] = {
    "spark_version": "15.4.x-scala2.12",
    "node_type_id": "i3.xlarge",
    "num_workers": 1,
}
STUB_ENGINE = ("--engine", sys.executable, str(Path(__file__).with_name("stub_engine.py")))


@pytest.fixture(scope="session")
def stub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The session's server with the stub engine, in open mode."""
    running = start_emulator(tmp_path_factory.mktemp("stub"), *STUB_ENGINE)
    yield running
    assert running.stop() == 0


@pytest.fixture
def skip(emulator: Emulator, workspace_token: str) -> Callable[..., None]:
    """Skip time: `skip(minutes=2)`; without arguments, enough for a change of state to be done."""

    def advance(**duration: float) -> None:
        skipped = int(timedelta(**duration or {"seconds": 2}).total_seconds() * 1000)
        emulator.admin("POST", "clock", {"advance_ms": skipped}, token=workspace_token)

    return advance


@pytest.fixture
def volume(client: WorkspaceClient) -> str:
    """The path of a fresh volume."""
    client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    return "/Volumes/main/default/inbox"


@pytest.fixture
def running_cluster(client: WorkspaceClient, skip: Callable[..., None]) -> Callable[..., str]:
    """Make a cluster that runs, with settings of your own where wanted -> its id."""

    def make(**settings: Any) -> str:
        cluster_id = client.clusters.create(**{**CLUSTER_SPEC, **settings}).cluster_id
        skip()
        return str(cluster_id)

    return make


@pytest.fixture
def switch(emulator: Emulator, workspace_token: str) -> Switches:
    """The switches of the test's workspace; tasks are simulated and take a minute."""
    switches = Switches(emulator, workspace_token)
    switches("POST", "simulate", duration_ms=60_000)
    return switches
