"""A small application behind parts of the server, on a port of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import uvicorn
from starlette.types import ASGIApp

from dara_dagster.api.connections import server_config
from dara_dagster.api.limits import Limits
from dara_dagster.api.server import listen
from tests.api.served import Answer, call
from tests.support.waiting import PATIENCE

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Small:
    """The application, served as `dara serve` serves its own."""

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        self.listener = listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.server = uvicorn.Server(server_config(app, limits or Limits()))
        self.thread = threading.Thread(target=self.server.run, args=[[self.listener]], daemon=True)
        self.thread.start()

    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | bytes] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        return call(self.port, method, path, body, headers)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE)
        self.listener.close()
