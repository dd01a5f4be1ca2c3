"""Who gets through to the server: tokens, names of hosts, and pages of other web sites."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dara_dagster.api import tokens
from dara_dagster.api.auth import Guard, is_loopback, usable_token
from dara_dagster.api.proxy import Proxy
from dara_dagster.api.server import listen
from dara_dagster.api.tokens import Failures, Tokens
from dara_dagster.errors import DaraError
from dara_dagster.executor.user import USER_HEADER
from tests.api.small import UPGRADE, Small
from tests.cli.conftest import Project, project

__all__ = ["project"]

TOKEN = "a-long-random-text"


def _basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def _seen(request: Request) -> Response:
    """What is behind the guard sees of the caller: without one, nothing."""
    forwarded = {name: text for name, text in request.headers.items() if name.startswith("x-forwarded")}
    user = request.headers.get(USER_HEADER)
    if user is None and not forwarded:
        return PlainTextResponse("in")
    user = user and user.encode("latin-1").decode()  # headers are bytes, which Starlette reads as Latin-1
    return JSONResponse({"user": user, "host": request.headers["host"], "forwarded": forwarded})


class Guarded(Small):
    """A small application behind a Guard, on a port of its own."""

    def __init__(self, token: str | None, proxy: Proxy | None = None) -> None:
        paths = ("/", "/graphql", "/api/v1/runs", "/api/v1/health")
        routes = [Route(path, _seen, methods=["GET", "POST"]) for path in paths]
        app = Starlette(routes=[WebSocketRoute("/graphql", _echo), *routes])
        super().__init__(Guard(app, Tokens(token), proxy, Failures(first_delay=0.0)))


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    server = Guarded(TOKEN)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def local() -> Iterator[Guarded]:
    """A server without a token or a proxy."""
    server = Guarded(None)
    yield server
    server.stop()


@pytest.mark.parametrize("path", ["/", "/graphql", "/api/v1/runs"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        _basic("wrong"),
        _basic(""),
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic ?"},
        {"Authorization": f"Digest {TOKEN}"},
        {"Cookie": f"dara_session_PORT={TOKEN}"},
        {"Cookie": "dara_session_PORT=99999999999.00"},
    ],
)
def test_without_the_token_nothing_is_shown(guarded: Guarded, path: str, headers: dict[str, str]) -> None:
    sent = {name: text.replace("PORT", str(guarded.port)) for name, text in headers.items()}
    answer = guarded.call("GET", path, sent)

    assert answer.status == 401
    assert answer.headers["www-authenticate"]
    assert "token" in answer.body["detail"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/graphql", "/api/v1/runs"])
@pytest.mark.parametrize("headers", [BEARER, _basic(TOKEN)])
def test_the_token_opens_everything(guarded: Guarded, path: str, headers: dict[str, str]) -> None:
    assert guarded.call("POST", path, headers).body == "in"


def test_health_needs_no_token(guarded: Guarded) -> None:
    assert guarded.call("GET", "/api/v1/health").status == 200


def test_a_browser_gets_a_cookie_that_is_not_the_token(guarded: Guarded) -> None:
    answer = guarded.call("GET", "/", _basic(TOKEN))

    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; ")) and TOKEN not in cookie
    session = cookie.partition(";")[0]
    odd = 'theme={"dark": 1}; x=['  # of another program on another port
    assert guarded.call("GET", "/graphql", {"Cookie": f"{odd}; {session}"}).status == 200
    until, _, mark = session.partition("=")[2].partition(".")
    for forged in (f"{int(until) + 1}.{mark}", f"1.{mark}", until):
        assert guarded.call("GET", "/", {"Cookie": f"dara_session_{guarded.port}={forged}"}).status == 401
    assert "set-cookie" not in guarded.call("GET", "/", BEARER).headers


def test_a_cookie_ends_after_twelve_hours(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Cookie": guarded.call("GET", "/", _basic(TOKEN)).headers["set-cookie"].partition(";")[0]}
    now = time.time()

    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + 12 * 3600 - 60))
    assert guarded.call("GET", "/", headers).status == 200
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + 12 * 3600 + 1))
    assert guarded.call("GET", "/", headers).status == 401


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/api/v1/runs", {"Origin": "http://evil.example"}),
        ("POST", "/api/v1/runs", {"Origin": "null"}),
        ("POST", "/api/v1/runs", {"Sec-Fetch-Site": "cross-site"}),
        ("POST", "/api/v1/runs", {"Sec-Fetch-Site": "same-site"}),
        ("GET", "/graphql", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
        ("GET", "/graphql", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("GET", "/graphql", {"Origin": "http://evil.example", **UPGRADE}),
        ("GET", "/api/v1/runs", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}),
        ("POST", "/api/v1/runs", {"Origin": "http://["}),
    ],
)
def test_pages_of_other_sites_can_do_nothing(
    local: Guarded, guarded: Guarded, method: str, path: str, headers: dict[str, str]
) -> None:
    assert local.call(method, path, headers).status == 403
    assert guarded.call(method, path, {**headers, **_basic(TOKEN)}).status == 403


def test_a_page_without_fetch_metadata_changes_nothing_by_get(local: Guarded, guarded: Guarded) -> None:
    # What <img> sends to http://10.0.0.5: no Origin, no Sec-Fetch-Site, but the password that was typed in.
    mutation = "/graphql?query=mutation"

    assert local.call("GET", mutation).status == 405
    assert guarded.call("GET", mutation, _basic(TOKEN)).status == 405
    assert guarded.call("GET", mutation, BEARER).status == 200


def test_own_pages_and_links_to_them_work(local: Guarded) -> None:
    own = {"Origin": f"http://127.0.0.1:{local.port}", "Sec-Fetch-Site": "same-origin"}
    assert local.call("POST", "/graphql", own).status == 200
    assert (
        local.call("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status == 200
    )
    assert local.call("POST", "/api/v1/runs").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "", "[", "[::1"]
)
def test_on_loopback_a_foreign_name_is_refused(local: Guarded, host: str) -> None:
    assert local.call("GET", "/", {"Host": host}).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:80", "[::1]:3000"])
def test_on_loopback_its_own_names_pass(local: Guarded, host: str) -> None:
    assert local.call("GET", "/", {"Host": host}).status == 200


def test_web_sockets_need_the_token_too(guarded: Guarded) -> None:
    assert guarded.call("GET", "/graphql", UPGRADE).status == 403
    assert guarded.call("GET", "/api/v1/health", UPGRADE).status == 403
    assert guarded.call("GET", "/graphql", {**UPGRADE, **BEARER}).status == 101


def test_which_addresses_are_this_computer_only() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "my-host", "")))
    assert usable_token("127.0.0.1", None) is None
    assert usable_token("127.0.0.1", TOKEN) == usable_token("0.0.0.0", TOKEN) == TOKEN
    for unusable in ("with space", "new\nline", "señal"):
        with pytest.raises(DaraError, match="printable ASCII"):
            usable_token("0.0.0.0", unusable)
    for host in ("0.0.0.0", "127.0.0.1"):
        with pytest.raises(DaraError, match="has 1 characters and needs 16"):
            usable_token(host, "x")
    assert usable_token("0.0.0.0", None, has_named=True) is None


def test_a_server_for_others_does_not_start_without_a_token(project: Project) -> None:
    reported = project.here("serve", "--host", "0.0.0.0", "--port", "0", code=1)

    assert "DARA_API_TOKEN" in reported and "0.0.0.0" in reported
    assert not Path(project.root / ".dagster").exists()


def test_without_the_extra_it_says_what_to_install(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)

    reported = project.here("serve", code=1)

    assert reported.strip() == "`dara serve` needs FastAPI: pip install 'dara-dagster[serve]'"


def test_files_that_are_wrong_are_reported_before_anything_starts(project: Project) -> None:
    project.write("config/dependency.json", {"tasks": [{"file_name": "none", "format": "py"}]})

    assert "config/dependency.json:" in project.here("serve", "--port", "0", code=1)


def test_a_port_in_use_is_reported_in_a_sentence() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(DaraError, match=r"in use\. Choose another"):
        listen("127.0.0.1", taken.getsockname()[1])
