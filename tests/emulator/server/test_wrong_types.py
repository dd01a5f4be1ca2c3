"""Every field of every body with values of every wrong type: refused in the service's shape, no failure."""

from __future__ import annotations

import copy
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Emulator
from tests.emulator.call_bodies import BODIES, CLUSTER
from tests.support.waiting import PATIENCE

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "\u0000\u00fc/../",
    [],
    [None],
    [[1]],
    {},
    {"x": None},
    {"name": {"x": 1}},
)

QUERIES = (
    "/api/2.2/jobs/get?job_id=",
    "/api/2.2/jobs/list?limit=",
    "/api/2.2/jobs/list?page_token=",
    "/api/2.2/jobs/runs/get?run_id=",
    "/api/2.2/jobs/runs/get-output?run_id=",
    "/api/2.2/jobs/runs/list?limit=",
    "/api/2.2/jobs/runs/list?page_token=",
    "/api/2.2/jobs/runs/list?start_time_from=",
    "/api/2.2/jobs/runs/list?job_id=",
    "/api/2.1/clusters/get?cluster_id=",
    "/api/2.1/clusters/list?page_size=",
    "/api/2.1/clusters/list?page_token=",
    "/api/2.0/sql/warehouses?page_size=",
    "/api/2.0/sql/statements/",
    "/api/2.0/sql/statements/x/result/chunks/",
    "/api/2.0/workspace/list?path=",
    "/api/2.0/workspace/list?path=/&notebooks_modified_after=",
    "/api/2.0/workspace/get-status?path=/",
    "/api/2.0/workspace/export?path=/Shared/",
    "/api/2.0/fs/files/",
    "/api/2.0/fs/directories/",
    "/api/2.1/unity-catalog/schemas?max_results=2&catalog_name=",
    "/api/2.1/unity-catalog/schemas/",
    "/api/2.1/unity-catalog/tables/",
    "/api/2.0/secrets/get?key=k&scope=",
    "/__emulator/notebook-runs/",
    "/__emulator/presigned/",
    "/__emulator/presigned/x/download?signature=%ff&path=",
)
ODD = (
    "",
    "x",
    "-1",
    "0",
    "9" * 30,
    "1.5",
    "%00",
    "%ff",
    "%C3%BC",
    "..%2f..",
    "a" * 5000,
    "%F0%9F%98%80",
    "1e5",
)


def variants(value: Any) -> Iterator[Any]:
    """The value with each of its parts replaced by each wrong one."""
    yield from WRONG
    if isinstance(value, dict):
        for key, inner in value.items():
            for wrong in variants(inner):
                yield {**value, key: wrong}
            yield {name: kept for name, kept in value.items() if name != key}
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            for wrong in variants(inner):
                yield [*value[:index], wrong, *value[index + 1 :]]


class Wire:
    """One connection, kept; raw bodies and paths."""

    def __init__(self, emulator: Emulator, token: str) -> None:
        self._connection = http.client.HTTPConnection(emulator.host.removeprefix("http://"), timeout=PATIENCE)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def never_fails(self, method: str, path: str, body: bytes | None = None) -> None:
        """The answer is 2xx, or 4xx with a code and a message."""
        status, answer = self(method, path, body)
        shown = f"{method} {path[:200]} {(body or b'')[:2000]!r}: {status} {answer[:500]!r}"
        assert status < 500, shown
        if status >= 400:
            assert {"error_code", "message"} <= json.loads(answer).keys(), shown

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def wire(emulator: Emulator, workspace_token: str) -> Iterator[Wire]:
    open_wire = Wire(emulator, workspace_token)
    open_wire("POST", "/__emulator/simulate", b'{"duration_ms": 1}')
    yield open_wire
    open_wire.close()


@pytest.mark.parametrize("route", BODIES)
def test_wrong_types_in_every_field(wire: Wire, route: str) -> None:
    method, path = route.split(" ")
    made = json.loads(wire("POST", "/api/2.1/clusters/create", json.dumps(CLUSTER).encode())[1])
    body = copy.deepcopy(BODIES[route])
    if body.get("cluster_id") == "CLUSTER":
        body["cluster_id"] = made["cluster_id"]
    for wrong in variants(body):
        wire.never_fails(method, path, json.dumps(wrong).encode())
    wire("DELETE", "/__emulator/faults")
    for seen in ("jobs/list?expand_tasks=true", "jobs/runs/list?expand_tasks=true"):
        wire.never_fails("GET", f"/api/2.2/{seen}")
    wire.never_fails("GET", "/api/2.1/clusters/list")
    wire.never_fails("GET", "/api/2.0/sql/warehouses")


@pytest.mark.parametrize("start", QUERIES)
def test_odd_words_in_every_query_and_path(wire: Wire, start: str) -> None:
    for odd in ODD:
        for method in ("GET", "PUT", "DELETE", "HEAD") if "/fs/" in start else ("GET",):
            if method == "HEAD":
                assert wire(method, start + odd)[0] < 500
            else:
                wire.never_fails(method, start + odd)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'{"tasks": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"run_name": "\\ud800"}',
        b'{"run_name": NaN}',
        b'{"run_id": Infinity}',
        b'{"run_id": 1e999}',
        b'{"run_id": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b"\x00",
        b'"text"',
        b"[1]",
        b"{",
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
@pytest.mark.parametrize("path", ["/api/2.2/jobs/runs/submit", "/api/2.1/clusters/create"])
def test_bodies_that_are_no_sound_json(wire: Wire, path: str, body: bytes) -> None:
    status, answer = wire("POST", path, body)
    assert (status, json.loads(answer)["error_code"]) == (400, "MALFORMED_REQUEST")


def test_a_body_that_is_too_large(wire: Wire) -> None:
    status, answer = wire("POST", "/api/2.2/jobs/runs/submit", b" " * (33 * 1024 * 1024))
    assert (status, json.loads(answer)["error_code"]) == (413, "INVALID_PARAMETER_VALUE")


def test_numbers_and_flags_written_as_text_count(wire: Wire) -> None:
    task = {
        "task_key": "a",
        "notebook_task": {"notebook_path": "/x"},
        "timeout_seconds": "7",
        "max_retries": 1.0,
    }
    body = {"tasks": [task], "queue": {"enabled": "true"}, "run_name": None}
    run_id = json.loads(wire("POST", "/api/2.2/jobs/runs/submit", json.dumps(body).encode())[1])["run_id"]
    [shown] = json.loads(wire("GET", f"/api/2.2/jobs/runs/get?run_id={run_id}")[1])["tasks"]
    assert (shown["timeout_seconds"], shown["max_retries"]) == (7, 1)
