"""Named tokens and what they may do, the token of a server on localhost, and wrong guesses."""

from __future__ import annotations

import asyncio
import json
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dara_dagster.api import tokens as module
from dara_dagster.api.auth import Guard, access_of
from dara_dagster.api.tokens import Access, Failures, TokenFile, Tokens, kept_secret
from dara_dagster.errors import DaraError
from tests.api.served import module_token, served
from tests.api.small import Small
from tests.api.test_auth import _basic
from tests.cli.conftest import Project, project

__all__ = ["module_token", "project", "served"]

OWN = "the-token-of-the-server"


def _who(request: Request) -> Response:
    access = access_of(request.scope)
    return PlainTextResponse(f"{access.name} {access.scope}" if access else "nobody")


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "home" / "tokens.json")


@pytest.fixture
def guarded(file: TokenFile) -> Iterator[Small]:
    routes = [Route(path, _who, methods=["GET", "POST"]) for path in ("/", "/x", "/graphql", "/api/v1/runs")]
    guard = Guard(Starlette(routes=routes), Tokens(OWN, file), failures=Failures(first_delay=0.0))
    small = Small(guard)
    yield small
    small.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_each_named_token_has_its_scope_until_it_is_revoked(guarded: Small, file: TokenFile) -> None:
    reader, runner = file.add("grafana", "read"), file.add("airflow", "run")

    assert guarded.call("POST", "/api/v1/runs", bearer(OWN)).body == "None run"
    assert guarded.call("POST", "/api/v1/runs", bearer(runner)).body == "airflow run"
    assert guarded.call("GET", "/api/v1/runs", bearer(reader)).body == "grafana read"
    assert guarded.call("POST", "/graphql", bearer(reader)).body == "grafana read"  # a query, perhaps
    refused = guarded.call("POST", "/api/v1/runs", bearer(reader))
    assert (refused.status, "may only read" in refused.body["detail"]) == (403, True)
    cookie = guarded.call("GET", "/", _basic(reader)).headers["set-cookie"].partition(";")[0]
    assert guarded.call("GET", "/", {"Cookie": cookie}).body == "grafana read"
    assert guarded.call("POST", "/x", {"Cookie": cookie}).status == 403

    file.revoke("grafana")

    assert guarded.call("GET", "/", bearer(reader)).status == 401
    assert guarded.call("GET", "/", {"Cookie": cookie}).status == 401
    assert guarded.call("GET", "/", bearer(runner)).status == 200


def test_the_file_has_hashes_only_and_is_its_owners(file: TokenFile, tmp_path: Path) -> None:
    token = file.add("ana@example.com", "run")

    path = tmp_path / "home" / "tokens.json"
    assert token not in path.read_text() and len(token) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in ("ana@example.com", "", "a b", "x" * 65, "../x"):
        with pytest.raises(DaraError):
            file.add(name, "read")
    with pytest.raises(DaraError, match=r"no token 'bo'. There are: ana@example.com"):
        file.revoke("bo")
    for wrong in ("{", "[]", '{"a": {}}', '{"a": {"scope": "all", "sha256": "", "created": ""}}'):
        path.write_text(wrong)
        with pytest.raises(DaraError, match="not a file of tokens"):
            TokenFile(path).entries()


def test_a_session_ends_and_cannot_be_made_from_the_hashes(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.add("ana", "run")
    ana, now = Access("ana", "run"), int(time.time())
    tokens = Tokens(OWN, file, b"secret")

    assert tokens.find_session(tokens.session(ana, now + 60)) == ana
    assert tokens.find_session(tokens.session(Access(None, "run"), now + 60)) == Access(None, "run")
    assert tokens.find_session(tokens.session(ana, now - 1)) is None
    assert tokens.find_session(Tokens(OWN, file, b"another").session(ana, now + 60)) is None
    for odd in ("", ".", "x.y", "99999999999999999999", "ÿ.1"):
        assert tokens.find_session(odd) is None


def test_the_link_that_is_printed_begins_a_session_without_the_token(guarded: Small) -> None:
    answer = guarded.call("GET", f"/x?a=1&token={OWN}&b=%2F")

    assert (answer.status, answer.headers["location"]) == (303, "/x?a=1&b=%2F")
    cookie = answer.headers["set-cookie"]
    assert OWN not in cookie and {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert guarded.call("GET", "/x", {"Cookie": cookie.partition(";")[0]}).status == 200
    assert guarded.call("GET", f"//evil.example/?token={OWN}").headers["location"] == "/evil.example/"
    assert guarded.call("GET", "/?token=wrong").status == 401
    assert guarded.call("GET", f"/api/v1/runs?token={OWN}").status == 401  # for browsers only
    assert guarded.call("POST", f"/x?token={OWN}").status == 401


def test_wrong_guesses_are_logged_without_what_was_guessed(
    guarded: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        assert guarded.call("GET", f"/x?token=guess{number}").status == 401
    assert guarded.call("GET", "/x").status == 401  # without a token: no guess
    assert guarded.call("GET", "/x", bearer(OWN)).status == 200
    assert guarded.call("GET", "/x", _basic("guess")).status == 401

    reported = capfd.readouterr().err
    counts = re.findall(r"Wrong token from 127\.0\.0\.1 \((\d) in a row\): GET '/x'", reported)
    assert counts == ["1", "2", "4", "1"] and "guess" not in reported


def test_wrong_guesses_are_answered_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = Failures()

    assert [failures.note("a")[1] for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert failures.note("b") == (1, 0.5)
    failures.forget("a")
    assert failures.note("a") == (1, 0.5)
    for number in range(module._MOST_CLIENTS + 10):
        failures.note(f"10.0.0.{number}")
    assert len(failures._counts) == module._MOST_CLIENTS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FORGOTTEN_SECONDS", 0.0)
        assert failures.note("10.0.0.1000") == (1, 0.5)


def test_only_so_many_answers_wait_for_one_client() -> None:
    failures = Failures()

    async def wait() -> list[bool]:
        over = asyncio.Event()

        async def one() -> bool:
            with failures.waiting("a") as may:
                if may:
                    await over.wait()
                return may

        tasks = [asyncio.ensure_future(one()) for _ in range(12)]
        await asyncio.sleep(0.01)
        over.set()
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(wait()).count(False) == 2 and not failures._waiting


def test_a_kept_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "home" / "auth.header"

    made = kept_secret(path, "Authorization: Bearer ")

    assert path.read_text() == f"Authorization: Bearer {made}\n" and len(made) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_secret(path, "Authorization: Bearer ") == made
    path.chmod(0o644)
    with pytest.raises(DaraError, match="can be read by others"):
        kept_secret(path)


def test_tokens_are_made_listed_and_revoked_by_command(project: Project) -> None:
    made = project.here("token", "add", "grafana", "--scope", "read").strip()

    assert made.startswith("dara_")
    (row,) = json.loads(project.here("token", "list", "--json"))
    assert (row["name"], row["scope"]) == ("grafana", "read")
    assert re.match(r"grafana +read ", project.here("token", "list"))
    assert "There is a token 'grafana'" in project.here("token", "add", "grafana", code=1)
    reported = project.here("serve", "--no-token", "--port", "0", code=1)
    assert "--no-token: there are tokens in" in reported
    assert "revoked" in project.here("token", "revoke", "grafana")
    assert "no tokens" in project.here("token", "list")


def test_no_token_is_for_localhost_only(project: Project) -> None:
    assert "DARA_API_TOKEN" in project.here("serve", "--no-token", "--host", "0.0.0.0", code=1)
    project.own["DARA_API_TOKEN"] = "a-long-random-text"
    assert "--no-token: there are DARA_API_TOKEN" in project.here("serve", "--no-token", code=1)
