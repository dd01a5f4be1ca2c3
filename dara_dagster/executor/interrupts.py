"""Turns SIGINT and SIGTERM into a count that the run's loop reads, and wakes the loop up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from dagster._utils.interrupts import pop_captured_interrupt

__all__ = ["Interrupts", "watch_interrupts"]

# Ctrl-C in a terminal reaches the run both directly and through the process that started it.
_SAME_REQUEST_SECONDS = 1.0


class Interrupts:
    """Whether the run was asked to stop, and whether it was asked again because stopping takes too long."""

    def __init__(self) -> None:
        self._first_at: float | None = None
        self._forced = False

    @property
    def requested(self) -> bool:
        return self._first_at is not None

    @property
    def forced(self) -> bool:
        return self._forced

    def note(self) -> None:
        """Count one more request: it forces the end if it comes a moment after the first."""
        now = time.monotonic()
        if self._first_at is None:
            self._first_at = now
        elif now - self._first_at > _SAME_REQUEST_SECONDS:
            self._forced = True


@contextmanager
def watch_interrupts(wake: Callable[[], None]) -> Iterator[Interrupts]:
    """While open, SIGINT and SIGTERM are noted and `wake` is called; the handlers before are put back.

    Dagster's own handler only sets a flag, which a loop that sleeps until something happens would see
    too late. Outside the main thread no handler can be set and nothing is noted.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return

    def _on_signal(_number: int, _frame: FrameType | None) -> None:
        interrupts.note()
        wake()

    before = {number: signal.signal(number, _on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    if pop_captured_interrupt():
        _on_signal(signal.SIGINT, None)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
