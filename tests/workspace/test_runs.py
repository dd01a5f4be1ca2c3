"""Runs on the emulator through the SDK: one run a token, looks, output, faults."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dara_dagster.config.models import Entry
from dara_dagster.config.plan import TaskPlan
from dara_dagster.config.settings import Settings
from dara_dagster.errors import RunError, RunGoneError, RunLostError, UnreachableError
from dara_dagster.tasks.registry import kind_of
from dara_dagster.tasks.run_names import parse_run_name
from dara_dagster.workspace.calls import api
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.cancel import cancel_and_wait
from dara_dagster.workspace.runs.jobs_api import RunSnapshot
from dara_dagster.workspace.watch.monitor import Monitor, Stopped, TimedOut, _Jobs
from tests.workspace.conftest import Admin, request_of


def test_tokens_differ_by_run_step_and_attempt_and_fit() -> None:
    tokens = {
        jobs_api.attempt_token(run, step, attempt)
        for run in ("a", "ab")
        for step in ("c", "bc", "x[1]")
        for attempt in (0, 1, 11)
    }
    assert len(tokens) == 18 and {len(token) for token in tokens} == {64}


@pytest.mark.parametrize(
    ("url", "modern"),
    [
        ("https://h.cloud/?o=12#job/3/run/4", "https://h.cloud/jobs/3/runs/4?o=12"),
        ("http://127.0.0.1:80/#job/3/run/4", "http://127.0.0.1:80/jobs/3/runs/4"),
        ("https://h.cloud/jobs/3/runs/4?o=12", "https://h.cloud/jobs/3/runs/4?o=12"),
        ("", ""),
    ],
)
def test_run_pages_get_the_address_that_works_for_everyone(url: str, modern: str) -> None:
    assert jobs_api.modern_url(url) == modern


def test_one_run_from_submit_to_end(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    admin.simulate(duration_ms=300, pending_ms=200, exit_value='{"rows": 3}')
    run_id = jobs_api.submit(workspace, request_of("one"))
    assert jobs_api.submit(workspace, request_of("one")) == run_id, "the same token is the same run"
    assert [snapshot.run_id for snapshot in jobs_api.list_active(workspace)] == [run_id]
    changes: list[RunSnapshot] = []
    last = monitor.watch(run_id, on_change=changes.append)
    assert last is changes[-1] and last.outcome is not None and last.outcome.verdict == "success"
    assert all(one.outcome is None for one in changes[:-1])
    assert len({(one.state, one.outcome) for one in changes}) == len(changes)
    assert last.total_ms >= 300 and last.end_ms > last.start_ms and last.task_run_id not in (None, run_id)
    assert jobs_api.output(workspace, last).exit_value == '{"rows": 3}'
    assert jobs_api.page_url(workspace, last).startswith(f"{workspace.host}/jobs/{last.job_id}/runs/{run_id}")
    mark = parse_run_name(last.run_name)
    assert mark is not None and (mark.project, mark.workflow, mark.task) == ("tests", "flow", "t")


def test_a_failed_run_tells_its_error(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    admin.simulate(duration_ms=50, result="FAILED", error="ValueError: no flights")
    last = monitor.watch(jobs_api.submit(workspace, request_of("one")))
    assert last.outcome is not None
    assert (last.outcome.verdict, last.outcome.code) == ("failed", "RUN_EXECUTION_ERROR")
    assert "ValueError: no flights" in jobs_api.output(workspace, last).error


def test_a_deleted_run_is_gone_for_look_token_and_watch(
    workspace: Workspace, monitor: Monitor, admin: Admin
) -> None:
    run_id = jobs_api.submit(workspace, request_of("one"))
    monitor.watch(run_id)
    workspace.client.jobs.delete_run(run_id)
    with pytest.raises(RunGoneError, match=f"Run {run_id} was deleted or is older than 60 days"):
        jobs_api.get_snapshot(workspace, run_id)
    with pytest.raises(RunGoneError, match="was deleted"):
        jobs_api.submit(workspace, request_of("one"))
    with pytest.raises(RunGoneError):
        monitor.watch(run_id)
    with pytest.raises(RunGoneError):
        jobs_api.cancel(workspace, 1)


def test_a_request_databricks_refuses_is_an_error_at_once(workspace: Workspace, monitor: Monitor) -> None:
    bad = {**request_of("one"), "tasks": [{"task_key": "t"}]}
    with pytest.raises(RunError, match="Databricks did not take the run: INVALID_PARAMETER_VALUE"):
        monitor.call(lambda: jobs_api.submit(workspace, bad))


def test_a_saved_job_runs_by_name_once_a_token(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    def save(name: str) -> int:
        task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/nb"}}
        return int(
            api(workspace, "POST", "/api/2.2/jobs/create", body={"name": name, "tasks": [task]})["job_id"]
        )

    job_id = save("nightly")
    save("Nightly")
    assert find_saved_job(workspace, "nightly") == job_id
    token = jobs_api.attempt_token("run", "saved", 0)
    task = TaskPlan("nightly", "nightly", "saved_job", Entry())
    request = kind_of(task).request(
        task, run_name="", token=token, parameters={"day": "1"}, remote_file=None, needed_id=job_id
    )
    run_id = monitor.call(lambda: jobs_api.submit(workspace, request))
    assert jobs_api.submit(workspace, request) == run_id
    last = monitor.watch(run_id)
    assert last.outcome is not None and last.outcome.verdict == "success" and last.run_type == "JOB_RUN"
    save("nightly")
    with pytest.raises(RunError, match=r"2 saved jobs are named 'nightly' \(\d+, \d+\)"):
        find_saved_job(workspace, "nightly")
    with pytest.raises(RunError, match="There is no saved job 'weekly'"):
        find_saved_job(workspace, "weekly")


def test_databricks_own_timeout_ends_the_run(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    admin.simulate(duration_ms=60_000)
    last = monitor.watch(jobs_api.submit(workspace, request_of("one", timeout_seconds=1)))
    assert last.outcome is not None and (last.outcome.verdict, last.outcome.code) == ("timed_out", "TIMEDOUT")


def test_a_stop_and_a_deadline_end_the_wait_but_not_the_run(
    workspace: Workspace, monitor: Monitor, admin: Admin
) -> None:
    admin.simulate(duration_ms=60_000)
    run_id = jobs_api.submit(workspace, request_of("one"))
    stop = threading.Event()
    with pytest.raises(Stopped):
        monitor.watch(run_id, stop=stop, on_change=lambda snapshot: stop.set())
    with pytest.raises(Stopped):
        monitor.watch(run_id, stop=stop)
    with pytest.raises(TimedOut):
        monitor.watch(run_id, deadline=monitor.clock() + 0.3)
    assert jobs_api.get_snapshot(workspace, run_id).outcome is None
    assert cancel_and_wait(workspace, [run_id], 20) == []
    last = jobs_api.get_snapshot(workspace, run_id)
    assert last.outcome is not None and last.outcome.verdict == "cancelled"


def test_500_submissions_in_bad_weather_are_exactly_500_runs(
    workspace: Workspace, monitor: Monitor, admin: Admin
) -> None:
    for seed, (kind, probability) in enumerate(
        [
            ({"kind": "status", "status": 429, "retry_after": "0"}, 0.10),
            ({"kind": "status", "status": 503, "retry_after": "0"}, 0.05),
            ({"kind": "status", "status": 503, "retry_after": "0", "when": "after"}, 0.05),
            ({"kind": "drop", "when": "after"}, 0.02),
        ]
    ):
        admin.fault("POST", "*/jobs/runs/submit", probability=probability, seed=seed, **kind)

    def one(number: int) -> str:
        run_id = monitor.call(lambda: jobs_api.submit(workspace, request_of(str(number))))
        last = monitor.watch(run_id)
        return last.outcome.verdict if last.outcome else "running"

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(one, range(500))) == {"success"}
    stats = admin.stats()
    assert stats["runs_created"] == 500 and stats["active_runs"] == 0
    assert stats["calls"]["POST /api/2.2/jobs/runs/submit"] > 500


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_faults_while_watching_fail_no_run(
    workspace: Workspace, monitor: Monitor, admin: Admin, status: int
) -> None:
    run_id = jobs_api.submit(workspace, request_of("one"))
    admin.fault("GET", "*/jobs/runs/get", kind="status", status=status, retry_after="0", count=2)
    last = monitor.watch(run_id)
    assert last.outcome is not None and last.outcome.verdict == "success"


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_faults_the_sdk_does_not_retry_are_retried_with_the_token(
    workspace: Workspace, monitor: Monitor, admin: Admin, status: int
) -> None:
    admin.fault("POST", "*/jobs/runs/submit", kind="status", status=status, when="after", count=1)
    run_id = monitor.call(lambda: jobs_api.submit(workspace, request_of("one")))
    assert admin.stats()["runs_created"] == 1 and jobs_api.get_snapshot(workspace, run_id).run_id == run_id


def test_a_lasting_fault_is_reported_in_words(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    run_id = jobs_api.submit(workspace, request_of("one"))
    admin.fault(
        "*", "*/jobs/runs/*", kind="status", status=503, retry_after="0", message="closed for repairs"
    )
    with pytest.raises(UnreachableError, match=r"No good answer for 1 s, last: .*closed for repairs"):
        monitor.call(lambda: jobs_api.submit(workspace, request_of("two")), patience=1)
    impatient = Monitor(_Jobs(workspace), Settings(calls_per_second=50.0, lost_after_seconds=1.0))
    with pytest.raises(RunLostError, match=f"No answer about run {run_id} .*closed for repairs"):
        impatient.watch(run_id)


def test_many_runs_are_seen_by_the_page(workspace: Workspace, monitor: Monitor, admin: Admin) -> None:
    admin.simulate(duration_ms=6_000)
    with ThreadPoolExecutor(60) as pool:
        ids = list(pool.map(lambda n: jobs_api.submit(workspace, request_of(str(n))), range(60)))
        lasts = list(pool.map(monitor.watch, ids))
    assert {last.outcome.verdict for last in lasts if last.outcome} == {"success"} and len(lasts) == 60
    calls = admin.stats()["calls"]
    snapshots = calls["GET /api/2.2/jobs/runs/get"] + calls["GET /api/2.2/jobs/runs/list"]
    assert calls["GET /api/2.2/jobs/runs/list"] > 3 and snapshots / 60 < 8  # one by one it is more than 11
