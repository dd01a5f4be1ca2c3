"""Stops runs and waits for their end: in parallel, ahead of all other calls, again after each fault."""

from __future__ import annotations

import functools
import itertools
import random
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

from dara_dagster.errors import DaraError, EmulatorError, RunGoneError
from dara_dagster.workspace.calls import TryLater
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.rate_limited import CallLimiter
from dara_dagster.workspace.runs import jobs_api
from dara_dagster.workspace.runs.jobs_api import PAGE_SIZE, RunSnapshot
from dara_dagster.workspace.watch.poll_queue import PAGED_TYPE

_THREADS = 32
_FIRST_WAIT = 0.1


def cancel_and_wait(
    ws: Workspace, run_ids: Sequence[int], timeout: float | None = None, *, limiter: CallLimiter | None = None
) -> list[RunSnapshot]:
    """Cancel the runs and wait until they have ended; returns those still alive.

    Runs have `timeout` seconds to end (`cancel_seconds` by default). But a service that takes no cancel,
    whatever it answers, may take none for hours, and somebody should know which runs still cost money:
    then they are sent again for `cancel_refused_seconds` only. Never raises for what the service does: a run
    that could not be seen counts as alive, one that is gone as stopped. The message of a
    snapshot says why its cancel was refused, if it was; one that nobody could get has an empty state and the
    error as its message. The calls go through `limiter`, by default the workspace's own.
    """
    limiter = limiter or ws.limiter
    timeout = ws.settings.cancel_seconds if timeout is None else timeout
    refused_timeout = min(timeout, ws.settings.cancel_refused_seconds)
    began = time.monotonic()
    alive = {run_id: _unseen(run_id, "not read yet") for run_id in run_ids}
    refused: Mapping[int, DaraError] = {}
    unasked: Collection[int] = list(alive)
    wait = _FIRST_WAIT
    with ThreadPoolExecutor(min(_THREADS, max(len(alive), 1)), "dara-cancel") as pool:
        while alive:
            refused = _cancel_all(pool, ws, limiter, unasked)
            alive = _get_snapshots(pool, ws, limiter, alive)
            unasked = refused.keys() & alive.keys()
            patience = timeout if len(unasked) < len(alive) else refused_timeout
            left = began + patience - time.monotonic()
            if not alive or left <= 0:
                break
            after = max(map(_retry_after, refused.values()), default=0.0)
            time.sleep(min(max(wait * random.uniform(0.8, 1.2), after), left))  # noqa: S311 - spreading
            wait = min(2 * wait, ws.settings.cancel_poll_longest_seconds)
    return [
        replace(snapshot, message=str(refused[run_id])) if run_id in unasked else snapshot
        for run_id, snapshot in alive.items()
    ]


def _cancel_all(
    pool: Executor, ws: Workspace, limiter: CallLimiter, run_ids: Collection[int]
) -> dict[int, DaraError]:
    """Ask for the stop of each; returns why those were refused that were."""
    answers = pool.map(functools.partial(_cancel, ws, limiter), run_ids)
    return {run_id: error for run_id, error in zip(run_ids, answers, strict=True) if error is not None}


def _cancel(ws: Workspace, limiter: CallLimiter, run_id: int) -> DaraError | None:
    try:
        limiter.call(
            lambda: jobs_api.cancel(ws, run_id), urgent=True, patience=ws.settings.cancel_try_seconds
        )
    except RunGoneError:
        return None
    except DaraError as error:
        return error
    return None


def _retry_after(refusal: DaraError) -> float:
    """Return the seconds that the service asked callers to wait."""
    cause = refusal.__cause__
    return cause.after if isinstance(cause, TryLater) else 0.0


def _get_snapshots(
    pool: Executor, ws: Workspace, limiter: CallLimiter, alive: Mapping[int, RunSnapshot]
) -> dict[int, RunSnapshot]:
    """Return those still alive, as they are now."""
    candidates = _ended_candidates(ws, limiter, alive.keys())
    snapshots = pool.map(functools.partial(_get_snapshot, ws, limiter), candidates)
    now = {**alive, **dict(zip(candidates, snapshots, strict=True))}
    return {
        run_id: snapshot
        for run_id, snapshot in now.items()
        if snapshot is not None and snapshot.outcome is None
    }


def _get_snapshot(ws: Workspace, limiter: CallLimiter, run_id: int) -> RunSnapshot | None:
    """Return the run as it is now; None when it is gone, by itself or with the local workspace."""
    try:
        return limiter.call(
            lambda: jobs_api.get_snapshot(ws, run_id), urgent=True, patience=ws.settings.cancel_try_seconds
        )
    except (RunGoneError, EmulatorError):
        return None
    except DaraError as error:
        return _unseen(run_id, str(error))


def _ended_candidates(ws: Workspace, limiter: CallLimiter, run_ids: Collection[int]) -> list[int]:
    """Return the runs to read one by one: of many, only the ones which the pages of active runs lack."""
    if len(run_ids) <= PAGE_SIZE:
        return list(run_ids)
    active: set[int] = set()
    call = functools.partial(limiter.call, urgent=True, patience=ws.settings.cancel_try_seconds)
    try:  # in a workspace with more pages than that a read of each is cheaper
        for page in itertools.islice(jobs_api.active_pages(ws, PAGED_TYPE, call), len(run_ids)):
            active.update(snapshot.run_id for snapshot in page if snapshot.outcome is None)
    except DaraError:
        return list(run_ids)
    return [run_id for run_id in run_ids if run_id not in active]


def _unseen(run_id: int, message: str) -> RunSnapshot:
    return jobs_api.read_snapshot({"run_id": run_id, "state": {"state_message": message}})
