"""Finds in Dagster's history the Databricks runs that a Dagster run started and never saw end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from dara_dagster.defs.execution.attempts import LOST, RESULT, SUBMITTED
from dara_dagster.executor.events import Event, Recorded, read
from dara_dagster.executor.process import is_abandoned

__all__ = ["ENDED", "Living", "find_orphans"]

ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
# The logs of 100 runs of 10 tasks are read in half a second.
_MOST_LOGS = 100
# How far the clocks of this computer and of Databricks may be apart.
_SLACK = timedelta(minutes=10)


class Living:
    """The active Dagster runs, as far as can be seen from here, each with all runs it re-executes.

    A re-execution watches Databricks runs that an earlier run of its family started.
    """

    def __init__(self, instance: DagsterInstance) -> None:
        going = RunsFilter(statuses=[status for status in DagsterRunStatus if status not in ENDED])
        runs = instance.get_runs(going)
        self.dead = [run for run in runs if is_abandoned(run)]
        self._roots = {_root(run) for run in runs if not is_abandoned(run)}

    def watches(self, run: DagsterRun) -> bool:
        """Return whether `run`, or a run that took over from it, still runs."""
        return _root(run) in self._roots


def find_orphans(
    instance: DagsterInstance, living: Living, began: Mapping[int, datetime], host: str
) -> dict[int, DagsterRun]:
    """Return the orphans among the Databricks runs `began` (id -> when) on `host`, with who started them.

    Left behind is a run that a Dagster run of this instance recorded as started and not as ended, and that
    no living one watches. Reads the event logs of runs that were active when one of them began, the
    newest first, at most 100.
    """
    found: dict[int, DagsterRun] = {}
    for run in _suspects(instance, living, began.values()):
        if len(found) == len(began):
            break
        for run_id in _open_runs(read(instance, run.run_id)[0], host) & began.keys():
            found.setdefault(run_id, run)
    return found


def _suspects(instance: DagsterInstance, living: Living, began: Collection[datetime]) -> Iterator[DagsterRun]:
    if not began:
        return
    ended = RunsFilter(
        statuses=list(ENDED), updated_after=min(began) - _SLACK, created_before=max(began) + _SLACK
    )
    runs = [*living.dead, *instance.get_runs(ended, limit=_MOST_LOGS)]
    yield from [run for run in runs if not living.watches(run)][:_MOST_LOGS]


def _open_runs(events: Iterable[Event], host: str) -> set[int]:
    """Return the Databricks runs on `host` that were started and not seen to end, one a step at most."""
    going: dict[str | None, int] = {}
    for event in events:
        if not isinstance(event, Recorded):
            continue
        if event.kind == SUBMITTED and str(event.data.get("url", "")).startswith(f"{host}/"):
            going[event.step_key] = int(event.data["databricks_run_id"])
        elif event.kind == RESULT and event.data.get("verdict") != LOST:
            going.pop(event.step_key, None)
    return set(going.values())


def _root(run: DagsterRun) -> str:
    return run.root_run_id or run.run_id
