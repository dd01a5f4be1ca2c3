"""Turns a run in Dagster's storage into a report of its times: task by task, critical path, parallelism."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dagster import DagsterInstance

from dara_dagster.defs.resource_keys import PARAMETERS
from dara_dagster.history.child_runs import NotebookRunReport, place_notebook_runs
from dara_dagster.history.critical_path import CriticalPath, critical_path
from dara_dagster.history.execution_plan import PlannedStep
from dara_dagster.history.materializations import Table, done_earlier, tables_written
from dara_dagster.history.parallelism import Parallelism
from dara_dagster.history.phases import WORDS, Phase, phases
from dara_dagster.history.progress import RunState, TaskState, TaskStatus
from dara_dagster.history.status import RunReader, RunStatus, find_run

__all__ = ["Background", "RunReport", "TaskReport", "make_report", "read_report"]

WORKFLOW_TAG = "dara/workflow"


@dataclass(frozen=True)
class TaskReport:
    """One task: `start` and `end` are seconds after the run's start, None for a task that never began.

    `seconds` = queue, setup and execution on Databricks + `own_seconds` (what was done here: compute, upload,
    submission, noticing the end, waiting for a retry). `slack_seconds` is by how much it could have been
    longer without making the critical path longer. A task with `taken_over_from` was done by that earlier
    run and has no times in this one. `upstream` are the step keys of what it waited for. `notebook_runs` are
    those that its code started; `more_notebook_runs` counts what is left out. `databricks_start` and
    `databricks_end` are seconds since the epoch by the clock of Databricks.
    """

    name: str
    step_key: str
    state: TaskState
    word: str
    attempt: int = 0
    start: float | None = None
    end: float | None = None
    seconds: float | None = None
    queue_seconds: float = 0.0
    setup_seconds: float = 0.0
    execution_seconds: float = 0.0
    own_seconds: float = 0.0
    critical: bool = False
    slack_seconds: float | None = None
    upstream: tuple[str, ...] = ()
    exit_value: str | None = None
    databricks_run_id: int | None = None
    url: str | None = None
    error: str = ""
    tables: tuple[Table, ...] = ()
    taken_over_from: str | None = None
    phases: tuple[Phase, ...] = ()
    notebook_runs: tuple[NotebookRunReport, ...] = ()
    more_notebook_runs: int = 0
    databricks_start: float | None = None
    databricks_end: float | None = None


@dataclass(frozen=True)
class RunReport:
    """One run. Times are in seconds, `start` since the epoch.

    `task_seconds` is what its tasks took one by one, `speed_up` that over the time the run took,
    `average_parallelism` that over the time in which any task was running. `critical_path` holds step keys.
    `slot_seconds` is how long the critical path waited while as many tasks ran as ever did (it waited for
    a free slot), `overhead_seconds` how long it waited for nothing on Databricks.
    `without_setup_seconds` is what the run would have taken had no task waited in a queue or for set-up: the
    critical path is worked out again without them.
    """

    run_id: str
    job: str
    workflow: str
    workspace: str
    state: RunState
    over: bool
    start: float | None
    seconds: float
    without_setup_seconds: float
    parent_run_id: str | None
    parameters: Mapping[str, str]
    tasks: tuple[TaskReport, ...]
    critical_path: tuple[str, ...]
    critical_seconds: float
    task_seconds: float
    speed_up: float
    average_parallelism: float
    greatest_parallelism: int
    slot_seconds: float
    overhead_seconds: float
    queue_seconds: float
    setup_seconds: float
    execution_seconds: float
    abandoned: bool = False
    error: str = ""

    @property
    def path(self) -> tuple[TaskReport, ...]:
        """Return the tasks of the critical path in order."""
        by_key = {task.step_key: task for task in self.tasks}
        return tuple(by_key[key] for key in self.critical_path)

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Background:
    """What a report needs besides a run's status: `earlier` are the tasks (step key -> run id and task) that
    were done by the runs it was resumed from, `tables` (by step key) what its tasks wrote.
    """

    steps: Sequence[PlannedStep] = ()
    workflow: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, tuple[str, TaskStatus]] = field(default_factory=dict)
    tables: Mapping[str, tuple[Table, ...]] = field(default_factory=dict)


def read_report(instance: DagsterInstance, run_id: str) -> RunReport:
    """Return the report of the run `run_id` (its first characters are enough when they fit one run only) as
    of now.

    Raises RunError for a run that is not there.
    """
    now = time.time()
    found = find_run(instance, run_id)
    reader = RunReader(instance, found)
    status = reader.update(now)
    run = instance.get_run_by_id(found)
    assert run is not None
    background = Background(
        steps=reader.steps,
        workflow=run.tags.get(WORKFLOW_TAG, ""),
        parameters=_parameters(run.run_config),
        earlier=done_earlier(instance, run, {step.key for step in reader.steps if not step.chosen}),
        tables=tables_written(instance, found),
    )
    return make_report(status, background, now)


def _parameters(run_config: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the run's parameters; a run that is none of ours may have anything in their place."""
    given: Any = run_config
    for key in ("resources", PARAMETERS, "config", "values"):
        given = given.get(key) if isinstance(given, Mapping) else None
    return {name: str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}


def make_report(status: RunStatus, background: Background, now: float) -> RunReport:
    """Make the report of a run that is in this state at `now` (seconds since the epoch). Pure."""
    begun = status.start or min((task.start for task in status.tasks if task.start is not None), default=now)
    upstream = {step.key: step.upstream for step in background.steps}
    took = {task.step_key: task.seconds or 0.0 for task in status.tasks if task.start is not None}
    path = critical_path(took, upstream)
    critical = set(path.tasks)
    tasks = [
        replace(
            _timed(task, begun, now),
            critical=task.step_key in critical,
            slack_seconds=path.slack.get(task.step_key),
            tables=background.tables.get(task.step_key, ()),
        )
        for task in status.tasks
    ]
    tasks += [_taken_over(task, run_id) for run_id, task in background.earlier.values()]
    places = {step.key: place for place, step in enumerate(background.steps)}
    tasks.sort(key=lambda task: places.get(task.step_key, len(places)))
    names = Counter(task.name for task in tasks)
    named = [
        replace(
            task,
            name=task.name if names[task.name] == 1 else task.step_key,
            upstream=upstream.get(task.step_key, ()),
        )
        for task in tasks
    ]
    return _whole(status, background, named, path)


def _whole(
    status: RunStatus, background: Background, tasks: Sequence[TaskReport], path: CriticalPath
) -> RunReport:
    ran = [task for task in tasks if task.start is not None]
    seconds = status.seconds if status.seconds is not None else max((t.end or 0.0 for t in ran), default=0.0)
    total = sum(task.seconds or 0.0 for task in ran)
    by_key = {task.step_key: task for task in ran}
    critical = [by_key[key] for key in path.tasks]
    busy = Parallelism.of([(task.start or 0.0, task.end or 0.0) for task in ran])
    slots = busy.seconds_at_most_parallel(_gaps(critical))
    on_databricks = sum(t.queue_seconds + t.setup_seconds + t.execution_seconds for t in critical)
    return RunReport(
        run_id=status.run_id,
        job=status.job,
        workflow=background.workflow,
        workspace=status.workspace,
        state=status.state,
        over=status.over,
        start=status.start,
        seconds=round(seconds, 3),
        without_setup_seconds=round(max(seconds - _setup_on_path(tasks, path), 0.0), 3),
        parent_run_id=status.parent_run_id,
        parameters=background.parameters,
        tasks=tuple(tasks),
        critical_path=path.tasks,
        critical_seconds=path.seconds,
        task_seconds=round(total, 3),
        speed_up=round(total / seconds, 2) if seconds else 0.0,
        average_parallelism=round(busy.average, 2),
        greatest_parallelism=busy.greatest,
        slot_seconds=round(slots, 3),
        overhead_seconds=round(max(seconds - on_databricks - slots, 0.0), 3),
        queue_seconds=round(sum(task.queue_seconds for task in ran), 3),
        setup_seconds=round(sum(task.setup_seconds for task in ran), 3),
        execution_seconds=round(sum(task.execution_seconds for task in ran), 3),
        abandoned=status.abandoned,
        error=status.error,
    )


def _setup_on_path(tasks: Sequence[TaskReport], path: CriticalPath) -> float:
    """Return by how many seconds the critical path is shorter where no task waits in a queue or for
    set-up."""
    ready = {
        task.step_key: max((task.seconds or 0.0) - task.queue_seconds - task.setup_seconds, 0.0)
        for task in tasks
        if task.start is not None
    }
    upstream = {task.step_key: task.upstream for task in tasks}
    return max(path.seconds - critical_path(ready, upstream).seconds, 0.0)


def _timed(task: TaskStatus, begun: float, now: float) -> TaskReport:
    """Return the task's own status, with its times counted from the start of the run."""
    parts = phases(task.attempts, now if task.end is None else task.end)
    took = {word: round(sum(part.seconds for part in parts if part.word == word), 3) for word in WORDS}
    start = None if task.start is None else round(max(task.start - begun, 0.0), 3)
    return replace(
        _untimed(task),
        attempt=task.attempt,
        start=start,
        end=None if start is None else round(start + (task.seconds or 0.0), 3),
        seconds=task.seconds,
        queue_seconds=took["queue"],
        setup_seconds=took["setup"],
        execution_seconds=took["execution"],
        own_seconds=took["own"],
        error=task.error,
        phases=tuple(part.since(begun) for part in parts),
        notebook_runs=place_notebook_runs(task, begun, now),
        more_notebook_runs=task.more_notebook_runs,
    )


def _taken_over(task: TaskStatus, run_id: str) -> TaskReport:
    """Return a task that was done before this run: how it ended counts, not when."""
    return replace(_untimed(task), taken_over_from=run_id)


def _untimed(task: TaskStatus) -> TaskReport:
    return TaskReport(
        name=task.name,
        step_key=task.step_key,
        state=task.state,
        word=task.word,
        exit_value=task.exit_value,
        databricks_run_id=task.databricks_run_id,
        url=task.url,
        databricks_start=task.databricks_start,
        databricks_end=task.databricks_end,
    )


def _gaps(path: Sequence[TaskReport]) -> list[tuple[float, float]]:
    """Return the times when no task of the critical path ran, before the last of them ended."""
    ends = [0.0, *(task.end or 0.0 for task in path)]
    return [(end, task.start or 0.0) for end, task in zip(ends, path, strict=False)]
