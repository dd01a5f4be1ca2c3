"""Makes API calls through one budget, again and again while only the service is at fault."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from databricks.sdk.errors import InternalError

from dara_dagster.config.settings import Settings
from dara_dagster.errors import RunError, UnreachableError
from dara_dagster.workspace.calls import LOST_ANSWERS, TryLater, backoff, explain, one_try
from dara_dagster.workspace.rate_limiter import RateLimiter

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LONGEST_URGENT = 1.0  # seconds between two tries of an urgent call
_TICK_SECONDS = 0.1  # how soon a stop is noticed
_WARN_AFTER = 10.0  # seconds of faults until somebody may wonder why nothing happens
_WARN_EVERY = 60.0
_PASSING = (TryLater, InternalError, TimeoutError, *LOST_ANSWERS)

_stop: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("stop", default=None)


class Stopped(RunError):
    """The stop event was set while waiting; a run that was being watched continues."""


@contextmanager
def stopping_at(stop: threading.Event) -> Iterator[None]:
    """End every wait for a call in the block, in this context, with Stopped once `stop` is set."""
    before = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(before)


class CallLimiter:
    """Calls through one budget, which bear faults of the service for a while; safe for threads."""

    def __init__(
        self, rate_limiter: RateLimiter, settings: Settings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate_limiter = rate_limiter
        self._settings = settings
        self._clock = clock
        self._warned_at = -_WARN_EVERY

    def call(
        self,
        fn: Callable[[], T],
        *,
        stop: threading.Event | None = None,
        urgent: bool = False,
        patience: float | None = None,
    ) -> T:
        """Call `fn()`, which makes one API call, when it is its turn; repeats it while the service is at
        fault.

        So `fn` must be safe to repeat (a submit is: its token says so). `urgent` calls do not wait for their
        turn, nor for an answer that does not come. Raises Stopped once `stop` is set, though the call may
        then be under way, UnreachableError after `patience` seconds of faults (`lost_after_seconds` by
        default), and whatever else `fn` raises, at once.
        """
        trial = _Trial(self, self._settings.lost_after_seconds if patience is None else patience, urgent)
        bound = min(trial.patience, self._settings.urgent_timeout_seconds) if urgent else None
        waiting = stop or _stop.get()
        while True:
            self._take_turn(waiting, urgent)
            began = self._clock()
            try:
                return until_stopped(_once(fn), stop, bound)
            except _PASSING as error:
                wait = trial.bear(error, began, self._clock())
            pause(wait, waiting)

    def make(self, send: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Call `send()`, which makes a thing that must not be made twice, of a kind that has no token.

        After a fault nobody knows whether it was made, so `find()` looks for it before it is sent again.
        Raises as `call` does.
        """
        sent = False

        def once() -> T:
            nonlocal sent
            if sent and (found := find()) is not None:
                return found
            sent = True
            return send()

        return self.call(once)

    def note(self, error: BaseException, failures: int, now: float, *, urgent: bool) -> float:
        """Tell the budget about a fault; returns how long its caller should wait."""
        longest = _LONGEST_URGENT if urgent else self._settings.retry_longest_seconds
        if not isinstance(error, TryLater):
            return backoff(failures, 0.0, longest=longest)
        after = min(error.after, self._settings.retry_after_longest_seconds)
        if error.throttled:
            self.rate_limiter.throttled(now, after)
        return backoff(failures, after, longest=longest)

    def warn(self, error: BaseException, since: float, patience: float, now: float) -> None:
        """Say now and then that the service is at fault, and how long that will be borne."""
        if now - since >= _WARN_AFTER and now - self._warned_at >= _WARN_EVERY:
            self._warned_at = now
            text = "No good answer from Databricks for %.0f s, trying on for up to %.0f s: %s"
            logger.warning(text, now - since, patience, explain(error))

    def _take_turn(self, stop: threading.Event | None, urgent: bool) -> None:
        if urgent:
            self.rate_limiter.take(self._clock())
            return
        ticket = self.rate_limiter.queue("call")
        try:
            while wait := self.rate_limiter.ask("call", ticket, self._clock()):
                pause(wait, stop)
        finally:
            self.rate_limiter.leave("call", ticket)


@dataclass
class _Trial:
    """The faults of one call in a row."""

    limiter: CallLimiter
    patience: float
    urgent: bool
    failures: int = 0
    since: float | None = field(default=None)

    def bear(self, error: BaseException, began: float, now: float) -> float:
        """Return the seconds to wait before the next try. Raises UnreachableError when there is to be
        none."""
        self.failures += 1
        since = self.since = began if self.since is None else self.since
        wait = self.limiter.note(error, self.failures, now, urgent=self.urgent)
        if now + wait - since > self.patience:
            message = f"No good answer for {self.patience:.0f} s, last: {explain(error)}"
            raise UnreachableError(message) from error
        self.limiter.warn(error, since, self.patience, now)
        return wait


def until_stopped(fn: Callable[[], T], stop: threading.Event | None, seconds: float | None = None) -> T:
    """Return `fn()`; abandons it, in a thread of its own, once `stop` is set or `seconds` are over.

    For a call that may hang for as long as its HTTP timeout. One that has not begun when it is left alone
    never begins. Raises Stopped, TimeoutError, or what `fn` does.
    """
    if stop is None and seconds is None:
        return fn()
    answer = in_background(fn, "dara-call")
    over = threading.Event()
    answer.add_done_callback(lambda _: over.set())
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        while not over.wait(_TICK_SECONDS):
            if stop is not None and stop.is_set():
                raise Stopped("Stopped while a call to Databricks was under way")
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"no answer within {seconds:.0f} s")
    except BaseException:
        answer.cancel()
        raise
    return answer.result()


def pause(seconds: float, stop: threading.Event | None = None) -> None:
    """Wait; raises Stopped as soon as `stop` (by default the one of the context) is set."""
    stop = stop or _stop.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped("Stopped while waiting to call Databricks")


def in_background(fn: Callable[[], T], name: str) -> Future[T]:
    """Run `fn` in a daemon thread of its own, which does not hold up the end of the process."""
    answer: Future[T] = Future()
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(_answer, fn, answer), name=name, daemon=True).start()
    return answer


def _answer(fn: Callable[[], T], answer: Future[T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(fn())
    except BaseException as error:
        answer.set_exception(error)


def _once(fn: Callable[[], T]) -> Callable[[], T]:
    def call() -> T:
        with one_try():
            return fn()

    return call
