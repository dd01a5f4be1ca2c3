"""The calls by which `compute` makes a cluster match its settings: find, create, read, resize or edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import InvalidState

from dara_dagster.errors import ComputeError
from dara_dagster.workspace.calls import api, paged
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.settings_diff import differences

NAME = "cluster_name"
ADVICE = "Start or terminate it, then try again."

_PATH = "/api/2.1/clusters"
_PAGE_SIZE = 100
_SIZE = frozenset(("num_workers", "autoscale"))

# What the service or a policy puts beside the settings that were sent.
# https://docs.databricks.com/api/workspace/clusters
_FILLED_IN = frozenset(
    (
        "apply_policy_default_values",
        "autotermination_minutes",
        "aws_attributes",
        "azure_attributes",
        "cluster_name",
        "data_security_mode",
        "driver_instance_pool_id",
        "driver_node_type_id",
        "enable_elastic_disk",
        "enable_local_disk_encryption",
        "gcp_attributes",
        "node_type_id",
        "num_workers",
        "runtime_engine",
        "single_user_name",
        "spark_version",
    )
)


def get(ws: Workspace, cluster_id: str) -> dict[str, Any]:
    """Return the cluster as it is now, with its `state` and `spec`."""

    def read(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "state": str(answer["state"]), "spec": dict(answer.get("spec") or {})}

    return api(ws, "GET", f"{_PATH}/get", query={"cluster_id": cluster_id}, read=read)


def find(ws: Workspace, name: str) -> str | None:
    """Return the id of the one cluster of that name. Raises ComputeError when there are several."""
    found = _named(ws, name)
    if len(found) > 1:
        ids = ", ".join(sorted(cluster_id for _, cluster_id in found))
        message = f"{len(found)} clusters are named {name!r} ({ids})."
        raise ComputeError(f"{message} Rename or permanently delete all but one: the name must say which.")
    return found[0][1] if found else None


def _named(ws: Workspace, name: str) -> list[tuple[int, str]]:
    """Return start times and ids of the clusters of that name, the earliest first.

    Only those which people or programs made count, not those of jobs and pipelines.
    """
    query = {"page_size": _PAGE_SIZE, "filter_by.cluster_sources": ["UI", "API"]}

    def read(cluster: Mapping[str, Any]) -> tuple[int, str] | None:
        ours = cluster.get("cluster_name") == name and cluster.get("cluster_source", "API") in ("UI", "API")
        return (int(cluster.get("start_time") or 0), str(cluster["cluster_id"])) if ours else None

    return sorted(found for found in paged(ws, f"{_PATH}/list", "clusters", query, read) if found)


def create(ws: Workspace, wanted: Mapping[str, Any]) -> str:
    """Create, then look for another of the same name: of racing machines the earliest cluster stays.

    `clusters/create` takes no token: where its answer is lost, the cluster is looked for by its name before
    the call is made again.
    """
    name = wanted["cluster_name"]
    mine = ws.limiter.make(
        lambda: api(ws, "POST", f"{_PATH}/create", body=wanted, read=lambda made: str(made["cluster_id"])),
        lambda: next((cluster_id for _, cluster_id in _named(ws, name)), None),
    )
    rivals = _named(ws, name)
    if not rivals or rivals[0][1] == mine:
        return mine
    try:
        api(ws, "POST", f"{_PATH}/permanent-delete", body={"cluster_id": mine})
    except DatabricksError as error:
        if "does not exist" not in str(error):  # as after an answer that was lost
            raise
    return rivals[0][1]


def find_differences(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Return what differs from `spec`, which is what was last sent; the top level is what the service made of
    it.

    The size is compared with the top level, for a resize need not show in `spec`.
    """
    if not now.get("spec"):
        return differences(wanted, now)
    size = {key: now.get(key) for key in _SIZE}
    return differences(wanted, {**now["spec"], **size}, filled_in=_FILLED_IN)


def write(
    ws: Workspace, cluster_id: str, wanted: Mapping[str, Any], changed: set[str], now: Mapping[str, Any]
) -> bool:
    """Resize or edit it; False where the state does not allow it now.

    https://docs.databricks.com/api/workspace/clusters
    """
    state = str(now.get("state"))
    try:
        if state == "RUNNING" and changed <= _SIZE:  # without a restart
            size = {key: wanted[key] for key in _SIZE if key in wanted}
            api(ws, "POST", f"{_PATH}/resize", body={"cluster_id": cluster_id, **size})
        elif state in ("RUNNING", "TERMINATED"):
            api(ws, "POST", f"{_PATH}/edit", body={"cluster_id": cluster_id, **wanted})
        else:
            return False
    except InvalidState:
        return False
    return True
