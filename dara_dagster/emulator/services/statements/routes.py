"""The Statement Execution API 2.0: requests in, answers out."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.server.authentication import read_signed
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.services.statements.rules import Statements


async def _execute(statements: Statements, call: Call) -> Any:
    statement = statements.execute(call.body)
    if statement.request.wait_seconds:
        try:
            await asyncio.wait_for(statement.done.wait(), statement.request.wait_seconds)
        except asyncio.TimeoutError:
            if statement.request.cancel_on_timeout:
                statements.cancel(statement)
    return statements.show(statement)


async def _get(statements: Statements, call: Call) -> Any:
    return statements.show(await statements.find(call.path["id"]))


async def _get_chunk(statements: Statements, call: Call) -> Any:
    index = call.read_number("index")
    return statements.chunk(await statements.find(call.path["id"]), index)


async def _cancel(statements: Statements, call: Call) -> Any:
    statements.cancel(await statements.find(call.path["id"]))
    return {}


async def _get_external_chunk(statements: Statements, call: Call) -> Any:
    values = read_signed(statements.signer, call)
    statement = await statements.find(values["statement"])
    if statement.result is None:
        raise ApiError(404, "NOT_FOUND", "The result is no longer available.")
    return Response(statement.result.content(int(values["chunk"])), media_type="application/octet-stream")


_ROUTES = (
    ("POST", "/api/2.0/sql/statements", _execute),
    ("POST", "/api/2.0/sql/statements/", _execute),  # as older clients write it
    ("GET", "/api/2.0/sql/statements/{id}", _get),
    ("GET", "/api/2.0/sql/statements/{id}/result/chunks/{index}", _get_chunk),
    ("POST", "/api/2.0/sql/statements/{id}/cancel", _cancel),
    ("GET", "/__emulator/presigned/{holder}/result", _get_external_chunk),
)


def routes(statements: Statements) -> Routes:
    """Return the routes of one workspace."""
    return bind(statements, _ROUTES)
