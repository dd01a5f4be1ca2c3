"""Clusters through the real SDK: states, and what each allows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidState, ResourceDoesNotExist
from databricks.sdk.service import compute
from databricks.sdk.service.compute import State

from tests.emulator.conftest import CLUSTER_SPEC as SPEC
from tests.support.waiting import PATIENCE

WAIT = timedelta(seconds=PATIENCE)


def test_create_answers_at_once_with_a_pending_cluster(
    client: WorkspaceClient, skip: Callable[..., None]
) -> None:
    wait = client.clusters.create(**SPEC, cluster_name="etl cluster")
    assert client.clusters.get(wait.cluster_id).state == State.PENDING
    assert wait.result(WAIT).state == State.RUNNING


def test_operations_that_the_state_forbids(client: WorkspaceClient, skip: Callable[..., None]) -> None:
    pending = client.clusters.create(**SPEC).cluster_id
    for forbidden in (client.clusters.start, client.clusters.restart):
        with pytest.raises(InvalidState, match=f"Cluster {pending} is in unexpected state Pending."):
            forbidden(pending)
    with pytest.raises(InvalidState, match="unexpected state Pending"):
        client.clusters.edit(pending, **SPEC)
    with pytest.raises(InvalidState, match="Cluster is not running"):
        client.clusters.resize(pending, num_workers=2)
    skip()
    with pytest.raises(InvalidState, match="unexpected state Running"):
        client.clusters.start(pending)


def test_terminate_start_and_permanent_delete(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster()
    client.clusters.delete(cluster_id)
    assert client.clusters.get(cluster_id).state == State.TERMINATING
    skip()
    ended = client.clusters.get(cluster_id)
    assert ended.state == State.TERMINATED
    assert ended.termination_reason is not None
    assert ended.termination_reason.code == compute.TerminationReasonCode.USER_REQUEST
    client.clusters.delete(cluster_id)  # nothing happens
    client.clusters.start(cluster_id)
    assert client.clusters.get(cluster_id).state == State.PENDING
    skip()
    assert client.clusters.get(cluster_id).state == State.RUNNING
    client.clusters.permanent_delete(cluster_id)
    with pytest.raises(ResourceDoesNotExist):
        client.clusters.get(cluster_id)


def test_ensure_running_starts_what_is_ending(
    client: WorkspaceClient, running_cluster: Callable[..., str]
) -> None:
    cluster_id = running_cluster()
    client.clusters.ensure_cluster_is_running(cluster_id)
    client.clusters.delete(cluster_id)
    client.clusters.ensure_cluster_is_running(cluster_id)
    assert client.clusters.get(cluster_id).state == State.RUNNING


def test_edit_replaces_everything_and_restarts_a_running_cluster(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster(cluster_name="before", custom_tags={"team": "data"})
    wait = client.clusters.edit(cluster_id, **{**SPEC, "num_workers": 2})
    assert client.clusters.get(cluster_id).state == State.RESTARTING
    skip()
    after = wait.result(WAIT)
    assert after.spec is not None and after.spec.as_dict() == {**SPEC, "num_workers": 2}
    assert after.cluster_name == "" and not after.custom_tags


def test_edit_leaves_a_terminated_cluster_terminated(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster()
    client.clusters.delete(cluster_id)
    skip()
    client.clusters.edit(cluster_id, **{**SPEC, "num_workers": 5})
    after = client.clusters.get(cluster_id)
    assert (after.state, after.num_workers) == (State.TERMINATED, 5)


def test_update_changes_what_the_mask_names(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster(cluster_name="kept", custom_tags={"team": "data"}, spark_conf={"a": "1"})
    changes = compute.UpdateClusterResource(autoscale=compute.AutoScale(max_workers=4, min_workers=2))
    wait = client.clusters.update(cluster_id, "autoscale,custom_tags", cluster=changes)
    skip()
    after = wait.result(WAIT)
    assert after.spec is not None
    assert after.spec.as_dict() == {
        "spark_version": SPEC["spark_version"],
        "node_type_id": "i3.xlarge",
        "cluster_name": "kept",
        "spark_conf": {"a": "1"},
        "autoscale": {"min_workers": 2, "max_workers": 4},
    }


def test_resize_does_not_restart(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster()
    since = client.clusters.get(cluster_id).last_restarted_time
    wait = client.clusters.resize(cluster_id, num_workers=3)
    assert client.clusters.get(cluster_id).state in (State.RESIZING, State.RUNNING)
    skip()
    after = wait.result(WAIT)
    assert (after.num_workers, after.last_restarted_time) == (3, since)


def test_an_idle_cluster_ends_by_itself(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster(autotermination_minutes=20)
    skip(minutes=19)
    assert client.clusters.get(cluster_id).state == State.RUNNING
    skip(minutes=2)
    ended = client.clusters.get(cluster_id)
    assert ended.state == State.TERMINATED
    assert ended.termination_reason is not None
    assert ended.termination_reason.code == compute.TerminationReasonCode.INACTIVITY
    assert ended.termination_reason.parameters == {"inactivity_duration_min": "20"}


def test_change_owner_needs_a_terminated_cluster(
    client: WorkspaceClient, running_cluster: Callable[..., str], skip: Callable[..., None]
) -> None:
    cluster_id = running_cluster()
    with pytest.raises(InvalidState):
        client.clusters.change_owner(cluster_id, "other@localhost")
    client.clusters.delete(cluster_id)
    skip()
    client.clusters.change_owner(cluster_id, "other@localhost")
    assert client.clusters.get(cluster_id).creator_user_name == "other@localhost"
