"""Task processes that run in parallel, are stopped, die, or start others. The engine is plain Python."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec, State

from tests.conftest import Emulator, start_emulator
from tests.emulator.conftest import CLUSTER_SPEC, STUB_ENGINE
from tests.emulator.driving import (
    alive,
    code,
    exit_value,
    notebook,
    output,
    put_notebook,
    result,
    run_code,
    submit,
    tasks_of,
    wait,
)
from tests.support.waiting import until

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def client(stub_server: Emulator, workspace_token: str) -> WorkspaceClient:
    return stub_server.client(workspace_token)


def test_tasks_run_in_parallel(client: WorkspaceClient, tmp_path: Path) -> None:
    """Each of two tasks waits for a file that the other one makes."""
    for mine, other in (("one", "two"), ("two", "one")):
        text = f"""
import pathlib, time
pathlib.Path({str(tmp_path)!r}, {mine!r}).touch()
end = time.monotonic() + 20
while not pathlib.Path({str(tmp_path)!r}, {other!r}).exists():
    assert time.monotonic() < end
    time.sleep(0.01)
"""
        put_notebook(client, f"/Shared/{mine}", text)
    run_id = submit(client, notebook("a", path="/Shared/one"), notebook("b", path="/Shared/two"))
    assert result(wait(client, run_id)) == "TERMINATED/SUCCESS"


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_a_stopped_task_leaves_no_process(client: WorkspaceClient, tmp_path: Path, way: str) -> None:
    """Its own children end with it, also those that do not listen to SIGTERM."""
    text = f"""
import os, pathlib, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600; true"])
pathlib.Path({str(tmp_path)!r}, "pids.part").write_text(f"{{os.getpid()}} {{child.pid}}")
pathlib.Path({str(tmp_path)!r}, "pids.part").rename(pathlib.Path({str(tmp_path)!r}, "pids"))
time.sleep(600)
"""
    put_notebook(client, "/Shared/nb", text)
    run_id = submit(client, notebook("a", timeout_seconds=1 if way == "timeout" else None))
    until((tmp_path / "pids").exists)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    if way == "cancel":
        client.jobs.cancel_run(run_id)
    assert result(wait(client, run_id)) == f"TERMINATED/{'CANCELED' if way == 'cancel' else 'TIMEDOUT'}"
    until(lambda: not any(alive(pid) for pid in pids))


def test_cancel_before_the_compute_is_up(
    stub_server: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    made = client.clusters.create(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    put_notebook(client, "/Shared/nb", SLEEP)
    run_id = submit(client, notebook("a", existing_cluster_id=made.response.cluster_id))
    client.jobs.cancel_run(run_id)
    assert result(wait(client, run_id)) == "TERMINATED/CANCELED"
    assert stub_server.admin("GET", "stats", token=workspace_token)["processes"] == 0


def test_a_process_that_dies_is_a_driver_error(client: WorkspaceClient) -> None:
    run = run_code(client, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "DRIVER_ERROR")
    assert "signal 9" in (output(client, run).error or "")


def test_a_dead_engine_process_is_replaced(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/kill-the-engine", "1")
    run = wait(client, submit(client, notebook("a", path="/Shared/kill-the-engine")))
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "DRIVER_ERROR")
    assert result(run_code(client, "answer('1')")) == "TERMINATED/SUCCESS"


def test_more_tasks_than_places(stub_server: Emulator, client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/nb", "answer('1')")
    run = wait(client, submit(client, *[notebook(f"t{i}") for i in range(40)]))
    assert {result(task) for task in run.tasks or []} == {"TERMINATED/SUCCESS"}


NESTED = """
import http.client, json
connection = http.client.HTTPConnection(spec["host"].removeprefix("http://"))
def call(method, path, body=None):
    headers = {"Authorization": "Bearer " + spec["token"], "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body), headers)
    return json.loads(connection.getresponse().read())
asked = {"parent_run_id": spec["run_id"], "path": "/Shared/inner", "arguments": {"n": 1}}
run_id = call("POST", "/__emulator/notebook-runs", asked)["run_id"]
found = {"done": False}
while not found["done"]:
    found = call("GET", f"/__emulator/notebook-runs/{run_id}?wait=20")
answer(json.dumps(found))
"""


def test_a_notebook_runs_another(client: WorkspaceClient) -> None:
    put_notebook(client, "/Shared/inner", "import json; answer(json.dumps(spec['parameters']))")
    run = run_code(client, NESTED)
    found = exit_value(client, run)
    assert (found["ok"], found["exit_value"]) == (True, '{"n": "1"}')
    [inner] = client.jobs.list_runs(run_type=jobs.RunType.WORKFLOW_RUN)
    assert inner.run_name == "/Shared/inner"
    assert client.jobs.get_run_output(inner.run_id or 0).notebook_output is not None


@pytest.mark.parametrize(
    "inner,error", [("raise KeyError('x')", "KeyError: 'x'"), (None, "Unable to access the notebook")]
)
def test_a_failing_inner_notebook(client: WorkspaceClient, inner: str | None, error: str) -> None:
    if inner is not None:
        put_notebook(client, "/Shared/inner", inner)
    found = exit_value(client, run_code(client, NESTED))
    assert not found["ok"]
    assert error in found["error"]


def test_cancelling_the_outer_notebook_ends_the_inner(client: WorkspaceClient, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    text = f"import os, pathlib; pathlib.Path({str(file)!r}).write_text(str(os.getpid()))\n{SLEEP}"
    put_notebook(client, "/Shared/inner", text)
    put_notebook(client, "/Shared/nb", NESTED)
    run_id = submit(client, notebook("a"))
    until(lambda: file.exists() and bool(file.read_text()))
    client.jobs.cancel_run(run_id)
    assert result(wait(client, run_id)) == "TERMINATED/CANCELED"
    until(lambda: not alive(int(file.read_text())))
    [inner] = client.jobs.list_runs(run_type=jobs.RunType.WORKFLOW_RUN)
    assert result(wait(client, inner.run_id or 0)) == "TERMINATED/CANCELED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["asked to end", "killed"])
def test_no_task_outlives_the_server(tmp_path: Path, number: int) -> None:
    server = start_emulator(tmp_path / "data", *STUB_ENGINE, token="t")
    client = server.client("t")
    file = tmp_path / "pid"
    text = f"import os, pathlib; pathlib.Path({str(file)!r}).write_text(str(os.getpid()))\n{SLEEP}"
    put_notebook(client, "/Shared/nb", text)
    run_id = submit(client, notebook("a"))
    until(lambda: file.exists() and bool(file.read_text()))
    server.stop(number)
    until(lambda: not alive(int(file.read_text())))
    again = start_emulator(tmp_path / "data", *STUB_ENGINE, token="t")
    try:
        run = wait(again.client("t"), run_id)
        assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "DRIVER_ERROR")
        assert result(tasks_of(run)["a"]) == "INTERNAL_ERROR/FAILED"
        left = {file.name for file in (tmp_path / "data" / "runs").rglob("*") if file.is_file()}
        assert not left & {"spec.json", "secrets.json"}, "they hold the token and the secrets"
    finally:
        again.stop()


def test_a_cluster_made_for_a_task_ends_also_when_the_server_was_killed(tmp_path: Path) -> None:
    server = start_emulator(tmp_path / "data", *STUB_ENGINE, token="t")
    client = server.client("t")
    put_notebook(client, "/Shared/nb", SLEEP)
    run_id = submit(client, notebook("a", new_cluster=ClusterSpec(**CLUSTER_SPEC)))
    wait(client, run_id, states=("RUNNING",))
    server.stop(signal.SIGKILL)
    server = start_emulator(tmp_path / "data", *STUB_ENGINE, token="t")
    client = server.client("t")
    try:
        wait(client, run_id)
        [cluster] = client.clusters.list()
        assert cluster.state in (State.TERMINATING, State.TERMINATED)
    finally:
        server.stop()
