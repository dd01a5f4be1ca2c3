"""Events written with `record` come back from `read`, in order, with the life of the steps around them."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, Failure, OpExecutionContext, Out, Output, RetryPolicy, job, op

from dara_dagster.executor.events import Recorded, RunChange, StepChange, read, record, step_key
from tests.support.waiting import PATIENCE


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


@op
def submits(context: OpExecutionContext) -> None:
    data = {"token": "t-1", "attempt": 0, "seconds": 0.5, "url": "http://host/run/1"}
    record(context, context.run_id, step_key(context), "submitted", "Run 1", data)


@op(retry_policy=RetryPolicy(max_retries=1))
def tries_twice(context: OpExecutionContext) -> None:
    if context.retry_number == 0:
        raise ValueError("not yet")


@op(out={"result": Out(is_required=False)})
def gives_nothing() -> Iterator[Output[int]]:
    yield from ()


@op
def is_skipped(result: int) -> None: ...


@op
def fails() -> None:
    raise Failure("the notebook failed", allow_retries=False)


@op
def breaks() -> None:
    raise ValueError("broken") from KeyError("the cause")


@job
def everything() -> None:
    submits()
    tries_twice()
    is_skipped(gives_nothing())
    fails()
    breaks()


def test_own_events_and_step_events_are_read_in_order(instance: DagsterInstance) -> None:
    run = everything.execute_in_process(instance=instance, raise_on_error=False)
    events, _ = read(instance, run.run_id)

    steps = [(e.step_key, e.word) for e in events if isinstance(e, StepChange)]
    for key, words in {
        "submits": ["start", "success"],
        "tries_twice": ["start", "retry", "restart", "success"],
        "gives_nothing": ["start", "success"],
        "is_skipped": ["skipped"],
        "fails": ["start", "failure"],
        "breaks": ["start", "failure"],
    }.items():
        assert [word for step, word in steps if step == key] == words
    assert [e.state for e in events if isinstance(e, RunChange)] == ["STARTED", "FAILURE"]
    assert [e.time for e in events] == sorted(e.time for e in events)
    assert all(e.seconds is not None for e in events if isinstance(e, StepChange) and e.word == "success")

    own = [e for e in events if isinstance(e, Recorded)]
    assert [(e.step_key, e.kind, e.message) for e in own] == [("submits", "submitted", "Run 1")]
    assert own[0].data == {"token": "t-1", "attempt": 0, "seconds": 0.5, "url": "http://host/run/1"}


def test_errors_are_the_users_own(instance: DagsterInstance) -> None:
    run = everything.execute_in_process(instance=instance, raise_on_error=False)
    events, _ = read(instance, run.run_id)
    errors = {e.step_key: e for e in events if isinstance(e, StepChange) and e.error}
    assert {key: e.error for key, e in errors.items()} == {
        "tries_twice": "ValueError: not yet",
        "fails": "the notebook failed",
        "breaks": "ValueError: broken",
    }
    assert "KeyError: 'the cause'" in errors["breaks"].trace


def test_the_cursor_gives_only_what_is_new(instance: DagsterInstance) -> None:
    run = instance.create_run_for_job(everything)
    first, cursor = read(instance, run.run_id)
    assert first == ()
    record(instance, run.run_id, "a", "state", "one", {})
    second, cursor = read(instance, run.run_id, cursor)
    third, cursor = read(instance, run.run_id, cursor)
    record(instance, run.run_id, "a", "state", "two", {})
    fourth, cursor = read(instance, run.run_id, cursor)
    assert [[e.message for e in events if isinstance(e, Recorded)] for events in (second, third, fourth)] == [
        ["one"],
        [],
        ["two"],
    ]


def test_an_unknown_run(instance: DagsterInstance) -> None:
    assert read(instance, "00000000-0000-0000-0000-000000000000")[0] == ()
    with pytest.raises(KeyError, match="no Dagster run"):
        record(instance, "nope", None, "state", "", {})


def _read_elsewhere(home: str, run_id: str, answers: "multiprocessing.Queue[list[str]]") -> None:
    with DagsterInstance.local_temp(home, overrides={"telemetry": {"enabled": False}}) as instance:
        events, _ = read(instance, run_id)
        answers.put([e.message for e in events if isinstance(e, Recorded)])


def test_another_process_sees_it_at_once(instance: DagsterInstance, tmp_path: Path) -> None:
    run = instance.create_run_for_job(everything)
    record(instance, run.run_id, "a", "attempt", "before the POST", {"token": "t"})
    spawn = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[list[str]] = spawn.Queue()
    reader = spawn.Process(target=_read_elsewhere, args=(str(tmp_path), run.run_id, answers))
    reader.start()
    assert answers.get(timeout=PATIENCE) == ["before the POST"]
    reader.join()
