"""A running `dara serve` on a project of its own, with the emulator as its workspace."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Project, fill
from tests.conftest import Emulator
from tests.support.forked import Forked
from tests.support.waiting import PATIENCE, until


@dataclass
class Answer:
    """What the server answered: status, headers by lower-case name, and the JSON (or text) of the body."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def wrong_keys(self) -> list[str | None]:
        """What the answer says is wrong, part by part."""
        return [each["key"] for each in self.body.get("errors", ())]


def call(
    port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str | bytes] | None = None
) -> Answer:
    """One request to 127.0.0.1; a body that is no bytes goes as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    sent = {"Content-Type": "application/json"} if body is not None and not isinstance(body, bytes) else {}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, data, {**sent, **(headers or {})})
        response = connection.getresponse()
        text = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        is_json = named.get("content-type", "").startswith(("application/json", "application/problem+json"))
        return Answer(response.status, named, json.loads(text) if is_json else text.decode())
    finally:
        connection.close()


def form(file: bytes, name: str, **fields: str) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a multipart form with one file."""
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'.encode()
        for key, text in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, file, f"\r\n--{mark}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}"}


class Server:
    """`dara serve` as a process in a group of its own, as a terminal starts it."""

    def __init__(self, project: Project, *arguments: str, token: bool = False) -> None:
        has_token = token or "DARA_API_TOKEN" in project.environ
        self.project, self.arguments = project, (*(() if has_token else ("--no-token",)), *arguments)
        self.headers: Mapping[str, str] = {}
        self.start()

    def start(self) -> None:
        command = ("serve", "--port", "0", "--json", *self.arguments)
        self.process = Forked(self.project.root, self.project.environ, command)
        line = self.process.first_line()
        self.reported = json.loads(line)
        self.port = int(self.reported["url"].rpartition(":")[2])

    def interrupt(self) -> str:
        """Ctrl-C: SIGINT to every process of the terminal's group. Returns what it wrote on stderr."""
        os.killpg(self.process.pid, signal.SIGINT)
        _, err = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, err
        return err

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return call(self.port, method, path, body, {**self.headers, **(headers or {})})

    def status(self, run_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/api/v1/runs/{run_id}")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found

    def wait(self, run_id: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The run's status as soon as it is as wanted."""

        def found() -> dict[str, Any] | None:
            status = self.status(run_id)
            return status if reached(status) else None

        def shown() -> str:
            log = self.project.root / ".dagster" / "daemon.log"
            return f"{self.status(run_id)}\n{log.read_text()[-4000:]}"

        status: dict[str, Any] = until(found, shown, pause=0.1)
        return status

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.communicate(timeout=PATIENCE)
        if self.process.poll() is None:
            os.kill(self.reported["pid"], signal.SIGKILL)
            self.process.kill()
            self.process.communicate()


def on_databricks(emulator: Emulator, token: str) -> dict[str, str]:
    """The environment in which a project runs on that workspace of the emulator as on Databricks."""
    return {"DARA_WORKSPACE": "databricks", "DATABRICKS_HOST": emulator.host, "DATABRICKS_TOKEN": token}


@pytest.fixture(scope="module")
def module_token() -> str:
    """The token of a workspace that the tests of one file share."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, module_token: str
) -> Iterator[Server]:
    """A server on the workflows `daily` (three tasks), `ingest` (uploads a file), `one_script`."""
    root: Path = tmp_path_factory.mktemp("served")
    project = fill(Project(root, on_databricks(emulator, module_token)))
    project.write(
        "config/project.json", {"name": "tiny", "notebooks": "notebooks", "upload_folders": ["../incoming"]}
    )
    upload = {"uses": "upload_file", "settings": {"to": "/Volumes/main/default/inbox/"}}
    project.write(
        "config/workflows/ingest.json",
        {"steps": [upload], "parameters": {"origin": "LGA"}, "extra_parameters": True},
    )
    project.write("config/notebooks/plain.py", "print('hello')\n")
    script = {"file_name": "plain", "format": "py", "parameters": {"day": "1"}}
    limited = {"tasks": [script], "max_concurrent_runs": 1}
    project.write("config/workflows/one_script.json", limited)
    emulator.admin("POST", "simulate", {"task_key": "*", "duration_ms": 100}, token=module_token)
    emulator.admin("POST", "simulate", {"task_key": "plain", "duration_ms": 600_000}, token=module_token)
    server = Server(project, "--max-upload", "1")
    try:
        yield server
    finally:
        server.end()
