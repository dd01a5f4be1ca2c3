"""Notices that a run is to end when nobody could send its process a signal.

Dagster's UI reaches only runs that it launched itself. For another, of `dara run` or `dagster job execute`,
it marks the run as being cancelled and can do no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance, DagsterRunStatus

from dara_dagster.executor.interrupts import Interrupts

__all__ = ["watch_status"]

_LOOK_SECONDS = 2.0


@contextmanager
def watch_status(
    instance: DagsterInstance, run_id: str, interrupts: Interrupts, wake: Callable[[], None]
) -> Iterator[None]:
    """While open, a run that is marked as being cancelled counts as interrupted, and `wake` is called.

    It has to be marked at two looks in a row: who can send a signal does so right after marking it.
    """
    if instance.is_ephemeral:  # nobody else knows of its runs
        yield
        return
    over = threading.Event()

    def look() -> None:
        marked = False
        while not over.wait(_LOOK_SECONDS) and not interrupts.requested:
            before, marked = marked, _is_marked(instance, run_id)
            if before and marked and not interrupts.requested:
                interrupts.note()
                wake()

    watcher = threading.Thread(target=look, name="dara-termination", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _is_marked(instance: DagsterInstance, run_id: str) -> bool:
    try:
        run = instance.get_run_by_id(run_id)
    except Exception:  # the history is out of reach for now: the run itself needs it more, and says so
        return False
    return run is not None and run.status is DagsterRunStatus.CANCELING
