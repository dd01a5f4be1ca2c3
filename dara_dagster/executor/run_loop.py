"""Drives a plan: starts ready steps in threads, follows their events, and brings them to an end."""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress

from dagster import DagsterEvent, DagsterExecutionInterruptedError, DagsterInvariantViolationError
from dagster._core.events import EngineEventData
from dagster._core.execution.context.system import PlanExecutionContext
from dagster._core.execution.plan.objects import ErrorSource, StepFailureData
from dagster._core.storage.dagster_run import DagsterRunStatus
from dagster_shared.error import SerializableErrorInfo

from dara_dagster.executor.cancel_watch import watch_status
from dara_dagster.executor.interrupts import Interrupts, watch_interrupts
from dara_dagster.executor.run_limit import RunLimit
from dara_dagster.executor.scheduler import ReadySteps
from dara_dagster.executor.stop import stop_event
from dara_dagster.executor.threads import Finished, Happened, Message, StepThread

__all__ = ["RunLoop"]

# How long a thread has to unwind after an interrupt was raised in it and nobody waits for it any longer.
_UNWIND_SECONDS = 2.0
_TURN_SECONDS = 1.0
_GAVE_UP = "DagsterExecutionInterruptedError: the step did not end after it was asked to stop"


class RunLoop:
    """One execution of a plan; all its state belongs to the thread that iterates over `events`."""

    def __init__(
        self,
        job_context: PlanExecutionContext,
        ready: ReadySteps,
        stop_wait_seconds: float,
        run_limit: RunLimit | None = None,
    ) -> None:
        self._job = job_context
        self._ready = ready
        self._stop_wait_seconds = stop_wait_seconds
        self._run_limit = run_limit
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._threads: set[StepThread] = set()
        self._stop = stop_event(job_context.run_id)
        self._error: BaseException | None = None

    def events(self) -> Iterator[DagsterEvent]:
        """Run the plan to its end, yielding the events of its steps.

        Raises what a step raised when that is not the step's own failure, what went wrong here, and
        `DagsterExecutionInterruptedError` when the run was asked to stop; no step runs any longer then,
        but for those that would not end.
        """

        def wake() -> None:
            self._inbox.put(None)

        job = self._job
        with watch_interrupts(wake) as interrupts, watch_status(job.instance, job.run_id, interrupts, wake):
            try:
                try:
                    yield from self._wait_for_turn(interrupts)
                    yield from self._run_steps(interrupts)
                except Exception as error:
                    self._error = error
                if interrupts.requested or self._error:
                    yield from self._end_early(interrupts)
            except BaseException:
                # Nothing can be written any longer, or nobody listens: what runs is to be stopped even so.
                self._end_in_silence(interrupts)
                raise

    def _wait_for_turn(self, interrupts: Interrupts) -> Iterator[DagsterEvent]:
        """Wait until so few runs are active that this one may start."""
        limit, logged = self._run_limit, False
        while limit and not interrupts.requested and not limit.claim(self._job.instance, self._job.run_id):
            if not logged:
                logged = True
                text = f"Waiting: {limit.limit} of its runs may be active at a time (max_concurrent_runs)."
                yield DagsterEvent.engine_event(self._job, text, EngineEventData())
            with suppress(queue.Empty):
                self._inbox.get(timeout=_TURN_SECONDS)  # an interrupt wakes it

    def _run_steps(self, interrupts: Interrupts) -> Iterator[DagsterEvent]:
        while not (self._ready.is_complete or interrupts.requested or self._error):
            yield from self._start_ready()
            seconds = self._ready.seconds_to_next()
            if not self._threads and seconds is None and not interrupts.requested:
                raise DagsterInvariantViolationError(f"No step can start. {self._ready.describe_rest()}")
            yield from self._take_in(seconds)
        while self._threads and not (interrupts.requested or self._error):
            yield from self._take_in(None)

    def _start_ready(self) -> Iterator[DagsterEvent]:
        for step in self._ready.take():
            thread = StepThread(self._job, step, self._ready.get_known_state(), self._inbox.put)
            try:
                thread.start()
            except RuntimeError as error:
                limit = f"{error}: {len(self._threads)} steps run already; set a lower max_concurrent"
                raise DagsterInvariantViolationError(limit) from error
            self._threads.add(thread)
        yield from self._ready.claims_to_report(self._job)

    def _take_in(self, timeout: float | None) -> Iterator[DagsterEvent]:
        """Wait for a message, then handle all there are: steps that end together are handled together."""
        try:
            message = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return
        while True:
            yield from self._handle(message)
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                break
        yield from self._ready.plan_events_iterator(self._job)

    def _handle(self, message: Message | None) -> Iterator[DagsterEvent]:
        if message is None or message.thread not in self._threads:
            return
        thread = message.thread
        if isinstance(message, Happened):
            event = message.event
            yield event
            if not thread.settled:
                self._ready.handle_event(event)
                thread.settled = event.is_step_success or event.is_step_failure or event.is_step_up_for_retry
            return
        self._error = self._error or message.error
        if isinstance(message, Finished):
            self._threads.discard(thread)
        elif not thread.settled:
            thread.settled = True
            self._ready.verify_complete(self._job, thread.step.key)

    def _end_early(self, interrupts: Interrupts) -> Iterator[DagsterEvent]:
        """Tell the running steps to stop, wait for them as long as is allowed, then raise."""
        self._tell_steps()
        if interrupts.requested:
            self._report_canceling()
        why = f" after {traceback.format_exception_only(self._error)[-1].strip()}" if self._error else ""
        keys = sorted(thread.step.key for thread in self._threads)
        yield DagsterEvent.engine_event(
            self._job,
            f"Stopping{why}: the running steps are asked to stop; waiting for them to end.",
            EngineEventData.interrupted(keys),
        )
        yield from self._wait_for_threads(self._stop_wait_seconds, interrupts)
        if self._threads:
            for thread in self._threads:
                thread.interrupt()
            yield from self._wait_for_threads(_UNWIND_SECONDS, None)
            yield from self._give_up()
        raise self._error or DagsterExecutionInterruptedError()

    def _tell_steps(self) -> None:
        self._ready.mark_interrupted()
        self._stop.set()
        for thread in self._threads:
            thread.ask_to_stop()

    def _end_in_silence(self, interrupts: Interrupts) -> None:
        """Stop the steps that still run and wait for them, without a word to the event log."""
        self._tell_steps()
        deadline = time.monotonic() + self._stop_wait_seconds
        while self._threads and not interrupts.forced and (left := deadline - time.monotonic()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(message, Finished):
                self._threads.discard(message.thread)

    def _wait_for_threads(self, seconds: float, interrupts: Interrupts | None) -> Iterator[DagsterEvent]:
        deadline = time.monotonic() + seconds
        while self._threads and (left := deadline - time.monotonic()) > 0:
            if interrupts is not None and interrupts.forced:
                return
            yield from self._take_in(left)

    def _give_up(self) -> Iterator[DagsterEvent]:
        """Record the steps that would not end as failed by the interrupt; their threads are left behind."""
        for thread in sorted(self._threads, key=lambda thread: thread.step.key):
            thread.mute()
            if thread.settled:
                continue
            info = SerializableErrorInfo(
                _GAVE_UP, stack=[], cls_name=DagsterExecutionInterruptedError.__name__
            )
            failure = StepFailureData(  # type: ignore[no-untyped-call]
                info, user_failure_data=None, error_source=ErrorSource.INTERRUPT
            )
            event = DagsterEvent.step_failure_event(self._job.for_step(thread.step), failure)
            yield event
            self._ready.handle_event(event)
        self._threads.clear()

    def _report_canceling(self) -> None:
        """Report a signal as a request to cancel: Dagster alone would take it for a failure."""
        instance = self._job.instance
        run = instance.get_run_by_id(self._job.run_id)
        if run and run.status == DagsterRunStatus.STARTED and not instance.run_will_resume(run.run_id):
            instance.report_run_canceling(run, "The run's process was asked to stop.")
