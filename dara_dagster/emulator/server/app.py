"""The HTTP application: authenticates, finds the handler, applies faults, turns errors into answers."""

from __future__ import annotations

import errno
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dara_dagster.emulator.core.body_types import read_object
from dara_dagster.emulator.core.context import WORKSPACE_ID
from dara_dagster.emulator.core.errors import ApiError, DropConnection, invalid
from dara_dagster.emulator.core.json_body import read_body
from dara_dagster.emulator.core.signing import PRESIGNED
from dara_dagster.emulator.server.admin_routes import OPEN_ROUTES
from dara_dagster.emulator.server.authentication import authenticate
from dara_dagster.emulator.server.routing import Call, Json
from dara_dagster.emulator.server.workspaces import Server, W

logger = logging.getLogger(__name__)

Pages = Callable[[str, Mapping[str, str]], Awaitable[Response | None]]
"""Answers a browser's GET of (path, query) that needs no token; None for a path that is no page."""

_CALLS = ("/api/", "/__emulator/")
"""Where programs call; only what is elsewhere may be a page."""

_CONTENT = ("/api/2.0/fs/files/", "/api/2.0/workspace-files/", PRESIGNED)
"""Where a body is a file's content, whatever its content type says (curl calls it a form)."""

_JSON = ("application/json", "application/x-www-form-urlencoded")
"""Content types of a JSON body; the second is what curl says of one."""


class App:
    """The ASGI application."""

    def __init__(self, server: Server[W], pages: Pages) -> None:
        self._server, self._pages = server, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._server.last_call = time.monotonic()
        try:
            answer = await self._answer(Request(scope, receive))
            response = answer if isinstance(answer, Response) else _make_response(answer)
        except DropConnection as dropped:
            await _drop(receive, cut=dropped.cut)
            return
        except Exception as error:
            failure = _convert_error(error)
            if failure is not error and failure.status >= 500:
                logger.exception("%s %s failed", scope["method"], scope["path"])
            response = _make_error_response(failure)
        response.headers.setdefault("x-databricks-org-id", WORKSPACE_ID)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Json:
        scope, method = request.scope, request.method
        path: str = scope["path"]
        if (method, path) in OPEN_ROUTES:
            return OPEN_ROUTES[method, path](self._server)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if method == "GET" and not path.startswith(_CALLS):
            page = await self._pages(path, query)
            if page is not None:
                return page
        workspace = authenticate(self._server, request)
        route, values = workspace.router.find(scope)
        workspace.admin.calls[f"{method} {route.path}"] += 1
        faults = workspace.admin.faults.hits(method, path)
        for fault in faults:
            await fault.before()
        answer = route.endpoint(Call(request, values, query, await _read_json(request, path)))
        if inspect.isawaitable(answer):
            answer = await answer
        for fault in faults:
            await fault.after()
        return answer


async def _drop(receive: Receive, *, cut: bool) -> None:
    # uvicorn hands `receive` as a bound method of the object that owns the connection; ASGI itself
    # has no way to end one without an answer.
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if cut and transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_json(request: Request, path: str) -> dict[str, Json]:
    """Return the JSON object sent; {} for a body that is something else, which is left to the handler."""
    if not request.headers.get("content-type", "").startswith(_JSON) or path.startswith(_CONTENT):
        return {}
    try:
        body = await read_body(request.stream())
    except ClientDisconnect:
        raise DropConnection(cut=True) from None
    return read_object(body) if path.startswith("/api/") else body


def _make_response(content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content, separators=(",", ":")), status, headers, "application/json")


def _make_error_response(error: ApiError) -> Response:
    text = getattr(error, "text", None)
    if text is not None:
        return Response(text, error.status, error.headers, "text/plain")
    return _make_response(error.body(), error.status, error.headers)


def _convert_error(error: Exception) -> ApiError:
    """Return the answer to any failure, also to one that no rule foresaw."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return invalid("The path is too long.")
    return ApiError(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")
