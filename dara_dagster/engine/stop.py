"""Turns the termination of a Dagster run into one event that all its waiting ops can look at."""

from __future__ import annotations

import threading
import weakref

__all__ = ["stop_event"]

_lock = threading.Lock()
# Weak: an event lives as long as its executor or one of its ops holds it, so a long process keeps none.
_events: weakref.WeakValueDictionary[str, threading.Event] = weakref.WeakValueDictionary()


def stop_event(run_id: str) -> threading.Event:
    """Return the event that is set when the Dagster run `run_id` is being terminated.

    All callers of one process get the same event, whatever the order they ask in. `dara_executor` sets
    it; under Dagster's own executors it is never set (they raise `DagsterExecutionInterruptedError`
    in the op instead), so an op waits on it in either case.
    """
    with _lock:
        event = _events.get(run_id)
        if event is None:
            event = _events[run_id] = threading.Event()
        return event
