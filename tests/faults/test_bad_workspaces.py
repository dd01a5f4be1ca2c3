"""Workspaces that cannot be used: what is wrong is reported in seconds, in a sentence."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Emulator
from tests.faults.places import NOTEBOOK, Place

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path, DARA_WORKSPACE="databricks")
    place.workflow({f"{name}.py": NOTEBOOK for name in ("a", "b", "c", "d")})
    yield place
    place.clear()


@pytest.fixture
def website() -> Iterator[str]:
    """A host that answers everything with a page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body>Please log in</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_missing_credentials_are_named_once_before_a_run_is_made(place: Place) -> None:
    text = place.dara("run", code=1)

    assert text.count("DATABRICKS_HOST and DATABRICKS_TOKEN") == 1
    assert "failed" not in text and place.dara("status").startswith("No runs yet")


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DATABRICKS_HOST": DEAD, "DATABRICKS_TOKEN": "x"}, f"Cannot reach {DEAD}: no answer"),
        ({"DATABRICKS_HOST": "https://no.such.host.invalid", "DATABRICKS_TOKEN": "x"}, "Cannot reach https"),
        ({"DATABRICKS_HOST": "://", "DATABRICKS_TOKEN": "x"}, "which is no address"),
        ({"DATABRICKS_CONFIG_PROFILE": "nope"}, "nope"),
    ],
)
def test_a_wrong_address_or_profile(place: Place, environ: dict[str, str], words: str) -> None:
    place.write(".databrickscfg", f"[prod]\nhost = {DEAD}\ntoken = x\n")

    text = place.dara("doctor", code=1, **environ)

    assert f"FAIL Workspace: {words}" in text or words in text.partition("FAIL Workspace: ")[2]


def test_a_host_that_is_no_databricks(place: Place, website: str) -> None:
    text = place.dara("doctor", code=1, DATABRICKS_HOST=website, DATABRICKS_TOKEN="x")

    assert f"{website} is no Databricks workspace" in text and "Check DATABRICKS_HOST" in text


def test_a_refused_token_is_not_repeated(place: Place) -> None:
    place.dara("emulator", "start")
    host = place.json("emulator", "status")["host"]

    text = place.dara("doctor", code=1, DATABRICKS_HOST=host, DATABRICKS_TOKEN="dapi-wrong-one")

    assert f"{host} refused the credentials" in text and "dapi-wrong-one" not in text


def test_plain_http_on_loopback_is_a_workspace_like_any_other(place: Place, emulator: Emulator) -> None:
    text = place.dara("doctor", DATABRICKS_HOST=emulator.host, DATABRICKS_TOKEN="test-plain-http")

    assert f"ok   Workspace: Databricks at {emulator.host}" in text
