"""A run that is interrupted before its loop begins ends as cancelled."""

from __future__ import annotations

import contextlib
import signal

from dagster import (
    DagsterExecutionInterruptedError,
    DagsterInstance,
    DagsterRunStatus,
    InitResourceContext,
    JobDefinition,
    RunsFilter,
    execute_job,
    job,
    op,
    resource,
)
from dagster import reconstructable as dagster_reconstructable

from dara_dagster.executor.executor import dara_executor


@resource
def interrupting(_: InitResourceContext) -> int:
    signal.raise_signal(signal.SIGINT)
    return 1


@op(required_resource_keys={"slow"})
def needs_it() -> None:
    raise AssertionError("the run was to end before")


@job(executor_def=dara_executor, resource_defs={"slow": interrupting})
def interrupted() -> None:
    needs_it()


def the_job() -> JobDefinition:
    return interrupted


def test_an_interrupt_while_resources_are_made_cancels_the_run(instance: DagsterInstance) -> None:
    with contextlib.suppress(DagsterExecutionInterruptedError):
        execute_job(dagster_reconstructable(the_job), instance)
    (run,) = instance.get_runs(RunsFilter(job_name="interrupted"))
    assert run.status is DagsterRunStatus.CANCELED
