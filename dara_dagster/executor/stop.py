"""Turns the termination of a Dagster run into one event that all its waiting ops can see."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

__all__ = ["stop_event", "unless_listening"]

_lock = threading.Lock()
# Weak: an event lives as long as its executor or one of its ops holds it, so a long process keeps none.
_events: weakref.WeakValueDictionary[str, threading.Event] = weakref.WeakValueDictionary()
_listeners: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def stop_event(run_id: str) -> threading.Event:
    """Return the event that is set when the Dagster run `run_id` is being terminated.

    All callers of one process get the same event, whatever the order they ask in. `dara_executor` sets
    it; under Dagster's own executors it is never set (they raise `DagsterExecutionInterruptedError`
    in the op instead). An op asks for it in its own thread and before it does anything that has to be
    undone: from then on it is left to end by itself; an op that never asks has
    `DagsterExecutionInterruptedError` raised in its code.
    """
    with _lock:
        _listeners.add(threading.current_thread())
        event = _events.get(run_id)
        if event is None:
            event = _events[run_id] = threading.Event()
        return event


def unless_listening(thread: threading.Thread, action: Callable[[], None]) -> None:
    """Call `action` unless `thread` has asked for a stop event; it cannot ask for one meanwhile."""
    with _lock:
        if thread not in _listeners:
            action()
