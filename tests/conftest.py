"""The local workspace as a fixture: one server process a session, one fresh workspace a test."""

from __future__ import annotations

import gc
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.waiting import PATIENCE, until

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


# The suite starts many processes: without compiled files each compiles Dagster and the SDK again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What commands print is checked whole; how it is wrapped has tests of its own.
os.environ["COLUMNS"] = "1000"
# The workers of pytest-xdist have no file of their main module, which pyspark takes for a broken install.
# Every process of multiprocessing executes that file, so it is one without content.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = str(Path(__file__).with_name("__init__.py"))
# A shell ignores SIGINT in what it starts in the background, and so would all processes of the tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# What is collected stays; the garbage collector need not look at it again and again.
gc.disable()


TESTS = Path(__file__).parent
SLOW_FIRST = (
    *("example", "sensors", "faults", "cli", "api", "defs", "executor", "emulator", "workspace", "history"),
    *("config", "tasks", "house"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle",
        metavar="ORDER",
        help="another order of the tests: 'reversed', or one mixed by a number",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    order = config.getoption("--shuffle")
    if order == "reversed":
        items.reverse()
    elif order:
        random.Random(order).shuffle(items)
    else:  # files that wait for processes first: one of them alone at the end would keep the others waiting
        items.sort(key=lambda item: SLOW_FIRST.index(item.path.relative_to(TESTS).parts[0]))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@dataclass
class Emulator:
    """A running server. In open mode (as here) every token is let in and has its own workspace."""

    process: subprocess.Popen[bytes]
    host: str
    token: str
    data: Path

    def admin(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, token: str | None = None
    ) -> Any:
        """One plain call (`path` may be short for /__emulator/path) with `token`; returns the parsed answer.

        An answer other than 200 raises AssertionError with its text.
        """
        status, answer = self.call(method, path, body, token=token)
        assert status == 200, f"{method} {path}: {status} {answer}"
        return answer

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, token: str | None = None
    ) -> tuple[int, Any]:
        """Like `admin`, returning the status as well."""
        connection = http.client.HTTPConnection(urlsplit(self.host).netloc, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        full = path if path.startswith(("/api/", "/__emulator/")) else f"/__emulator/{path.lstrip('/')}"
        try:
            connection.request(method, full, json.dumps(body or {}), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def client(self, token: str) -> WorkspaceClient:
        """The real SDK on the workspace of `token`, giving up on retries after 10 s."""
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.config import Config

        config = Config(
            host=self.host,
            token=token,
            auth_type="pat",
            retry_timeout_seconds=10,
            http_timeout_seconds=PATIENCE,
        )
        return WorkspaceClient(config=config)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def start_emulator(data: Path, *arguments: str, token: str | None = None) -> Emulator:
    """Start a server process on `data` and wait until it listens; the caller stops it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DARA_")}
    if token is not None:
        environ["DARA_EMULATOR_TOKEN"] = token
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dara_dagster.emulator", "--data", str(data), *arguments]
    with (data / "emulator.log").open("ab") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    state_file = data / "emulator.json"

    def started() -> dict[str, Any] | None:
        if process.poll() is not None:
            raise AssertionError(f"the emulator ended: {(data / 'emulator.log').read_text()}")
        state = json.loads(state_file.read_text()) if state_file.exists() else {"pid": None}
        return state if state["pid"] == process.pid else None

    try:
        state = until(started, "the start of the emulator", pause=0.02)
    except AssertionError:
        process.kill()
        raise
    return Emulator(process, state["host"], token or f"session-{uuid.uuid4().hex}", data)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The session's server, in open mode: any bearer token is a workspace of its own."""
    running = start_emulator(tmp_path_factory.mktemp("emulator"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def workspace_token() -> str:
    """A fresh token, so a fresh and isolated workspace."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def client(emulator: Emulator, workspace_token: str) -> WorkspaceClient:
    """The real SDK on this test's own workspace."""
    return emulator.client(workspace_token)
