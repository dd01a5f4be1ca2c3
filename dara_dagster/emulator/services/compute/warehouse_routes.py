"""The SQL Warehouses API 2.0: requests in, answers out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dara_dagster.emulator.core.paging import page
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.compute.warehouses import Warehouses


def _create(warehouses: Warehouses, call: Call) -> Any:
    return {"id": warehouses.create(call.body)}


def _list(warehouses: Warehouses, call: Call) -> Any:
    items, tokens = page(warehouses.list_all(), call.query.get("page_token"), call.query.get("page_size"))
    return {"warehouses": items, **tokens}


def _get(warehouses: Warehouses, call: Call) -> Any:
    return warehouses.show(call.path["id"])


def _edit(warehouses: Warehouses, call: Call) -> Any:
    warehouses.edit(call.path["id"], call.body)
    return {"id": call.path["id"]}


def _make_handler(operation: Callable[[Warehouses, str], None]) -> Callable[[Warehouses, Call], Json]:
    """Return a handler for an operation that takes a warehouse id and answers nothing."""

    def handle(warehouses: Warehouses, call: Call) -> Any:
        operation(warehouses, call.path["id"])
        return {}

    return handle


_ROUTES = (
    ("POST", "/api/2.0/sql/warehouses", _create),
    ("GET", "/api/2.0/sql/warehouses", _list),
    ("GET", "/api/2.0/sql/warehouses/{id}", _get),
    ("POST", "/api/2.0/sql/warehouses/{id}/edit", _edit),
    ("POST", "/api/2.0/sql/warehouses/{id}/start", _make_handler(Warehouses.start)),
    ("POST", "/api/2.0/sql/warehouses/{id}/stop", _make_handler(Warehouses.stop)),
    ("DELETE", "/api/2.0/sql/warehouses/{id}", _make_handler(Warehouses.delete)),
)


def routes(warehouses: Warehouses) -> Routes:
    """Return the routes of one workspace."""
    return bind(warehouses, _ROUTES)
