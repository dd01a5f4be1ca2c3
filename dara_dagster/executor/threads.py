"""Runs one attempt of one step in a thread of its own and sends what happens to the run's loop."""

from __future__ import annotations

import contextvars
import ctypes
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dagster import DagsterEvent, DagsterExecutionInterruptedError
from dagster._core.execution.context.system import PlanExecutionContext, StepExecutionContext
from dagster._core.execution.plan.execute_plan import _trigger_hook, dagster_event_sequence_for_step
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.log_manager import DagsterLogHandler

from dara_dagster.executor.logs import current_step
from dara_dagster.executor.stop import unless_listening

__all__ = ["Ended", "Finished", "Happened", "StepThread"]


@dataclass(frozen=True)
class Happened:
    """An event of the step, stored already."""

    thread: StepThread
    event: DagsterEvent


@dataclass(frozen=True)
class Ended:
    """The attempt is over; `error` is what ended it when that was not the step's own business."""

    thread: StepThread
    error: BaseException | None


@dataclass(frozen=True)
class Finished:
    """The thread has nothing more to do: its hooks have run too."""

    thread: StepThread
    error: BaseException | None


Message = Happened | Ended | Finished


class StepThread:
    """One attempt of a step. Its thread is a daemon: an op that never returns cannot keep the process."""

    def __init__(
        self,
        job_context: PlanExecutionContext,
        step: ExecutionStep,
        known_state: KnownExecutionState,
        send: Callable[[Message], None],
    ) -> None:
        self.step = step
        self.settled = False
        self.log_handler: DagsterLogHandler | None = None
        self._job_context = job_context
        self._known_state = known_state
        self._send = send
        self._context: StepExecutionContext | None = None
        self._condemned = False
        self._lock = threading.Lock()
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._main,), name=step.key, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Interrupt the op unless it asked for its stop event, and so ends by itself when that is set."""
        unless_listening(self._thread, self.interrupt)

    def interrupt(self) -> None:
        """Raise `DagsterExecutionInterruptedError` in the op's code, as Dagster does in a main thread.

        It is raised between two Python instructions of the op's code only, never in Dagster's: a call that
        blocks outside of Python is left to end first.
        """
        with self._lock:
            self._condemned = True
            if self.log_handler is not None:
                self._raise_in_thread(DagsterExecutionInterruptedError)

    def mute(self) -> None:
        """Keep what the attempt may still log out of the event log: the run has given it up."""
        if self._context is not None:
            self._context.log._dagster_handler.setLevel(logging.CRITICAL + 1)

    def enter_user_code(self, handler: DagsterLogHandler) -> None:
        with self._lock:
            if self._condemned:
                raise DagsterExecutionInterruptedError
            self.log_handler = handler

    def leave_user_code(self) -> None:
        with self._lock:
            self.log_handler = None
            if self._condemned:
                self._raise_in_thread(None)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Keep interrupts from the code inside: one that comes meanwhile is raised at the end."""
        handler = self.log_handler
        if handler is None or threading.current_thread() is not self._thread:
            yield
            return
        self.leave_user_code()
        try:
            yield
        finally:
            self.enter_user_code(handler)

    def _raise_in_thread(self, error: type[BaseException] | None) -> None:
        ident = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(error) if error else None)

    def _main(self) -> None:
        current_step.set(self)
        try:
            context, events = self._attempt()
        except BaseException as error:
            self._send(Ended(self, error))
            self._send(Finished(self, None))
            return
        self._send(Ended(self, None))
        try:
            for event in _trigger_hook(context, events):
                self._send(Happened(self, event))
        except BaseException as error:
            self._send(Finished(self, error))
        else:
            self._send(Finished(self, None))

    def _attempt(self) -> tuple[StepExecutionContext, list[DagsterEvent]]:
        context = self._context = self._job_context.for_step(self.step, self._known_state)
        events = []
        for event in dagster_event_sequence_for_step(context):
            events.append(event)
            self._send(Happened(self, event))
        return context, events
