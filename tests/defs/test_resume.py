"""A process that dies leaves its Databricks runs behind; the next one takes them over, one run an attempt."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.defs.conftest import Project


def kill(project: Project, kind: str, count: int = 1, **options: Any) -> str:
    """Start the job in a process, kill it once `kind` is recorded, and return the Dagster run's id."""
    process = project.start()
    try:
        return project.wait_for(kind, count, **options)
    finally:
        process.kill()
        process.wait()


def break_submit(project: Project, **fault: Any) -> None:
    """Spoil one submission."""
    call = {"method": "POST", "path": "/api/2.2/jobs/runs/submit", "count": 1}
    project.emulator.admin("POST", "faults", {**call, **fault}, token=project.token)


def verdicts(project: Project, run_id: str) -> dict[str | None, Any]:
    return {e.step_key: e.data["verdict"] for e in project.events(run_id) if e.kind == "result"}


def test_a_run_that_is_still_going_on_is_watched_to_its_end(project: Project) -> None:
    project.simulate("*", duration_ms=4_000)
    project.workflow({"name": "a"}, {"name": "b"})
    killed = kill(project, "state", 2, word="RUNNING")
    resumed = project.resume(killed)
    assert resumed.success
    assert project.stats()["runs_created"] == 2
    assert verdicts(project, resumed.run_id) == {"a": "success", "b": "success"}


def test_a_run_that_failed_meanwhile_gets_a_new_attempt(project: Project) -> None:
    project.simulate("a", duration_ms=1_500, result="FAILED", count=1)
    project.workflow({"name": "a"})
    killed = kill(project, "state", word="RUNNING")
    while project.stats()["active_runs"]:
        time.sleep(0.05)
    resumed = project.resume(killed)
    assert resumed.success
    assert project.stats()["runs_created"] == 2


def test_a_submission_whose_answer_never_came_is_found_by_its_token(project: Project) -> None:
    fault = {
        "method": "POST",
        "path": "/api/2.2/jobs/runs/submit",
        "kind": "hang",
        "when": "after",
        "count": 1,
    }
    project.emulator.admin("POST", "faults", fault, token=project.token)
    project.workflow({"name": "a"})
    process = project.start()
    try:
        killed = project.wait_for("attempt")
        while not project.stats()["runs_created"]:
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert "submitted" not in {event.kind for event in project.events(killed)}
    resumed = project.resume(killed)
    assert resumed.success
    assert project.stats()["runs_created"] == 1


def test_an_attempt_that_was_never_sent_is_sent(project: Project) -> None:
    fault = {
        "method": "POST",
        "path": "/api/2.2/jobs/runs/submit",
        "kind": "hang",
        "when": "before",
        "count": 1,
    }
    project.emulator.admin("POST", "faults", fault, token=project.token)
    project.workflow({"name": "a"})
    killed = kill(project, "attempt")
    assert project.resume(killed).success
    assert project.stats()["runs_created"] == 1


def test_a_deleted_run_counts_as_gone(project: Project) -> None:
    project.simulate("a", duration_ms=600_000, count=1)
    project.workflow({"name": "a"})
    killed = kill(project, "submitted")
    run_id = next(e.data["databricks_run_id"] for e in project.events(killed) if e.kind == "submitted")
    client = project.emulator.client(project.token)
    client.jobs.cancel_run_and_wait(int(run_id))
    client.jobs.delete_run(int(run_id))
    assert project.resume(killed).success
    assert project.stats()["runs_created"] == 2


def test_a_step_that_dagster_saw_fail_gets_a_new_run_and_the_rest_is_kept(project: Project) -> None:
    project.simulate("b", result="FAILED", count=1)
    project.workflow({"name": "a"}, {"name": "b", "dependent_on": ["a"]})
    failed = project.run()
    assert not failed.success
    resumed = project.resume(failed.run_id)
    assert resumed.success
    assert project.stats()["runs_created"] == 3
    assert verdicts(project, resumed.run_id) == {"b": "success"}


@pytest.mark.parametrize("answer", ["drop", "status"])
def test_a_lost_or_bad_answer_makes_no_second_run(project: Project, answer: str) -> None:
    fault = {
        "method": "POST",
        "path": "/api/2.2/jobs/runs/submit",
        "kind": answer,
        "when": "after",
        "count": 1,
    }
    project.emulator.admin("POST", "faults", {**fault, "status": 503}, token=project.token)
    project.workflow({"name": "a"})
    assert project.run().success
    assert project.stats()["runs_created"] == 1
