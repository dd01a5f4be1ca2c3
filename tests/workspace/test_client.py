"""Opening a workspace: wrong credentials, dead hosts, and the life of the local workspace's process."""

from __future__ import annotations

import contextlib
import http.server
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from databricks.sdk.errors import InternalError, PermissionDenied

from dara_dagster.config.settings import Settings
from dara_dagster.errors import CredentialsError, EmulatorError, UnreachableError, WorkspaceError
from dara_dagster.workspace.calls import TryLater, api, explain, one_try, scrub
from dara_dagster.workspace.client import (
    Workspace,
    current_user,
    emulator_status,
    open_workspace,
    stop_emulator,
)
from dara_dagster.workspace.runs import jobs_api
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder whose local workspace is stopped at the end."""
    yield tmp_path
    stop_emulator(tmp_path, {})


def opened(root: Path) -> Workspace:
    return open_workspace("emulator", root=root, environ={"PATH": os.environ["PATH"]})


def environ_for(host: str, token: str = "secret-token") -> dict[str, str]:
    return {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": token}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_any_host_the_sdk_takes_is_opened(emulator: Emulator, tmp_path: Path) -> None:
    workspace = open_workspace("databricks", root=tmp_path, environ=environ_for(emulator.host + "/"))
    assert workspace.host == emulator.host and current_user(workspace)
    assert workspace.client.config.user_agent.startswith("dara-dagster/")


def test_a_proxy_is_not_asked_for_this_machine(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    workspace = open_workspace("databricks", root=tmp_path, environ=environ_for(emulator.host))
    assert current_user(workspace)


def test_a_profile_names_the_host(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "profiles"
    file.write_text(f"[local]\nhost = {emulator.host}\ntoken = profile-token\n")
    environ = {"DATABRICKS_CONFIG_FILE": str(file), "DATABRICKS_CONFIG_PROFILE": "local"}
    assert open_workspace("databricks", root=tmp_path, environ=environ).host == emulator.host
    file.write_text(f"[local]\nhost = http://127.0.0.1:{closed_port()}\ntoken = profile-token\n")
    with pytest.raises(UnreachableError):
        open_workspace("databricks", root=tmp_path, environ=environ)
    with pytest.raises(CredentialsError, match="has no other profile configured"):
        open_workspace("databricks", root=tmp_path, environ={**environ, "DATABRICKS_CONFIG_PROFILE": "other"})


def test_missing_credentials_say_what_to_set(emulator: Emulator, tmp_path: Path) -> None:
    nothing = {"DATABRICKS_CONFIG_FILE": str(tmp_path / "none")}
    for environ in (nothing, {**nothing, "DATABRICKS_HOST": emulator.host}):
        with pytest.raises(CredentialsError, match="Set DATABRICKS_HOST and DATABRICKS_TOKEN"):
            open_workspace("databricks", root=tmp_path, environ=environ)


def test_an_unreachable_host_fails_without_the_sdk_s_long_retries(tmp_path: Path) -> None:
    host = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(UnreachableError, match=f"Cannot reach {host}: .*Connection refused") as caught:
        open_workspace("databricks", root=tmp_path, environ=environ_for(host))
    assert "secret-token" not in str(caught.value)
    with pytest.raises(UnreachableError, match=r"Cannot reach https://no-such-host\.invalid: "):
        open_workspace("databricks", root=tmp_path, environ=environ_for("no-such-host.invalid"))
    with pytest.raises(WorkspaceError, match="is no address"):
        open_workspace("databricks", root=tmp_path, environ=environ_for("http://"))


def test_a_host_that_is_no_workspace_is_reported(project: Path) -> None:
    environ = environ_for(opened(project).host, "not the token of this emulator")
    with pytest.raises(CredentialsError, match="refused the credentials: PERMISSION_DENIED") as caught:
        open_workspace("databricks", root=project, environ=environ)
    assert "token=" not in str(caught.value) and "Config:" not in str(caught.value)


def test_the_sdk_says_nothing_on_the_screen(
    emulator: Emulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("databricks.sdk").setLevel(logging.NOTSET)
    workspace = open_workspace("databricks", root=tmp_path, environ=environ_for(emulator.host))
    with pytest.raises(Exception, match="No API found"):
        api(workspace, "GET", "/api/2.0/nothing")
    assert capfd.readouterr() == ("", "")


def test_configuration_and_tokens_are_cut_from_messages() -> None:
    error = PermissionDenied(
        "Invalid access token. Config: host=https://h, token=***, auth_type=pat. Env: DATABRICKS_HOST",
        error_code="PERMISSION_DENIED",
    )
    assert explain(error) == "PERMISSION_DENIED: Invalid access token"
    assert scrub("sent Bearer abc.def and dapi0123456789abcdef") == "sent Bearer [REDACTED] and [REDACTED]"
    assert len(scrub("x" * 5000)) < 700
    outer = TimeoutError("Timed out after 0:05:00")
    outer.__cause__ = requests.ConnectionError("boom")
    assert explain(outer) == "no answer (boom)"


def test_an_answer_that_is_no_error_of_the_api_is_reported_in_one_line() -> None:
    gateway = (
        "unable to parse response. This is likely a bug in the Databricks SDK for Python or the underlying"
    )
    error = InternalError(f"{gateway} API.\nRequest log:```POST /api\n< 500 Oops```")
    assert explain(error) == "unable to parse response"
    assert explain(InternalError("first line\n\n  second")) == "first line second"


def test_one_try_hands_the_fault_to_the_caller_and_only_there(
    emulator: Emulator, workspace: Workspace, workspace_token: str
) -> None:
    fault = {
        "method": "GET",
        "path": "*/scim/v2/Me",
        "kind": "status",
        "status": 429,
        "retry_after": "7",
        "count": 1,
    }
    emulator.admin("POST", "faults", fault, token=workspace_token)
    with one_try(), pytest.raises(TryLater) as caught:
        api(workspace, "GET", "/api/2.0/preview/scim/v2/Me")
    assert (caught.value.after, caught.value.throttled) == (7.0, True)
    emulator.admin("POST", "faults", {**fault, "retry_after": "0"}, token=workspace_token)
    assert current_user(workspace), "outside, the call waits and is made again"


def test_the_local_workspace_is_started_found_and_stopped(project: Path) -> None:
    assert emulator_status(project, {}) is None and not stop_emulator(project, {})
    first, again = opened(project), opened(project)
    status = emulator_status(project, {})
    assert status is not None and first.host == again.host == status.host
    assert status.data == project / ".dara"
    assert (project / ".dara" / "token").stat().st_mode & 0o077 == 0
    assert stop_emulator(project, {}) and emulator_status(project, {}) is None


def test_a_killed_local_workspace_is_started_anew_where_its_clients_know_it(project: Path) -> None:
    before = opened(project)
    status = emulator_status(project, {})
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    while emulator_status(project, {}) is not None:
        time.sleep(0.01)
    assert (project / ".dara" / "emulator.json").exists(), "a stale state file is left"
    assert opened(project).host == before.host
    assert current_user(before)


def test_a_state_file_that_points_elsewhere_is_not_believed(emulator: Emulator, project: Path) -> None:
    state = json.loads((emulator.data / "emulator.json").read_text())
    (project / ".dara").mkdir()
    (project / ".dara" / "emulator.json").write_text(json.dumps(state))
    assert emulator_status(project, {}) is None
    assert opened(project).host != emulator.host


def test_a_local_workspace_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"DARA_EMULATOR_DATA": str(tmp_path / "file" / "data")}
    with pytest.raises(EmulatorError, match=r"cannot use its folder .*DARA_EMULATOR_DATA"):
        open_workspace("emulator", root=tmp_path, environ=environ)


OPENER = """
import sys
from pathlib import Path
from dara_dagster.workspace.client import open_workspace
print(open_workspace("emulator", root=Path(sys.argv[1])).host)
"""


def test_processes_that_start_it_at_once_share_one(project: Path) -> None:
    command = [sys.executable, "-c", OPENER, str(project)]
    environ = {"PATH": os.environ["PATH"], "DATABRICKS_CONFIG_PROFILE": "a profile that is not there"}
    openers = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({opener.communicate(timeout=PATIENCE)[0] for opener in openers}) == 1
    assert all(opener.returncode == 0 for opener in openers)


WEB_SERVER = """
import http.server
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_plain_web_server_is_no_workspace(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WEB_SERVER],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        host = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        try:
            with pytest.raises(WorkspaceError, match=f"{host} is no Databricks workspace that works: "):
                open_workspace("databricks", root=tmp_path, environ=environ_for(host))
        finally:
            server.kill()


class NoToken(http.server.BaseHTTPRequestHandler):
    """A workspace whose token server knows nobody."""

    def do_GET(self) -> None:
        host = f"http://{self.headers['Host']}"
        if "oauth-authorization-server" in self.path:
            endpoints = {"authorization_endpoint": f"{host}/authorize", "token_endpoint": f"{host}/token"}
            self._answer(200, endpoints)
        else:
            self._answer(200, {"oidc_endpoint": f"{host}/oidc", "workspace_id": "1"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})

    def _answer(self, status: int, body: dict[str, str]) -> None:
        self._answer_with(status, "application/json", json.dumps(body).encode())

    def _answer_with(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


class NoTokenNow(NoToken):
    """A workspace whose token server answers 503 for the first calls; `left` counts them down.

    With a `page`, its first answers are that page and a status of 200.
    """

    left = 0
    page: bytes | None = None

    def do_GET(self) -> None:
        if self.path.endswith("/scim/v2/Me"):
            self._answer(200, {"userName": self.headers["Authorization"]})
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).left -= 1
        if self.left >= 0 and self.page is not None:
            self._answer_with(200, "text/html", self.page)
        elif self.left >= 0:
            self._answer(503, {"error": "temporarily_unavailable"})
        else:
            token = {"access_token": "fresh", "token_type": "Bearer", "expires_in": "3600"}
            self._answer(200, token)


@contextlib.contextmanager
def asking_for_a_token(handler: type[NoToken]) -> Iterator[dict[str, str]]:
    """The environment that reaches a workspace of this kind while it is served."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "DATABRICKS_HOST": f"http://127.0.0.1:{server.server_port}",
            "DATABRICKS_CLIENT_ID": "somebody",
            "DATABRICKS_CLIENT_SECRET": "secret-secret",
        }
        server.shutdown()


def test_a_fault_of_the_token_server_is_borne(tmp_path: Path) -> None:
    with asking_for_a_token(NoTokenNow) as environ:
        NoTokenNow.left = 3
        opened = open_workspace("databricks", root=tmp_path, environ=environ)
        assert current_user(opened) == "Bearer fresh"
        NoTokenNow.left = 10_000
        soon = Settings(lost_after_seconds=1.0)
        with pytest.raises(
            UnreachableError, match=r"no token could be had: temp.*, 503 from the token"
        ) as caught:
            open_workspace("databricks", root=tmp_path, environ=environ, settings=soon)
    assert "secret-secret" not in str(caught.value)


class PageForToken(NoTokenNow):
    """A workspace in front of whose token server a gateway stands, with a page of its own."""

    page = b"<html>Signing in will be back soon</html>"


def test_a_page_instead_of_a_token_is_borne_too(tmp_path: Path) -> None:
    with asking_for_a_token(PageForToken) as environ:
        PageForToken.left = 3
        assert current_user(open_workspace("databricks", root=tmp_path, environ=environ)) == "Bearer fresh"
        PageForToken.left = 10_000
        soon = Settings(lost_after_seconds=1.0)
        with pytest.raises(UnreachableError, match="the token server's answer is not JSON"):
            open_workspace("databricks", root=tmp_path, environ=environ, settings=soon)


def test_a_token_that_cannot_be_had_is_a_matter_of_credentials(tmp_path: Path) -> None:
    with asking_for_a_token(NoToken) as environ:
        with pytest.raises(CredentialsError, match="no token could be had: invalid_client") as caught:
            open_workspace("databricks", root=tmp_path, environ=environ)
        unchecked = open_workspace("databricks", root=tmp_path, environ=environ, check=False)
        with pytest.raises(CredentialsError, match="Renew the token or profile"):
            jobs_api.get_snapshot(unchecked, 1)
    assert "secret-secret" not in str(caught.value)
