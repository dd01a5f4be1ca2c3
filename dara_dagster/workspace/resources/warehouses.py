"""The calls by which `compute` makes a SQL warehouse match its settings: find, create, read or edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import InvalidState

from dara_dagster.workspace.calls import api, paged
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.settings_diff import differences

NAME = "name"
ADVICE = "Start or stop it, then try again."

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


def get(ws: Workspace, warehouse_id: str) -> dict[str, Any]:
    """Return the warehouse as it is now, with its `state`."""

    def read(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "state": str(answer["state"])}

    return api(ws, "GET", f"{_PATH}/{warehouse_id}", read=read)


def find(ws: Workspace, name: str) -> str | None:
    """Return the id of the warehouse, names being unique; one that is being deleted does not count."""

    def read(warehouse: Mapping[str, Any]) -> str | None:
        is_it = warehouse.get("name") == name and warehouse.get("state") not in ("DELETING", "DELETED")
        return str(warehouse["id"]) if is_it else None

    return next((found for found in paged(ws, _PATH, "warehouses", {}, read) if found), None)


def create(ws: Workspace, wanted: Mapping[str, Any]) -> str:
    """Create; where the answer is lost, look for it by its name before the call is made again."""
    try:
        return ws.limiter.make(
            lambda: api(ws, "POST", _PATH, body=wanted, read=lambda made: str(made["id"])),
            lambda: find(ws, wanted["name"]),
        )
    except DatabricksError as error:
        if "already exists" not in str(error):
            raise
        found = find(ws, wanted["name"])  # somebody else's create came first
        if found is None:
            raise
        return found


def find_differences(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Return the names of the settings that differ."""
    return differences(wanted, now)


def write(
    ws: Workspace, warehouse_id: str, wanted: Mapping[str, Any], changed: set[str], now: Mapping[str, Any]
) -> bool:
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
