"""SQL warehouses through the real SDK: names, defaults, edits, states and idleness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import sql
from databricks.sdk.service.sql import State

from tests.conftest import Emulator, start_emulator
from tests.support.waiting import PATIENCE

WAIT = timedelta(seconds=PATIENCE)


@pytest.fixture
def make(client: WorkspaceClient, skip: Callable[..., None]) -> Callable[..., str]:
    """Make a warehouse that runs -> its id."""

    def create(name: str = "bi", **settings: Any) -> str:
        warehouse = client.warehouses.create(name=name, cluster_size="Small", **settings)
        skip()
        return str(warehouse.id)

    return create


def test_create_starts_it_and_fills_in_the_defaults(
    client: WorkspaceClient, make: Callable[..., str], skip: Callable[..., None]
) -> None:
    wait = client.warehouses.create(name="bi", cluster_size="2X-Small", auto_stop_mins=10)
    assert client.warehouses.get(wait.id).state == State.STARTING
    shown = wait.result(WAIT)
    assert shown.state == State.RUNNING
    assert (shown.auto_stop_mins, shown.min_num_clusters, shown.max_num_clusters) == (10, 1, 1)
    assert shown.warehouse_type == sql.GetWarehouseResponseWarehouseType.CLASSIC
    assert shown.enable_photon is True and shown.enable_serverless_compute is False
    assert shown.creator_name == "developer@localhost"
    assert shown.odbc_params is not None and shown.odbc_params.path == f"/sql/1.0/warehouses/{wait.id}"
    assert len(str(wait.id)) == 16


def test_names_are_unique_until_deleted(client: WorkspaceClient, make: Callable[..., str]) -> None:
    first = make()
    with pytest.raises(InvalidParameterValue, match="SQL warehouse with name `bi` already exists"):
        client.warehouses.create(name="bi", cluster_size="Small")
    other = make("other")
    with pytest.raises(InvalidParameterValue, match="already exists"):
        client.warehouses.edit(other, name="bi", cluster_size="Small")
    client.warehouses.delete(first)
    assert make() != first


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 100}, "shorter than 100"),
        ({"cluster_size": "Tiny"}, "Invalid cluster_size 'Tiny'"),
        ({"auto_stop_mins": 5}, "auto_stop_mins must be 0 or at least 10"),
        ({"min_num_clusters": 3, "max_num_clusters": 2}, "min_num_clusters"),
        ({"max_num_clusters": 41}, "max_num_clusters"),
    ],
)
def test_bad_settings_are_refused(client: WorkspaceClient, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValue, match=text):
        client.warehouses.create(**{"name": "bi", "cluster_size": "Small", **settings})
    assert list(client.warehouses.list()) == []


def test_numbers_may_be_strings(emulator: Emulator, workspace_token: str) -> None:
    body = {"name": "bi", "cluster_size": "Small", "auto_stop_mins": "10"}
    made = emulator.admin("POST", "/api/2.0/sql/warehouses", body, token=workspace_token)
    assert emulator.client(workspace_token).warehouses.get(made["id"]).auto_stop_mins == 10


def test_edit_resets_what_is_omitted_and_starts_it(
    client: WorkspaceClient, make: Callable[..., str], skip: Callable[..., None]
) -> None:
    warehouse = make(auto_stop_mins=45, max_num_clusters=3)
    client.warehouses.stop(warehouse)
    skip()
    wait = client.warehouses.edit(warehouse, name="bi", cluster_size="Large")
    assert client.warehouses.get(warehouse).state == State.STARTING
    skip()
    after = wait.result(WAIT)
    assert (after.cluster_size, after.auto_stop_mins, after.max_num_clusters) == ("Large", 120, 1)


def test_start_and_stop_may_be_repeated(
    client: WorkspaceClient, make: Callable[..., str], skip: Callable[..., None]
) -> None:
    warehouse = make()
    client.warehouses.start(warehouse)
    skip()
    assert client.warehouses.get(warehouse).state == State.RUNNING
    client.warehouses.stop(warehouse)
    assert client.warehouses.get(warehouse).state == State.STOPPING
    skip()
    stopped = client.warehouses.get(warehouse)
    assert (stopped.state, stopped.num_clusters) == (State.STOPPED, 0)
    assert client.warehouses.stop(warehouse).result(WAIT).state == State.STOPPED
    client.warehouses.start(warehouse)
    skip()
    assert client.warehouses.get(warehouse).state == State.RUNNING


def test_an_unknown_warehouse_does_not_exist(client: WorkspaceClient) -> None:
    for call in (client.warehouses.get, client.warehouses.start, client.warehouses.delete):
        with pytest.raises(ResourceDoesNotExist):
            call("0123456789abcdef")


def test_list_pages(client: WorkspaceClient) -> None:
    made = [client.warehouses.create(name=f"w{number}", cluster_size="Small").id for number in range(3)]
    assert [warehouse.id for warehouse in client.warehouses.list(page_size=2)] == made


def test_an_idle_warehouse_stops_by_itself(
    client: WorkspaceClient, make: Callable[..., str], skip: Callable[..., None]
) -> None:
    warehouse = make(auto_stop_mins=10)
    skip(minutes=9)
    assert client.warehouses.get(warehouse).state == State.RUNNING
    skip(minutes=2)
    assert client.warehouses.get(warehouse).state == State.STOPPED


def test_serverless_is_a_pro_warehouse(client: WorkspaceClient, make: Callable[..., str]) -> None:
    shown = client.warehouses.get(make(enable_serverless_compute=True, auto_stop_mins=5))
    assert shown.warehouse_type == sql.GetWarehouseResponseWarehouseType.PRO
    assert shown.enable_serverless_compute is True


def test_compute_outlives_the_server_and_continues(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, token="t")
    client = running.client("t")
    warehouse = str(client.warehouses.create(name="bi", cluster_size="Small").id)
    cluster = client.clusters.create(
        spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1
    )
    client.workspace.mkdirs("/Shared/kept")
    assert running.stop() == 0
    again = start_emulator(tmp_path, token="t")
    try:
        client = again.client("t")
        assert client.warehouses.get(warehouse).state in (State.STARTING, State.RUNNING)
        assert client.clusters.get(str(cluster.cluster_id)).num_workers == 1
        again.admin("POST", "clock", {"advance_ms": 2000}, token="t")
        assert client.warehouses.get(warehouse).state == State.RUNNING
        assert client.clusters.get(str(cluster.cluster_id)).driver is not None
        assert [item.path for item in client.workspace.list("/Shared")] == ["/Shared/kept"]
    finally:
        again.stop()
