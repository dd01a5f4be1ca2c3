"""Dagster's UI and GraphQL, cut down to the routes that the UI needs."""

from __future__ import annotations

import re
from asyncio import Task
from collections.abc import Iterator
from typing import Any

from dagster_webserver.webserver import DagsterWebserver
from graphql import GraphQLError, GraphQLFormattedError, OperationType, parse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from dara_dagster.api.auth import access_of
from dara_dagster.api.headers import UI_SOURCES
from dara_dagster.executor.code_location import Code

__all__ = ["UI_ROUTES", "build_ui"]

_REFRESH_MS = 2000
_MOST_SUBSCRIPTIONS = 100  # of one web socket
# The routes of Dagster's webserver that are served; all others, of a later Dagster too, are not. Left out are
# /notebook and /dagit/notebook, which read any .ipynb file that the code's process can read.
UI_ROUTES = frozenset(
    {
        "/",
        "/{path:path}",  # every page of the UI
        "/graphql",
        "/server_info",
        "/logs/{path:path}",
        "/download_debug/{run_id:str}",
        # https://docs.dagster.io/api/rest-apis/external-assets-rest-api
        "/report_asset_materialization/{asset_key:path}",
        "/report_asset_check/{asset_key:path}",
        "/report_asset_observation/{asset_key:path}",
    }
)
_GONE = ("/notebook", "/dagit/notebook")
_RUN_ID = re.compile(r"[0-9a-f-]{36}\Z")


class _Ui(DagsterWebserver):  # type: ignore[type-arg]
    """Dagster's webserver with an allow list of routes, and limits of its own on what they take."""

    def __init__(self, code: Code) -> None:
        self._code = code
        super().__init__(code.context, live_data_poll_rate=_REFRESH_MS)

    def _make_request_context(self, conn: HTTPConnection) -> Any:
        access = access_of(conn.scope)
        return self._code.request_context(conn, read_only=access is not None and access.scope == "read")

    async def gen_graphql_response(
        self,
        request_context: Any,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> JSONResponse:
        """Answer as Dagster does, but no mutation of a reader, not even one that needs no permission in
        Dagster."""
        if request_context.read_only and _has_mutation(query):
            error = GraphQLError("This token may only read (its scope is read).").formatted
            return JSONResponse({"data": None, "errors": [error]}, status_code=403)
        answer: JSONResponse = await super().gen_graphql_response(
            request_context, query, variables, operation_name
        )
        return answer

    def make_csp_header(self, nonce: str) -> str:
        """Return Dagster's policy for scripts and styles; all other kinds of content come from this server
        only."""
        return f"{super().make_csp_header(nonce).rstrip('; ')}; {UI_SOURCES}"

    def build_routes(self) -> list[BaseRoute]:
        return [*(Route(path, _not_served) for path in _GONE), *self._allowed()]

    def _allowed(self) -> Iterator[BaseRoute]:
        static = {_path(route) for route in self.build_static_routes()}  # type: ignore[no-untyped-call]
        for route in super().build_routes():  # type: ignore[no-untyped-call]
            if _path(route) in static | UI_ROUTES:
                yield route

    async def download_captured_logs_endpoint(self, request: Request) -> Response:
        """Return what a step printed; only from the folder of such logs."""
        parts = request.path_params["path"].split("/")
        if len(parts) < 2 or any(part in ("", ".", "..") or not _is_plain(part) for part in parts):
            raise HTTPException(404, "There is no such log")
        answer: Response = await super().download_captured_logs_endpoint(request)
        return answer

    async def download_debug_file_endpoint(self, request: Request) -> Response:
        run_id = request.path_params["run_id"]
        if not _RUN_ID.match(run_id) or not self._process_context.instance.has_run(run_id):
            raise HTTPException(404, "There is no such run")
        answer: Response = await super().download_debug_file_endpoint(request)
        return answer

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[Task[None] | None, GraphQLFormattedError | None]:
        """Subscribe as Dagster does, for a limited number at a time."""
        going: set[Task[None]] = websocket.scope.setdefault("dara.subscriptions", set())
        if len(going) >= _MOST_SUBSCRIPTIONS:
            refusal = f"A connection may have {_MOST_SUBSCRIPTIONS} subscriptions at a time."
            return None, GraphQLError(refusal).formatted
        task, error = await super().execute_graphql_subscription(
            websocket, operation_id, query, variables, operation_name
        )
        if task is not None:
            going.add(task)
            task.add_done_callback(going.discard)
        return task, error


def build_ui(code: Code) -> ASGIApp:
    """Build Dagster's UI with GraphQL over the loaded code."""
    app: ASGIApp = _Ui(code).create_asgi_app()
    return app


def _has_mutation(query: str) -> bool:
    """Return False for what cannot be parsed, which is answered as such."""
    try:
        parts = parse(query).definitions
    except GraphQLError:
        return False
    return any(getattr(part, "operation", None) is OperationType.MUTATION for part in parts)


def _path(route: BaseRoute) -> str:
    return route.path if isinstance(route, Route | Mount | WebSocketRoute) else ""


def _is_plain(part: str) -> bool:
    return part.isprintable() and "\\" not in part


async def _not_served(_: Request) -> Response:
    raise HTTPException(404, "Not served here")
