"""Finds a cluster by name and makes it match its settings: create, resize, edit or nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import InvalidState

from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import ComputeError
from dara_dagster.workspace.calls import api, paged
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.rate_limited import pause
from dara_dagster.workspace.resources.settings_diff import differences

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


def ensure(ws: Workspace, compute: ComputePlan, deadline: float) -> str:
    """Make the one cluster of that name match and return its id; `deadline` is a monotonic time.

    Raises ComputeError (ambiguous name, a state that allows no edit until the deadline) or the SDK's errors.
    """
    wanted = _wanted(compute)
    cluster_id = _find(ws, wanted["cluster_name"])
    if cluster_id is None:
        return _create(ws, wanted)
    _match(ws, compute.name, cluster_id, wanted, deadline)
    return cluster_id


def look(ws: Workspace, compute: ComputePlan) -> tuple[str | None, set[str]]:
    """Return the id of the cluster of that name (None: there is none) and which settings `ensure` would
    change.

    Raises as `ensure` does.
    """
    wanted = _wanted(compute)
    cluster_id = _find(ws, wanted["cluster_name"])
    if cluster_id is None:
        return None, set()
    return cluster_id, _differences(wanted, _get(ws, cluster_id))


def _get(ws: Workspace, cluster_id: str) -> dict[str, Any]:
    def read(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "state": str(answer["state"]), "spec": dict(answer.get("spec") or {})}

    return api(ws, "GET", f"{_PATH}/get", query={"cluster_id": cluster_id}, read=read)


def _wanted(compute: ComputePlan) -> dict[str, Any]:
    return {**compute.settings, "cluster_name": compute.settings.get("cluster_name") or compute.name}


def _find(ws: Workspace, name: str) -> str | None:
    found = _named(ws, name)
    if len(found) > 1:
        ids = ", ".join(sorted(cluster_id for _, cluster_id in found))
        message = f"{len(found)} clusters are named {name!r} ({ids})."
        raise ComputeError(f"{message} Rename or permanently delete all but one: the name must say which.")
    return found[0][1] if found else None


def _named(ws: Workspace, name: str) -> list[tuple[int, str]]:
    """Start times and ids of the clusters of that name which people or programs made, the earliest first.

    Those of jobs and pipelines do not count.
    """
    query = {"page_size": _PAGE_SIZE, "filter_by.cluster_sources": ["UI", "API"]}

    def read(cluster: Mapping[str, Any]) -> tuple[int, str] | None:
        ours = cluster.get("cluster_name") == name and cluster.get("cluster_source", "API") in ("UI", "API")
        return (int(cluster.get("start_time") or 0), str(cluster["cluster_id"])) if ours else None

    return sorted(found for found in paged(ws, f"{_PATH}/list", "clusters", query, read) if found)


def _create(ws: Workspace, wanted: Mapping[str, Any]) -> str:
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


def _match(ws: Workspace, name: str, cluster_id: str, wanted: Mapping[str, Any], deadline: float) -> None:
    """Write what differs, as soon as the cluster's state allows it.

    https://docs.databricks.com/api/workspace/clusters
    """
    while True:
        now = _get(ws, cluster_id)
        changed = _differences(wanted, now)
        if not changed or _write(ws, cluster_id, wanted, changed, str(now.get("state"))):
            return
        if time.monotonic() + ws.settings.compute_poll_seconds > deadline:
            state, keys = now.get("state"), ", ".join(sorted(changed))
            message = f"cluster {name!r} ({cluster_id}) stays {state}, which allows no change of {keys}."
            raise ComputeError(f"{message} Start or terminate it, then try again.")
        pause(ws.settings.compute_poll_seconds)


def _differences(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Return what differs from `spec`, which is what was last sent; the top level is what the service made of
    it.

    The size is compared with the top level, for a resize need not show in `spec`.
    """
    if not now.get("spec"):
        return differences(wanted, now)
    size = {key: now.get(key) for key in _SIZE}
    return differences(wanted, {**now["spec"], **size}, filled_in=_FILLED_IN)


def _write(ws: Workspace, cluster_id: str, wanted: Mapping[str, Any], changed: set[str], state: str) -> bool:
    """Resize or edit it; False where the state does not allow it now."""
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
