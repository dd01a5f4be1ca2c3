"""Gives each step the Python log lines of its own code, and of no other step of the same process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

from dagster._core.execution.context.system import PlanExecutionContext
from dagster._core.log_manager import DagsterLogHandler, DagsterLogManager

__all__ = ["StepCode", "current_step", "route_logs"]


class StepCode(Protocol):
    """Whoever runs a step's code and wants to know when that code begins and ends."""

    def enter_user_code(self, handler: DagsterLogHandler) -> None: ...
    def leave_user_code(self) -> None: ...
    def undisturbed(self) -> AbstractContextManager[None]: ...
    @property
    def log_handler(self) -> DagsterLogHandler | None: ...


# A context variable, since tasks of asyncio carry it into the thread of their event loop.
current_step: ContextVar[StepCode | None] = ContextVar("dara_current_step", default=None)


class _StepLogManager(DagsterLogManager):
    """Dagster adds a step's handler to the captured loggers while the step's code runs, which with steps
    in parallel gives every line to every step. This one tells the thread's step instead, and one router
    on the captured loggers asks it.
    """

    def begin_python_log_capture(self) -> None:
        step = current_step.get()
        if step is not None:
            step.enter_user_code(self._dagster_handler)

    def end_python_log_capture(self) -> None:
        step = current_step.get()
        if step is not None:
            step.leave_user_code()

    def handle(self, record: logging.LogRecord) -> None:
        # Storing a line takes locks and a transaction, which an interrupt in their midst could leave open.
        step = current_step.get()
        if step is None:
            super().handle(record)
        else:
            with step.undisturbed():
                super().handle(record)

    def with_tags(self, **new_tags: str) -> _StepLogManager:
        return _StepLogManager(self._dagster_handler.with_tags(**new_tags), self.level, self._managed_loggers)


class _Router(logging.Handler):
    def __init__(self, run_handler: DagsterLogHandler) -> None:
        super().__init__()
        self._run_handler = run_handler

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock of its own: the handlers it hands on to have theirs, and steps would wait for each
        # other here.
        step = current_step.get()
        if step is None:
            # A thread that an op started belongs to no step: its lines go to the run.
            self._run_handler.handle(record)
        elif (handler := step.log_handler) is not None:
            with step.undisturbed():
                handler.handle(record)
        return True


@contextmanager
def route_logs(job_context: PlanExecutionContext) -> Iterator[None]:
    """While open, log lines of the captured Python loggers go to the step whose code wrote them."""
    plain = job_context.log
    job_context._log_manager = _StepLogManager(plain._dagster_handler, plain.level, plain._managed_loggers)
    router = _Router(plain._dagster_handler)
    for logger in plain._managed_loggers:
        logger.addHandler(router)
    try:
        yield
    finally:
        for logger in plain._managed_loggers:
            logger.removeHandler(router)
        job_context._log_manager = plain
