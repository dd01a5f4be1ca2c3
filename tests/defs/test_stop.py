"""Terminating a Dagster run stops its Databricks runs, under every executor, and records nothing as done."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from dagster import DagsterEventType, DagsterRunStatus

from tests.defs.conftest import Project
from tests.support.waiting import PATIENCE, until

CODE, REASON = "PERMISSION_DENIED", "you may see this run but not cancel it"


@pytest.mark.parametrize("executor", ["dara", "in_process", "multiprocess"])
def test_a_termination_cancels_what_is_in_flight_and_waits_for_it(project: Project, executor: str) -> None:
    project.simulate("*", duration_ms=600_000)
    project.workflow({"name": "a", "outputs": ["main.gold.a"], "max_retries": 3}, {"name": "b"})
    process = project.start(executor=executor)
    try:
        run_id = project.wait_for("state", 1, word="RUNNING")
        process.send_signal(signal.SIGTERM if executor == "dara" else signal.SIGINT)
        assert process.wait(PATIENCE) is not None
    finally:
        process.kill()
    assert project.stats()["active_runs"] == 0
    run = project.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status in (DagsterRunStatus.CANCELED, DagsterRunStatus.FAILURE)
    results = [event.data["verdict"] for event in project.events(run_id) if event.kind == "result"]
    assert results
    assert set(results) == {"cancelled"}
    written = project.instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    assert not written.records


def test_a_run_that_cannot_be_stopped_is_named_and_left_attached(project: Project) -> None:
    project.poll(cancel_seconds=0.5)
    fault = {"method": "POST", "path": "/api/2.2/jobs/runs/cancel", "kind": "status", "status": 400}
    fault |= {"error_code": CODE, "message": REASON}
    project.emulator.admin("POST", "faults", fault, token=project.token)
    project.simulate("a", duration_ms=4_000)
    project.workflow({"name": "a"})

    def terminate() -> None:
        project.wait_for("state", word="RUNNING")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=terminate)
    thread.start()
    run_id = project.run().run_id
    thread.join()
    result = next(event for event in project.events(run_id) if event.kind == "result")
    submitted = next(event for event in project.events(run_id) if event.kind == "submitted")
    assert result.data["verdict"] == "lost"
    assert str(submitted.data["databricks_run_id"]) in result.message
    assert str(result.data["url"]) in result.message
    assert f"could not be cancelled: {CODE}: {REASON}" in result.message

    resumed = project.resume(run_id)
    assert resumed.success
    assert project.stats()["runs_created"] == 1


def test_a_timeout_ends_the_task_as_timed_out(project: Project) -> None:
    project.simulate("a", duration_ms=600_000)
    project.workflow({"name": "a", "timeout_seconds": 1})
    result = project.run()
    assert not result.success
    assert project.stats()["active_runs"] == 0
    results = [event.data["verdict"] for event in project.events(result.run_id) if event.kind == "result"]
    assert results == ["timed_out"]


def test_a_termination_ends_the_wait_for_an_index(project: Project) -> None:
    """The wait is a long one: a look in ten minutes."""
    project.write("warehouse_config.json", {"bi": {"cluster_size": "2X-Small"}})
    statement = "CREATE TABLE main.default.numbers AS SELECT 1 AS n, array(1.0D, 0.0D) AS v"
    create = {"source_table": "main.default.numbers", "endpoint_name": "e", "primary_key": "n"}
    create |= {"embedding_column": "v", "embedding_dimension": 2}
    sync = {"index": "main.default.numbers_index", "create": create, "poll_seconds": 600}
    steps = [
        {"name": "make", "uses": "run_sql", "settings": {"statement": statement, "warehouse_name": "bi"}},
        {"name": "sync", "uses": "sync_index", "settings": sync},
    ]
    project.write("workflows/numbers.json", {"steps": steps})

    def terminate() -> None:
        def waits() -> bool:
            runs = project.instance.get_runs(limit=1)
            logs = project.instance.all_logs(runs[0].run_id) if runs else []
            return any("endpoint e is" in entry.user_message for entry in logs)

        until(waits, "the wait for the endpoint")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=terminate)
    thread.start()
    run_id = project.run("numbers").run_id
    thread.join()
    assert project.ends(run_id) == {"make": "success", "sync": "failure"}
    run = project.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is DagsterRunStatus.CANCELED
