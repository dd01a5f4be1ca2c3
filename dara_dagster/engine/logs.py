"""Gives each step the Python log lines of its own code, and of no other step of the same process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from dagster._core.execution.context.system import PlanExecutionContext
from dagster._core.log_manager import DagsterLogHandler, DagsterLogManager

__all__ = ["StepCode", "current_step", "route_logs"]


class StepCode(Protocol):
    """Whoever runs a step's code and wants to know when that code begins and ends."""

    def enter_user_code(self, handler: DagsterLogHandler) -> None: ...
    def leave_user_code(self) -> None: ...
    @property
    def log_handler(self) -> DagsterLogHandler | None: ...


# A context variable, since tasks of asyncio carry it into the thread of their event loop.
current_step: ContextVar[StepCode | None] = ContextVar("dara_current_step", default=None)


class _StepLogManager(DagsterLogManager):
    """Dagster adds a step's handler to the captured loggers while the step's code runs, which with steps
    side by side gives every line to every step. This one tells the thread's step instead, and one router
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

    def with_tags(self, **new_tags: str) -> _StepLogManager:
        return _StepLogManager(self._dagster_handler.with_tags(**new_tags), self.level, self._managed_loggers)


class _Router(logging.Handler):
    def __init__(self, run_handler: DagsterLogHandler) -> None:
        super().__init__()
        self._run_handler = run_handler

    def createLock(self) -> None:
        # The handlers it hands on to have their own locks; one here would let steps wait for each other.
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        step = current_step.get()
        # A thread that an op started belongs to no step: its lines go to the run.
        handler = step.log_handler if step is not None else self._run_handler
        if handler is not None:
            handler.handle(record)


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
