"""Time as the workspace sees it: the machine's clock plus what was skipped, and timers that follow it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable


class Timer:
    """One planned call; `cancel()` is safe at any time."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    @property
    def waiting(self) -> bool:
        return self._call is not None

    def fire(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Clock:
    """Milliseconds since 1970 plus `offset_ms`; timers fire in the event loop, in the order they fall due.

    Without a running event loop nothing fires by itself: `advance` then does it, so that rules can be
    tried without a server. Not thread-safe: use it from the event loop's thread.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._catch_up = self._latest = 0.0  # the machine's clock may be set back; ours does not follow
        self._moment: float | None = None  # while advancing, the moment being lived through
        self._due: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")
        self._closed = False

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds."""
        return int(self._read_now())

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Plan `call` for `seconds` from now (0 = as soon as the event loop is free)."""
        return self.call_at(self._read_now() + max(seconds, 0.0) * 1000, call)

    def call_at(self, due_ms: float, call: Callable[[], None]) -> Timer:
        """Plan `call` for the moment `due_ms`; a moment gone by means at once."""
        timer = Timer(call)
        if self._closed:
            timer.cancel()
            return timer
        heapq.heappush(self._due, (due_ms, next(self._order), timer))
        self._set_alarm()
        return timer

    def advance(self, milliseconds: int) -> None:
        """Skip ahead, living through every timer on the way at its own moment."""
        target = self._read_now() + milliseconds
        self._fire(target)
        self.offset_ms += milliseconds
        if self._alarm is not None:  # set for a moment that has just been skipped, it would ring too late
            self._alarm.cancel()
            self._alarm, self._alarm_at = None, float("inf")
        self._set_alarm()

    def close(self) -> None:
        """Forget all timers and take no more: the workspace is gone."""
        self._closed = True
        self._due.clear()
        if self._alarm is not None:
            self._alarm.cancel()

    def _read_now(self) -> float:
        if self._moment is not None:
            return self._moment
        now = time.time() * 1000 + self._catch_up
        if now < self._latest:
            self._catch_up += self._latest - now
            now = self._latest
        self._latest = now
        return now + self.offset_ms

    def _fire(self, until: float) -> None:
        try:
            while self._due and self._due[0][0] <= until:
                due, _, timer = heapq.heappop(self._due)
                self._moment = max(due, self._moment or due)
                timer.fire()
        finally:
            self._moment = None

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, float("inf")
        now = self._read_now()
        try:
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2].fire()
        finally:
            self._set_alarm()

    def _set_alarm(self) -> None:
        if not self._due or self._due[0][0] >= self._alarm_at or self._moment is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = self._due[0][0]
        self._alarm = loop.call_later(max(self._alarm_at - self._read_now(), 0.0) / 1000, self._ring)
