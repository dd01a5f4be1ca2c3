"""Makes single API calls through the budget, again and again while only the service is at fault."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import requests
from databricks.sdk.errors import InternalError

from dara_dagster.errors import RunError, UnreachableError
from dara_dagster.remote.budget import Budget
from dara_dagster.remote.calls import TryLater, backoff, explain, one_try

T = TypeVar("T")

_LONGEST = 10.0  # seconds between two tries, unless the service asks for more
_LONGEST_URGENT = 1.0
_URGENT_SECONDS = 10.0  # until an urgent call that hangs is left alone and made again
_TICK_SECONDS = 0.1  # how soon a stop is noticed
_PASSING = (TryLater, InternalError, requests.RequestException, TimeoutError)


class Stopped(RunError):
    """The stop event was set while waiting; a run that was being watched goes on."""


class Meter:
    """Calls through one budget; `patience` is how many seconds of faults a call bears by default."""

    def __init__(self, budget: Budget, patience: float, clock: Callable[[], float]) -> None:
        self._budget = budget
        self._patience = patience
        self._clock = clock

    def call(
        self,
        fn: Callable[[], T],
        *,
        stop: threading.Event | None = None,
        urgent: bool = False,
        patience: float | None = None,
    ) -> T:
        """`fn()`, which makes one API call, when it is its turn; repeated while the service is at fault.

        So `fn` must be safe to repeat (a submit is: its token says so). `urgent` calls do not wait for their
        turn, nor for an answer that does not come. Raises Stopped once `stop` is set, though the call may
        then be under way, UnreachableError after `patience` seconds of faults (`lost_after_seconds` by
        default), and whatever else `fn` raises, at once.
        """
        patience = self._patience if patience is None else patience
        bound = min(patience, _URGENT_SECONDS) if urgent else None
        failing_since: float | None = None
        failures = 0
        while True:
            self._take_turn(stop, urgent)
            began = self._clock()
            try:
                return until_stopped(_once(fn), stop, bound)
            except _PASSING as error:
                failures += 1
                now = self._clock()
                failing_since = began if failing_since is None else failing_since
                wait = self._note(error, failures, now, _LONGEST_URGENT if urgent else _LONGEST)
                if now + wait - failing_since > patience:
                    message = f"No good answer for {patience:.0f} s, last: {explain(error)}"
                    raise UnreachableError(message) from error
            _sleep(wait, stop)

    def _note(self, error: Exception, failures: int, now: float, longest: float) -> float:
        """Tell the budget about a fault; returns how long its caller should wait."""
        if not isinstance(error, TryLater):
            return backoff(failures, 0.0, longest=longest)
        if error.throttled:
            self._budget.throttled(now, error.after)
        return backoff(failures, error.after, longest=longest)

    def _take_turn(self, stop: threading.Event | None, urgent: bool) -> None:
        if urgent:
            self._budget.spend(self._clock())
            return
        ticket = self._budget.queue("call")
        try:
            while wait := self._budget.ask("call", ticket, self._clock()):
                _sleep(wait, stop)
        finally:
            self._budget.leave("call", ticket)


def until_stopped(fn: Callable[[], T], stop: threading.Event | None, seconds: float | None = None) -> T:
    """`fn()`; left alone, in a thread of its own, once `stop` is set or `seconds` are over.

    For a call that may hang for as long as its HTTP timeout. One that has not begun when it is left alone
    never begins. Raises Stopped, TimeoutError, or what `fn` does.
    """
    if stop is None and seconds is None:
        return fn()
    answer: Future[T] = Future()
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(_answer, fn, answer), name="dara-call", daemon=True).start()
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


def _sleep(seconds: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped("Stopped while waiting to call Databricks")
