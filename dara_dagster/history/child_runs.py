"""Places the notebook runs that a task started on the clock of the run, to be drawn below their task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dara_dagster.history.phases import Phase, databricks_start
from dara_dagster.history.progress import TaskStatus
from dara_dagster.workspace.runs.child_run import NotebookRun

__all__ = ["NotebookRunReport", "place_notebook_runs"]


@dataclass(frozen=True)
class NotebookRunReport:
    """A notebook run; `start` and `end` are seconds after the start of the Dagster run, within its task's."""

    name: str
    state: str
    code: str
    start: float
    end: float
    seconds: float
    depth: int
    databricks_run_id: int
    url: str
    phases: tuple[Phase, ...] = ()


def place_notebook_runs(task: TaskStatus, begun: float, now: float) -> tuple[NotebookRunReport, ...]:
    """Return the notebook runs of the task's last attempt; `begun` is the start of the run, both since the
    epoch.

    Databricks' clock is not ours: it tells how long after the task's run each began, and that is laid on
    the time at which the task's run began here. What was before the attempt, for an earlier run had made the
    task's run, is cut off.
    """
    if not task.notebook_runs or not task.attempts:
        return ()
    last = task.attempts[-1]
    end = now if last.end is None else last.end
    origin = databricks_start(last, end) - begun
    within = (last.start - begun, end - begun)
    return tuple(_placed(run, origin, *within) for run in task.notebook_runs)


def _placed(run: NotebookRun, origin: float, earliest: float, latest: float) -> NotebookRunReport:
    began = origin + run.after_seconds
    start, end = (min(max(at, earliest), latest) for at in (began, began + run.seconds))
    return NotebookRunReport(
        name=run.name,
        state=run.state,
        code=run.code,
        start=round(start, 3),
        end=round(end, 3),
        seconds=run.seconds,
        depth=run.depth,
        databricks_run_id=run.run_id,
        url=run.url,
        phases=tuple(_phases(start, began + run.setup_seconds, end)),
    )


def _phases(start: float, ready: float, end: float) -> Iterator[Phase]:
    """Set-up, then the rest, which counts as execution."""
    ready = min(max(ready, start), end)
    if ready > start:
        yield Phase("setup", round(start, 3), round(ready, 3))
    if end > ready:
        yield Phase("execution", round(ready, 3), round(end, 3))
