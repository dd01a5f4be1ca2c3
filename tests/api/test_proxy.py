"""The proxy in front of a server: when it is believed, who it says calls, and what nobody else can forge."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from dara_dagster.api.auth import usable_token
from dara_dagster.api.proxy import Caller, Proxy, app_port, is_databricks_app, trusted_proxy
from dara_dagster.errors import DaraError
from tests.api.small import UPGRADE
from tests.api.test_auth import TOKEN, Guarded, local
from tests.cli.conftest import Project, project

__all__ = ["local", "project"]

APP = {"DATABRICKS_APP_NAME": "dara", "DATABRICKS_APP_PORT": "8000"}
HOST = "dara-123.aws.databricksapps.com"
ANA = {"X-Forwarded-Email": "ana@example.com", "X-Forwarded-Host": HOST}


@pytest.fixture(scope="module")
def app() -> Iterator[Guarded]:
    """A server in an App: no token, any user."""
    server = Guarded(None, Proxy(https=True))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def listed() -> Iterator[Guarded]:
    """A server behind a proxy for one user, with a token on top."""
    server = Guarded(TOKEN, Proxy(frozenset({"ana@example.com"})))
    yield server
    server.stop()


@pytest.fixture
def app_with_token() -> Iterator[Guarded]:
    server = Guarded(TOKEN, Proxy())
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("environ", "inside"),
    [
        (APP, True),
        ({}, False),
        ({"DATABRICKS_APP_PORT": "8000"}, False),
        ({"DATABRICKS_APP_NAME": "dara", "DATABRICKS_APP_PORT": ""}, False),
        ({"DATABRICKS_HOST": "https://x", "DATABRICKS_CLIENT_ID": "1"}, False),
    ],
)
def test_only_the_documented_variables_are_signs_of_an_app(environ: Mapping[str, str], inside: bool) -> None:
    assert is_databricks_app(environ) is inside
    assert (trusted_proxy(environ, behind_proxy=False) is not None) is inside


def test_the_app_gives_the_port_and_needs_no_token() -> None:
    assert app_port(APP) == 8000
    for wrong in ("", "80a", "0", "70000", "٣"):
        with pytest.raises(DaraError, match="DATABRICKS_APP_PORT"):
            app_port({"DATABRICKS_APP_PORT": wrong})
    assert usable_token("0.0.0.0", None, in_app=True) is None


def test_an_allow_list_that_nothing_checks_is_refused(project: Project) -> None:
    assert trusted_proxy({**APP, "DARA_API_USERS": " Ana@example.com, ,bo "}, behind_proxy=False) == Proxy(
        frozenset({"ana@example.com", "bo"}), https=True
    )
    with pytest.raises(DaraError, match="names nobody"):
        trusted_proxy({**APP, "DARA_API_USERS": " , "}, behind_proxy=False)

    project.own["DARA_API_USERS"] = "ana@example.com"
    assert "--behind-proxy" in project.here("serve", "--port", "0", code=1)


def test_a_proxy_elsewhere_does_not_replace_the_token(project: Project) -> None:
    assert "DARA_API_TOKEN" in project.here("serve", "--behind-proxy", "--host", "0.0.0.0", code=1)


def test_the_caller_is_whom_the_proxy_names(app: Guarded) -> None:
    names = {"X-Forwarded-User": "42@7", "X-Forwarded-Preferred-Username": "Ána".encode()}
    seen = app.call("GET", "/api/v1/runs", {**ANA, **names, "X-Dara-User": "root"}).body
    assert seen == {"user": "ana@example.com", "host": HOST, "forwarded": {}}
    assert app.call("GET", "/", names).body["user"] == "42@7"
    assert app.call("GET", "/", {"X-Forwarded-Preferred-Username": "Ána".encode()}).body["user"] == "Ána"
    # What a program logs in to the app with is not taken for our token, nor passed for it.
    assert app.call("POST", "/api/v1/runs", {**ANA, "Authorization": "Bearer eyJhbGciOi"}).status == 200


def test_whom_the_proxy_does_not_name_is_refused(app: Guarded) -> None:
    for path in ("/", "/graphql", "/api/v1/runs"):
        answer = app.call("GET", path, {"X-Forwarded-Email": "  ", "X-Forwarded-Host": HOST})
        assert answer.status == 401 and "proxy" in answer.body["detail"]
        assert "www-authenticate" not in answer.headers
    assert app.call("GET", "/graphql", UPGRADE).status == 403
    assert app.call("GET", "/graphql", {**UPGRADE, **ANA, "Origin": f"https://{HOST}"}).status == 101
    assert app.call("GET", "/api/v1/health").status == 200


def test_the_allow_list_and_the_token_are_both_asked_for(listed: Guarded) -> None:
    own = {"X-Dara-Token": TOKEN}
    assert listed.call("GET", "/", {**ANA, **own}).status == 200
    assert listed.call("GET", "/", {**ANA, **own, "Authorization": "Bearer of-the-app"}).status == 200
    assert listed.call("GET", "/", {**ANA, "X-Forwarded-Email": "ANA@example.com", **own}).status == 200
    assert listed.call("GET", "/", {**ANA, "X-Dara-Token": "wrong"}).status == 401
    assert listed.call("GET", "/", ANA).status == 401
    answer = listed.call("GET", "/", {"X-Forwarded-Email": "bo@example.com", **own})
    assert answer.status == 403
    assert answer.body["detail"] == "bo@example.com may not use this server: DARA_API_USERS lists who may."


def test_outside_an_app_the_headers_are_not_believed(local: Guarded) -> None:
    forged = {**ANA, "X-Forwarded-Proto": "https", "X-Forwarded-Access-Token": "t", "X-Dara-User": "root"}
    assert local.call("GET", "/", forged).body == "in"
    assert local.call("GET", "/", {**forged, "Host": "evil.example"}).status == 403
    assert local.call("GET", "/", {"Host": "evil.example", "X-Forwarded-Host": "localhost"}).status == 403


def test_a_foreign_host_does_not_pass_for_that_of_the_app(app: Guarded) -> None:
    assert app.call("POST", "/graphql", {**ANA, "Host": "127.0.0.1:8000"}).body["host"] == HOST
    assert app.call("POST", "/graphql", {**ANA, "Origin": f"https://{HOST}"}).status == 200
    foreign = {**ANA, "Host": "evil.example", "Origin": "https://evil.example"}
    assert app.call("POST", "/graphql", foreign).status == 403
    assert app.call("GET", "/graphql", {**foreign, **UPGRADE}).status == 403
    for wrong in ("evil.example/path", "a b", "a@b", "[", ":80", "x" * 300):
        assert app.call("GET", "/", {**ANA, "X-Forwarded-Host": wrong}).status == 400


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Email", "X-Forwarded-User", "X-Forwarded-Preferred-Username"]
)
def test_a_name_with_control_characters_is_refused(app: Guarded, header: str) -> None:
    for raw in (b"ana\x1b[2J", b"ana\x7f", b"a\tb", "ana\u202e".encode(), "ana\u2028x".encode(), b"\xff\xfe"):
        answer = app.call("GET", "/", {**ANA, header: raw})
        assert answer.status == 400
        reported = answer.body if isinstance(answer.body, str) else answer.body["detail"]
        # The first few are no HTTP, which uvicorn says itself.
        assert re.search(rf"^Invalid HTTP|{header} (holds control characters|is not UTF-8)", reported)


def test_a_huge_name_is_refused(app: Guarded) -> None:
    answer = app.call("GET", "/", {**ANA, "X-Forwarded-User": "a" * 257})
    assert (answer.status, len(answer.body["detail"]) < 100) == (400, True)
    assert app.call("GET", "/", {**ANA, "X-Forwarded-Access-Token": "t" * 16_385}).status == 400
    assert app.call("GET", "/", {**ANA, "X-Forwarded-Access-Token": "t" * 16_384}).status == 200


def test_a_name_that_comes_twice_is_refused(app: Guarded) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    connection.putrequest("GET", "/")
    for name in ("ana@example.com", "root@example.com"):
        connection.putheader("X-Forwarded-Email", name)
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 400 and b"comes 2 times" in response.read()
    connection.close()


def test_the_token_of_a_caller_is_not_shown() -> None:
    assert "secret" not in repr(Caller("ana", "secret"))


def test_what_is_meant_for_the_proxy_is_no_guess(
    app_with_token: Guarded, capfd: pytest.CaptureFixture[str]
) -> None:
    assert app_with_token.call("GET", "/", {**ANA, "Authorization": "Bearer for-the-proxy"}).status == 401
    assert "Wrong token" not in capfd.readouterr().err
    assert app_with_token.call("GET", "/", {**ANA, "X-Dara-Token": "wrong"}).status == 401
    assert "Wrong token from ana@example.com" in capfd.readouterr().err
