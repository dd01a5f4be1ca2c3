"""The status of a run is what its event log says, task by task, while it runs and after."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import (
    DagsterEvent,
    DagsterInstance,
    DagsterInvariantViolationError,
    DagsterRunStatus,
    Executor,
    Failure,
    In,
    InitExecutorContext,
    Nothing,
    OpExecutionContext,
    RetryPolicy,
    execute_job,
    executor,
    job,
    op,
    reconstructable,
)
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode

from dara_dagster.errors import RunError
from dara_dagster.executor.events import record, step_key
from dara_dagster.executor.process import PROCESS_TAG, own_mark
from dara_dagster.history.status import RunReader, find_run, latest_runs, read_status
from tests.support.waiting import PATIENCE


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


def submitted(context: OpExecutionContext, run_id: int) -> None:
    data = {"databricks_run_id": run_id, "url": f"http://host/run/{run_id}", "token": "t", "attempt": 0}
    record(context, context.run_id, step_key(context), "submitted", "Run", data)


def ended(context: OpExecutionContext, verdict: str, code: str = "", exit_value: str = "") -> None:
    data = {"verdict": verdict, "code": code, "exit_value": exit_value, "execution_seconds": 1.5}
    record(context, context.run_id, step_key(context), "result", verdict, data)


@op(tags={"dara/task": "load flights"})
def load(context: OpExecutionContext) -> None:
    submitted(context, 11)
    record(
        context, context.run_id, step_key(context), "state", "RUNNING", {"state": "RUNNING", "message": ""}
    )
    ended(context, "success", "SUCCESS", "336776 rows")


@op(ins={"start": In(Nothing)}, retry_policy=RetryPolicy(max_retries=1))
def flaky(context: OpExecutionContext) -> None:
    submitted(context, 20 + context.retry_number)
    if context.retry_number == 0:
        ended(context, "failed", "CLUSTER_ERROR")
        raise Failure("the cluster went away")
    ended(context, "success")


@op(ins={"start": In(Nothing)})
def broken(context: OpExecutionContext) -> None:
    submitted(context, 30)
    ended(context, "failed", "RUN_EXECUTION_ERROR")
    raise Failure("ValueError: no such column: amount", allow_retries=False)


@op(ins={"start": In(Nothing)})
def after() -> None: ...


@job
def mixed() -> None:
    first = load()
    flaky(first)
    after(broken(first))


@op
def waits(context: OpExecutionContext) -> None:
    submitted(context, 40)
    Path(os.environ["STARTED_FILE"]).touch()
    time.sleep(60)


@op(ins={"start": In(Nothing)})
def never() -> None: ...


@job
def long_job() -> None:
    never(waits())


@executor(name="refuses")
def refuses(_: InitExecutorContext) -> Executor:
    raise DagsterInvariantViolationError("no room for another run")


@job(executor_def=refuses)
def refused() -> None:
    never(waits())


class Breaks(Executor):
    retries = RetryMode.DISABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        raise RuntimeError("out of memory")
        yield


@executor(name="breaks")
def breaks(_: InitExecutorContext) -> Executor:
    return Breaks()


@job(executor_def=breaks)
def broken_off() -> None:
    never(waits())


def test_each_task_has_its_state_times_run_and_error(instance: DagsterInstance) -> None:
    run = mixed.execute_in_process(instance=instance, raise_on_error=False)

    status = read_status(instance, run.run_id)

    assert (status.state, status.job, status.over) == ("failed", "mixed", True)
    tasks = {task.name: task for task in status.tasks}
    assert next(iter(tasks)) == "load flights"
    assert {name: task.state for name, task in tasks.items()} == {
        "load flights": "success",
        "flaky": "success",
        "broken": "failed",
        "after": "not run",
    }
    loaded = tasks["load flights"]
    assert (loaded.databricks_run_id, loaded.url, loaded.message) == (11, "http://host/run/11", "")
    assert (loaded.verdict, loaded.exit_value, loaded.execution_seconds) == ("success", "336776 rows", 1.5)
    assert loaded.start is not None and loaded.end is not None
    assert loaded.seconds == round(loaded.end - loaded.start, 3)
    assert status.errors == {"broken": "ValueError: no such column: amount"}
    assert tasks["after"].seconds is None


def test_a_retried_task_shows_its_last_attempt(instance: DagsterInstance) -> None:
    run = mixed.execute_in_process(instance=instance, raise_on_error=False)

    flaky_task = next(t for t in read_status(instance, run.run_id).tasks if t.name == "flaky")

    assert (flaky_task.attempt, flaky_task.databricks_run_id, flaky_task.error) == (2, 21, "")
    assert (flaky_task.verdict, flaky_task.code) == ("success", "")


def test_a_reader_continues_where_it_was(instance: DagsterInstance) -> None:
    run = mixed.execute_in_process(instance=instance, raise_on_error=False)
    reader = RunReader(instance, run.run_id)

    first, second = reader.update(now=1.0), reader.update(now=2.0)

    assert first.tasks == second.tasks
    assert first == read_status(instance, run.run_id)


def test_a_run_in_another_process_is_followed_and_its_cancel_seen(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    environ = {**os.environ, "DAGSTER_HOME": str(tmp_path), "STARTED_FILE": str(started)}
    child = subprocess.Popen([sys.executable, __file__], env=environ)
    try:
        while not started.exists():
            assert child.poll() is None
            time.sleep(0.05)
        reader = RunReader(instance, latest_runs(instance)[0].run_id)
        running = reader.update()
        run = instance.get_run_by_id(running.run_id)
        assert run is not None
        instance.report_run_canceling(run)
        child.send_signal(signal.SIGINT)
        child.wait(PATIENCE)
        over = reader.update()
    finally:
        child.kill()

    assert running.state == "running" and not running.over
    assert [(t.name, t.state, t.databricks_run_id) for t in running.tasks] == [
        ("waits", "running", 40),
        ("never", "waiting", None),
    ]
    assert [(t.name, t.state) for t in over.tasks] == [("waits", "cancelled"), ("never", "not run")]
    assert over.state == "cancelled"


def test_the_latest_runs_come_newest_first(instance: DagsterInstance) -> None:
    runs = [mixed.execute_in_process(instance=instance, raise_on_error=False).run_id for _ in range(2)]

    latest = latest_runs(instance, limit=5)

    assert [run.run_id for run in latest] == runs[::-1]
    assert latest[0].as_json()["state"] == "failed"
    assert latest_runs(instance, limit=1) == latest[:1]


def test_a_run_whose_executor_raises_says_why(instance: DagsterInstance) -> None:
    reasons = []
    for target in (refused, broken_off):
        with execute_job(reconstructable(target), instance) as run:
            status = read_status(instance, run.run_id)
        assert status.state == "failed"
        assert [(task.name, task.state) for task in status.tasks] == [
            ("waits", "not run"),
            ("never", "not run"),
        ]
        reasons.append(status.error.splitlines()[0])

    assert reasons == [
        "DagsterInvariantViolationError: no room for another run",
        "RuntimeError: out of memory",
    ]


def test_a_run_marked_as_failed_from_outside_says_why(instance: DagsterInstance) -> None:
    run = instance.create_run_for_job(mixed)
    instance.report_run_failed(run, "The run's process died.")

    assert read_status(instance, run.run_id).error == "The run's process died."


def test_what_its_tasks_report_is_not_reported_again(instance: DagsterInstance) -> None:
    run = mixed.execute_in_process(instance=instance, raise_on_error=False)

    assert read_status(instance, run.run_id).error == ""


def test_a_run_whose_process_has_died_is_abandoned(instance: DagsterInstance) -> None:
    host, pid, began = own_mark().rsplit(":", 2)
    dead = instance.create_run_for_job(mixed, tags={PROCESS_TAG: f"{host}:{pid}:{began}0"})
    living = instance.create_run_for_job(mixed, tags={PROCESS_TAG: own_mark()})

    assert read_status(instance, dead.run_id).abandoned
    assert not read_status(instance, living.run_id).abandoned
    instance.report_run_failed(dead)
    assert not read_status(instance, dead.run_id).abandoned


def test_a_run_that_waits_in_the_queue_has_no_process_yet(instance: DagsterInstance) -> None:
    """Re-executed in Dagster's UI, it has the tags of the run before it, the mark of its process included."""
    host, pid, began = own_mark().rsplit(":", 2)
    run = instance.create_run_for_job(
        mixed, tags={PROCESS_TAG: f"{host}:{pid}:{began}0"}, status=DagsterRunStatus.STARTING
    )

    assert not read_status(instance, run.run_id).abandoned


def test_a_run_is_found_by_the_start_of_its_id(instance: DagsterInstance) -> None:
    run = mixed.execute_in_process(instance=instance, raise_on_error=False)

    assert find_run(instance, run.run_id[:8]) == run.run_id
    with pytest.raises(RunError, match="no run 'zzz'"):
        find_run(instance, "zzz")
    with pytest.raises(RunError, match="no run ''"):
        read_status(instance, "")


if __name__ == "__main__":
    with DagsterInstance.get() as own:
        execute_job(reconstructable(long_job), own)
