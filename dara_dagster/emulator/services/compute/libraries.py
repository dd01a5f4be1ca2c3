"""Libraries of clusters (API 2.0): what was asked for, and what that came to on the running cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.server.app import ApiError, Call, Routes

if TYPE_CHECKING:
    from dara_dagster.emulator.server.workspaces import Workspace

Library = Mapping[str, Any]
KINDS = ("jar", "egg", "whl", "pypi", "maven", "cran", "requirements")


def check(libraries: Iterable[Library]) -> None:
    """ApiError 400 for a library of an unknown kind."""
    for library in libraries:
        if not any(kind in library for kind in KINDS):
            text = f"Unknown library type {sorted(library)}; expected one of {', '.join(KINDS)}."
            raise ApiError(400, "INVALID_PARAMETER_VALUE", text)


def install(ws: Workspace, cluster_id: str, libraries: Sequence[Library]) -> None:
    """Ask for libraries; they count as installed once the cluster runs. ApiError 400 for an unknown kind."""
    ws.clusters.state(cluster_id)
    check(libraries)
    wanted = _stored(ws, cluster_id)
    for library in libraries:
        wanted = [item for item in wanted if item["library"] != library]
        wanted.append({"library": dict(library), "dropped_at": None})
    ws.store.table("cluster_libraries")[cluster_id] = wanted


def uninstall(ws: Workspace, cluster_id: str, libraries: Iterable[Library]) -> None:
    """Drop libraries; on a running cluster they stay until its next restart."""
    ws.clusters.state(cluster_id)
    gone = list(libraries)
    now = ws.clock.now_ms()
    ws.store.table("cluster_libraries")[cluster_id] = [
        {**item, "dropped_at": now} if item["library"] in gone else item for item in _stored(ws, cluster_id)
    ]


def statuses(ws: Workspace, cluster_id: str) -> list[dict[str, Any]]:
    """The `library_statuses` of a cluster; ApiError 400 for an unknown id."""
    cluster = ws.clusters.show(cluster_id)
    running, since = cluster["state"] == "RUNNING", cluster.get("last_restarted_time", 0)
    shown = []
    for item in _stored(ws, cluster_id):
        dropped = item["dropped_at"]
        if dropped is not None and (not running or dropped < since):
            continue  # a restart, or the next start, is without it
        status = "INSTALLED" if running else "PENDING"
        shown.append(
            {
                "library": item["library"],
                "status": status if dropped is None else "UNINSTALL_ON_RESTART",
                "messages": [],
                "is_library_for_all_clusters": False,
            }
        )
    return shown


def _stored(ws: Workspace, cluster_id: str) -> list[dict[str, Any]]:
    return list(ws.store.table("cluster_libraries").get(cluster_id, ()))


def _install(call: Call) -> Any:
    install(call.workspace, call.body.get("cluster_id", ""), call.body.get("libraries", ()))
    return {}


def _uninstall(call: Call) -> Any:
    uninstall(call.workspace, call.body.get("cluster_id", ""), call.body.get("libraries", ()))
    return {}


def _status(call: Call) -> Any:
    cluster_id = call.query.get("cluster_id", "")
    return {"cluster_id": cluster_id, "library_statuses": statuses(call.workspace, cluster_id)}


def _all_statuses(call: Call) -> Any:
    ws = call.workspace
    known = [cluster["cluster_id"] for cluster in ws.clusters.listed()]
    return {"statuses": [{"cluster_id": one, "library_statuses": statuses(ws, one)} for one in known]}


ROUTES: Routes = (
    ("POST", "/api/2.0/libraries/install", _install),
    ("POST", "/api/2.0/libraries/uninstall", _uninstall),
    ("GET", "/api/2.0/libraries/cluster-status", _status),
    ("GET", "/api/2.0/libraries/all-cluster-statuses", _all_statuses),
)
