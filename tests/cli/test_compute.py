"""`dara compute` on the emulator: states, changes of them, and what is wrong with a name or a call."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import compute, sql

from dara_dagster.cli.app import dara
from tests.cli.conftest import Project
from tests.conftest import Emulator

SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}


@pytest.fixture
def named(connected: Project) -> Project:
    connected.write("config/cluster_config.json", {"etl cluster": SPARK})
    connected.write("config/warehouse_config.json", {"bi": {"cluster_size": "2X-Small"}})
    return connected


@pytest.fixture
def calls(emulator: Emulator, workspace_token: str) -> Callable[[str], int]:
    """How often a path was called."""

    def count(path: str) -> int:
        found = emulator.admin("GET", "stats", token=workspace_token)["calls"]
        return sum(number for route, number in found.items() if route.endswith(path))

    return count


def test_the_states_of_all_compute(named: Project, client: WorkspaceClient) -> None:
    found = {each["name"]: (each["kind"], each["state"]) for each in named.json("compute", "list")}
    assert found == {"etl cluster": ("cluster", None), "bi": ("warehouse", None)}
    assert "etl cluster   cluster     missing" in named.here("compute", "list")

    named.here("compute", "start", "bi")
    named.write("config/warehouse_config.json", {"bi": {"cluster_size": "Small"}})
    text = named.here("compute", "list")
    assert "RUNNING" in text and "bi: differs from the files in cluster_size" in text
    assert max(map(len, text.splitlines())) <= 80
    (one,) = [each for each in named.json("compute", "list") if each["name"] == "bi"]
    assert (one["state"], one["changes"]) == ("RUNNING", ["cluster_size"])


def test_a_cluster_is_started_restarted_and_stopped(
    named: Project, client: WorkspaceClient, calls: Callable[[str], int]
) -> None:
    started = named.json("compute", "start", "etl cluster")
    (cluster,) = client.clusters.list()
    assert (started["state"], started["compute_id"]) == ("RUNNING", cluster.cluster_id)
    assert cluster.state == compute.State.RUNNING
    named.here("compute", "start", "etl cluster")
    assert calls("/clusters/start") == 0, "it runs already"

    before = client.clusters.get(cluster.cluster_id or "").last_restarted_time or 0
    assert "is RUNNING  id" in named.here("compute", "restart", "etl cluster")
    assert (client.clusters.get(cluster.cluster_id or "").last_restarted_time or 0) > before
    assert calls("/clusters/restart") == 1

    assert named.json("compute", "stop", "etl cluster")["state"] == "TERMINATED"
    named.here("compute", "stop", "etl cluster")
    assert calls("/clusters/delete") <= 2
    assert named.json("compute", "restart", "etl cluster")["state"] == "RUNNING"
    assert calls("/clusters/restart") == 1, "one that does not run is started"


def test_a_warehouse_is_restarted_by_a_stop_and_a_start(
    named: Project, client: WorkspaceClient, calls: Callable[[str], int]
) -> None:
    named.here("compute", "start", "bi")
    assert named.json("compute", "restart", "bi")["state"] == "RUNNING"
    assert (calls("/stop"), calls("/start")) == (1, 1)
    named.here("compute", "stop", "bi")
    (warehouse,) = client.warehouses.list()
    assert warehouse.state == sql.State.STOPPED


def test_each_state_is_reported_while_it_waits(named: Project) -> None:
    config = ["--config", str(named.root / "config")]
    result = CliRunner().invoke(dara, ["compute", "start", "etl cluster", *config], env=named.own)
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert lines[0].startswith("cluster 'etl cluster': PENDING (")
    assert lines[-1].startswith("cluster 'etl cluster': RUNNING (")
    assert result.stdout.startswith("cluster 'etl cluster' is RUNNING  id ")


def test_what_goes_wrong_is_reported_in_a_line(
    named: Project, emulator: Emulator, workspace_token: str
) -> None:
    def refused(*arguments: str) -> str:
        return named.here("compute", *arguments, code=1)

    assert refused("stop", "bi") == "warehouse 'bi' is not in the workspace: nothing to stop.\n"
    assert refused("start", "etl clustr").startswith(
        "There is no cluster or warehouse 'etl clustr' in the config. Did you mean 'etl cluster'?"
    )
    assert "cluster 'etl cluster' (" in (text := refused("start", "etl cluster", "--timeout", "0"))
    assert "is still PENDING after 0 min. It continues by itself" in text
    named.here("compute", "start", "bi")
    fault = {"method": "POST", "path": "/api/2.0/sql/warehouses/*/stop", "status": 403, "count": 1}
    emulator.admin("POST", "faults", fault, token=workspace_token)
    assert "warehouse 'bi' cannot be stopped: " in named.here("compute", "stop", "bi", code=1)
