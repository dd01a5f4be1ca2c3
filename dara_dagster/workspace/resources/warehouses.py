"""Finds a SQL warehouse by name and makes it match its settings: create, edit or nothing."""

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

_PATH = "/api/2.0/sql/warehouses"

# An edit replaces all of these, so what the file does not say is sent back as it is.
_EDITABLE = (
    "auto_stop_mins",
    "channel",
    "cluster_size",
    "enable_photon",
    "enable_serverless_compute",
    "instance_profile_arn",
    "max_num_clusters",
    "min_num_clusters",
    "spot_instance_policy",
    "tags",
    "warehouse_type",
)


def ensure(ws: Workspace, compute: ComputePlan, deadline: float) -> str:
    """Make the warehouse of that name match and return its id; `deadline` is a monotonic time.

    Raises ComputeError (a state that allows no edit until the deadline) or the SDK's errors.
    """
    wanted = _wanted(compute)
    warehouse_id = _find(ws, wanted["name"])
    if warehouse_id is None:
        return _create(ws, wanted)
    _match(ws, compute.name, warehouse_id, wanted, deadline)
    return warehouse_id


def look(ws: Workspace, compute: ComputePlan) -> tuple[str | None, set[str]]:
    """Return the id of the warehouse of that name (None: there is none) and which settings `ensure` would
    change."""
    wanted = _wanted(compute)
    warehouse_id = _find(ws, wanted["name"])
    if warehouse_id is None:
        return None, set()
    return warehouse_id, differences(wanted, _get(ws, warehouse_id))


def _get(ws: Workspace, warehouse_id: str) -> dict[str, Any]:
    def read(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "state": str(answer["state"])}

    return api(ws, "GET", f"{_PATH}/{warehouse_id}", read=read)


def _wanted(compute: ComputePlan) -> dict[str, Any]:
    return {**compute.settings, "name": compute.settings.get("name") or compute.name}


def _find(ws: Workspace, name: str) -> str | None:
    """Return the id of the warehouse, names being unique; one that is being deleted does not count."""

    def read(warehouse: Mapping[str, Any]) -> str | None:
        is_it = warehouse.get("name") == name and warehouse.get("state") not in ("DELETING", "DELETED")
        return str(warehouse["id"]) if is_it else None

    return next((found for found in paged(ws, _PATH, "warehouses", {}, read) if found), None)


def _create(ws: Workspace, wanted: Mapping[str, Any]) -> str:
    """Create; where the answer is lost, look for it by its name before the call is made again."""
    try:
        return ws.limiter.make(
            lambda: api(ws, "POST", _PATH, body=wanted, read=lambda made: str(made["id"])),
            lambda: _find(ws, wanted["name"]),
        )
    except DatabricksError as error:
        if "already exists" not in str(error):
            raise
        found = _find(ws, wanted["name"])  # somebody else's create came first
        if found is None:
            raise
        return found


def _match(ws: Workspace, name: str, warehouse_id: str, wanted: Mapping[str, Any], deadline: float) -> None:
    while True:
        now = _get(ws, warehouse_id)
        changed = differences(wanted, now)
        if not changed or _edit(ws, warehouse_id, wanted, now):
            return
        if time.monotonic() + ws.settings.compute_poll_seconds > deadline:
            state, keys = now.get("state"), ", ".join(sorted(changed))
            message = f"warehouse {name!r} ({warehouse_id}) stays {state}, which allows no change of {keys}."
            raise ComputeError(f"{message} Start or stop it, then try again.")
        pause(ws.settings.compute_poll_seconds)


def _edit(ws: Workspace, warehouse_id: str, wanted: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Send the whole configuration; False where the state does not allow it now.

    An edit leaves the warehouse started, so one that was stopped is stopped again
    (https://docs.databricks.com/api/workspace/warehouses).
    """
    kept = {key: now[key] for key in _EDITABLE if now.get(key) is not None}
    try:
        api(ws, "POST", f"{_PATH}/{warehouse_id}/edit", body={**kept, **wanted})
    except InvalidState:
        return False
    if now.get("state") in ("STOPPED", "STOPPING"):
        api(ws, "POST", f"{_PATH}/{warehouse_id}/stop", body={})
    return True
