"""Named compute on the emulator: one write makes it match, the next call writes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import ComputeError
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.compute import ensure_compute
from dara_dagster.workspace.resources.settings_diff import differences
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 2}


def cluster(**settings: Any) -> ComputePlan:
    return ComputePlan("cluster", "etl cluster", {**SPARK, **settings})


def warehouse(**settings: Any) -> ComputePlan:
    return ComputePlan("warehouse", "bi", {"cluster_size": "2X-Small", **settings})


def writes(emulator: Emulator, token: str) -> dict[str, int]:
    calls: Mapping[str, int] = emulator.admin("GET", "stats", token=token)["calls"]
    return {
        route.rpartition("/")[2]: count for route, count in calls.items() if route.startswith("POST /api/")
    }


@pytest.mark.parametrize(
    ("wanted", "current", "changed"),
    [
        ({"a": "10"}, {"a": 10}, set()),
        ({"a": 10.0, "b": True}, {"a": "10", "b": "true"}, set()),
        ({"a": 0, "b": {}, "c": None, "d": False}, {}, set()),
        ({"a": 1}, {"a": 2, "other": 3}, {"a"}),
        ({"a": {"x": "1"}}, {"a": {"x": 1, "filled": "in"}}, set()),
        ({"a": [{"x": 1}]}, {"a": [{"x": 1}, {"x": 2}]}, {"a"}),
        ({"a": {"x": 1}}, {"a": "x"}, {"a"}),
        (
            {"data_security_mode": "DATA_SECURITY_MODE_STANDARD"},
            {"data_security_mode": "USER_ISOLATION"},
            set(),
        ),
        ({"data_security_mode": "DATA_SECURITY_MODE_AUTO"}, {"data_security_mode": "SINGLE_USER"}, set()),
        ({"data_security_mode": "NONE"}, {"data_security_mode": "SINGLE_USER"}, {"data_security_mode"}),
        ({"spark_conf": {"library": "1.1"}}, {"spark_conf": {"library": "1.10"}}, {"spark_conf"}),
        ({"spark_conf": {"on": "false"}}, {"spark_conf": {}}, {"spark_conf"}),
        ({"spark_conf": {"on": False, "n": 1}}, {"spark_conf": {"on": "false", "n": "1", "x": "y"}}, set()),
        ({"cluster_name": "nan"}, {"cluster_name": "nan"}, set()),
    ],
)
def test_settings_differ_only_in_what_they_mean(
    wanted: dict[str, Any], current: dict[str, Any], changed: set[str]
) -> None:
    assert differences(wanted, current) == changed


def test_what_was_sent_and_is_no_longer_wanted_differs() -> None:
    sent = {"spark_conf": {"a": "1", "b": "2"}, "policy_id": "p", "node_type_id": "n", "init_scripts": []}
    assert differences({"spark_conf": {"a": "1"}}, sent, filled_in=("node_type_id",)) == {
        "spark_conf",
        "policy_id",
    }


def test_a_cluster_is_created_once_and_then_left_alone(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path
) -> None:
    plan = cluster(
        num_workers="2", autotermination_minutes=30, spark_conf={"spark.x": "1"}, custom_tags={"team": "a"}
    )
    first = ensure_compute(workspace, plan, lock_dir=tmp_path)
    assert writes(emulator, workspace_token) == {"create": 1}
    for _ in range(2):
        assert ensure_compute(workspace, plan, lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token) == {"create": 1}


def test_an_edit_waits_for_a_state_that_allows_it_and_is_made_once(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path
) -> None:
    first = ensure_compute(workspace, cluster(spark_conf={"a": "1", "b": "2"}), lock_dir=tmp_path)
    changed = cluster(spark_conf={"a": "1"}, autotermination_minutes=45)  # PENDING now: it has to wait
    assert ensure_compute(workspace, changed, lock_dir=tmp_path) == first
    assert ensure_compute(workspace, changed, lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token)["edit"] == 1
    spec = api(workspace, "GET", "/api/2.1/clusters/get", query={"cluster_id": first})["spec"]
    assert spec["spark_conf"] == {"a": "1"} and spec["autotermination_minutes"] == 45


def test_only_the_size_of_a_running_cluster_is_resized(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path
) -> None:
    first = ensure_compute(workspace, cluster(), lock_dir=tmp_path)
    workspace.client.clusters.wait_get_cluster_running(first)
    for _ in range(2):
        assert ensure_compute(workspace, cluster(num_workers=5), lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token) == {"create": 1, "resize": 1}


def test_a_terminated_cluster_is_edited_and_stays_terminated(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path
) -> None:
    first = ensure_compute(workspace, cluster(), lock_dir=tmp_path)
    workspace.client.clusters.delete_and_wait(first)
    for _ in range(2):
        assert ensure_compute(workspace, cluster(num_workers=5), lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token) == {"create": 1, "delete": 1, "edit": 1}
    state = workspace.client.clusters.get(first).state
    assert state is not None and state.value == "TERMINATED"


def test_an_ambiguous_name_is_refused_with_the_ids(workspace: Workspace, tmp_path: Path) -> None:
    body = {**SPARK, "cluster_name": "etl cluster"}
    ids = [api(workspace, "POST", "/api/2.1/clusters/create", body=body)["cluster_id"] for _ in range(2)]
    with pytest.raises(ComputeError, match="2 clusters are named 'etl cluster'") as caught:
        ensure_compute(workspace, cluster(), lock_dir=tmp_path)
    assert all(one in str(caught.value) for one in ids)


def test_a_state_that_never_allows_the_edit_is_reported(workspace: Workspace, tmp_path: Path) -> None:
    ensure_compute(workspace, cluster(), lock_dir=tmp_path)
    with pytest.raises(
        ComputeError, match=r"'etl cluster' .* stays PENDING, which allows no change of num_workers"
    ):
        ensure_compute(workspace, cluster(num_workers=9), lock_dir=tmp_path, patience=0)


def test_a_setting_the_service_refuses_is_reported(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(ComputeError, match="'bi' cannot be set up: INVALID_PARAMETER_VALUE"):
        ensure_compute(workspace, warehouse(cluster_size="Huge"), lock_dir=tmp_path)


def test_a_stopped_warehouse_is_edited_and_stopped_again(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path
) -> None:
    first = ensure_compute(workspace, warehouse(auto_stop_mins="10"), lock_dir=tmp_path)
    assert ensure_compute(workspace, warehouse(auto_stop_mins="10"), lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token) == {"warehouses": 1}
    workspace.client.warehouses.stop_and_wait(first)
    for _ in range(2):
        assert ensure_compute(workspace, warehouse(auto_stop_mins=20), lock_dir=tmp_path) == first
    assert writes(emulator, workspace_token) == {"warehouses": 1, "edit": 1, "stop": 2}
    now = api(workspace, "GET", f"/api/2.0/sql/warehouses/{first}")
    assert now["auto_stop_mins"] == 20 and now["state"] in ("STOPPING", "STOPPED")


RACER = """
import sys
from pathlib import Path
from dara_dagster.workspace.client import open_workspace
from dara_dagster.workspace.resources.compute import ensure_compute
from dara_dagster.config.plan import ComputePlan
ws = open_workspace("databricks", root=Path(sys.argv[1]), check=False)
settings = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
print(ensure_compute(ws, ComputePlan("cluster", "raced", settings), lock_dir=Path(sys.argv[2])))
"""


@pytest.mark.parametrize("same_machine", [True, False])
def test_two_processes_at_once_end_with_one_cluster(
    emulator: Emulator, workspace: Workspace, workspace_token: str, tmp_path: Path, same_machine: bool
) -> None:
    if not same_machine:  # both pass the look for the name before either creates
        emulator.admin(
            "POST",
            "faults",
            {"method": "POST", "path": "*/clusters/create", "kind": "delay", "delay_ms": 1000, "count": 2},
            token=workspace_token,
        )
    environ = {"DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": workspace_token, "PATH": "/usr/bin:/bin"}
    locks = ["one", "one"] if same_machine else ["one", "two"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), str(tmp_path / lock)],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for lock in locks
    ]
    ids = {racer.communicate(timeout=PATIENCE)[0].strip() for racer in racers}
    left = [one["cluster_id"] for one in api(workspace, "GET", "/api/2.1/clusters/list")["clusters"]]
    assert len(ids) == 1 and left == list(ids)
