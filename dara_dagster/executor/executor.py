"""The Dagster executor that runs each ready step in a thread of the run's own process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagster import (
    DagsterEvent,
    DagsterExecutionInterruptedError,
    DagsterInvariantViolationError,
    DagsterRunStatus,
    Executor,
    Field,
    Float,
    InitExecutorContext,
    Int,
    String,
    executor,
)
from dagster._core.events import EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.compute_logs import create_compute_log_file_key
from dagster._core.execution.context.system import PlanExecutionContext, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import PlanExecutionContextManager
from dagster._core.execution.plan.execute_plan import (
    _handle_compute_log_setup_error,
    _handle_compute_log_teardown_error,
)
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode, get_retries_config
from dagster._core.execution.step_dependency_config import (
    StepDependencyConfig,
    get_step_dependency_config_field,
)
from dagster._core.execution.tags import get_tag_concurrency_limits_config
from dagster._utils.timing import time_execution_scope
from dagster_shared.utils.timing import format_duration

from dara_dagster.executor.async_loop import share_event_loop
from dara_dagster.executor.gc_tuning import tuned_gc
from dara_dagster.executor.logs import route_logs
from dara_dagster.executor.origin import give_origin
from dara_dagster.executor.process import PROCESS_TAG, own_mark
from dara_dagster.executor.run_limit import RunLimit
from dara_dagster.executor.run_loop import RunLoop
from dara_dagster.executor.scheduler import ReadySteps

__all__ = ["ThreadExecutor", "dara_executor"]


class ThreadExecutor(Executor):
    """Runs steps in parallel, in threads; made for ops that wait for work done elsewhere."""

    def __init__(
        self,
        *,
        max_concurrent: int,
        retries: RetryMode,
        tag_concurrency_limits: Sequence[dict[str, Any]] = (),
        step_dependency_config: StepDependencyConfig,
        stop_wait_seconds: float,
        project_folder: Path | None = None,
        run_limit: RunLimit | None = None,
    ) -> None:
        self._max_concurrent = max_concurrent
        self._retries = retries
        self._tag_concurrency_limits = tag_concurrency_limits
        self._step_dependency_config = step_dependency_config
        self._stop_wait_seconds = stop_wait_seconds
        self._project_folder = project_folder
        self._run_limit = run_limit

    @property
    def retries(self) -> RetryMode:
        return self._retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._step_dependency_config

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Run `execution_plan`; the shape is that of Dagster's in-process executor, resources and all.

        An interrupt that comes before the run's loop listens cancels it too; Dagster would call it failed.
        """
        try:
            yield from self._execute(plan_context, execution_plan)
        except (KeyboardInterrupt, DagsterExecutionInterruptedError):
            instance = plan_context.instance
            run = instance.get_run_by_id(plan_context.run_id)
            if run and run.status == DagsterRunStatus.STARTED and not instance.run_will_resume(run.run_id):
                instance.report_run_canceling(run, "The run's process was asked to stop.")
            raise

    def _execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        process = EngineEventData.in_process(os.getpid(), execution_plan.step_keys_to_execute)
        # So that the run can be ended, or known to be dead, from another process, however it was started.
        plan_context.instance.add_run_tags(plan_context.run_id, {PROCESS_TAG: own_mark()})
        give_origin(plan_context.instance, plan_context.run_id, plan_context.job, self._project_folder)
        yield DagsterEvent.engine_event(
            plan_context, f"Executing steps in threads of process {os.getpid()}", process
        )
        with time_execution_scope() as timer:
            yield from ExecuteRunWithPlanIterable(
                execution_plan=plan_context.execution_plan,
                iterator=self._run_steps,
                execution_context_manager=PlanExecutionContextManager(
                    job=plan_context.job,
                    retry_mode=plan_context.retry_mode,
                    execution_plan=plan_context.execution_plan,
                    run_config=plan_context.run_config,
                    dagster_run=plan_context.dagster_run,
                    instance=plan_context.instance,
                    raise_on_error=plan_context.raise_on_error,
                    output_capture=plan_context.output_capture,
                    step_dependency_config=self._step_dependency_config,
                ),
            )
        duration = format_duration(timer.millis)
        yield DagsterEvent.engine_event(
            plan_context, f"Finished steps in threads of process {os.getpid()} in {duration}", process
        )

    def _run_steps(
        self, job_context: PlanExecutionContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        with ExitStack() as stack:
            pools = stack.enter_context(
                InstanceConcurrencyContext(job_context.instance, job_context.dagster_run)
            )
            ready = ReadySteps(
                execution_plan,
                retry_mode=job_context.retry_mode,
                max_concurrent=self._max_concurrent,
                tag_concurrency_limits=self._tag_concurrency_limits,
                pools=pools,
                step_dependency_config=self._step_dependency_config,
            )
            stack.enter_context(ready)
            stack.enter_context(share_event_loop(job_context))
            stack.enter_context(tuned_gc())
            stack.enter_context(route_logs(job_context))
            if self._run_limit is not None:
                stack.callback(self._run_limit.release, job_context.instance, job_context.run_id)
            loop = RunLoop(job_context, ready, self._stop_wait_seconds, self._run_limit)
            yield from _with_compute_logs(job_context, execution_plan, loop.events())


def _with_compute_logs(
    job_context: PlanExecutionContext, execution_plan: ExecutionPlan, events: Iterator[DagsterEvent]
) -> Iterator[DagsterEvent]:
    """Capture stdout and stderr of the whole process while `events` run: threads share both."""
    manager = job_context.instance.compute_log_manager
    file_key = create_compute_log_file_key()  # type: ignore[no-untyped-call]
    log_key = manager.build_log_key_for_run(job_context.run_id, file_key)
    step_keys = [step.key for step in execution_plan.get_steps_to_execute_in_topo_order()]
    with ExitStack() as capture:
        try:
            with _unreached_by_ctrl_c():
                log_context = capture.enter_context(manager.capture_logs(log_key))
            started = [DagsterEvent.capture_logs(job_context, step_keys, list(log_key), log_context)]
        except Exception:
            started = list(_handle_compute_log_setup_error(job_context, sys.exc_info()))
        yield from started
        yield from events
        try:
            capture.close()
        except Exception:
            yield from _handle_compute_log_teardown_error(job_context, sys.exc_info())


@contextmanager
def _unreached_by_ctrl_c() -> Iterator[None]:
    """Start processes that inherit a blocked SIGINT.

    A terminal sends it to all processes of a command, and those that Dagster mirrors the logs with would
    print a traceback each. They are ended by SIGTERM.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_CONFIG = {
    "max_concurrent": Field(
        Int,
        default_value=300,
        description="How many steps run at a time, each in its own thread.",
    ),
    "stop_wait_seconds": Field(
        Float,
        default_value=60.0,
        description="How long a terminated run waits for its steps to end by themselves.",
    ),
    "project_folder": Field(
        String,
        is_required=False,
        description="Where the workspace.yaml is whose code location runs from a terminal belong to.",
    ),
    "run_limit": Field(
        {"pool": String, "limit": Int},
        is_required=False,
        description="At most so many runs that name this concurrency pool are active at a time; others wait.",
    ),
    "retries": get_retries_config(),  # type: ignore[no-untyped-call]
    "tag_concurrency_limits": get_tag_concurrency_limits_config(),  # type: ignore[no-untyped-call]
    "step_dependency_config": get_step_dependency_config_field(),  # type: ignore[no-untyped-call]
}


@executor(name="dara_executor", config_schema=_CONFIG)
def dara_executor(init_context: InitExecutorContext) -> Executor:
    """Run each ready step in a thread of the run's process.

    For ops that wait for work done elsewhere: hundreds of them cost one process. Pools, tag concurrency
    limits, retries, hooks, priorities, dynamic outputs and compute logs behave as under Dagster's
    executors. When the run is terminated, `dara_dagster.executor.stop.stop_event(run_id)` is set for all
    ops at once. Raises `DagsterInvariantViolationError` for a `max_concurrent` below 1.
    """
    config: dict[str, Any] = dict(init_context.executor_config)
    if config["max_concurrent"] < 1:
        raise DagsterInvariantViolationError("max_concurrent of dara_executor must be at least 1")
    return ThreadExecutor(
        max_concurrent=config["max_concurrent"],
        retries=RetryMode.from_config(config["retries"]) or RetryMode.ENABLED,
        tag_concurrency_limits=config.get("tag_concurrency_limits") or (),
        step_dependency_config=StepDependencyConfig.from_config(config.get("step_dependency_config")),
        stop_wait_seconds=config["stop_wait_seconds"],
        project_folder=Path(config["project_folder"]) if "project_folder" in config else None,
        run_limit=RunLimit(**config["run_limit"]) if "run_limit" in config else None,
    )
