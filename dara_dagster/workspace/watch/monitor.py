"""One watcher for all runs of a process: every waiting thread sleeps while a few calls serve them all."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty
from typing import Protocol, TypeVar

from dara_dagster.config.settings import Settings
from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import TryLater, one_try
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.rate_limited import CallLimiter, Stopped
from dara_dagster.workspace.rate_limiter import RateLimiter
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.jobs_api import RunSnapshot
from dara_dagster.workspace.watch.poll_queue import PAGED_TYPE, OneRun, Page, PollQueue, Watch
from dara_dagster.workspace.watch.threads import WatchThreads

__all__ = ["Monitor", "Service", "Stopped", "TimedOut", "monitor_for"]

T = TypeVar("T")

_TICK_SECONDS = 0.1  # how soon a stop or a deadline is noticed
_CHECK_SECONDS = 5.0  # how often a waiting thread makes sure that the watcher is there

Answer = RunSnapshot | tuple[Sequence[RunSnapshot], str | None] | Exception


class TimedOut(RunError):
    """The deadline passed while the run was being watched; the run is still active."""


class Service(Protocol):
    """The two questions the watcher asks."""

    def get_snapshot(self, run_id: int) -> RunSnapshot:
        """Return one run, with its tasks."""

    def page(self, token: str) -> tuple[Sequence[RunSnapshot], str | None]:
        """Return one page of the active one-time runs, and the token of the next (None at the end)."""


class Monitor:
    """Watches any number of runs and meters all calls of the process; safe for threads.

    `meter` is what all calls of the process go through (by default one of its own). `clock` gives monotonic
    seconds. `dispatch` does a job; by default one of `watch_threads` threads does it, so that one slow answer
    holds up no other run.
    """

    def __init__(
        self,
        service: Service,
        settings: Settings,
        *,
        limiter: CallLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
        dispatch: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.clock = clock
        self._limiter = limiter or CallLimiter(
            RateLimiter(settings.calls_per_second, clock()), settings, clock
        )
        self.rate_limiter = self._limiter.rate_limiter
        self._settings = settings
        self._service = service
        self._poll_queue = PollQueue(settings)
        self._threads = WatchThreads(self.pump, self._poll_queue.__len__, settings.watch_threads)
        self._dispatch = dispatch or self._threads.hand_over
        self._limits: dict[Watch, tuple[threading.Event | None, float | None]] = {}
        self._next_check = clock()
        self._ticket: int | None = None
        self._under_way = 0
        self._lock = threading.Lock()

    def watch(
        self,
        run_id: int,
        *,
        usual_seconds: Sequence[float] = (),
        min_interval: float = 0.0,
        stop: threading.Event | None = None,
        on_change: Callable[[RunSnapshot], None] = lambda snapshot: None,
        deadline: float | None = None,
    ) -> RunSnapshot:
        """Wait until the run has ended; returns the last snapshot, whose outcome is set.

        `usual_seconds` are durations of the last successful runs, `min_interval` the least seconds between
        polls, `deadline` a time of this monitor's clock. `on_change` is called in this thread with each
        snapshot that shows a change, the last included. Raises Stopped once `stop` is set, TimedOut at the
        deadline, RunGoneError, and RunLostError after `lost_after_seconds` without an answer.
        """
        watch = self.enlist(run_id, usual_seconds, min_interval, stop=stop, deadline=deadline)
        try:
            while True:
                self._threads.start()
                try:
                    news = watch.inbox.get(timeout=_CHECK_SECONDS)
                except Empty:
                    continue
                if isinstance(news, Exception):
                    raise news
                on_change(news)
                if news.outcome is not None:
                    return news
        finally:
            self._dismiss(watch)

    def call(
        self,
        fn: Callable[[], T],
        *,
        stop: threading.Event | None = None,
        urgent: bool = False,
        patience: float | None = None,
    ) -> T:
        """Call `fn` through the one rate limiter, again while only the service is at fault."""
        return self._limiter.call(fn, stop=stop, urgent=urgent, patience=patience)

    def enlist(
        self,
        run_id: int,
        usual_seconds: Sequence[float] = (),
        min_interval: float = 0.0,
        *,
        stop: threading.Event | None = None,
        deadline: float | None = None,
    ) -> Watch:
        """Start watching without waiting; the news come to the watch's inbox."""
        with self._lock:
            watch = self._poll_queue.add(run_id, self.clock(), usual_seconds, min_interval)
            if stop is not None or deadline is not None:
                self._limits[watch] = stop, deadline
        self._threads.wake()
        return watch

    def pump(self) -> float | None:
        """Send what is due and allowed now; returns the seconds until there may be more to do.

        None: nothing before an answer comes or a run is enlisted.
        """
        while True:
            with self._lock:
                now = self.clock()
                if self._limits and now >= self._next_check:
                    self._poll_queue.each(functools.partial(self._reason_to_end, now))
                    self._next_check = now + _TICK_SECONDS
                call = self._poll_queue.next_call(now) if self._has_room() else None
                if call is None:
                    return self._rest(now)
                if self._ticket is None:
                    self._ticket = self.rate_limiter.queue("watch")
                wait = self.rate_limiter.ask("watch", self._ticket, now)
                if wait > 0:
                    return min(wait, _TICK_SECONDS)
                self._ticket = None
                self._poll_queue.started(call)
                self._under_way += 1
            self._dispatch(functools.partial(self._make, call))

    def _has_room(self) -> bool:
        return self._under_way < self._settings.watch_threads

    def _rest(self, now: float) -> float | None:
        """Nothing is due: give up the turn; returns the seconds the watcher may sleep."""
        if self._ticket is not None:
            self.rate_limiter.leave("watch", self._ticket)
            self._ticket = None
        wait = self._poll_queue.wait(now) if self._has_room() else None
        if self._limits:
            return _TICK_SECONDS if wait is None else min(wait, _TICK_SECONDS)
        return wait

    def _reason_to_end(self, now: float, watch: Watch) -> Exception | None:
        stop, deadline = self._limits.get(watch, (None, None))
        if stop is not None and stop.is_set():
            return Stopped(f"Watching run {watch.run_id} was stopped; the run is still active")
        if deadline is not None and now >= deadline:
            return TimedOut(f"Run {watch.run_id} did not end in time; it is still active")
        return None

    def _make(self, call: OneRun | Page) -> None:
        """Send the call and take in its answer."""
        try:
            with one_try():
                answer: Answer = self._ask(call)
        except Exception as error:  # whatever it is, it must not end the watcher; silence will tell
            answer = error
        with self._lock:
            self._under_way -= 1
            self._take_in(call, answer, self.clock())
        self._threads.wake()

    def _ask(self, call: OneRun | Page) -> Answer:
        if isinstance(call, OneRun):
            return self._service.get_snapshot(call.watch.run_id)
        return self._service.page(call.token)

    def _take_in(self, call: OneRun | Page, answer: Answer, now: float) -> None:
        if isinstance(answer, TryLater) and answer.throttled:
            self._limiter.note(answer, 1, now, urgent=False)
        if isinstance(call, OneRun):
            if isinstance(answer, RunSnapshot):
                self._poll_queue.note_snapshot(call.watch, answer, now)
            elif isinstance(answer, Exception):
                self._poll_queue.failed(call.watch, answer, now)
        elif isinstance(answer, tuple):
            self._poll_queue.listed(*answer, now)
        elif isinstance(answer, Exception):
            self._poll_queue.list_failed(answer, now)

    def _dismiss(self, watch: Watch) -> None:
        with self._lock:
            self._poll_queue.remove(watch)
            self._limits.pop(watch, None)


@dataclass(frozen=True)
class _Jobs:
    """The service over HTTP."""

    ws: Workspace

    def get_snapshot(self, run_id: int) -> RunSnapshot:
        return jobs_api.get_snapshot(self.ws, run_id)

    def page(self, token: str) -> tuple[Sequence[RunSnapshot], str | None]:
        return jobs_api.list_page(self.ws, token, PAGED_TYPE)


def monitor_for(ws: Workspace) -> Monitor:
    """Return the process's one monitor of this workspace."""
    process = os.getpid()
    known: Monitor | None = ws.monitors.get(process)
    if known is None:
        made = Monitor(_Jobs(ws), ws.settings, limiter=ws.limiter)
        known = ws.monitors.setdefault(process, made)  # atomic: all threads get the same one
    return known
