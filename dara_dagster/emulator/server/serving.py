"""Runs the application on a listening socket: state file, idle end, signals, clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Generator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType

import uvicorn

from dara_dagster.emulator.server.app import App, Pages
from dara_dagster.emulator.server.workspaces import Server, W

STATE_FILE = "emulator.json"


def serve(server: Server[W], pages: Pages, listener: socket.socket, *, idle_seconds: float) -> None:
    """Serve until SIGTERM, SIGINT, `/__emulator/stop` or `idle_seconds` without a call; then clean up."""
    address = listener.getsockname()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - how to reach it
    server.host = f"http://[{host}]:{address[1]}" if ":" in host else f"http://{host}:{address[1]}"
    http = _Http(server, pages, idle_seconds)
    server.stop = http.end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, http.handle_signal)
    http.run(sockets=[listener])


class _Http(uvicorn.Server):
    """uvicorn with our start and end around it."""

    def __init__(self, server: Server[W], pages: Pages, idle_seconds: float) -> None:
        super().__init__(
            uvicorn.Config(
                App(server, pages),
                lifespan="off",
                ws="none",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=1,
                timeout_keep_alive=3600,
                server_header=False,
                date_header=False,
            )
        )
        self._server, self._idle_seconds = server, idle_seconds
        self._state_file = server.data / STATE_FILE
        self._tasks: list[asyncio.Task[None]] = []

    def end(self) -> None:
        """Finish the requests at hand (a second at most) and leave."""
        self.should_exit = True

    def handle_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.end()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Keep our handlers: uvicorn's would raise the signal again at the end and spoil the exit code."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._server.token is not None:
            self._server.workspace(self._server.token)  # what was running before continues from here
        _write_state(self._state_file, self._server.host)
        self._tasks.append(asyncio.create_task(self._watch_idle()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self._tasks:
            task.cancel()
        _remove_state(self._state_file)
        self._server.processes.close()
        await super().shutdown(sockets)
        self._server.close()

    async def _watch_idle(self) -> None:
        while not self.should_exit:
            quiet = time.monotonic() - self._server.last_call
            if quiet >= self._idle_seconds and not self._server.processes.busy:
                self.end()
            await asyncio.sleep(min(max(self._idle_seconds - quiet, 0.1), 5.0))


def _write_state(file: Path, host: str) -> None:
    state = {
        "pid": os.getpid(),
        "port": int(host.rpartition(":")[2]),
        "host": host,
        "started": int(time.time() * 1000),
        "version": _read_version(),
    }
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        json.dump(state, out)
    draft.replace(file)


def _remove_state(file: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        if json.loads(file.read_text())["pid"] == os.getpid():  # not that of a successor
            file.unlink()


def _read_version() -> str:
    try:
        return version("dara-dagster")
    except PackageNotFoundError:
        return "0"
