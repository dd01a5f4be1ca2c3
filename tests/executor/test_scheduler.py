"""When the run has to look again at steps that cannot start yet, without asking all the time."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from dagster import DagsterInstance, GraphDefinition, RetryPolicy, graph, op
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

from dara_dagster.executor.scheduler import ReadySteps


@op(pool="three")
def in_pool() -> int:
    return 1


@op
def free() -> int:
    return 1


@op
def below(number: int) -> None: ...


@op(retry_policy=RetryPolicy(max_retries=1))
def retried() -> None: ...


@graph
def crowded() -> None:
    for number in range(6):
        in_pool.alias(f"pool_{number}")()


@graph
def mixed() -> None:
    below.alias("z_below")(free.alias("a_free")())
    for number in range(4):
        in_pool.alias(f"pool_{number}")()


@graph
def retrying() -> None:
    retried()


@contextmanager
def _ready(instance: DagsterInstance, of: GraphDefinition, max_concurrent: int) -> Iterator[ReadySteps]:
    job = of.to_job()
    run = instance.create_run_for_job(job)
    instance.event_log_storage.set_concurrency_slots("three", 3)
    with ExitStack() as stack:
        pools = stack.enter_context(InstanceConcurrencyContext(instance, run))
        stack.callback(instance.event_log_storage.free_concurrency_slots_for_run, run.run_id)
        yield ReadySteps(
            create_execution_plan(job),
            retry_mode=RetryMode.ENABLED,
            max_concurrent=max_concurrent,
            tag_concurrency_limits=(),
            pools=pools,
            step_dependency_config=StepDependencyConfig.default(),
        )


def _take(ready: ReadySteps) -> list[str]:
    return sorted(step.key for step in ready.take())


def _succeed(ready: ReadySteps, *keys: str) -> None:
    for key in keys:
        ready.mark_step_produced_output(StepOutputHandle(key, "result"))
        ready.mark_success(key)
        context = ready._instance_concurrency_context
        assert context is not None
        context.free_step(key)


def test_slots_that_come_free_together_are_taken_together(instance: DagsterInstance) -> None:
    with _ready(instance, crowded, 10) as ready:
        assert _take(ready) == ["pool_0", "pool_1", "pool_2"]
        assert ready.seconds_to_next() is not None
        _succeed(ready, "pool_0", "pool_1", "pool_2")
        assert _take(ready) == ["pool_3", "pool_4", "pool_5"]


def test_claims_wait_for_a_step_to_end_when_no_more_may_run(instance: DagsterInstance) -> None:
    """They are due all the time then, and checking them would change nothing."""
    with _ready(instance, mixed, 4) as ready:
        assert _take(ready) == ["a_free", "pool_0", "pool_1", "pool_2"]
        _succeed(ready, "a_free")
        assert _take(ready) == ["z_below"]
        assert ready.seconds_to_next() is None
        _succeed(ready, "z_below")
        assert _take(ready) == []
        assert ready.seconds_to_next() is not None


def test_a_retry_is_due_in_time_when_the_clock_is_set_back(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _ready(instance, retrying, 1) as ready:
        assert _take(ready) == ["retried"]
        ready.mark_up_for_retry("retried", time.time() + 0.05)
        an_hour_ago = time.time() - 3600
        monkeypatch.setattr(time, "time", lambda: an_hour_ago)
        seconds = ready.seconds_to_next()
        assert seconds is not None
        assert seconds <= 0.05
        time.sleep(seconds)
        assert _take(ready) == ["retried"]
