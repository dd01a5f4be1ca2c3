"""runs/submit: shapes that are refused, tokens, and what a run looks like from start to end."""

from __future__ import annotations

import time
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import Environment, Library

from tests.conftest import Emulator
from tests.emulator.driving import code, life_cycle, notebook, result, submit, wait

DAY_MS = 24 * 3600 * 1000


@pytest.fixture(autouse=True)
def simulated(emulator: Emulator, workspace_token: str) -> None:
    emulator.admin("POST", "simulate", {"duration_ms": 10_000}, token=workspace_token)


def advance(emulator: Emulator, token: str, milliseconds: int) -> None:
    emulator.admin("POST", "clock", {"advance_ms": milliseconds}, token=token)


def script(key: str, **more: Any) -> jobs.SubmitTask:
    task = jobs.SparkPythonTask(python_file="/Workspace/Shared/s.py")
    return jobs.SubmitTask(task_key=key, spark_python_task=task, **more)


REFUSED: dict[str, tuple[list[jobs.SubmitTask], str]] = {
    "no tasks": ([], "At least one task"),
    "a key with a space": ([notebook("a b")], "Task key"),
    "two of one key": ([notebook("a"), notebook("a")], "Duplicate task key: a"),
    "an unknown upstream": ([notebook("a", "b")], "depends on task 'b' which does not exist"),
    "a circle": ([notebook("a", "b"), notebook("b", "a")], "cycle: a -> b -> a|cycle: b -> a -> b"),
    "no kind of task": ([jobs.SubmitTask(task_key="a")], "exactly one kind"),
    "a relative path": ([notebook("a", path="nb")], "only absolute paths"),
    "a script on serverless without environment": (
        [script("a")],
        "An environment is required for serverless",
    ),
    "an unknown environment": ([script("a", environment_key="x")], "environment 'x' is not defined"),
    "libraries on serverless": (
        [notebook("a", libraries=[Library(whl="/Volumes/a/b/c/d.whl")])],
        "Libraries field is not supported for serverless task",
    ),
    "too few retries": ([notebook("a", max_retries=-2)], "max_retries"),
}


@pytest.mark.parametrize("tasks,message", REFUSED.values(), ids=REFUSED.keys())
def test_refused_shapes(client: WorkspaceClient, tasks: list[jobs.SubmitTask], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        submit(client, *tasks)
    assert list(client.jobs.list_runs()) == []


def test_numbers_as_parameters_are_refused(emulator: Emulator, workspace_token: str) -> None:
    task = {"task_key": "a", "notebook_task": {"notebook_path": "/x", "base_parameters": {"n": 1}}}
    status, answer = emulator.call(
        "POST", "/api/2.2/jobs/runs/submit", {"tasks": [task]}, token=workspace_token
    )
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_missing_code_is_accepted_and_an_environment_lets_a_script_in(client: WorkspaceClient) -> None:
    environment = jobs.JobEnvironment(environment_key="x", spec=Environment(environment_version="4"))
    assert submit(client, script("a", environment_key="x"), environments=[environment])


def test_one_run_for_one_token(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    first = submit(client, notebook("a"), idempotency_token="t" * 64)
    assert submit(client, notebook("other"), idempotency_token="t" * 64) == first
    advance(emulator, workspace_token, 10_000)
    assert submit(client, notebook("a"), idempotency_token="t" * 64) == first, "an ended run too"
    assert submit(client, notebook("a"), idempotency_token="u") != first
    with pytest.raises(InvalidParameterValue, match="64"):
        submit(client, notebook("a"), idempotency_token="t" * 65)


def test_token_stays_taken_after_delete(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    run_id = submit(client, notebook("a"), idempotency_token="once")
    with pytest.raises(InvalidParameterValue, match="still active"):
        client.jobs.delete_run(run_id)
    advance(emulator, workspace_token, 10_000)
    client.jobs.delete_run(run_id)
    with pytest.raises(ResourceDoesNotExist, match=f"Run {run_id} does not exist"):
        client.jobs.get_run(run_id)
    with pytest.raises(InvalidParameterValue, match="deleted"):
        submit(client, notebook("a"), idempotency_token="once")


def test_a_run_from_start_to_end(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    rule = {"duration_ms": 5_000, "pending_ms": 3_000, "exit_value": "42"}
    emulator.admin("POST", "simulate", rule, token=workspace_token)
    run_id = submit(client, notebook("a"), run_name="nightly")
    run = client.jobs.get_run(run_id)
    assert (life_cycle(run), run.status and run.status.state) == (
        "PENDING",
        jobs.RunLifecycleStateV2State.PENDING,
    )
    assert (run.end_time, run.run_type, run.run_name) == (0, jobs.RunType.SUBMIT_RUN, "nightly")
    assert run.number_in_job == run_id
    assert run.run_page_url
    assert run.run_page_url.startswith(f"{emulator.host}/?o={client.get_workspace_id()}&s=")
    assert run.run_page_url.endswith(f"#job/{run.job_id}/run/{run_id}")
    advance(emulator, workspace_token, 3_000)
    running = wait(client, run_id, states=("RUNNING",))
    assert running.state is not None
    assert running.state.result_state is None
    advance(emulator, workspace_token, 5_000)
    done = wait(client, run_id)
    assert (result(done), code(done)) == ("TERMINATED/SUCCESS", "SUCCESS")
    assert done.start_time is not None
    assert done.end_time is not None
    assert done.setup_duration is not None
    assert done.setup_duration >= 3_000
    assert done.execution_duration == 5_000
    assert done.run_duration == done.end_time - done.start_time
    [task] = done.tasks or []
    assert task.run_id != run_id
    output = client.jobs.get_run_output(task.run_id or 0)
    assert output.notebook_output == jobs.NotebookOutput(result="42", truncated=False)


def test_output_of_a_job_run_is_refused(client: WorkspaceClient) -> None:
    run_id = submit(client, notebook("a"))
    with pytest.raises(InvalidParameterValue, match="runs with multiple tasks is not supported"):
        client.jobs.get_run_output(run_id)
    with pytest.raises(ResourceDoesNotExist):
        client.jobs.get_run_output(1)


def test_more_than_a_hundred_tasks_come_in_pages(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    run_id = submit(client, *[notebook(f"t{i}") for i in range(250)])
    path = f"/api/2.2/jobs/runs/get?run_id={run_id}"
    first = emulator.admin("GET", path, token=workspace_token)
    assert len(first["tasks"]) == 100
    last = emulator.admin("GET", f"{path}&page_token=200", token=workspace_token)
    assert len(last["tasks"]) == 50
    assert "next_page_token" not in last
    assert [task.task_key for task in client.jobs.get_run(run_id).tasks or []] == [
        f"t{i}" for i in range(250)
    ]


def test_older_versions_of_the_api_answer_too(emulator: Emulator, workspace_token: str) -> None:
    body = {"tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/x"}}]}
    for version in ("2.0", "2.1"):
        path = f"/api/{version}/jobs/runs"
        run_id = emulator.admin("POST", f"{path}/submit", body, token=workspace_token)["run_id"]
        assert emulator.admin("GET", f"{path}/get?run_id={run_id}", token=workspace_token)["run_id"] == run_id


def test_runs_are_gone_after_sixty_days(
    emulator: Emulator, client: WorkspaceClient, workspace_token: str
) -> None:
    run_id = submit(client, notebook("a"))
    advance(emulator, workspace_token, 59 * DAY_MS)
    assert result(client.jobs.get_run(run_id)) == "TERMINATED/SUCCESS"
    advance(emulator, workspace_token, 2 * DAY_MS)
    with pytest.raises(ResourceDoesNotExist):
        client.jobs.get_run(run_id)
    assert list(client.jobs.list_runs()) == []


def test_list_filters(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    old = submit(client, notebook("a"))
    advance(emulator, workspace_token, 60_000)
    between = (client.jobs.get_run(old).end_time or 0) + 1
    new = submit(client, notebook("a"))

    def ids(**wanted: Any) -> list[int | None]:
        return [run.run_id for run in client.jobs.list_runs(**wanted)]

    assert ids() == [new, old]
    assert ids(active_only=True) == [new]
    assert ids(completed_only=True) == [old]
    assert ids(start_time_from=between) == [new]
    assert ids(start_time_to=between) == [old]
    assert ids(run_type=jobs.RunType.JOB_RUN) == []
    assert ids(run_type=jobs.RunType.SUBMIT_RUN) == [new, old]
    assert ids(job_id=client.jobs.get_run(old).job_id) == [old]
    with pytest.raises(InvalidParameterValue):
        ids(active_only=True, completed_only=True)


def test_list_pages_and_limit(emulator: Emulator, client: WorkspaceClient, workspace_token: str) -> None:
    made = [submit(client, notebook("a")) for _ in range(30)]
    listed = client.jobs.list_runs(limit=7, active_only=True, expand_tasks=True)
    found = [(run.run_id, len(run.tasks or [])) for run in listed]
    assert found == [(run_id, 1) for run_id in reversed(made)]
    page = emulator.admin("GET", "/api/2.2/jobs/runs/list?limit=25", token=workspace_token)
    assert len(page["runs"]) == 25
    assert page["has_more"]
    assert "tasks" not in page["runs"][0]
    last = emulator.admin(
        "GET", f"/api/2.2/jobs/runs/list?page_token={page['next_page_token']}", token=workspace_token
    )
    assert len(last["runs"]) == 5
    assert "next_page_token" not in last
    assert not last["has_more"]
    with pytest.raises(InvalidParameterValue, match="limit"):
        list(client.jobs.list_runs(limit=26))


def test_times_are_epoch_milliseconds(client: WorkspaceClient) -> None:
    run = client.jobs.get_run(submit(client, notebook("a")))
    assert run.start_time is not None
    assert abs(run.start_time / 1000 - time.time()) < 60
