"""Saved jobs: settings in and out, and their runs."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec

from tests.conftest import Emulator
from tests.emulator.driving import code, result, tasks_of, wait


def task(key: str, *upstream: str, **more: Any) -> jobs.Task:
    edges = [jobs.TaskDependency(task_key=name) for name in upstream]
    notebook = jobs.NotebookTask(notebook_path=f"/Shared/{key}", base_parameters=more.pop("parameters", None))
    return jobs.Task(task_key=key, notebook_task=notebook, depends_on=edges or None, **more)


def create(client: WorkspaceClient, *tasks: jobs.Task, **more: Any) -> int:
    job_id = client.jobs.create(tasks=list(tasks), **{"name": "nightly", **more}).job_id
    assert job_id is not None
    return job_id


@pytest.fixture(autouse=True)
def simulated(emulator: Emulator, workspace_token: str) -> None:
    emulator.admin("POST", "simulate", {"duration_ms": 1_000}, token=workspace_token)


def advance(emulator: Emulator, token: str) -> None:
    emulator.admin("POST", "clock", {"advance_ms": 100_000}, token=token)


def settings(client: WorkspaceClient, job_id: int) -> jobs.JobSettings:
    found = client.jobs.get(job_id).settings
    assert found is not None
    return found


def test_what_the_server_adds(client: WorkspaceClient) -> None:
    job_id = create(client, task("c", "b", "a"), task("a"), task("b"))
    found = settings(client, job_id)
    assert (found.name, found.timeout_seconds, found.max_concurrent_runs) == ("nightly", 0, 1)
    assert found.format == jobs.Format.MULTI_TASK
    [first, *_] = found.tasks or []
    assert first.run_if == jobs.RunIf.ALL_SUCCESS
    assert [edge.task_key for edge in first.depends_on or []] == ["a", "b"]
    assert first.notebook_task is not None
    assert first.notebook_task.source == jobs.Source.WORKSPACE


def test_reset_replaces_and_keeps_run_as(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"), run_as=jobs.JobRunAs(user_name="someone"), timeout_seconds=7)
    client.jobs.reset(job_id, jobs.JobSettings(name="other", tasks=[task("b")]))
    found = settings(client, job_id)
    assert (found.name, found.timeout_seconds, [one.task_key for one in found.tasks or []]) == (
        "other",
        0,
        ["b"],
    )
    assert found.run_as == jobs.JobRunAs(user_name="someone")


def test_update_merges_tasks_and_removes_fields(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"), task("b"), timeout_seconds=7)
    changed = jobs.JobSettings(tasks=[task("b", timeout_seconds=5), task("c")])
    client.jobs.update(job_id, new_settings=changed, fields_to_remove=["timeout_seconds", "tasks/a"])
    found = settings(client, job_id)
    assert [(one.task_key, one.timeout_seconds) for one in found.tasks or []] == [("b", 5), ("c", 0)]
    assert found.timeout_seconds == 0


def test_delete_and_missing(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"))
    client.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist, match=f"Job {job_id} does not exist"):
        client.jobs.get(job_id)
    with pytest.raises(InvalidParameterValue):
        client.jobs.run_now(job_id)


def test_names_repeat_and_are_found_whatever_their_case(client: WorkspaceClient) -> None:
    made = [create(client, task("a"), name=name) for name in ("Nightly", "nightly", "nightly 2")]
    assert [job.job_id for job in client.jobs.list(name="NIGHTLY")] == [made[1], made[0]]
    assert [job.job_id for job in client.jobs.list(limit=1)] == made[::-1]
    assert list(client.jobs.list(name="night")) == []


def test_many_tasks_come_in_pages(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    job_id = create(client, *[task(f"t{i}") for i in range(230)])
    assert len(settings(client, job_id).tasks or []) == 230
    page = emulator.admin("GET", f"/api/2.2/jobs/get?job_id={job_id}", token=workspace_token)
    assert (len(page["settings"]["tasks"]), page["has_more"]) == (100, True)


def test_the_other_arrays_come_once(client: WorkspaceClient) -> None:
    """The SDK puts the pages of each array together."""
    cluster = jobs.JobCluster(
        job_cluster_key="k", new_cluster=ClusterSpec(spark_version="15.4.x-scala2.12", num_workers=1)
    )
    parameters = [jobs.JobParameterDefinition(name=f"p{number}", default="1") for number in range(120)]
    tasks = [task(f"t{number}") for number in range(130)]
    job_id = create(client, *tasks, job_clusters=[cluster], parameters=parameters)
    found = settings(client, job_id)
    assert len(found.job_clusters or []) == 1
    assert [one.name for one in found.parameters or []] == [f"p{number}" for number in range(120)]
    run = client.jobs.get_run(client.jobs.run_now(job_id).run_id or 0)
    assert (len(run.tasks or []), len(run.job_clusters or [])) == (130, 1)
    assert [one.name for one in run.job_parameters or []] == [f"p{number}" for number in range(120)]
    [listed] = client.jobs.list(expand_tasks=True)
    assert listed.settings is not None
    assert (len(listed.settings.tasks or []), len(listed.settings.job_clusters or [])) == (130, 1)


def test_older_clients_page_by_offset(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    made = [create(client, task("a"), max_concurrent_runs=9) for _ in range(3)]
    ran = [client.jobs.run_now(made[0]).run_id for _ in range(3)]
    found = emulator.admin("GET", "/api/2.1/jobs/list?limit=1&offset=1", token=workspace_token)["jobs"]
    assert [one["job_id"] for one in found] == [made[1]]
    found = emulator.admin("GET", "/api/2.1/jobs/runs/list?limit=1&offset=2", token=workspace_token)["runs"]
    assert [one["run_id"] for one in found] == [ran[0]]


def test_a_queued_run_of_disabled_tasks_ends_too(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    job_id = create(client, task("a"))
    client.jobs.run_now(job_id)
    client.jobs.update(job_id, new_settings=jobs.JobSettings(tasks=[task("a", disabled=True)]))
    second = client.jobs.run_now(job_id).run_id or 0
    advance(emulator, workspace_token)
    assert result(wait(client, second)) == "SKIPPED/DISABLED"


def test_bad_settings_are_refused(client: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue, match="does not exist"):
        create(client, task("a", "b"))
    with pytest.raises(InvalidParameterValue, match="job cluster 'x'"):
        create(client, task("a", job_cluster_key="x"))
    with pytest.raises(InvalidParameterValue, match="max_concurrent_runs"):
        create(client, task("a"), max_concurrent_runs=1001)


def test_run_now(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    parameters = [jobs.JobParameterDefinition(name="day", default="monday")]
    job_id = create(client, task("a"), task("b", "a"), parameters=parameters)
    run_id = client.jobs.run_now(job_id, job_parameters={"more": "1"}, idempotency_token="x").run_id
    assert client.jobs.run_now(job_id, idempotency_token="x").run_id == run_id
    assert run_id is not None
    advance(emulator, workspace_token)
    run = wait(client, run_id)
    assert (run.run_type, run.job_id, result(run)) == (jobs.RunType.JOB_RUN, job_id, "TERMINATED/SUCCESS")
    assert {one.name: one.value for one in run.job_parameters or []} == {"day": "monday", "more": "1"}
    assert [run.run_id for run in client.jobs.list_runs(job_id=job_id)] == [run_id]


def test_only_some_tasks(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    job_id = create(client, task("a"), task("b", "a"), task("c", "b"), max_concurrent_runs=9)
    for only, expected in ((["b"], {"b"}), (["+b"], {"a", "b"}), (["b+"], {"b", "c"})):
        run_id = client.jobs.run_now(job_id, only=only).run_id
        advance(emulator, workspace_token)
        assert set(tasks_of(wait(client, run_id or 0))) == expected


def test_runs_over_the_limit_wait_their_turn(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    job_id = create(client, task("a"))
    first, second = (client.jobs.run_now(job_id).run_id or 0 for _ in range(2))
    shown = client.jobs.get_run(second)
    assert shown.state is not None
    assert shown.state.life_cycle_state == jobs.RunLifeCycleState.QUEUED
    assert shown.status is not None
    assert shown.status.queue_details is not None
    assert shown.status.queue_details.code == jobs.QueueDetailsCodeCode.MAX_CONCURRENT_RUNS_REACHED
    advance(emulator, workspace_token)
    assert result(wait(client, first)) == "TERMINATED/SUCCESS"
    advance(emulator, workspace_token)
    done = wait(client, second)
    assert result(done) == "TERMINATED/SUCCESS"
    assert (done.queue_duration or 0) > 0


def test_without_a_queue_they_are_skipped(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"), max_concurrent_runs=0, queue=jobs.QueueSettings(enabled=False))
    run = wait(client, client.jobs.run_now(job_id).run_id or 0)
    assert result(run) == "SKIPPED/MAXIMUM_CONCURRENT_RUNS_REACHED"
    assert code(run) == "MAX_CONCURRENT_RUNS_EXCEEDED"


def test_a_queued_run_can_be_cancelled(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"))
    client.jobs.run_now(job_id)
    waiting = client.jobs.run_now(job_id).run_id or 0
    client.jobs.cancel_run(waiting)
    assert result(wait(client, waiting)) == "TERMINATED/CANCELED"


def test_a_cancelled_queued_run_gives_no_place_away(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"))
    _, second, third = (client.jobs.run_now(job_id).run_id or 0 for _ in range(3))
    client.jobs.cancel_run(second)
    wait(client, second)
    assert wait(client, third, states=("QUEUED",)).run_id == third


def test_cancel_all_runs_of_a_job(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"), max_concurrent_runs=5)
    started = [client.jobs.run_now(job_id).run_id or 0 for _ in range(3)]
    client.jobs.cancel_all_runs(job_id=job_id)
    assert {result(wait(client, run_id)) for run_id in started} == {"TERMINATED/CANCELED"}


@pytest.mark.parametrize(
    "outcome,expected", [("SUCCESS", "TERMINATED/SUCCESS"), ("FAILED", "INTERNAL_ERROR/FAILED")]
)
def test_run_job_task_shares_the_fate_of_its_run(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str, outcome: str, expected: str
) -> None:
    emulator.admin("POST", "simulate", {"task_key": "inner", "result": outcome}, token=workspace_token)
    inner = create(client, task("inner"))
    outer = jobs.Task(task_key="call", run_job_task=jobs.RunJobTask(job_id=inner))
    run_id = client.jobs.run_now(create(client, outer)).run_id or 0
    wait(client, run_id, states=("RUNNING",))
    advance(emulator, workspace_token)
    run = wait(client, run_id)
    assert result(run) == expected
    output = client.jobs.get_run_output(tasks_of(run)["call"].run_id or 0)
    assert output.run_job_output is not None
    child = client.jobs.get_run(output.run_job_output.run_id)
    assert (child.job_id, child.trigger) == (inner, jobs.TriggerType.RUN_JOB_TASK)


def test_jobs_that_call_themselves_stop(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    job_id = create(client, task("a"), max_concurrent_runs=9)
    call = jobs.Task(task_key="again", run_job_task=jobs.RunJobTask(job_id=job_id))
    client.jobs.reset(job_id, jobs.JobSettings(name="loop", tasks=[call], max_concurrent_runs=9))
    run = wait(client, client.jobs.run_now(job_id).run_id or 0)
    assert result(run) == "INTERNAL_ERROR/FAILED"
    assert len(list(client.jobs.list_runs(job_id=job_id))) == 4, "the run and three levels below it"
