"""Runs coroutines on a run's one event loop, which async ops in many threads share with its resources.

Not for speed: an event loop runs in one thread, and what a resource opened on it can be used there alone.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dagster import OpExecutionContext
from dagster._core.execution.context.system import PlanExecutionContext

__all__ = ["run_awaitable", "share_event_loop"]

_T = TypeVar("_T")

# How often a waiting thread wakes up, so that an interrupt raised in it gets through.
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 2.0
_CANCEL_SECONDS = 15.0


class _SharedLoop:
    """Stands in for the event loop in step contexts; runs the real one in a thread once it is needed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def run_until_complete(self, awaitable: Awaitable[_T]) -> _T:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
                self._thread.start()
        future = asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), self._loop)
        try:
            while not concurrent.futures.wait([future], timeout=_LOOK_SECONDS).done:
                pass
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            # An async op that blocks the loop keeps it for good; the end of the run does not wait for that.
            self._thread.join(_STOP_SECONDS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


async def _as_coroutine(awaitable: Awaitable[_T]) -> _T:
    return await awaitable


@contextmanager
def share_event_loop(job_context: PlanExecutionContext) -> Iterator[None]:
    """While open, steps of `job_context` may use its event loop from any thread."""
    loop = job_context.event_loop
    shared = _SharedLoop(loop)
    job_context._event_loop = shared  # type: ignore[assignment]
    try:
        yield
    finally:
        shared.close()
        job_context._event_loop = loop


class _Tracked:
    """An awaitable that can be cancelled and waited for from outside of the loop that runs it."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable
        self._task: asyncio.Task[Any] | None = None
        self._ended = threading.Event()

    async def run(self) -> Any:
        self._task = asyncio.current_task()
        try:
            return await self._awaitable
        finally:
            self._ended.set()

    def cancel(self, loop: asyncio.AbstractEventLoop | _SharedLoop) -> None:
        """Have it end, and wait until it has, so that what it does at its end is done."""
        if self._task is None or self._task.done():
            return
        if isinstance(loop, _SharedLoop):  # which has cancelled it
            self._ended.wait(_CANCEL_SECONDS)
        else:
            self._task.cancel()
            loop.run_until_complete(asyncio.wait([self._task], timeout=_CANCEL_SECONDS))


def run_awaitable(context: OpExecutionContext, awaitable: Awaitable[_T]) -> _T:
    """Return the result of `awaitable`, run on the event loop of the op's run.

    When the op is interrupted, the awaitable is cancelled and has 15 s to clean up.
    """
    loop = context.get_step_execution_context().event_loop
    tracked = _Tracked(awaitable)
    running = tracked.run()
    try:
        result: _T = loop.run_until_complete(running)
        return result
    except BaseException:
        tracked.cancel(loop)
        raise
    finally:
        running.close()
        if asyncio.iscoroutine(awaitable):
            awaitable.close()
