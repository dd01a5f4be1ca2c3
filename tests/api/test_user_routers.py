"""Routes of a user's own: served beside the REST API behind the same guard; clashes fail the start."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from fastapi import APIRouter, FastAPI

import dara_dagster
from dara_dagster.api.routes import user_routes
from dara_dagster.api.user_routers import RouterError
from tests.api.served import Server, call, form
from tests.cli.conftest import Project, fill
from tests.conftest import Emulator
from tests.support.waiting import until

TOKEN = "a-token-of-the-routers-test"
DOCUMENTED = Path(dara_dagster.__file__).parent / "docs" / "rest.md"
WRONG = "from fastapi import APIRouter, FastAPI\nrouter = APIRouter(prefix='/api/v1')\n"


def documented(number: int) -> str:
    """The n-th Python example of the page."""
    return re.findall(r"```python\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL)[number]


def router(path: str, **options: Any) -> APIRouter:
    made = APIRouter(**options)

    @made.get(path)
    def nothing() -> None:
        """Answer null."""

    return made


@asynccontextmanager
async def lifespan(_app: FastAPI) -> Any:
    yield


@pytest.mark.parametrize(
    ("routers", "index", "words"),
    [
        ([router("/mine"), "my_routes"], 1, "it is no APIRouter, but of the type str"),
        ([router("/api/v1/workflow/status/{task}")], 0, "it takes /api/v1/workflow/status/x, which"),
        ([router("/api/v1/workflow/status/mine")], 0, "it takes GET /api/v1/workflow/status/mine, which"),
        ([router("/{path:path}")], 0, "Give it a prefix of its own"),
        ([router("/{kind}/status")], 0, "it takes GET /{kind}/status, which"),
        ([router("/runs/{run}/log")], 0, "it takes GET /runs/{run}/log, which"),
        ([router("/graphql", include_in_schema=False)], 0, "it takes /graphql, which"),
        ([router("/a/{x}"), router("/a/{y}")], 1, "GET /a/{y} is in routers[0] too"),
        ([router("/a", lifespan=lifespan)], 0, "it has a lifespan, which is not run here"),
    ],
)
def test_what_cannot_be_served_is_reported(routers: list[object], index: int, words: str) -> None:
    with pytest.raises(RouterError) as reported:
        user_routes(routers)

    assert reported.value.index == index and words in str(reported.value)


@pytest.mark.parametrize(
    ("named", "module", "words"),
    [
        ("my_routes:router", None, "my_routes:router cannot be loaded: No module named 'my_routes'."),
        ("my_routes:rooter", "router = 1", "module 'my_routes' has no attribute 'rooter'."),
        ("my_routes:router", "router = 1", "routers[0]: it is no APIRouter, but of the type int."),
        ("my_routes:router", "a = {}\nrouter = a['b']", "KeyError: 'b' ("),
        ("my_routes:router", "raise SystemExit(3)", "SystemExit: 3 ("),
        ("my_routes", "router = 1", "'my_routes' does not name something in a Python module."),
    ],
)
def test_a_wrong_router_is_one_line_at_start(
    tmp_path: Path, named: str, module: str | None, words: str
) -> None:
    project = fill(Project(tmp_path))
    if module is not None:
        project.write("my_routes.py", module)
    project.write("config/project.json", {"name": "r", "notebooks": "notebooks", "routers": [named]})

    reported = project.dara("serve", "--port", "0", code=1)

    assert words in reported
    (line,) = [line for line in reported.splitlines() if "routers[0]" in line]
    assert re.match(r"config/project\.json:\d+: ", line)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Iterator[Server]:
    """A server with the documented router on a workflow `index_file`, and a token."""
    environ = {
        "DARA_WORKSPACE": "databricks",
        "DATABRICKS_HOST": emulator.host,
        "DATABRICKS_TOKEN": "test-routers",
        "DARA_API_TOKEN": TOKEN,
    }
    project = fill(Project(tmp_path_factory.mktemp("routed"), environ))
    upload = {"uses": "upload_file", "settings": {"to": "/Volumes/main/default/inbox/"}}
    project.write("config/workflows/index_file.json", {"steps": [upload], "parameters": {"chunk_words": "5"}})
    project.write(
        "config/project.json", {"name": "r", "notebooks": "notebooks", "routers": ["my_routes:router"]}
    )
    project.write("my_routes.py", documented(0))
    emulator.client("test-routers").volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    server = Server(project, token=True)
    try:
        yield server
    finally:
        server.end()


def test_the_documented_routes_start_a_run_and_tell_its_result(served: Server) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    body, headers = form(b"some text", "notes.txt", chunk_words="3")

    started = served.call("POST", "/workflow/index-file", body, {**headers, **bearer})
    assert started.status == 202, started
    task_id = started.body["task_id"]

    def reported() -> Any:
        return served.call("GET", f"/workflow/status/{task_id}", None, bearer).body

    until(lambda: reported()["status"] not in ("queued", "starting", "running"), "the end of the run")
    assert reported() == {
        "task_id": task_id,
        "status": "success",
        "result": {
            "volume_path": "/Volumes/main/default/inbox/notes.txt",
            "filename": "notes.txt",
            "run_id": None,
            "job_id": None,
        },
    }


def test_own_routes_have_the_guard_and_the_errors_of_the_others(served: Server) -> None:
    bearer = {"Authorization": f"Bearer {TOKEN}"}

    assert served.call("GET", "/workflow/status/none").status == 401
    assert served.call("GET", "/workflow/status/none", None, bearer).status == 404
    assert served.call("POST", "/workflow/status/none", None, bearer).status == 405
    body, headers = form(b"x", "x.txt", chunk_words="many")
    wrong = served.call("POST", "/workflow/index-file", body, {**headers, **bearer})
    assert wrong.status == 422 and "chunk_words" in str(wrong.body)
    paths = served.call("GET", "/api/openapi.json", None, bearer).body["paths"]
    assert {"/workflow/index-file", "/workflow/status/{task_id}"} <= paths.keys()
    assert "/workflow/index-file" in served.call("GET", "/api/docs", None, bearer).body
    assert 'id="__next"' in served.call("GET", "/workflow", None, bearer).body


def test_create_api_is_the_same_server_for_a_uvicorn_of_ones_own(tmp_path: Path) -> None:
    project = fill(Project(tmp_path, {"DARA_WORKSPACE": "emulator"}))
    project.write("my_routes.py", documented(0))
    project.write("my_server.py", documented(1).replace("[router])", "[router], daemon=False)"))
    code = (
        "import socket, uvicorn; from my_server import app\n"
        "sock = socket.create_server(('127.0.0.1', 0)); print(sock.getsockname()[1], flush=True)\n"
        "uvicorn.Server(uvicorn.Config(app, log_level='warning')).run(sockets=[sock])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project.root,
        env={**project.environ, "PYTHONPATH": str(project.root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert call(port, "GET", "/workflow/status/none").status == 404
        found = call(port, "GET", "/api/v1/workflows").body["workflows"]
        assert "daily" in [workflow["name"] for workflow in found]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_create_api_names_the_router_that_it_was_given(tmp_path: Path) -> None:
    project = fill(Project(tmp_path))
    with pytest.raises(RouterError, match=r"routers\[1\]: it takes /runs, which"):
        dara_dagster.create_api(project.root / "config", routers=[router("/mine"), router("/runs")])
