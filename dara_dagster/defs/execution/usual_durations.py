"""Turns the event logs of a job's last runs into how long each of its tasks usually takes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from dara_dagster.defs.execution.attempts import RESULT
from dara_dagster.executor.events import Event, Recorded, read

__all__ = ["History"]

# Enough to see what is usual; the events of three runs of 1,000 tasks are read in about half a second.
_RUNS = 3
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]


class History:
    """The durations of the last successful Databricks runs, step by step; read at the first question."""

    def __init__(self, instance: DagsterInstance, job_name: str) -> None:
        self.job_name = job_name
        self._instance = instance
        self._lock = threading.Lock()
        self._seconds: Mapping[str, Sequence[float]] | None = None

    def usual_seconds(self, step_key: str) -> Sequence[float]:
        """Return the seconds the step's Databricks run took, newest first, of those that succeeded."""
        with self._lock:
            if self._seconds is None:
                self._seconds = self._read()
        return self._seconds.get(step_key, ())

    def _read(self) -> Mapping[str, Sequence[float]]:
        wanted = RunsFilter(job_name=self.job_name, statuses=_ENDED)
        seconds: dict[str, list[float]] = defaultdict(list)
        for run in self._instance.get_runs(wanted, limit=_RUNS):
            for event in read(self._instance, run.run_id)[0]:
                if _is_success(event) and event.step_key:
                    seconds[event.step_key].append(float(event.data.get("total_seconds", 0.0)))
        return seconds


def _is_success(event: Event) -> TypeGuard[Recorded]:
    return isinstance(event, Recorded) and event.kind == RESULT and event.data.get("verdict") == "success"
