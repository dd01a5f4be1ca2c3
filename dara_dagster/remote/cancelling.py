"""Stops runs and sees them stop: side by side, ahead of all other calls, again after each fault."""

from __future__ import annotations

import functools
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dara_dagster.errors import DaraError, RunGoneError
from dara_dagster.remote import runs
from dara_dagster.remote.client import Workspace
from dara_dagster.remote.runs import PAGE_SIZE, Look

if TYPE_CHECKING:
    from dara_dagster.remote.monitor import Monitor

_THREADS = 16
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 3.0


def cancel_and_wait(ws: Workspace, monitor: Monitor, run_ids: Sequence[int], timeout: float) -> list[Look]:
    """Cancel the runs and wait until they have ended; returns those still alive after `timeout` seconds.

    Never raises for what the service does: a run that could not be cancelled or seen counts as alive,
    one that is gone as stopped. A Look that nobody could get has empty words and the error as its message.
    """
    deadline = time.monotonic() + timeout
    alive = {run_id: _unseen(run_id, "not looked at yet") for run_id in run_ids}
    with ThreadPoolExecutor(min(_THREADS, max(len(alive), 1)), "dara-cancel") as pool:
        asked = pool.map(functools.partial(_cancel, ws, monitor, deadline), alive)
        alive = {run_id: alive[run_id] for run_id, is_gone in zip(alive, asked, strict=True) if not is_gone}
        wait = _FIRST_WAIT
        while alive:
            candidates = _ended_candidates(ws, monitor, alive.keys(), deadline)
            looks = pool.map(functools.partial(_look, ws, monitor, deadline), candidates)
            for run_id, seen in zip(candidates, looks, strict=True):
                if seen is None or seen.outcome is not None:
                    del alive[run_id]
                else:
                    alive[run_id] = seen
            if not alive or time.monotonic() + wait > deadline:
                break
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
    return list(alive.values())


def _cancel(ws: Workspace, monitor: Monitor, deadline: float, run_id: int) -> bool:
    """Ask for the stop; True when there is no such run any more."""
    patience = max(deadline - time.monotonic(), 0.0)
    try:
        monitor.call(lambda: runs.cancel(ws, run_id), urgent=True, patience=patience)
    except RunGoneError:
        return True
    except DaraError:
        return False  # it may end by itself; looking tells
    return False


def _look(ws: Workspace, monitor: Monitor, deadline: float, run_id: int) -> Look | None:
    """The run as it stands; None when it is gone."""
    patience = max(deadline - time.monotonic(), 0.0)
    try:
        return monitor.call(lambda: runs.look(ws, run_id), urgent=True, patience=patience)
    except RunGoneError:
        return None
    except DaraError as error:
        return _unseen(run_id, str(error))


def _ended_candidates(
    ws: Workspace, monitor: Monitor, run_ids: Collection[int], deadline: float
) -> list[int]:
    """Those worth a look of their own: of many runs, only the ones which the pages of active runs lack."""
    if len(run_ids) <= PAGE_SIZE:
        return list(run_ids)
    active: set[int] = set()
    token: str | None = ""
    patience = max(deadline - time.monotonic(), 0.0)
    while token is not None:
        page = functools.partial(runs.list_page, ws, token)
        try:
            looks, token = monitor.call(page, urgent=True, patience=patience)
        except DaraError:
            return list(run_ids)
        active.update(look.run_id for look in looks)
    return [run_id for run_id in run_ids if run_id not in active]


def _unseen(run_id: int, message: str) -> Look:
    return runs.read_look({"run_id": run_id, "state": {"state_message": message}})
