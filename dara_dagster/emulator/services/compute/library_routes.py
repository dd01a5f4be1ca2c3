"""The Libraries API 2.0: requests in, answers out."""

from __future__ import annotations

from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.compute.clusters import Clusters


def _install(clusters: Clusters, call: Call) -> Json:
    clusters.install(call.body.get("cluster_id", ""), call.body.get("libraries", ()))
    return {}


def _uninstall(clusters: Clusters, call: Call) -> Json:
    clusters.uninstall(call.body.get("cluster_id", ""), call.body.get("libraries", ()))
    return {}


def _get_status(clusters: Clusters, call: Call) -> Json:
    cluster_id = call.query.get("cluster_id", "")
    return {"cluster_id": cluster_id, "library_statuses": clusters.library_statuses(cluster_id)}


def _list_statuses(clusters: Clusters, _call: Call) -> Json:
    known = [cluster["cluster_id"] for cluster in clusters.list_all()]
    return {
        "statuses": [{"cluster_id": one, "library_statuses": clusters.library_statuses(one)} for one in known]
    }


_ROUTES = (
    ("POST", "/api/2.0/libraries/install", _install),
    ("POST", "/api/2.0/libraries/uninstall", _uninstall),
    ("GET", "/api/2.0/libraries/cluster-status", _get_status),
    ("GET", "/api/2.0/libraries/all-cluster-statuses", _list_statuses),
)


def routes(clusters: Clusters) -> Routes:
    """Return the routes of one workspace."""
    return bind(clusters, _ROUTES)
