"""Every field of every body with values of every wrong type: refused in the service's shape, no failure."""

from __future__ import annotations

import copy
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Emulator

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

JOB_TASK = {
    "task_key": "a",
    "depends_on": [{"task_key": "b", "outcome": "true"}],
    "run_if": "ALL_DONE",
    "timeout_seconds": 5,
    "max_retries": 0,
    "min_retry_interval_millis": 5,
    "retry_on_timeout": False,
    "existing_cluster_id": "none",
    "libraries": [{"whl": "/Volumes/a/b/c/d.whl"}],
    "notebook_task": {"notebook_path": "/x", "base_parameters": {"n": "1"}, "source": "WORKSPACE"},
}
TASKS = [
    JOB_TASK,
    {"task_key": "b", "condition_task": {"op": "EQUAL_TO", "left": "1", "right": "2"}},
    {
        "task_key": "c",
        "environment_key": "e",
        "spark_python_task": {"python_file": "/x.py", "parameters": ["1"]},
    },
    {
        "task_key": "d",
        "sql_task": {"warehouse_id": "w", "file": {"path": "/x.sql"}, "parameters": {"a": "1"}},
    },
    {
        "task_key": "e",
        "environment_key": "e",
        "python_wheel_task": {"package_name": "p", "entry_point": "m", "named_parameters": {"a": "1"}},
    },
    {"task_key": "f", "run_job_task": {"job_id": 5, "job_parameters": {"a": "1"}}},
]
ENVIRONMENTS = [{"environment_key": "e", "spec": {"environment_version": "4", "dependencies": ["/x.whl"]}}]
CLUSTER = {
    "cluster_name": "c",
    "spark_version": "15.4.x-scala2.12",
    "node_type_id": "i3.xlarge",
    "num_workers": 1,
    "spark_conf": {"a": "1"},
    "custom_tags": {"a": "1"},
    "spark_env_vars": {"a": "1"},
    "autotermination_minutes": 20,
    "aws_attributes": {"zone_id": "auto"},
    "data_security_mode": "NONE",
    "kind": "CLASSIC_PREVIEW",
    "is_single_node": False,
    "ssh_public_keys": ["x"],
}
SETTINGS = {
    "name": "j",
    "tasks": TASKS,
    "environments": ENVIRONMENTS,
    "parameters": [{"name": "a", "default": "1"}],
    "job_clusters": [{"job_cluster_key": "k", "new_cluster": CLUSTER}],
    "max_concurrent_runs": 1,
    "timeout_seconds": 5,
    "queue": {"enabled": True},
    "git_source": {"git_provider": "gitHub", "git_url": "x"},
    "tags": {"a": "1"},
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/2.2/jobs/runs/submit": {
        "run_name": "r",
        "tasks": TASKS,
        "environments": ENVIRONMENTS,
        "idempotency_token": None,
        "timeout_seconds": 5,
        "environment_variables": [{"environment_variables_key": "v", "variables": {"A": "1"}}],
    },
    "POST /api/2.2/jobs/create": SETTINGS,
    "POST /api/2.2/jobs/reset": {"job_id": 1, "new_settings": SETTINGS},
    "POST /api/2.2/jobs/update": {"job_id": 1, "new_settings": SETTINGS, "fields_to_remove": ["tasks/a"]},
    "POST /api/2.2/jobs/run-now": {
        "job_id": 1,
        "job_parameters": {"a": "1"},
        "only": ["+a"],
        "notebook_params": {"a": "1"},
        "python_params": ["1"],
        "sql_params": {"a": "1"},
        "python_named_params": {"a": "1"},
        "idempotency_token": None,
        "queue": {"enabled": True},
    },
    "POST /api/2.2/jobs/runs/repair": {"run_id": 1, "rerun_tasks": ["a"], "latest_repair_id": 1},
    "POST /api/2.2/jobs/runs/cancel": {"run_id": 1},
    "POST /api/2.2/jobs/runs/cancel-all": {"job_id": 1, "all_queued_runs": True},
    "POST /api/2.2/jobs/runs/delete": {"run_id": 1},
    "POST /api/2.1/clusters/create": {**CLUSTER, "libraries": [{"pypi": {"package": "x"}}]},
    "POST /api/2.1/clusters/edit": {"cluster_id": "CLUSTER", **CLUSTER},
    "POST /api/2.1/clusters/update": {"cluster_id": "CLUSTER", "update_mask": "*", "cluster": CLUSTER},
    "POST /api/2.1/clusters/resize": {
        "cluster_id": "CLUSTER",
        "autoscale": {"min_workers": 1, "max_workers": 2},
    },
    "POST /api/2.1/clusters/events": {
        "cluster_id": "CLUSTER",
        "order": "ASC",
        "event_types": ["RUNNING"],
        "start_time": 1,
        "end_time": 2,
        "page_size": 5,
        "page_token": "1",
        "offset": 1,
    },
    "POST /api/2.1/clusters/change-owner": {"cluster_id": "CLUSTER", "owner_username": "x"},
    "POST /api/2.1/clusters/start": {"cluster_id": "CLUSTER"},
    "POST /api/2.0/libraries/install": {"cluster_id": "CLUSTER", "libraries": [{"whl": "x"}]},
    "POST /api/2.0/libraries/uninstall": {"cluster_id": "CLUSTER", "libraries": [{"whl": "x"}]},
    "POST /api/2.0/sql/warehouses": {
        "name": "w",
        "cluster_size": "Small",
        "auto_stop_mins": 10,
        "min_num_clusters": 1,
        "max_num_clusters": 1,
        "enable_photon": True,
        "tags": {"custom_tags": [{"key": "a", "value": "b"}]},
        "channel": {"name": "CHANNEL_NAME_CURRENT"},
        "warehouse_type": "PRO",
        "spot_instance_policy": "COST_OPTIMIZED",
    },
    "POST /api/2.0/sql/statements": {
        "statement": "SELECT 1",
        "warehouse_id": "w",
        "wait_timeout": "0s",
        "on_wait_timeout": "CANCEL",
        "parameters": [{"name": "a", "type": "INT", "value": "1"}],
        "catalog": "main",
        "schema": "default",
        "row_limit": 1,
        "byte_limit": 1,
        "format": "JSON_ARRAY",
        "disposition": "INLINE",
    },
    "POST /api/2.0/workspace/import": {
        "path": "/Shared/x",
        "content": "cHJpbnQoMSk=",
        "format": "SOURCE",
        "language": "PYTHON",
        "overwrite": True,
    },
    "POST /api/2.0/workspace/mkdirs": {"path": "/Shared/y"},
    "POST /api/2.0/workspace/delete": {"path": "/Shared/y", "recursive": True},
    "POST /api/2.1/unity-catalog/catalogs": {"name": "c", "comment": "x", "properties": {"a": "1"}},
    "POST /api/2.1/unity-catalog/schemas": {"name": "s", "catalog_name": "main", "owner": "x"},
    "POST /api/2.1/unity-catalog/volumes": {
        "name": "v",
        "catalog_name": "main",
        "schema_name": "default",
        "volume_type": "MANAGED",
    },
    "PATCH /api/2.1/unity-catalog/schemas/main.default": {"comment": "x", "new_name": "default"},
    "POST /api/2.0/secrets/scopes/create": {"scope": "s", "initial_manage_principal": "users"},
    "POST /api/2.0/secrets/put": {"scope": "s", "key": "k", "string_value": "v"},
    "POST /api/2.0/secrets/acls/put": {"scope": "s", "principal": "p", "permission": "READ"},
    "POST /api/2.0/secrets/delete": {"scope": "s", "key": "k"},
    "POST /api/2.0/fs/create-upload-part-urls": {
        "path": "/Volumes/a/b/c/d",
        "session_token": "x",
        "start_part_number": 1,
        "count": 1,
    },
    "POST /api/2.0/fs/create-abort-upload-url": {"session_token": "x"},
    "POST /__emulator/notebook-runs": {
        "parent_run_id": 1,
        "path": "/x",
        "arguments": {"a": "1"},
        "timeout_seconds": 1,
    },
    "POST /__emulator/simulate": {
        "task_key": "z",
        "path": "*",
        "duration_ms": 5,
        "count": 0,
        "result": "FAILED",
    },
    "POST /__emulator/faults": {"path": "/none", "status": 500, "count": 0, "probability": 0.5, "skip": 0},
    "POST /__emulator/clock": {"advance_ms": 1},
}

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
        self._connection = http.client.HTTPConnection(emulator.host.removeprefix("http://"), timeout=30)
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
