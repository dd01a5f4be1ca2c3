"""Compute that ends under a task, or never comes up: the task fails and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from tests.conftest import Emulator
from tests.emulator.conftest import CLUSTER_SPEC
from tests.emulator.driving import (
    alive,
    code,
    notebook,
    output,
    put_file,
    put_notebook,
    result,
    submit,
    tasks_of,
    wait,
)
from tests.support.waiting import until


@pytest.fixture
def client(stub_server: Emulator, workspace_token: str) -> WorkspaceClient:
    return stub_server.client(workspace_token)


@pytest.fixture
def sleeper(tmp_path: Path) -> tuple[str, Callable[[], int]]:
    """Code that sleeps, and a function that waits until it does -> its pid."""
    file = tmp_path / "pid"
    text = (
        f"import os, pathlib, time; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )

    def running() -> int:
        until(lambda: file.exists() and bool(file.read_text()))
        return int(file.read_text())

    return text, running


@pytest.mark.parametrize("how", ["delete", "restart", "permanent_delete"])
def test_a_cluster_that_is_ended_fails_the_task_on_it(
    stub_server: Emulator,
    client: WorkspaceClient,
    workspace_token: str,
    sleeper: tuple[str, Callable[[], int]],
    how: str,
) -> None:
    text, running = sleeper
    put_notebook(client, "/Shared/nb", text)
    cluster_id = client.clusters.create(**CLUSTER_SPEC).cluster_id
    run_id = submit(client, notebook("a", existing_cluster_id=cluster_id), notebook("b", "a"))
    pid = running()
    getattr(client.clusters, how)(cluster_id)
    run = wait(client, run_id)
    path = f"/api/2.2/jobs/runs/get?run_id={run_id}"
    status = stub_server.admin("GET", path, token=workspace_token)["status"]  # the SDK's enum lacks the code
    assert status["termination_details"]["code"] == "CLUSTER_TERMINATED_BY_USER"
    assert result(run) == "INTERNAL_ERROR/FAILED"
    tasks = tasks_of(run)
    assert (result(tasks["a"]), result(tasks["b"])) == ("INTERNAL_ERROR/FAILED", "SKIPPED/UPSTREAM_FAILED")
    assert f"Cluster {cluster_id} was" in (output(client, run).error or "")
    assert not alive(pid)


def test_a_cluster_made_for_the_task_that_is_ended_is_a_cluster_error(
    client: WorkspaceClient, sleeper: tuple[str, Callable[[], int]]
) -> None:
    text, running = sleeper
    put_notebook(client, "/Shared/nb", text)
    run_id = submit(client, notebook("a", new_cluster=ClusterSpec(**CLUSTER_SPEC)))
    running()
    instance = tasks_of(client.jobs.get_run(run_id))["a"].cluster_instance
    assert instance is not None
    client.clusters.permanent_delete(instance.cluster_id or "")
    run = wait(client, run_id)
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "CLUSTER_ERROR")


def test_a_task_can_be_tried_again_after_it_lost_its_cluster(
    client: WorkspaceClient, sleeper: tuple[str, Callable[[], int]]
) -> None:
    text, running = sleeper
    put_notebook(client, "/Shared/nb", text)
    cluster_id = client.clusters.create(**CLUSTER_SPEC).cluster_id
    run_id = submit(client, notebook("a", existing_cluster_id=cluster_id, max_retries=1))
    running()
    put_notebook(client, "/Shared/nb", "answer('1')")
    client.clusters.restart(cluster_id)
    run = wait(client, run_id)
    assert [result(task) for task in run.tasks or []] == ["INTERNAL_ERROR/FAILED", "TERMINATED/SUCCESS"]


def sql_file(client: WorkspaceClient, warehouse_id: str, text: str) -> jobs.SubmitTask:
    put_file(client, "/Shared/q.sql", text)
    file = jobs.SqlTaskFile(path="/Shared/q.sql", source=jobs.Source.WORKSPACE)
    return jobs.SubmitTask(task_key="a", sql_task=jobs.SqlTask(warehouse_id=warehouse_id, file=file))


@pytest.mark.parametrize("how", ["stop", "delete"])
def test_a_warehouse_that_is_ended_fails_the_task_on_it(
    client: WorkspaceClient, sleeper: tuple[str, Callable[[], int]], how: str
) -> None:
    text, running = sleeper
    warehouse_id = str(client.warehouses.create(name="w", cluster_size="2X-Small").id)
    run_id = submit(client, sql_file(client, warehouse_id, text))
    pid = running()
    getattr(client.warehouses, how)(warehouse_id)
    run = wait(client, run_id)
    assert (result(run), code(run)) == ("INTERNAL_ERROR/FAILED", "CLUSTER_ERROR")
    assert not alive(pid)


def test_compute_that_goes_before_it_was_up_fails_the_task(client: WorkspaceClient) -> None:
    """It waited for ever when the compute was deleted, not only ended."""
    warehouse_id = str(client.warehouses.create(name="w", cluster_size="2X-Small").id)
    cluster_id = client.clusters.create(**CLUSTER_SPEC).cluster_id
    put_notebook(client, "/Shared/nb", "answer('1')")
    waiting = [
        submit(client, sql_file(client, warehouse_id, "answer('1')")),
        submit(client, notebook("a", existing_cluster_id=cluster_id)),
    ]
    client.warehouses.delete(warehouse_id)
    client.clusters.permanent_delete(cluster_id)
    for run_id in waiting:
        assert result(wait(client, run_id)) == "INTERNAL_ERROR/FAILED"


def test_a_task_that_cannot_be_started_fails_instead_of_waiting(
    stub_server: Emulator, client: WorkspaceClient
) -> None:
    """As on a full disk: the folder for its files cannot be made."""
    put_notebook(client, "/Shared/nb", "import json; answer(json.dumps(spec['run_dir']))")
    run = wait(client, submit(client, notebook("a")))
    folder = Path(output(client, run).notebook_output.result.strip('"')).parent  # type: ignore[union-attr]
    moved = folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")
    try:
        failed = wait(client, submit(client, notebook("a")))
    finally:
        folder.unlink()
        moved.rename(folder)
    assert (result(failed), code(failed)) == ("INTERNAL_ERROR/FAILED", "INTERNAL_ERROR")
    assert "could not be started" in (tasks_of(failed)["a"].state.state_message or "")  # type: ignore[union-attr]
