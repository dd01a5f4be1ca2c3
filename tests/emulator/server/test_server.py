"""The server process: how it starts, whom it lets in, what it says, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databricks.sdk.errors import PermissionDenied

from tests.conftest import Emulator, start_emulator
from tests.support.waiting import PATIENCE

HEAVY = ("dagster", "databricks", "pysail", "pyspark", "pandas", "sqlglot", "dara_dagster.workspace")


def test_state_file_tells_where_it_is_and_goes_at_the_end(tmp_path: Path) -> None:
    running = start_emulator(tmp_path / "data")
    file = running.data / "emulator.json"
    state = json.loads(file.read_text())
    assert state["pid"] == running.process.pid
    assert state["host"] == f"http://127.0.0.1:{state['port']}"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert abs(state["started"] / 1000 - time.time()) < 60
    assert running.stop() == 0
    assert not file.exists()


def test_health_needs_no_token(emulator: Emulator) -> None:
    answer = emulator.admin("GET", "health")
    assert answer == {"ok": True, "pid": emulator.process.pid, "data": str(emulator.data.resolve())}


def test_stop_call_ends_it(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, token="only-this")
    running.admin("POST", "stop")
    assert running.process.wait(PATIENCE) == 0
    assert not (tmp_path / "emulator.json").exists()


def test_it_ends_by_itself_when_nobody_calls(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, "--idle", "0.3")
    assert running.process.wait(PATIENCE) == 0


def test_one_token_is_let_in_and_others_are_not(tmp_path: Path) -> None:
    running = start_emulator(tmp_path, token="right")
    try:
        assert running.client("right").current_user.me().user_name == "developer@localhost"
        with pytest.raises(PermissionDenied, match="Invalid access token"):
            running.client("wrong").current_user.me()
        assert running.call("GET", "/api/2.0/preview/scim/v2/Me", token="wrong")[0] == 403
        assert (tmp_path / "tables").is_dir(), "with one token the data folder itself is the workspace"
    finally:
        running.stop()


def test_no_token_is_401(emulator: Emulator) -> None:
    connection = http.client.HTTPConnection(emulator.host.removeprefix("http://"))
    connection.request("GET", "/api/2.2/jobs/runs/list")
    response = connection.getresponse()
    assert response.status == 401
    assert json.loads(response.read())["error_code"] == "UNAUTHENTICATED"
    connection.request("GET", "/.well-known/databricks-config")
    found = json.loads(connection.getresponse().read())
    connection.close()
    assert found["workspace_id"].isdecimal()
    assert found["oidc_endpoint"] == f"{emulator.host}/oidc"


def test_unknown_route(emulator: Emulator) -> None:
    status, answer = emulator.call("POST", "/api/2.0/no/such/thing")
    assert (status, answer["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    assert answer["message"] == "No API found for 'POST /api/2.0/no/such/thing'"


def test_bad_json_is_refused(emulator: Emulator) -> None:
    connection = http.client.HTTPConnection(emulator.host.removeprefix("http://"))
    headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    for body in ("{not json", "[1]"):
        connection.request("POST", "/api/2.2/jobs/runs/submit", body, headers)
        response = connection.getresponse()
        assert response.status == 400
        assert json.loads(response.read())["error_code"] == "MALFORMED_REQUEST"
    connection.close()


def test_workspace_id_comes_with_every_answer(emulator: Emulator, workspace_token: str) -> None:
    client = emulator.client(workspace_token)
    assert client.get_workspace_id() == client.get_workspace_id()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(tmp_path: Path, number: int) -> None:
    assert start_emulator(tmp_path).stop(number) == 0


def _refused(*arguments: str, **environ: str) -> str:
    command = [sys.executable, "-m", "dara_dagster.emulator", *arguments]
    environ = {
        **{name: value for name, value in os.environ.items() if name != "DARA_EMULATOR_TOKEN"},
        **environ,
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=PATIENCE)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, "one line, no traceback"
    return done.stderr


def test_port_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in _refused("--data", str(tmp_path), "--port", str(port))


def test_data_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in _refused("--data", str(tmp_path / "file" / "data"))


def test_a_damaged_store_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("this is no database, however long it may be" * 100)
    assert "move it away" in _refused("--data", str(tmp_path), DARA_EMULATOR_TOKEN="t")
    assert not (tmp_path / "emulator.json").exists()


def test_two_servers_on_one_folder_are_refused(tmp_path: Path) -> None:
    running = start_emulator(tmp_path)
    assert "another emulator is at work" in _refused("--data", str(tmp_path))
    assert running.stop() == 0


def test_reachable_from_outside_only_with_a_token(tmp_path: Path) -> None:
    assert "DARA_EMULATOR_TOKEN" in _refused("--data", str(tmp_path), "--host", "0.0.0.0")
    assert "not an address" in _refused("--data", str(tmp_path), "--host", "nowhere.example")


def test_starting_loads_nothing_heavy() -> None:
    program = (
        "import sys, dara_dagster.emulator.__main__\n"
        f"print([name for name in sys.modules if name.split('.')[0] in {HEAVY} or name in {HEAVY}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_token_has_its_own_workspace(emulator: Emulator, workspace_token: str) -> None:
    one, other = emulator.client(workspace_token), emulator.client(workspace_token + "-other")
    one.workspace.mkdirs("/Shared/mine")
    names = [item.path for item in other.workspace.list("/Shared")]
    assert names == []
