"""Shares one number of calls a second between those who ask, and asks for less when the service says so."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from typing import Literal

CallKind = Literal["call", "watch"]

_KINDS: tuple[CallKind, CallKind] = ("call", "watch")
_BURST_SECONDS = 0.5
_SLOWEST = 0.1  # of the full rate
_SLOW_DOWN = 0.6
_SLOW_DOWN_EVERY = 5.0  # seconds: the refusals of one burst count once
_RECOVERY_SECONDS = 60.0  # from nothing to the full rate


class RateLimiter:
    """A token bucket with two queues that take turns, first come first served within each.

    All times are monotonic seconds that the caller passes in. The rate drops on "too many requests" and
    comes back slowly (additive increase, multiplicative decrease). Safe for threads.
    """

    def __init__(self, calls_per_second: float, now: float) -> None:
        self.full_rate = calls_per_second
        self._rate = calls_per_second
        self._burst = max(1.0, calls_per_second * _BURST_SECONDS)
        self._tokens = self._burst
        self._then = now
        self._paused_until = now
        self._slowed_at = now - _SLOW_DOWN_EVERY
        self._queues: dict[CallKind, list[int]] = {kind: [] for kind in _KINDS}
        self._last_ticket = 0
        self._last_served: CallKind = "watch"
        self._lock = threading.Lock()

    def queue(self, kind: CallKind) -> int:
        """Take a ticket at the end of the queue, to be asked about until it goes or is given up."""
        with self._lock:
            self._last_ticket += 1
            insort(self._queues[kind], self._last_ticket)
            return self._last_ticket

    def ask(self, kind: CallKind, ticket: int, now: float) -> float:
        """Return 0.0 when the call may go, which spends the ticket, else the seconds after which to ask
        again."""
        with self._lock:
            self._refill(now)
            own, other = self._queues[kind], self._queues["watch" if kind == "call" else "call"]
            position = bisect_left(own, ticket)
            its_turn = not other or self._last_served != kind or self._tokens >= 2.0
            if position == 0 and its_turn and self._tokens >= 1.0 and now >= self._paused_until:
                own.pop(0)
                self._tokens -= 1.0
                self._last_served = kind
                return 0.0
            ahead = position + min(position + (0 if its_turn else 1), len(other))
            wait = max(self._paused_until - now, 0.0) + (ahead + 1.0 - self._tokens) / self._rate
            return min(max(wait, 0.001), 1.0)

    def leave(self, kind: CallKind, ticket: int) -> None:
        """Give up a ticket that has not gone."""
        with self._lock:
            position = bisect_left(self._queues[kind], ticket)
            if self._queues[kind][position : position + 1] == [ticket]:
                self._queues[kind].pop(position)

    def take(self, now: float) -> None:
        """Count a call that does not wait (a cancel); the others wait the longer."""
        with self._lock:
            self._refill(now)
            self._tokens = max(self._tokens - 1.0, -self._burst)

    def throttled(self, now: float, after: float) -> None:
        """Hold all calls for `after` seconds and slow them down then: the service answered "too many
        requests"."""
        with self._lock:
            self._refill(now)
            self._paused_until = max(self._paused_until, now + after)
            if now - self._slowed_at >= _SLOW_DOWN_EVERY:
                self._slowed_at = now
                self._rate = max(self._rate * _SLOW_DOWN, self.full_rate * _SLOWEST)

    def rate(self, now: float) -> float:
        """Call a second at this moment."""
        with self._lock:
            self._refill(now)
            return self._rate

    def _refill(self, now: float) -> None:
        passed = max(now - self._then, 0.0)
        self._then = max(now, self._then)
        self._rate = min(self.full_rate, self._rate + passed * self.full_rate / _RECOVERY_SECONDS)
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
