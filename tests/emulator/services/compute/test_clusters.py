"""Clusters through the real SDK: settings, listing, events, libraries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service import compute
from databricks.sdk.service.compute import State

from tests.conftest import Emulator
from tests.emulator.conftest import CLUSTER_SPEC as SPEC
from tests.support.waiting import PATIENCE

WAIT = timedelta(seconds=PATIENCE)


def test_get_echoes_what_was_sent_and_shows_what_the_server_adds(
    client: WorkspaceClient, running_cluster: Callable[..., str]
) -> None:
    details = client.clusters.get(running_cluster(cluster_name="a", autotermination_minutes=30))
    assert details.spec is not None
    assert details.spec.as_dict() == {**SPEC, "cluster_name": "a", "autotermination_minutes": 30}
    assert details.driver_node_type_id == "i3.xlarge"
    assert details.aws_attributes is not None and details.aws_attributes.zone_id == "us-east-1c"
    assert details.enable_elastic_disk is False
    assert details.default_tags is not None and details.default_tags["ClusterName"] == "a"
    assert details.cluster_source is not None and details.cluster_source.value == "API"
    assert len(details.executors or []) == 1 and details.driver is not None


def test_numbers_may_be_strings_and_single_user_names_the_creator(
    emulator: Emulator, workspace_token: str
) -> None:
    body = {**SPEC, "num_workers": "2", "data_security_mode": "DATA_SECURITY_MODE_DEDICATED"}
    made = emulator.admin("POST", "/api/2.1/clusters/create", body, token=workspace_token)
    shown = emulator.client(workspace_token).clusters.get(made["cluster_id"])
    assert shown.num_workers == 2
    assert shown.data_security_mode == compute.DataSecurityMode.SINGLE_USER
    assert shown.single_user_name == "developer@localhost"


def test_single_node_is_completed_by_the_server(client: WorkspaceClient) -> None:
    wait = client.clusters.create(
        spark_version="15.4.x-scala2.12",
        node_type_id="i3.xlarge",
        kind=compute.Kind.CLASSIC_PREVIEW,
        is_single_node=True,
    )
    shown = client.clusters.get(wait.cluster_id)
    assert shown.num_workers == 0
    assert shown.spark_conf == {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
    assert shown.custom_tags == {"ResourceClass": "SingleNode"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"spark_version": "nonsense"}, "Invalid spark version nonsense."),
        ({"node_type_id": None}, "node_type_id"),
        ({"num_workers": None}, "Exactly 1 of virtual_cluster_size, num_workers or autoscale"),
        (
            {"autoscale": compute.AutoScale(max_workers=2, min_workers=1)},
            "Exactly 1 of virtual_cluster_size, num_workers or autoscale",
        ),
        ({"num_workers": None, "autoscale": compute.AutoScale(max_workers=1, min_workers=3)}, "max_workers"),
        ({"autotermination_minutes": 5}, "between 10 and 10000"),
        ({"num_workers": -1}, "must not be negative"),
    ],
)
def test_bad_settings_are_refused(client: WorkspaceClient, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidParameterValue, match=text):
        client.clusters.create(**{**SPEC, **changes})
    assert list(client.clusters.list()) == []


def test_an_unknown_cluster_does_not_exist(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Cluster 123 does not exist"):
        client.clusters.get("123")
    with pytest.raises(InvalidParameterValue, match="Cluster 123 does not exist"):
        client.clusters.start("123")


def test_names_need_not_be_unique(client: WorkspaceClient, running_cluster: Callable[..., str]) -> None:
    assert running_cluster(cluster_name="same") != running_cluster(cluster_name="same")
    assert [cluster.cluster_name for cluster in client.clusters.list()] == ["same", "same"]


def test_list_pages_filters_and_sorts(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    made = [client.clusters.create(**SPEC, cluster_name=f"c{number}").cluster_id for number in (2, 0, 1)]
    skip()
    client.clusters.delete(made[0])
    skip()
    by_name = compute.ListClustersSortBy(field=compute.ListClustersSortByField.CLUSTER_NAME)
    names = [c.cluster_name for c in client.clusters.list(page_size=1, sort_by=by_name)]
    assert names == ["c0", "c1", "c2"]
    assert [c.cluster_id for c in client.clusters.list()] == made[::-1]
    assert all(c.spec is None for c in client.clusters.list())
    running = compute.ListClustersFilterBy(cluster_states=[State.RUNNING, State.PENDING])
    assert {c.cluster_id for c in client.clusters.list(filter_by=running)} == set(made[1:])
    jobs = compute.ListClustersFilterBy(cluster_sources=[compute.ClusterSource.JOB])
    assert list(client.clusters.list(filter_by=jobs)) == []
    client.clusters.pin(made[1])
    pinned = compute.ListClustersFilterBy(is_pinned=True)
    assert [c.cluster_id for c in client.clusters.list(filter_by=pinned)] == [made[1]]


def test_terminated_clusters_fade_from_the_list_unless_pinned(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    pinned, other = running_cluster(), running_cluster()
    client.clusters.pin(pinned)
    for cluster_id in (pinned, other):
        client.clusters.delete(cluster_id)
        skip()
    skip(days=31)
    assert [c.cluster_id for c in client.clusters.list()] == [pinned]
    assert client.clusters.get(other).state == State.TERMINATED
    skip(days=30)
    with pytest.raises(ResourceDoesNotExist):
        client.clusters.get(other)


def test_events_tell_the_story_page_by_page(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster()
    client.clusters.edit(cluster_id, **SPEC)
    skip()
    client.clusters.delete(cluster_id)
    skip()
    order = compute.GetEventsOrder.ASC
    kinds = [
        event.type.value
        for event in client.clusters.events(cluster_id, order=order, page_size=2)
        if event.type
    ]
    assert kinds == ["CREATING", "RUNNING", "EDITED", "RESTARTING", "RUNNING", "TERMINATING"]
    edited = [compute.EventType.EDITED]
    (only,) = client.clusters.events(cluster_id, event_types=edited)
    assert only.details is not None and only.details.user == "developer@localhost"


def test_the_choices_feed_the_sdk_selectors(client: WorkspaceClient) -> None:
    assert client.clusters.select_spark_version(long_term_support=True) == "16.4.x-scala2.12"
    assert client.clusters.select_spark_version(latest=True, ml=True, gpu=False).endswith("-cpu-ml-scala2.12")
    assert client.clusters.select_node_type(local_disk=True, min_cores=4) == "m5d.xlarge"
    assert client.clusters.list_zones().default_zone == "us-east-1c"


def test_libraries_are_installed_once_the_cluster_runs(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    pandas = compute.Library(pypi=compute.PythonPyPiLibrary(package="pandas"))
    cluster_id = client.clusters.create(**SPEC).cluster_id
    client.libraries.install(cluster_id, [pandas])
    assert [s.status for s in client.libraries.cluster_status(cluster_id)] == [
        compute.LibraryInstallStatus.PENDING
    ]
    skip()
    assert [s.status for s in client.libraries.cluster_status(cluster_id)] == [
        compute.LibraryInstallStatus.INSTALLED
    ]
    client.libraries.uninstall(cluster_id, [pandas])
    assert [s.status for s in client.libraries.cluster_status(cluster_id)] == [
        compute.LibraryInstallStatus.UNINSTALL_ON_RESTART
    ]
    client.clusters.restart(cluster_id)
    skip()
    assert list(client.libraries.cluster_status(cluster_id)) == []
    assert [s.cluster_id for s in client.libraries.all_cluster_statuses()] == [cluster_id]


def test_the_older_paths_and_bad_requests(emulator: Emulator, workspace_token: str) -> None:
    made = emulator.admin("POST", "/api/2.0/clusters/create", SPEC, token=workspace_token)
    assert made["cluster_id"]
    status, answer = emulator.call("POST", "/api/2.1/clusters/edit", {}, token=workspace_token)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    status, answer = emulator.call("GET", "/api/2.1/clusters/list?page_token=x", token=workspace_token)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    status, answer = emulator.call(
        "POST", "/api/2.1/clusters/create", {**SPEC, "num_workers": "two"}, token=workspace_token
    )
    assert (status, answer["error_code"]) == (400, "MALFORMED_REQUEST")


def test_a_bad_request_is_the_right_class(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest) as caught:
        client.libraries.install("123", [])
    assert isinstance(caught.value, DatabricksError)
