"""Bounds what one caller can take of the server: sizes, times, numbers; for every route and web socket."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.api.problem import problem_answer
from dara_dagster.api.proxy import NAME_HEADERS

__all__ = ["FORM", "Limits", "RequestLimits", "client_of", "media_type"]

FORM = "multipart/form-data"
_MEGABYTE = 1024 * 1024
_LONGEST_NAME = 256
_MOST_CLIENTS = 4096  # whose rate is remembered; the one that was silent longest is forgotten first


@dataclass(frozen=True)
class Limits:
    """What a caller can take. Times are in seconds, sizes in bytes; rates are for each client address.

    `body_bytes` holds for every body and web-socket message but forms with a file (`upload_bytes`). A body
    has to arrive with `body_rate` bytes a second after the first `body_seconds`, which is how Apache counts
    too (https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html).
    """

    upload_bytes: int = 1024 * _MEGABYTE
    body_bytes: int = _MEGABYTE
    head_seconds: float = 20.0
    body_seconds: float = 20.0
    body_rate: float = 8 * 1024.0
    idle_seconds: int = 15
    write_seconds: float = 60.0
    connections: int = 500
    requests_per_second: float = 100.0
    burst: int = 1000


class RequestLimits:
    """Stands before everything else: refuses what is too large, too slow or too often.

    429 and 413 come before a byte of the body is taken in, 408 when it comes too slowly. Messages of a web
    socket that come too often are taken in as slowly as is allowed. `is_proxied` says that a trusted proxy
    stands in front: all come from its address then, and who it has logged in is what tells them apart.
    """

    def __init__(self, app: ASGIApp, limits: Limits, *, is_proxied: bool = False) -> None:
        self._app, self._limits, self._is_proxied = app, limits, is_proxied
        self._rates = _Rates(limits.requests_per_second, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, self._paced(scope, receive), send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._rates.wait_for(client_of(scope, is_proxied=self._is_proxied))
        if wait > 0:
            rate = f"{self._limits.requests_per_second:g} requests a second"
            answer = problem_answer(429, f"This server takes {rate} from one address.", retry_after=wait)
            await answer(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_upload = scope["path"].startswith("/api/") and media_type(headers) == FORM
        most = self._limits.upload_bytes if is_upload else self._limits.body_bytes
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > most:
            await _too_large(most)(scope, receive, send)
            return
        body = _Body(self._limits, most, scope, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            if not body.refused:  # else: the application knows that the caller has gone, and has given up
                raise

    def _paced(self, scope: Scope, receive: Receive) -> Receive:
        client = client_of(scope, is_proxied=self._is_proxied)

        async def paced() -> Message:
            while (wait := self._rates.wait_for(client)) > 0:
                await asyncio.sleep(wait)
            return await receive()

        return paced


class _Body:
    """Takes one body in while it keeps to the limits; one that does not is answered at once."""

    def __init__(self, limits: Limits, most: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._limits, self._most, self._scope = limits, most, scope
        self._receive, self._send = receive, send
        self._arrived, self._waited = 0, 0.0
        self._is_whole = self._has_begun = False
        self.refused = False

    async def receive(self) -> Message:
        if self.refused:
            return {"type": "http.disconnect"}
        if self._is_whole:
            return await self._receive()
        allowed = self._limits.body_seconds + self._arrived / self._limits.body_rate
        began = time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(allowed - self._waited, 0.001))
        except asyncio.TimeoutError:
            return await self._refuse(problem_answer(408, "The body came too slowly."))
        self._waited += time.monotonic() - began
        self._arrived += len(message.get("body", b""))
        if self._arrived > self._most:
            return await self._refuse(_too_large(self._most))
        self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self._has_begun = True
        if not self.refused:
            await self._send(message)

    async def _refuse(self, answer: Response) -> Message:
        self.refused = True
        if not self._has_begun:
            await answer(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}


class _Rates:
    """A token bucket for each client (https://en.wikipedia.org/wiki/Token_bucket)."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_for(self, client: str) -> float:
        """Count one request; the seconds to wait when that was one too many, else 0."""
        now = time.monotonic()
        left, at = self._left.pop(client, (float(self._burst), now))
        left = min(left + (now - at) * self._per_second, float(self._burst))
        if left >= 1:
            left -= 1
            wait = 0.0
        else:
            wait = (1 - left) / self._per_second
        self._left[client] = left, now
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return wait


def client_of(scope: Scope, *, is_proxied: bool = False) -> str:
    """Return who makes a request: the address it comes from, behind a trusted proxy the user."""
    if is_proxied:
        headers = dict(reversed(scope["headers"]))
        user = next((headers[name] for name in NAME_HEADERS if headers.get(name)), None)
        if user is not None:
            return str(user[:_LONGEST_NAME].decode("latin-1"))
    client = scope.get("client")
    return str(client[0]) if client else ""


def media_type(headers: Headers) -> str:
    """Return the media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(most: int) -> Response:
    return problem_answer(
        413, f"The body is larger than {most / _MEGABYTE:,.6g} MB, the most this server takes here."
    )
