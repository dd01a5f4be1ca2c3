"""Keeps which steps of a running plan may start, at a cost that does not grow with the plan's square."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dagster import DagsterEvent, DagsterEventType, Nothing
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.types.dagster_type import resolve_dagster_type

from dara_dagster.executor.step_queue import StepQueue

__all__ = ["ReadySteps"]

_NOTHING = resolve_dagster_type(Nothing).key


class ReadySteps(ActiveExecution):
    """Dagster's own state machine of a plan, with its searches through all steps replaced by indexes.

    `ActiveExecution._update` looks at every pending step each time it is called and
    `get_steps_to_execute` sorts every ready one; at a few thousand steps that dominates a run. Here a
    step is looked at when the last thing it waited for has settled, and ready steps wait in `StepQueue`.
    The rules of who runs, is skipped or is abandoned are Dagster's.
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
        self._order: dict[str, int] = {}
        self._waits_for: dict[str, set[object]] = {}
        self._waiting: defaultdict[object, list[str]] = defaultdict(list)
        self._outputs_waited_for: defaultdict[str, set[StepOutputHandle]] = defaultdict(set)
        self._unstored: dict[str, StepOutputHandle] = {}
        self._touched: set[str] = set()
        self._indexed = False
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
        """How long until a delayed retry or a claim on a pool is due; None if only a step's end can help."""
        waits = [at - time.monotonic() for at, _ in self._retries_due[:1]]
        waits += [at - time.time() for at in self._step_queue.claims_due()]
        return max(0.0, min(waits)) if waits else None

    def describe_rest(self) -> str:
        """Which steps have not ended and what state they are in, in Dagster's words."""
        return self._pending_state_str()

    def claims_to_report(self, plan_context: Any) -> Iterator[DagsterEvent]:
        """Yield the events that tell of steps waiting for a pool, when there is news."""
        if self._step_queue.claims_changed():
            yield from self.concurrency_event_iterator(plan_context)

    def known_state_for(self, step: ExecutionStep) -> KnownExecutionState:
        """What `get_known_state` says as far as `step` can ask: copying all of it per step is quadratic."""
        plan_state = self._plan.known_state
        ready = {handle for handle in _sources(step) if handle in self._step_outputs}
        attempts = {step.key: self._retry_state.get_attempt_count(step.key)}
        return KnownExecutionState._make(
            [
                attempts,
                self._completed_dynamic_outputs,
                plan_state.step_output_versions,
                ready,
                plan_state.parent_state,
            ]
        )

    def mark_up_for_retry(self, step_key: str, at_time: float | None = None) -> None:
        # Without a delay Dagster makes the step pending again and searches the plan for what it depends on,
        # which is all there already: it is simply due now.
        now = time.time()
        super().mark_up_for_retry(step_key, at_time or now)
        if self._retry_mode.enabled:
            # A delay must not grow by an hour when the clock of the computer is set back by one.
            wait = max(0.0, at_time - now) if at_time else 0.0
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
            self._settle(handle)

    def _mark_complete(self, step_key: str) -> None:
        super()._mark_complete(step_key)
        self._unstored.pop(step_key, None)
        self._step_queue.ended(self.get_step_by_key(step_key))
        if not self._is_resolved(step_key):
            return
        if not self._by_output:
            self._settle(step_key)
            return
        fell = step_key in self._failed or step_key in self._abandoned
        for handle in self._outputs_waited_for.pop(step_key, ()):
            if fell:
                # Abandoned at once, whatever else it waits for; waiting for steps, all have to end first.
                self._touched.update(self._waiting.get(handle, ()))
            self._settle(handle)

    def plan_events_iterator(self, job_context: Any) -> Iterator[DagsterEvent]:
        yield from super().plan_events_iterator(job_context)
        # Dagster looks for steps to skip first, then for those to abandon; a step below both kinds is found
        # to be skipped by the second look only. Nothing may wake the run again to see it.
        while self._pending_skip:
            yield from super().plan_events_iterator(job_context)

    def _settle(self, token: object) -> None:
        for key in self._waiting.pop(token, ()):
            self._waits_for[key].discard(token)
            if not self._waits_for[key]:
                self._touched.add(key)

    def _update(self) -> None:
        if self._new_dynamic_mappings:
            self._pending.update(self._plan.resolve(self._completed_dynamic_outputs))
            self._new_dynamic_mappings = self._indexed = False
        if not self._indexed:
            self._index([key for key in self._pending if key not in self._order])
        now = time.monotonic()
        while self._retries_due and self._retries_due[0][0] <= now:
            key = heapq.heappop(self._retries_due)[1]
            del self._waiting_to_retry[key]
            self._executable.append(key)
        touched = sorted((key for key in self._touched if key in self._pending), key=self._order.__getitem__)
        self._touched.clear()
        for key in touched:
            self._place(key)

    def _index(self, keys: Iterable[str]) -> None:
        """Note what each of these newly known steps waits for."""
        self._indexed = True
        for key in keys:
            self._order[key] = len(self._order)
            waits_for: set[object] = {dep for dep in self._pending[key] if not self._is_resolved(dep)}
            if self._by_output:
                handles = {h for h in _sources(self.get_step_by_key(key)) if h.step_key in waits_for}
                waits_for = {handle for handle in handles if handle not in self._step_outputs}
                for handle in handles:
                    self._outputs_waited_for[handle.step_key].add(handle)
            self._waits_for[key] = waits_for
            for token in waits_for:
                self._waiting[token].append(key)
            if not waits_for:
                self._touched.add(key)

    def _place(self, key: str) -> None:
        """Decide about a step for which something settled: Dagster's rules, in Dagster's order."""
        if self._should_skip_step(key):
            self._pending_skip.append(key)
        elif self._must_be_abandoned(key):
            self._pending_abandon.append(key)
        elif self._waits_for[key]:
            return
        else:
            self._executable.append(key)
        del self._pending[key]

    def _must_be_abandoned(self, key: str) -> bool:
        if self._by_output:
            return self._lacks_outputs(key) and self._all_upstream_outputs_failed_or_abandoned(key)
        deps = self._pending[key]
        return not (deps.isdisjoint(self._failed) and deps.isdisjoint(self._abandoned))

    def _should_skip_step(self, step_key: str) -> bool:
        # Dagster's own look builds the set of all ended steps: only worth it when an output is missing.
        return self._lacks_outputs(step_key) and super()._should_skip_step(step_key)

    def _lacks_outputs(self, key: str) -> bool:
        return any(handle not in self._step_outputs for handle in _sources(self.get_step_by_key(key)))

    def _is_resolved(self, key: str) -> bool:
        return any(key in ended for ended in (self._success, self._skipped, self._failed, self._abandoned))


def _sources(step: ExecutionStep) -> Iterator[StepOutputHandle]:
    for step_input in step.step_inputs:
        yield from step_input.get_step_output_handle_dependencies()
