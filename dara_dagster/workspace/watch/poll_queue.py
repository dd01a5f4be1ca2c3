"""Keeps which runs are watched and says which call is due next: a poll of one run, or a page of all.

Pages of 25 runs against polls alone, for runs of ten minutes (`python -m tests.benchmarks.watching`): at 300
runs 5.1 times fewer calls and 3.9 times less CPU time; at 1,000 runs 2.1 and 1.6 times, where polls alone
would need more than 20 calls a second and see an end 49 s late (14 s with pages). A whole Dagster run of 300
tasks of 20 s takes 1.5 times less CPU time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from dara_dagster.config.settings import Settings
from dara_dagster.errors import EmulatorError, RunGoneError, RunLostError
from dara_dagster.workspace.caller import CallerTokenEnded
from dara_dagster.workspace.calls import TryLater, backoff, explain
from dara_dagster.workspace.runs.jobs_api import PAGE_SIZE, RunSnapshot
from dara_dagster.workspace.watch.poll_interval import spacing

# One-time runs only: saved jobs that others run may be many, and a list cannot be narrowed to ours.
PAGED_TYPE = "SUBMIT_RUN"
_LEAST_FAILURES = 3  # before silence counts: a process that slept an hour has not listened, so try again

_MOST_ABSENCES = 3  # of a run that is active all the same: then lists are no use for it
_GONE_SECONDS = 3.0  # between two polls that find no run: one just made may not be known everywhere at once
_PAGES_KNOWN_SECONDS = 60.0  # how long the number of pages of the last list is believed


@dataclass(eq=False)
class Watch:
    """One watched run. `inbox` gets each changed snapshot, the last included, or the error that ends it."""

    run_id: int
    since: float
    next_at: float
    usual: Sequence[float] = ()
    min_interval: float = 0.0
    inbox: SimpleQueue[RunSnapshot | Exception] = field(default_factory=SimpleQueue)
    busy: bool = False
    paged: bool = True
    absent: bool = False
    absences: int = 0
    seen: tuple[str, str, object] | None = None
    failures: int = 0
    gone: bool = False
    failing_since: float = 0.0
    head_start: float = 0.0


@dataclass(frozen=True)
class OneRun:
    """A due call: poll this run."""

    watch: Watch


@dataclass(frozen=True)
class Page:
    """A due call: fetch the page of active runs that this token stands for ("" = the first)."""

    token: str


@dataclass
class _Listing:
    token: str
    before: frozenset[Watch]
    worth: int
    seen: set[int] = field(default_factory=set)
    pages: int = 0
    busy: bool = False


class PollQueue:
    """The runs being watched; pure bookkeeping, the caller has the clock, the lock and the network."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watches: set[Watch] = set()
        self._listing: _Listing | None = None
        self._last_pages = 0
        self._listed_at = -math.inf
        self._no_listing_before = -math.inf
        self._listing_failures = 0

    def __len__(self) -> int:
        return len(self._watches)

    def add(self, run_id: int, now: float, usual: Sequence[float], min_interval: float) -> Watch:
        """Start watching; its age counts from now."""
        watch = Watch(run_id, now, now, tuple(usual), min_interval)
        watch.next_at += self._spacing(watch, 0.0)
        self._watches.add(watch)
        return watch

    def remove(self, watch: Watch) -> None:
        """Stop watching; a poll under way is dropped when it comes."""
        self._watches.discard(watch)

    def next_call(self, now: float) -> OneRun | Page | None:
        """Return the call that is due, if any; `started` must follow once it is sent."""
        if not self._watches and self._listing is not None and not self._listing.busy:
            self._listing = None
        due = [watch for watch in self._watches if watch.next_at <= now and not watch.busy]
        if not due and self._listing is None:
            return None
        if self._listing is None and (paged := self._worth_a_list(due, now)):
            self._listing = _Listing("", frozenset(self._watches), paged)
        if self._listing is not None:
            if not self._listing.busy:
                return Page(self._listing.token)
            due = [watch for watch in due if not watch.paged or watch.absent]
        return OneRun(min(due, key=lambda watch: watch.next_at)) if due else None

    def wait(self, now: float) -> float | None:
        """Seconds until a call can be due; None when nothing but an answer or a new run can change that."""
        if self._listing is not None and not self._listing.busy:
            return 0.0
        waiting = [watch.next_at for watch in self._watches if not watch.busy and self._may_poll(watch)]
        return max(min(waiting) - now, 0.0) if waiting else None

    def started(self, call: OneRun | Page) -> None:
        """Note that the call has been sent."""
        if isinstance(call, OneRun):
            call.watch.busy = True
        elif self._listing is not None:
            self._listing.busy = True

    def note_snapshot(self, watch: Watch, snapshot: RunSnapshot, now: float) -> None:
        """Take the answer to a poll of one run."""
        watch.busy = False
        watch.paged = snapshot.run_type in (PAGED_TYPE, "") and watch.absences < _MOST_ABSENCES
        watch.absent = False
        self._take(watch, snapshot, now)

    def failed(self, watch: Watch, error: Exception, now: float) -> None:
        """Note a poll of one run that brought nothing; long silence and "gone" end the watch, not this."""
        watch.busy = False
        if watch not in self._watches:
            return
        if watch.failures == 0:
            watch.failing_since = now
        watch.failures += 1
        silence = now - watch.failing_since
        if isinstance(error, RunGoneError) and watch.gone:
            self._end(watch, error)
        elif isinstance(error, EmulatorError | CallerTokenEnded):
            self._end(watch, error)  # the local workspace is gone for good with its runs, or the token is
        elif silence > self._settings.lost_after_seconds and watch.failures >= _LEAST_FAILURES:
            message = f"No answer about run {watch.run_id} for {silence:.0f} s, last: {explain(error)}."
            self._end(watch, RunLostError(f"{message} It may still be running; resume to watch it again."))
        else:
            watch.gone = watch.gone or isinstance(error, RunGoneError)
            least = _GONE_SECONDS if watch.gone else 0.0
            watch.next_at = now + self._backoff(watch.failures, error, least)

    def listed(self, snapshots: Sequence[RunSnapshot], next_token: str | None, now: float) -> None:
        """Take a page of active runs; after the last, watched runs that it did not show are polled singly."""
        listing = self._listing
        if listing is None:
            return
        found = {snapshot.run_id: snapshot for snapshot in snapshots if snapshot.outcome is None}
        for watch in self._watches:
            if watch.run_id in found and not watch.busy:
                watch.absences = 0
                self._take(watch, found[watch.run_id], now)
        listing.seen.update(found)
        listing.pages += 1
        listing.busy = False
        if next_token and listing.pages < listing.worth:
            listing.token = next_token
            return
        self._listing, self._last_pages, self._listed_at = None, listing.pages, now
        self._listing_failures = 0
        if next_token:  # given up: polls cost less than the pages so far, and there may be as many more
            self._last_pages *= 2
            return
        for watch in self._watches & listing.before:
            if watch.paged and watch.run_id not in listing.seen:
                watch.absent, watch.next_at = True, min(watch.next_at, now)
                watch.absences += 1

    def list_failed(self, error: Exception, now: float) -> None:
        """Note a page that brought nothing: runs are polled one by one for a while."""
        self._listing = None
        self._listing_failures += 1
        self._no_listing_before = now + self._backoff(self._listing_failures, error)

    def each(self, visit: Callable[[Watch], Exception | None]) -> None:
        """End the watches for which `visit` returns an error."""
        for watch in tuple(self._watches):
            error = visit(watch)
            if error is not None:
                self._end(watch, error)

    def _spacing(self, watch: Watch, age: float) -> float:
        return spacing(age, watch.usual, watch.min_interval, watch.head_start, self._settings)

    def _backoff(self, failures: int, error: Exception, least: float = 0.0) -> float:
        after = min(_retry_after(error), self._settings.retry_after_longest_seconds)
        return backoff(failures, max(least, after), longest=self._settings.retry_longest_seconds)

    def _may_poll(self, watch: Watch) -> bool:
        return self._listing is None or not watch.paged or watch.absent

    def _worth_a_list(self, due: Sequence[Watch], now: float) -> int:
        """Return how many polls a list of active runs would save, 0 where polling singly is cheaper."""
        if now < self._no_listing_before:
            return 0
        paged = sum(watch.paged and not watch.absent for watch in due)
        pages = self._last_pages if now - self._listed_at < _PAGES_KNOWN_SECONDS else 0
        return paged if paged > max(pages, math.ceil(len(self._watches) / PAGE_SIZE)) else 0

    def _take(self, watch: Watch, snapshot: RunSnapshot, now: float) -> None:
        if watch not in self._watches:
            return
        age = now - watch.since
        if watch.seen is None and snapshot.start_ms:  # by two clocks, so it only says how near the end may be
            watch.head_start = max(time.time() - snapshot.start_ms / 1000 - age, 0.0)
        watch.failures, watch.gone = 0, False
        watch.next_at = now + self._spacing(watch, age)
        seen = (snapshot.life_cycle, snapshot.state, snapshot.outcome)
        if seen != watch.seen:
            watch.seen = seen
            watch.inbox.put(snapshot)
        if snapshot.outcome is not None:
            self._watches.discard(watch)

    def _end(self, watch: Watch, error: Exception) -> None:
        self._watches.discard(watch)
        watch.inbox.put(error)


def _retry_after(error: Exception) -> float:
    return error.after if isinstance(error, TryLater) else 0.0
