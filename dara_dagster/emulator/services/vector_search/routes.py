"""The Vector Search API 2.0: endpoints, and Delta Sync indexes over tables that hold their own embeddings."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool

from dara_dagster.emulator.core.paging import page
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.services.vector_search.query import read_query
from dara_dagster.emulator.services.vector_search.rules import VectorSearch

_ENDPOINTS, _INDEXES = "/api/2.0/vector-search/endpoints", "/api/2.0/vector-search/indexes"


def _create_endpoint(search: VectorSearch, call: Call) -> Any:
    return search.create_endpoint(call.body)


def _list_endpoints(search: VectorSearch, call: Call) -> Any:
    items, tokens = page(search.endpoints(), call.query.get("page_token"))
    return {"endpoints": items, **tokens}


def _get_endpoint(search: VectorSearch, call: Call) -> Any:
    return search.endpoint(call.path["name"])


def _delete_endpoint(search: VectorSearch, call: Call) -> Any:
    search.delete_endpoint(call.path["name"])
    return {}


async def _create_index(search: VectorSearch, call: Call) -> Any:
    name = search.create_index(call.body)
    await _fill(search, name)
    return search.index(name)


def _list_indexes(search: VectorSearch, call: Call) -> Any:
    found = search.indexes(call.query.get("endpoint_name", ""))
    items, tokens = page(found, call.query.get("page_token"))
    return {"vector_indexes": items, **tokens}


def _get_index(search: VectorSearch, call: Call) -> Any:
    return search.index(call.path["name"])


def _delete_index(search: VectorSearch, call: Call) -> Any:
    search.delete_index(call.path["name"])
    return {}


async def _sync_index(search: VectorSearch, call: Call) -> Any:
    search.check_syncable(call.path["name"])
    await _fill(search, call.path["name"])
    return {}


async def _fill(search: VectorSearch, name: str) -> None:
    """Read the table in a thread, then begin the update; what is wrong with its rows ends it as failed."""
    source = search.source(name)
    search.begin_update(name, await run_in_threadpool(source.read))


async def _query_index(search: VectorSearch, call: Call) -> Any:
    name = call.path["name"]
    source, version = search.searchable(name)
    query = read_query(call.body, source.dimension, source.columns)
    return await run_in_threadpool(lambda: query.answer(source.rows(version), source))


_ROUTES = (
    ("POST", _ENDPOINTS, _create_endpoint),
    ("GET", _ENDPOINTS, _list_endpoints),
    ("GET", f"{_ENDPOINTS}/{{name}}", _get_endpoint),
    ("DELETE", f"{_ENDPOINTS}/{{name}}", _delete_endpoint),
    ("POST", _INDEXES, _create_index),
    ("GET", _INDEXES, _list_indexes),
    ("GET", f"{_INDEXES}/{{name}}", _get_index),
    ("DELETE", f"{_INDEXES}/{{name}}", _delete_index),
    ("POST", f"{_INDEXES}/{{name}}/sync", _sync_index),
    ("POST", f"{_INDEXES}/{{name}}/query", _query_index),
)


def routes(search: VectorSearch) -> Routes:
    """Return the routes of one workspace."""
    return bind(search, _ROUTES)
