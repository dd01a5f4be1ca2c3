"""The Clusters API 2.1 (and its 2.0 paths): requests in, answers out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dara_dagster.emulator.core.paging import page
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.compute.clusters import Clusters
from dara_dagster.emulator.services.compute.node_types import ZONES, list_node_types, list_spark_versions

_DEFAULT_PAGE, _LARGEST_PAGE = 20, 100
_DEFAULT_EVENTS, _MOST_EVENTS = 50, 500


def _read_many(call: Call, name: str) -> set[str]:
    """Return all values of a query parameter that may be repeated."""
    return {value for value in call.request.query_params.getlist(name) if value}


def _create(clusters: Clusters, call: Call) -> Any:
    return {"cluster_id": clusters.create(call.body)}


def _edit(clusters: Clusters, call: Call) -> Any:
    clusters.edit(call.body.get("cluster_id", ""), call.body)
    return {}


def _update(clusters: Clusters, call: Call) -> Any:
    body = call.body
    clusters.update(body.get("cluster_id", ""), body.get("update_mask", ""), body.get("cluster") or {})
    return {}


def _resize(clusters: Clusters, call: Call) -> Any:
    clusters.resize(call.body.get("cluster_id", ""), call.body)
    return {}


def _change_owner(clusters: Clusters, call: Call) -> Any:
    clusters.change_owner(call.body.get("cluster_id", ""), call.body.get("owner_username", ""))
    return {}


def _make_handler(operation: Callable[[Clusters, str], None]) -> Callable[[Clusters, Call], Json]:
    """Return a handler for an operation that takes a cluster id and answers nothing."""

    def handle(clusters: Clusters, call: Call) -> Any:
        operation(clusters, call.body.get("cluster_id", ""))
        return {}

    return handle


def _get(clusters: Clusters, call: Call) -> Any:
    return clusters.show(call.query.get("cluster_id", ""))


def _list(clusters: Clusters, call: Call) -> Any:
    found = list(_filter(clusters, call))
    if call.query.get("sort_by.field") == "CLUSTER_NAME":
        found.sort(key=lambda cluster: str(cluster["cluster_name"]))
        if call.query.get("sort_by.direction") == "DESC":
            found.reverse()
    elif call.query.get("sort_by.direction") == "ASC":
        found.reverse()
    token, size = call.query.get("page_token"), call.query.get("page_size")
    items, tokens = page(found, token, size, default=_DEFAULT_PAGE, most=_LARGEST_PAGE)
    return {"clusters": items, **tokens}


def _filter(clusters: Clusters, call: Call) -> Iterable[dict[str, Any]]:
    states, sources = (
        _read_many(call, "filter_by.cluster_states"),
        _read_many(call, "filter_by.cluster_sources"),
    )
    pinned, policy = call.query.get("filter_by.is_pinned"), call.query.get("filter_by.policy_id")
    for cluster in clusters.list_all():
        if (
            (not states or cluster["state"] in states)
            and (not sources or cluster["cluster_source"] in sources)
            and (pinned is None or (pinned.lower() == "true") == ("pinned_by_user_name" in cluster))
            and (not policy or cluster.get("policy_id") == policy)
        ):
            yield cluster


def _list_events(clusters: Clusters, call: Call) -> Any:
    body = call.body
    found = clusters.events(body.get("cluster_id", ""))
    if body.get("order", "DESC") == "DESC":
        found.reverse()
    wanted, since, until = body.get("event_types"), body.get("start_time", 0), body.get("end_time")
    found = [
        event
        for event in found
        if (not wanted or event["type"] in wanted)
        and event["timestamp"] >= since
        and (until is None or event["timestamp"] <= until)
    ]
    token, size = str(body.get("page_token") or body.get("offset") or ""), body.get("page_size")
    items, tokens = page(found, token, size or body.get("limit"), default=_DEFAULT_EVENTS, most=_MOST_EVENTS)
    answer = {"events": items, "total_count": len(found), **tokens}
    if "next_page_token" in tokens:
        # The Python SDK sends `next_page` as its next request and ignores `next_page_token`.
        answer["next_page"] = {**body, "page_token": tokens["next_page_token"]}
    return answer


def _list_node_types(clusters: Clusters, call: Call) -> Any:
    return {"node_types": list_node_types()}


def _list_spark_versions(clusters: Clusters, call: Call) -> Any:
    return {"versions": list_spark_versions()}


def _list_zones(clusters: Clusters, call: Call) -> Any:
    return ZONES


_OPERATIONS = (
    ("POST", "create", _create),
    ("POST", "edit", _edit),
    ("POST", "update", _update),
    ("POST", "resize", _resize),
    ("POST", "start", _make_handler(Clusters.start)),
    ("POST", "restart", _make_handler(Clusters.restart)),
    ("POST", "delete", _make_handler(Clusters.terminate)),
    ("POST", "permanent-delete", _make_handler(Clusters.remove)),
    ("POST", "pin", _make_handler(lambda clusters, cluster_id: clusters.pin(cluster_id, True))),
    ("POST", "unpin", _make_handler(lambda clusters, cluster_id: clusters.pin(cluster_id, False))),
    ("POST", "change-owner", _change_owner),
    ("GET", "get", _get),
    ("GET", "list", _list),
    ("POST", "events", _list_events),
    ("GET", "list-node-types", _list_node_types),
    ("GET", "spark-versions", _list_spark_versions),
    ("GET", "list-zones", _list_zones),
)

_ROUTES = (
    *(
        (verb, f"/api/{version}/clusters/{name}", handle)
        for version in ("2.1", "2.0")
        for verb, name, handle in _OPERATIONS
    ),
)


def routes(clusters: Clusters) -> Routes:
    """Return the routes of one workspace."""
    return bind(clusters, _ROUTES)
