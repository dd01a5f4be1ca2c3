"""runs/repair: which tasks run again, with which settings, and what the run tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs

from tests.conftest import Emulator
from tests.emulator.driving import notebook, result, submit, tasks_of, wait


def task(key: str, *upstream: str, **more: Any) -> jobs.Task:
    edges = [jobs.TaskDependency(task_key=name) for name in upstream]
    return jobs.Task(
        task_key=key,
        notebook_task=jobs.NotebookTask(notebook_path=f"/Shared/{key}"),
        depends_on=edges or None,
        **more,
    )


@pytest.fixture
def simulate(emulator: Emulator, workspace_token: str) -> Callable[..., None]:
    def add(**rule: Any) -> None:
        emulator.admin("POST", "simulate", {"duration_ms": 10, **rule}, token=workspace_token)

    add()
    return add


@pytest.fixture
def failed(client: WorkspaceClient, simulate: Callable[..., None]) -> tuple[int, int]:
    """A job of a -> b -> c and d, of which b has failed: (job id, run id)."""
    simulate(task_key="b", result="FAILED", count=1)
    tasks = [task("a"), task("b", "a"), task("c", "b"), task("d")]
    job_id = client.jobs.create(name="nightly", tasks=tasks).job_id or 0
    run_id = client.jobs.run_now(job_id).run_id or 0
    assert result(wait(client, run_id)) == "INTERNAL_ERROR/FAILED"
    return job_id, run_id


def attempts(run: jobs.Run) -> list[tuple[str | None, int | None, str]]:
    return [(one.task_key, one.attempt_number, result(one).split("/")[1]) for one in run.tasks or []]


def test_all_failed_tasks_run_again_in_the_same_run(client: WorkspaceClient, failed: tuple[int, int]) -> None:
    _, run_id = failed
    waiter = client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    run = wait(client, run_id)
    assert result(run) == "TERMINATED/SUCCESS"
    assert attempts(run) == [
        ("a", 0, "SUCCESS"),
        ("b", 0, "FAILED"),
        ("c", 0, "UPSTREAM_FAILED"),
        ("d", 0, "SUCCESS"),
        ("b", 1, "SUCCESS"),
        ("c", 1, "SUCCESS"),
    ]
    repair_id = waiter.response.repair_id
    [original, repaired] = client.jobs.get_run(run_id, include_history=True).repair_history or []
    assert original.type == jobs.RepairHistoryItemType.ORIGINAL
    assert original.state is not None
    assert original.state.result_state == jobs.RunResultState.FAILED
    assert (repaired.type, repaired.id) == (jobs.RepairHistoryItemType.REPAIR, repair_id)
    assert repaired.task_run_ids == [one.run_id for one in (run.tasks or [])[4:]]
    assert (repaired.start_time or 0) >= (original.end_time or 0)
    assert not client.jobs.get_run(run_id).repair_history, "only on request"


def test_named_tasks_and_what_depends_on_them(client: WorkspaceClient, failed: tuple[int, int]) -> None:
    _, run_id = failed
    client.jobs.repair_run(run_id, rerun_tasks=["b"])
    assert [one[:2] for one in attempts(wait(client, run_id))[4:]] == [("b", 1)]
    [_, first] = client.jobs.get_run(run_id, include_history=True).repair_history or []
    client.jobs.repair_run(run_id, rerun_tasks=["a"], rerun_dependent_tasks=True, latest_repair_id=first.id)
    run = wait(client, run_id)
    assert [one[:2] for one in attempts(run)[5:]] == [("a", 1), ("b", 2), ("c", 1)]
    assert result(run) == "TERMINATED/SUCCESS"


def test_a_repair_uses_the_settings_of_today(client: WorkspaceClient, failed: tuple[int, int]) -> None:
    job_id, run_id = failed
    client.jobs.update(job_id, new_settings=jobs.JobSettings(tasks=[task("b", "a", description="mended")]))
    client.jobs.repair_run(run_id, rerun_all_failed_tasks=True, job_parameters={"day": "monday"})
    run = wait(client, run_id)
    assert tasks_of(run)["b"].description == "mended"
    assert {one.name: one.value for one in run.job_parameters or []} == {"day": "monday"}


def test_a_repaired_run_can_be_cancelled(
    client: WorkspaceClient, failed: tuple[int, int], simulate: Callable[..., None]
) -> None:
    _, run_id = failed
    simulate(duration_ms=60_000)
    client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    wait(client, run_id, states=("RUNNING",))
    client.jobs.cancel_run(run_id)
    assert result(wait(client, run_id)) == "TERMINATED/CANCELED"


def test_repairs_that_are_refused(
    client: WorkspaceClient, failed: tuple[int, int], simulate: Callable[..., None]
) -> None:
    _, run_id = failed
    for wanted, why in (
        ({}, "Exactly one of"),
        ({"rerun_tasks": ["b"], "rerun_all_failed_tasks": True}, "Exactly one of"),
        ({"rerun_tasks": ["x"]}, "'x' in rerun_tasks"),
        ({"rerun_all_failed_tasks": True, "latest_repair_id": 7}, "latest_repair_id"),
    ):
        with pytest.raises(InvalidParameterValue, match=why):
            client.jobs.repair_run(run_id, **wanted)  # type: ignore[arg-type]
    simulate(duration_ms=60_000)
    client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    with pytest.raises(InvalidParameterValue, match="still in progress"):
        client.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    with pytest.raises(InvalidParameterValue, match="not a run of a saved job"):
        simulate(task_key="x", result="FAILED")
        once = submit(client, notebook("x"))
        wait(client, once)
        client.jobs.repair_run(once, rerun_all_failed_tasks=True)
