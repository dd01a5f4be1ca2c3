"""The watcher's threads: one that plans, a few that make the calls; all gone when there is no work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0


class WatchThreads:
    """Runs `plan` in a thread again and again, and the jobs it hands over in others.

    `plan` returns the seconds after which to run it again, or None: only when woken. `workers` threads at
    most do the jobs. All are daemons, so they never keep a process from ending, and they end when idle.
    """

    def __init__(
        self, plan: Callable[[], float | None], is_needed: Callable[[], object], workers: int
    ) -> None:
        self._plan = plan
        self._is_needed = is_needed
        self._most_workers = workers
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._planner: threading.Thread | None = None
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._workers = 0
        self._unfinished = 0

    def wake(self) -> None:
        """There may be something new to plan."""
        self._wake.set()

    def start(self) -> None:
        """Have the planning thread running: at first, and after it went idle."""
        with self._lock:
            if self._planner is None or not self._planner.is_alive():
                self._planner = threading.Thread(target=self._run, name="dara-watcher", daemon=True)
                self._planner.start()

    def hand_over(self, job: Callable[[], None]) -> None:
        """Have `job` done by a worker."""
        with self._lock:
            self._unfinished += 1
            if self._workers < min(self._unfinished, self._most_workers):
                self._workers += 1
                threading.Thread(target=self._work, name="dara-poll", daemon=True).start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            wait = self._plan()
            woken = self._wake.wait(_IDLE_SECONDS if wait is None else wait)
            self._wake.clear()
            with self._lock:
                if wait is None and not woken and not self._is_needed():
                    self._planner = None
                    return

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._unfinished < self._workers:
                        self._workers -= 1
                        return
                continue
            try:
                job()
            except Exception:
                logger.exception("A poll of Databricks runs failed in a way that nobody foresaw")
            with self._lock:
                self._unfinished -= 1
