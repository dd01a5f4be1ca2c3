"""What survives a restart of the server."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service.compute import State

from tests.conftest import Emulator, start_emulator
from tests.emulator.driving import life_cycle, notebook, result, submit, wait


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
    assert submit(client, notebook("c")) > submitted, "ids keep rising, rules stay"


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
