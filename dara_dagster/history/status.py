"""Turns Dagster's run storage and event log into the status of a run, task by task; nothing else is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dagster import DagsterInstance, RunRecord, RunsFilter

from dara_dagster.errors import RunError
from dara_dagster.executor.events import read
from dara_dagster.executor.process import is_abandoned
from dara_dagster.executor.user import USER_TAG
from dara_dagster.history.execution_plan import planned_steps
from dara_dagster.history.progress import RunState, TaskStatus, Timeline, run_state

__all__ = ["RunReader", "RunStatus", "RunSummary", "find_run", "latest_runs", "read_status"]

WORKSPACE_TAG = "dara/workspace"
_OVER = ("success", "failed", "cancelled")


@dataclass(frozen=True)
class RunSummary:
    """One Dagster run. Times are seconds since the epoch; `seconds` runs on while the run does.

    `user` is who started it, where a proxy in front of the server names them. `abandoned` tells that nobody
    carries the run any longer, though it has not ended: its process died.
    """

    run_id: str
    job: str
    state: RunState
    workspace: str
    start: float | None
    end: float | None
    seconds: float | None
    parent_run_id: str | None
    user: str = ""
    abandoned: bool = False

    @property
    def over(self) -> bool:
        """Return whether the run has ended, well or not."""
        return self.state in _OVER

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values, for `--json` and the REST API."""
        return asdict(self)


@dataclass(frozen=True)
class RunStatus(RunSummary):
    """One Dagster run with its tasks, those above others first.

    `error` is why the run failed when that was no failure of its tasks, `result` what the steps of a step
    pipeline have left in the context so far, each value under its name.
    """

    tasks: tuple[TaskStatus, ...] = ()
    error: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def errors(self) -> Mapping[str, str]:
        """Name -> error line of each failed task."""
        return {task.name: task.error for task in self.tasks if task.state == "failed"}


class RunReader:
    """Follows one run: each `update` reads only what its event log has got since the last one.

    `steps` are those of the run's plan.
    """

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        """Raise RunError when the instance has no such run."""
        self._instance, self._run_id = instance, run_id
        self._cursor: str | None = None
        self.steps = planned_steps(instance, self._record().dagster_run)
        self._has_context = any(step.pipeline for step in self.steps)
        self._timeline = Timeline({step.key: step.name for step in self.steps if step.chosen})

    def update(self, now: float | None = None) -> RunStatus:
        """Return the run as it is at `now` (seconds since the epoch; default: the clock)."""
        now = time.time() if now is None else now
        # The record is read first: when it says the run is over, the events that follow are complete.
        record = self._record()
        events, self._cursor = read(self._instance, self._run_id, self._cursor, outputs=self._has_context)
        self._timeline.add(events)
        summary = _summary(record, now)
        timeline = self._timeline
        return RunStatus(
            **asdict(summary), tasks=timeline.tasks(now), error=timeline.error, result=timeline.result
        )

    def _record(self) -> RunRecord:
        record = self._instance.get_run_record_by_id(self._run_id)
        if record is None:
            raise _no_such_run(self._run_id)
        return record


def read_status(instance: DagsterInstance, run_id: str) -> RunStatus:
    """Return the run `run_id` (its first characters are enough when they fit one run only) as it is now.

    Raises RunError for a run that is not there.
    """
    return RunReader(instance, find_run(instance, run_id)).update()


def latest_runs(
    instance: DagsterInstance, limit: int = 20, *, before: str | None = None, workflow: str | None = None
) -> tuple[RunSummary, ...]:
    """Return the `limit` runs started last, the newest first; those before the run `before`, of that
    workflow."""
    now = time.time()
    wanted = RunsFilter(tags={"dara/workflow": workflow}) if workflow is not None else None
    records = instance.get_run_records(wanted, limit=limit, cursor=before)
    return tuple(_summary(record, now) for record in records)


def find_run(instance: DagsterInstance, text: str) -> str:
    """Return the full id of the run whose id is, or begins with, `text` (looked for among the last 10,000
    runs).

    Raises RunError when none fits, or more than one.
    """
    if instance.get_run_by_id(text) is not None:
        return text
    found = [run_id for run_id in instance.get_run_ids(limit=10_000) if text and run_id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(f"{len(found)} runs begin with {text!r}; give more of the id")
    raise _no_such_run(text)


def _no_such_run(text: str) -> RunError:
    return RunError(f"no run {text!r} in Dagster's history; `dara status` lists the latest runs")


def _summary(record: RunRecord, now: float) -> RunSummary:
    run, start, end = record.dagster_run, record.start_time, record.end_time
    seconds = None if start is None else round((now if end is None else end) - start, 3)
    return RunSummary(
        run_id=run.run_id,
        job=run.job_name,
        state=run_state(run.status.value),
        abandoned=not run.is_finished and is_abandoned(run),
        workspace=run.tags.get(WORKSPACE_TAG, ""),
        user=run.tags.get(USER_TAG, ""),
        start=start,
        end=end,
        seconds=seconds,
        parent_run_id=run.parent_run_id,
    )
