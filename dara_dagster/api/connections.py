"""Bounds the connections themselves, before there is a request: their number, slow heads, slow readers."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, ClassVar

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from dara_dagster.api.headers import COMMON, NO_CONTENT
from dara_dagster.api.limits import Limits
from dara_dagster.api.problem import PROBLEM, problem

__all__ = ["server_config"]

_GRACE_SECONDS = 3
# How long the rest of an unwanted body is read, so that the caller sees why (nginx calls it lingering_time).
_LINGER_SECONDS = 5.0
_LOG_SECONDS = 60.0


def server_config(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    """Return how uvicorn has to serve the application so that the limits hold."""

    class Bounded(_Bounded):
        """The protocol with these limits."""

        LIMITS = limits

    return uvicorn.Config(
        app,
        lifespan="off",
        http=Bounded,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe X-Forwarded-Proto from any process of this computer
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=limits.body_bytes,
    )


class _Bounded(H11Protocol):
    """uvicorn's HTTP/1.1 with what it has no setting for.

    Its `limit_concurrency` answers 503 only to a whole request, and a connection that never sends one stays
    open for ever. httptools, its other parser, takes headers of any length in; h11 stops at 16 KB.
    """

    LIMITS: ClassVar[Limits] = Limits()
    _logged: ClassVar[float] = -_LOG_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _reader_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.LIMITS.connections:
            self._log_full()
            transport.write(_raw_answer(503, "Too many connections are open. Try again in a moment."))
            transport.close()
        else:
            self._end_in(self.LIMITS.head_seconds)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_protocol() is not self:  # it is a web socket now
            return
        if self.conn.their_state is not h11.IDLE:
            if self.cycle is None or not self.cycle.response_complete:
                self._end_in(None)
        elif self.timeout_keep_alive_task is None and self._deadline is None:
            self._end_in(self.LIMITS.head_seconds)  # the head of the next request has begun to arrive

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._end_in(_LINGER_SECONDS)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._end_in(None)
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_in(None)
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_deadline = self.loop.call_later(self.LIMITS.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()

    def send_400_response(self, msg: str) -> None:
        self.transport.write(_raw_answer(400, msg))
        self.transport.close()

    def _end_in(self, seconds: float | None) -> None:
        """Close the connection then unless another call changes that before; None: do not."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._end) if seconds is not None else None

    def _end(self) -> None:
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_raw_answer(408, "The head of the request came too slowly."))
        self.transport.close()

    def _log_full(self) -> None:
        now = time.monotonic()
        if now - _Bounded._logged >= _LOG_SECONDS:
            _Bounded._logged = now
            print(f"{self.LIMITS.connections} connections are open: more are refused.", file=sys.stderr)


def _raw_answer(status: int, detail: str) -> bytes:
    """Return an answer where no request has come that an application could answer."""
    members: dict[str, Any] = problem(status, detail)
    body = json.dumps(members).encode()
    headers = {
        **COMMON,
        "Content-Security-Policy": NO_CONTENT,
        "Cache-Control": "no-store",
        "Content-Type": PROBLEM,
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Retry-After": "1"} if status == 503 else {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {members['title']}\r\n{head}\r\n".encode() + body
