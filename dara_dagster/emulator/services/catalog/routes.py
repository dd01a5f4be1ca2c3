"""The Unity Catalog API 2.1, as much as is needed: catalogs, schemas, volumes, tables, the metastore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from dara_dagster.emulator.core.context import WORKSPACE_ID
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.core.paging import page
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.catalog.rules import METASTORE_ID, Catalog, discard

_BASE = "/api/2.1/unity-catalog"
_LARGEST_PAGE = 1000


def _cut_page(call: Call, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
    """Return the wanted page of `items`, and the token of the next one."""
    token, size = call.query.get("page_token"), call.query.get("max_results")
    found, tokens = page(items, token, size, default=_LARGEST_PAGE, most=_LARGEST_PAGE)
    return list(found), {key: token for key, token in tokens.items() if key == "next_page_token"}


def _make_object_routes(
    plural: str, *parents: str
) -> tuple[tuple[str, str, Callable[[Catalog, Call], Json]], ...]:
    """Create, list, get, update and delete of one kind of object; `parents` are its parents' query names."""

    def read_names(call: Call) -> list[str]:
        names = call.path["name"].split(".")
        if len(names) != len(parents) + 1:
            raise invalid(f"'{call.path['name']}' is not the full name of one of {plural}.")
        return names

    def create(catalog: Catalog, call: Call) -> Any:
        names = [str(call.body.get(key, "")) for key in (*parents, "name")]
        return catalog.create(names, call.body)

    def list_all(catalog: Catalog, call: Call) -> Any:
        parent = [call.query.get(key, "") for key in parents]
        items, token = _cut_page(call, catalog.list_all(parent))
        return {plural: items, **token}

    def get(catalog: Catalog, call: Call) -> Any:
        return catalog.info(read_names(call))

    def update(catalog: Catalog, call: Call) -> Any:
        return catalog.update(read_names(call), call.body)

    async def delete(catalog: Catalog, call: Call) -> Any:
        away = catalog.delete(read_names(call), force=call.query.get("force") == "true")
        await run_in_threadpool(discard, away)
        return {}

    each = f"{_BASE}/{plural}/{{name}}"
    return (
        ("POST", f"{_BASE}/{plural}", create),
        ("GET", f"{_BASE}/{plural}", list_all),
        ("GET", each, get),
        ("PATCH", each, update),
        ("DELETE", each, delete),
    )


async def _list_tables(catalog: Catalog, call: Call) -> Any:
    query = call.query

    def read() -> Any:
        names = catalog.tables(query.get("catalog_name", ""), query.get("schema_name", ""))
        wanted, token = _cut_page(call, names)
        infos = [catalog.table(name) for name in wanted if catalog.has_table(name)]
        if query.get("omit_columns") == "true":
            infos = [{key: value for key, value in info.items() if key != "columns"} for info in infos]
        return {"tables": infos, **token}

    return await run_in_threadpool(read)


async def _get_table(catalog: Catalog, call: Call) -> Any:
    return await run_in_threadpool(catalog.table, call.path["name"])


async def _check_table(catalog: Catalog, call: Call) -> Any:
    return {"table_exists": await run_in_threadpool(catalog.has_table, call.path["name"])}


async def _delete_table(catalog: Catalog, call: Call) -> Any:
    await run_in_threadpool(catalog.delete_table, call.path["name"])
    return {}


def _get_assignment(catalog: Catalog, _call: Call) -> Any:
    return {
        "metastore_id": METASTORE_ID,
        "workspace_id": int(WORKSPACE_ID),
        "default_catalog_name": "main",
    }


def _get_metastore(catalog: Catalog, call: Call) -> Any:
    return {
        "metastore_id": METASTORE_ID,
        "name": "emulator",
        "region": "local",
        "cloud": "aws",
        "owner": catalog.user,
        "privilege_model_version": "1.0",
        "default_data_access_config_id": METASTORE_ID,
    }


_ROUTES = (
    *_make_object_routes("catalogs"),
    *_make_object_routes("schemas", "catalog_name"),
    *_make_object_routes("volumes", "catalog_name", "schema_name"),
    ("GET", f"{_BASE}/tables", _list_tables),
    ("GET", f"{_BASE}/tables/{{name}}", _get_table),
    ("GET", f"{_BASE}/tables/{{name}}/exists", _check_table),
    ("DELETE", f"{_BASE}/tables/{{name}}", _delete_table),
    ("GET", f"{_BASE}/current-metastore-assignment", _get_assignment),
    ("GET", f"{_BASE}/metastore_summary", _get_metastore),
)


def routes(catalog: Catalog) -> Routes:
    """Return the routes of one workspace."""
    return bind(catalog, _ROUTES)
