"""The HTTP skin: one table of routes, one place where errors become answers."""

from __future__ import annotations

import errno
import inspect
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from dara_dagster.emulator.core.body_types import read_object
from dara_dagster.emulator.core.errors import ApiError as ApiError
from dara_dagster.emulator.core.json_body import Gone, read_body
from dara_dagster.emulator.server.workspaces import WORKSPACE_ID, Server

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from dara_dagster.emulator.server.workspaces import Workspace

Json = Any

logger = logging.getLogger(__name__)


@dataclass
class Call:
    """One request, parsed: `path` holds the values of `{names}` in the route, `body` the JSON object sent.

    A body that is not JSON (an upload, a form) is left unread in `request`; it can be streamed.
    """

    workspace: Workspace
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Json] = field(default_factory=dict)
    request: Request | None = None

    def number(self, name: str, default: int | None = None) -> int:
        """An id or count from path, body or query; ApiError 400 when it is no number, or missing."""
        value = self.path.get(name) or self.body.get(name, self.query.get(name) or default)
        if value is None:
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Missing required field: {name}")
        if not re.fullmatch("-?[0-9]{1,19}", str(value)):
            text = f"{name} must be a whole number, not {str(value)[:100]!r}."
            raise ApiError(400, "INVALID_PARAMETER_VALUE", text)
        return int(value)

    def flag(self, name: str) -> bool:
        """A true or false of the query."""
        return self.query.get(name, "").lower() == "true"


Handler = Callable[[Call], Json]
"""Sync or async; returns a JSON object (answered with 200) or a Starlette Response."""

Routes = tuple[tuple[str, str, Handler], ...]
"""What each API file lists in its ROUTES: method, path with {name} or {name:path}, handler."""

Open = dict[tuple[str, str], Callable[[Server], Json]]
"""Routes that need no token: (method, path) to a function of the server."""

Pages = Callable[[Server, str, Mapping[str, str]], Awaitable[Response | None]]
"""Answers a browser's GET of (path, query) that needs no token; None for a path that is no page."""

_CALLS = ("/api/", "/__emulator/")
"""Where programs call; only what is elsewhere may be a page."""

PRESIGNED = "/__emulator/presigned/"
"""Where URLs begin that are a permission by themselves and come without a token."""

_CONTENT = ("/api/2.0/fs/files/", "/api/2.0/workspace-files/", PRESIGNED)
"""Where a body is a file's content, whatever its content type says (curl calls it a form)."""

_JSON = (b"application/json", b"application/x-www-form-urlencoded")
"""Content types of a JSON body; the second is what curl says of one."""

_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-databricks-org-id", WORKSPACE_ID.encode()),
]


def all_routes() -> Routes:
    """The routes of every API file (which all import this module, hence the late import)."""
    from dara_dagster.emulator.server import admin_routes as control
    from dara_dagster.emulator.services.catalog import routes as catalog
    from dara_dagster.emulator.services.compute import cluster_routes as clusters
    from dara_dagster.emulator.services.compute import warehouses
    from dara_dagster.emulator.services.files import routes as files
    from dara_dagster.emulator.services.jobs import rules as jobs
    from dara_dagster.emulator.services.lakebase import rules as lakebase
    from dara_dagster.emulator.services.objects import routes as workspace
    from dara_dagster.emulator.services.runs import notebook_routes as nested_runs
    from dara_dagster.emulator.services.runs import routes as run_routes
    from dara_dagster.emulator.services.secrets import rules as secrets
    from dara_dagster.emulator.services.statements import rules as statements
    from dara_dagster.emulator.services.vector_search import routes as vector_search

    return (
        *control.ROUTES,
        *run_routes.ROUTES,
        *jobs.ROUTES,
        *nested_runs.ROUTES,
        *clusters.ROUTES,
        *warehouses.ROUTES,
        *statements.ROUTES,
        *workspace.ROUTES,
        *files.ROUTES,
        *catalog.ROUTES,
        *secrets.ROUTES,
        *vector_search.ROUTES,
        *lakebase.ROUTES,
    )


@dataclass(frozen=True)
class _Target:
    handler: Handler
    route: str
    waits: bool


class Router:
    """Finds the handler of a request: exact paths by dictionary, then patterns in the order given."""

    def __init__(self, routes: Routes) -> None:
        self._exact: dict[tuple[str, str], _Target] = {}
        self._patterns: list[tuple[str, re.Pattern[str], _Target]] = []
        for method, path, handler in routes:
            target = _Target(handler, f"{method} {path}", inspect.iscoroutinefunction(handler))
            if "{" in path:
                self._patterns.append((method, _pattern(path), target))
            else:
                self._exact[method, path] = target

    def find(self, method: str, path: str) -> tuple[_Target, Mapping[str, str]]:
        """The handler and the values in the path; ApiError 404 when there is none."""
        target = self._exact.get((method, path))
        if target is not None:
            return target, {}
        for verb, pattern, target in self._patterns:
            if verb == method and (match := pattern.fullmatch(path)):
                return target, match.groupdict()
        raise ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")


def _pattern(path: str) -> re.Pattern[str]:
    text = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    text = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", text)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text), re.DOTALL)


class App:
    """The ASGI application: let in, find the handler, apply faults, answer."""

    def __init__(self, server: Server, routes: Routes, open_routes: Open, pages: Pages) -> None:
        self._server, self._router, self._open, self._pages = server, Router(routes), open_routes, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._server.last_call = time.monotonic()
        try:
            answer = await self._answer(scope, receive)
        except ApiError as error:
            answer = _error_answer(error)
        except Silence as silence:
            await _stay_silent(receive, cut=silence.cut)
            return
        except Exception as error:
            failure = _failure(error)
            if failure.status >= 500:
                logger.exception("%s %s failed", scope["method"], scope["path"])
            answer = _error_answer(failure)
        if isinstance(answer, Response):
            answer.headers.setdefault("x-databricks-org-id", WORKSPACE_ID)
            await answer(scope, receive, send)
        else:
            await _send_json(send, 200, {} if answer is None else answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Json:
        method, path = scope["method"], scope["path"]
        if (method, path) in self._open:
            return self._open[method, path](self._server)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if method == "GET" and not path.startswith(_CALLS):
            page = await self._pages(self._server, path, query)
            if page is not None:
                return page
        workspace = self._let_in(scope)
        target, values = self._router.find(method, path)
        workspace.control.calls[target.route] += 1
        faults = workspace.control.faults.hits(method, path)
        for fault in faults:
            await fault.before()
        call = Call(workspace, values, query, await _json_body(scope, receive), Request(scope, receive))
        answer = target.handler(call)
        if target.waits:
            answer = await answer
        for fault in faults:
            await fault.after()
        return answer

    def _let_in(self, scope: Scope) -> Workspace:
        if scope["path"].startswith(PRESIGNED):
            return self._holder(scope["path"])
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = sent.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type.")
        workspace = self._server.workspace(token)
        if workspace is None:
            raise ApiError(403, "PERMISSION_DENIED", "Invalid access token.")
        return workspace

    def _holder(self, path: str) -> Workspace:
        """The workspace that made a presigned URL; its handler then checks the signature."""
        workspace = self._server.url_holders.get(path.removeprefix(PRESIGNED).partition("/")[0])
        if workspace is None:
            raise ApiError(403, "PERMISSION_DENIED", "The signature of the URL is not valid.")
        return workspace


class Silence(Exception):
    """No answer is to be given: the connection is cut, or left hanging until the client gives up."""

    def __init__(self, *, cut: bool) -> None:
        super().__init__()
        self.cut = cut


async def _stay_silent(receive: Receive, *, cut: bool) -> None:
    # uvicorn hands `receive` as a bound method of the object that owns the connection; ASGI itself
    # has no way to end one without an answer.
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if cut and transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _json_body(scope: Scope, receive: Receive) -> dict[str, Json]:
    """The JSON object sent; {} for a body that is something else, which is left to the handler."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    path: str = scope["path"]
    if not kind.startswith(_JSON) or path.startswith(_CONTENT):
        return {}
    try:
        body = await read_body(receive)
    except Gone:
        raise Silence(cut=True) from None
    return read_object(body) if path.startswith("/api/") else body


def _error_answer(error: ApiError) -> Response:
    text = getattr(error, "text", None)
    if text is not None:
        return Response(text, error.status, error.headers, "text/plain")
    return Response(json.dumps(error.body()), error.status, error.headers, "application/json")


def _failure(error: Exception) -> ApiError:
    """The answer to a failure that no rule foresaw."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENAMETOOLONG:
        return ApiError(400, "INVALID_PARAMETER_VALUE", "The path is too long.")
    return ApiError(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")


async def _send_json(send: Send, status: int, answer: Json) -> None:
    body = json.dumps(answer, separators=(",", ":")).encode()
    headers = [*_HEADERS, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
