"""Ends the runs that this computer carries, when the server's end is theirs too, as in a container."""

from __future__ import annotations

import socket
import time

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from dara_dagster.errors import RunError
from dara_dagster.executor.process import carrier
from dara_dagster.history.cancel import request_end
from dara_dagster.history.status import read_status

__all__ = ["GOING", "end_runs"]

GOING = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
_LOOK_SECONDS = 0.1


def end_runs(instance: DagsterInstance, seconds: float) -> None:
    """Terminate every run of this computer, and wait until they have ended, `seconds` at most.

    A run cancels its Databricks runs first of all, and waits for their end after that: when the time is over,
    what is left has been asked to stop on Databricks. Runs that wait in the queue stay there.
    """
    deadline = time.monotonic() + seconds
    asked = []
    for run in instance.get_runs(RunsFilter(statuses=list(GOING))):
        if _is_here(run):
            asked.append(run.run_id)
            try:
                if run.status is not DagsterRunStatus.CANCELING:
                    request_end(instance, read_status(instance, run.run_id))
            except RunError:  # it has ended meanwhile, or nobody can be reached
                asked.remove(run.run_id)
    while asked and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        open_runs = RunsFilter(run_ids=asked, statuses=list(GOING))
        asked = [run.run_id for run in instance.get_runs(open_runs)]


def _is_here(run: DagsterRun) -> bool:
    """Return whether a process of this computer carries the run, as far as its tags tell."""
    owner = carrier(run)
    return owner is None or owner.host == socket.gethostname()
