"""The same jobs leave the same events under our executor and under Dagster's own."""

import pytest
from dagster import DagsterInstance, execute_job

from tests.executor.history import events_by_step
from tests.executor.sample_jobs import reconstructable

GRAPHS = [
    "linear",
    "diamond",
    "failures",
    "fan_in",
    "retries",
    "dynamic",
    "hooked",
    "asynchronous",
    "nested",
    "with_resource",
]


def _run(instance: DagsterInstance, name: str, executor: str) -> str:
    with execute_job(reconstructable(name, executor), instance) as result:
        return result.run_id


@pytest.mark.parametrize("name", GRAPHS)
def test_same_events_as_in_process(instance: DagsterInstance, name: str) -> None:
    ours, theirs = (_run(instance, name, executor) for executor in ("dara", "in_process"))
    assert events_by_step(instance, ours) == events_by_step(instance, theirs)


@pytest.mark.parametrize("name", ["diamond", "hooked"])
def test_same_events_as_multiprocess(instance: DagsterInstance, name: str) -> None:
    ours, theirs = (_run(instance, name, executor) for executor in ("dara", "multiprocess"))
    assert events_by_step(instance, ours) == events_by_step(instance, theirs)
