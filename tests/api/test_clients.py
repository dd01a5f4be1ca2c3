"""A server as it starts by itself on localhost, with its token, and programs that know its OpenAPI only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Answer, Server, module_token, on_databricks
from tests.cli.conftest import Project, fill
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

__all__ = ["module_token"]

# Each in an environment of its own, which uv makes and keeps.
_GENERATOR = ["uvx", "--from", "openapi-python-client==0.29.1", "openapi-python-client"]
_SCHEMATHESIS = ["uvx", "--from", "schemathesis==4.32.5", "schemathesis"]


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, module_token: str
) -> Iterator[Server]:
    environ = on_databricks(emulator, module_token)
    project = fill(Project(tmp_path_factory.mktemp("secured"), environ))
    strict = {"file_name": "load", "format": "py", "parameters": {"day": "1"}}
    project.write("config/workflows/strict.json", {"tasks": [strict], "parameters": {"origin": "LGA"}})
    upload = {"uses": "upload_file", "settings": {"to": "/Volumes/main/default/inbox/"}}
    project.write("config/workflows/ingest.json", {"steps": [upload], "parameters": {"day": "1"}})
    emulator.admin("POST", "simulate", {"task_key": "*", "duration_ms": 100}, token=module_token)
    server = Server(project, token=True)
    header = Path(server.reported["token_file"]).read_text().strip()
    server.headers = dict([header.split(": ")])
    try:
        yield server
    finally:
        server.end()


def test_on_localhost_a_token_is_made_and_asked_for(secured: Server) -> None:
    path = Path(secured.reported["token_file"])
    command = ["curl", "-sS", "-H", f"@{path}", f"http://127.0.0.1:{secured.port}/api/v1/workflows"]

    assert path == secured.project.root / ".dagster" / "auth.header"
    assert secured.call("GET", "/api/v1/runs").status == 200
    assert secured.call("GET", "/api/v1/runs", headers={"Authorization": ""}).status == 401
    assert secured.call("GET", "/", headers={"Authorization": ""}).status == 401
    assert secured.call("GET", "/health/live", headers={"Authorization": ""}).status == 200
    token = secured.headers["Authorization"].removeprefix("Bearer ")
    link = secured.call("GET", f"/?token={token}", headers={"Authorization": ""})
    assert (link.status, link.headers["location"]) == (303, "/")
    session = {"Authorization": "", "Cookie": link.headers["set-cookie"].partition(";")[0]}
    assert 'id="__next"' in secured.call("GET", "/runs", headers=session).body
    reported = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert json.loads(reported.stdout)["project"] == "tiny"


def test_a_reader_asks_graphql_but_changes_nothing(secured: Server) -> None:
    reader = secured.project.here("token", "add", "grafana", "--scope", "read").strip()
    headers = {"Authorization": f"Bearer {reader}"}

    def ask(query: str) -> Answer:
        return secured.call("POST", "/graphql", {"query": query}, headers)

    assert secured.call("GET", "/api/v1/runs", headers=headers).status == 200
    assert secured.call("POST", "/api/v1/workflows/daily/runs", {}, headers).status == 403
    assert secured.call("POST", "/report_asset_materialization/x", {}, headers).status == 403
    permissions = ask("{permissions {permission value}}").body["data"]["permissions"]
    assert len(permissions) > 10 and not any(each["value"] for each in permissions)
    for mutation in ("mutation {setNuxSeen}", "query a {version} mutation b {setNuxSeen}"):
        answer = ask(mutation)
        assert (answer.status, answer.body["data"]) == (403, None), answer
    assert secured.call("POST", "/graphql", {"query": "mutation {setNuxSeen}"}).status == 200


_FOLLOW = """
import sys, time
from dara_client import AuthenticatedClient
from dara_client.api.runs import get_run, start_run, start_strict_run
from dara_client.api.workflows import list_workflows
from dara_client.models import RunRequest, RunRequestStrict

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], raise_on_unexpected_status=True)
assert [each.name for each in list_workflows.sync(client=client).workflows] == ["daily", "ingest", "strict"]
run = start_run.sync("daily", client=client, body=RunRequest(), idempotency_key="generated")
until = time.monotonic() + float(sys.argv[3])
while (found := get_run.sync(run.run_id, client=client)).state not in ("success", "failed", "cancelled"):
    assert time.monotonic() < until, found
    time.sleep(0.2)
print(found.state, *(f"{task.name}={task.state}" for task in found.tasks))
wrong = start_run.sync("dayly", client=client, body=RunRequest())
print(wrong.status, wrong.detail)
other = start_strict_run.sync(client=client, body=RunRequestStrict())
print(other.workflow, other.state)
"""


def _save_openapi(server: Server, folder: Path) -> Path:
    file = folder / "openapi.json"
    file.write_text(json.dumps(server.call("GET", "/api/openapi.json").body))
    return file


def _run(command: list[str], folder: Path, **options: Any) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=2 * PATIENCE, **options
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def test_a_generated_client_starts_and_follows_a_run(secured: Server, tmp_path: Path) -> None:
    file = _save_openapi(secured, tmp_path)
    (tmp_path / "names.yml").write_text("package_name_override: dara_client\n")
    options = ["--path", str(file), "--config", "names.yml", "--meta", "none", "--output-path", "dara_client"]

    _run([*_GENERATOR, "generate", *options], tmp_path)
    (tmp_path / "follow.py").write_text(_FOLLOW)
    token = secured.headers["Authorization"].removeprefix("Bearer ")
    packages = [
        "--with",
        "httpx==0.28.1",
        "--with",
        "attrs==26.1.0",
        "--with",
        "python-dateutil==2.9.0.post0",
    ]
    command = ["uv", "run", "--no-project", *packages, "python", "follow.py"]
    reported = _run([*command, f"http://127.0.0.1:{secured.port}", token, str(PATIENCE)], tmp_path)

    assert reported.splitlines()[0] == "success load=success left=success right=success"
    assert reported.splitlines()[1].startswith("404 There is no workflow 'dayly'")


def test_schemathesis_finds_nothing(secured: Server, tmp_path: Path) -> None:
    file = _save_openapi(secured, tmp_path)
    at = [
        "--url",
        f"http://127.0.0.1:{secured.port}",
        "-H",
        f"Authorization: {secured.headers['Authorization']}",
    ]
    few = [
        "--max-examples",
        "8",
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--phases",
        "examples,fuzzing",
    ]

    _run(
        [
            *_SCHEMATHESIS,
            "run",
            str(file),
            *at,
            *few,
            "--no-color",
        ],
        tmp_path,
    )
