"""Keeps which steps of a plan may start: Dagster's own state machine, with our queue of ready steps.

Indexes in place of Dagster's searches through all pending steps would gain 1.05 times (CPU time a task, 300
tasks in layers of 100), so there are none.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from dagster import DagsterEvent, DagsterEventType, Nothing
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.types.dagster_type import resolve_dagster_type

from dara_dagster.executor.step_queue import StepQueue

__all__ = ["ReadySteps"]

_NOTHING = resolve_dagster_type(Nothing).key


class ReadySteps(ActiveExecution):
    """Dagster decides who runs, is skipped or is abandoned; `StepQueue` decides who starts first.

    Retries wait by a clock that nobody sets, and a step that waits for one output of another starts when the
    output's value is stored.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        *,
        retry_mode: RetryMode,
        max_concurrent: int,
        tag_concurrency_limits: Sequence[dict[str, Any]],
        pools: InstanceConcurrencyContext,
        step_dependency_config: StepDependencyConfig,
    ) -> None:
        self._by_output = not step_dependency_config.require_upstream_step_success
        self._unstored: dict[str, StepOutputHandle] = {}
        self._retries_due: list[tuple[float, str]] = []
        self._step_queue = StepQueue(max_concurrent, tag_concurrency_limits, pools)
        super().__init__(
            plan,
            retry_mode,
            instance_concurrency_context=pools,
            step_dependency_config=step_dependency_config,
        )

    @property
    def is_complete(self) -> bool:
        return super().is_complete and not self._step_queue

    def take(self) -> list[ExecutionStep]:
        """Return the steps to start now, the most urgent first; they count as in flight from here on."""
        self._update()
        self._step_queue.add(self.get_step_by_key(key) for key in self._executable)
        self._executable.clear()
        batch = self._step_queue.take()
        for step in batch:
            self._in_flight.add(step.key)
            self._prep_for_dynamic_outputs(step)
        return batch

    def seconds_to_next(self) -> float | None:
        """Return how long until a retry or a claim on a pool is due; None if only a step's end helps."""
        waits = [at - time.monotonic() for at, _ in self._retries_due[:1]]
        waits += [at - time.time() for at in self._step_queue.claims_due()]
        return max(0.0, min(waits)) if waits else None

    def describe_rest(self) -> str:
        """Describe which steps have not ended and in what state they are, in Dagster's words."""
        return self._pending_state_str()

    def claims_to_report(self, plan_context: Any) -> Iterator[DagsterEvent]:
        """Yield the events that tell of steps waiting for a pool, when there is news."""
        if self._step_queue.claims_changed():
            yield from self.concurrency_event_iterator(plan_context)

    def mark_up_for_retry(self, step_key: str, at_time: float | None = None) -> None:
        # A delay must not grow by an hour when the clock of the computer is set back by one: ours counts.
        super().mark_up_for_retry(step_key, math.inf)
        if self._retry_mode.enabled:
            wait = max(0.0, at_time - time.time()) if at_time else 0.0
            heapq.heappush(self._retries_due, (time.monotonic() + wait, step_key))

    def handle_event(self, dagster_event: DagsterEvent) -> None:
        is_next = dagster_event.is_successful_output or dagster_event.is_step_success
        if is_next or dagster_event.event_type is DagsterEventType.HANDLED_OUTPUT:
            self._now_stored(dagster_event.step_key or "")
        super().handle_event(dagster_event)

    def mark_step_produced_output(self, step_output_handle: StepOutputHandle) -> None:
        # The event comes before the output's value is stored. A dependant that waits for the step does not
        # mind; one that waits for the output alone could look for a value that is not there yet.
        if self._by_output:
            self._unstored[step_output_handle.step_key] = step_output_handle
            if self._plan.get_step_output(step_output_handle).dagster_type_key == _NOTHING:
                self._now_stored(step_output_handle.step_key)
        else:
            super().mark_step_produced_output(step_output_handle)

    def _now_stored(self, step_key: str) -> None:
        handle = self._unstored.pop(step_key, None)
        if handle is not None:
            super().mark_step_produced_output(handle)

    def _mark_complete(self, step_key: str) -> None:
        super()._mark_complete(step_key)
        self._unstored.pop(step_key, None)
        self._step_queue.ended(self.get_step_by_key(step_key))

    def plan_events_iterator(self, job_context: Any) -> Iterator[DagsterEvent]:
        yield from super().plan_events_iterator(job_context)
        # Dagster looks for steps to skip first, then for those to abandon; a step below both kinds is found
        # to be skipped by the second look only. Nothing may wake the run again to see it.
        while self._pending_skip:
            yield from super().plan_events_iterator(job_context)

    def _all_upstream_outputs_produced(self, step_key: str) -> bool:
        # Dagster would wait for ever for an output that a step has ended without: a fan-in does without it.
        handles = (
            handle
            for step_input in self.get_step_by_key(step_key).step_inputs
            for handle in step_input.get_step_output_handle_dependencies()
        )
        ended = self._success | self._skipped
        return all(self._has_produced_output(handle) or handle.step_key in ended for handle in handles)

    def _update(self) -> None:
        super()._update()
        now = time.monotonic()
        while self._retries_due and self._retries_due[0][0] <= now:
            key = heapq.heappop(self._retries_due)[1]
            del self._waiting_to_retry[key]
            self._executable.append(key)
