"""Finds in what two groups of runs differ besides their times: states, results, and what they ran on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dara_dagster.history.durations import counted
from dara_dagster.history.materializations import Table
from dara_dagster.history.report import RunReport, TaskReport

__all__ = ["RunsOfTask", "caveats", "differences", "listed"]

_LONGEST_VALUE = 60
_MOST_NAMES = 8


@dataclass(frozen=True)
class RunsOfTask:
    """One task in all runs of both sides that have it."""

    step_key: str
    first: tuple[TaskReport, ...]
    second: tuple[TaskReport, ...]

    @staticmethod
    def match(first: Sequence[RunReport], second: Sequence[RunReport]) -> list[RunsOfTask]:
        """Return the tasks of all runs by step key, in the order of the first side's run, then of the
        others."""
        sides = [[{task.step_key: task for task in run.tasks} for run in side] for side in (first, second)]
        keys = dict.fromkeys(key for side in sides for tasks in side for key in tasks)
        return [RunsOfTask(key, *(tuple(t[key] for t in side if key in t) for side in sides)) for key in keys]

    @property
    def name(self) -> str:
        """Return what to call the task."""
        return (*self.first, *self.second)[0].name

    @property
    def has_exit_value(self) -> bool:
        """Return whether any run of both sides left one."""
        return all(any(task.exit_value is not None for task in side) for side in (self.first, self.second))

    @property
    def tables(self) -> set[Table]:
        """Return the tables it wrote, in any run."""
        return {table for task in (*self.first, *self.second) for table in task.tables}


def differences(task: RunsOfTask, one: str, two: str) -> Iterator[str]:
    """Yield in what the task's results differ between the sides labelled `one` and `two`, a line each.

    What it left is compared where it succeeded in all runs; what was taken over from an earlier run has
    recorded its tables there.
    """
    sides = (one, task.first), (two, task.second)
    if len({each.word for _, side in sides for each in side}) > 1:
        words = (f"{' or '.join(dict.fromkeys(t.word for t in side))} ({label})" for label, side in sides)
        yield f"{task.name}: {', '.join(words)}"
        return
    if task.first[0].state != "success":
        return
    if len({each.exit_value for _, side in sides for each in side}) > 1:
        values = (f"{_values(side)} ({label})" for label, side in sides)
        yield f"{task.name}: exit value {', '.join(values)}"
    yield from _table_differences(task, sides)


def _table_differences(
    task: RunsOfTask, sides: tuple[tuple[str, tuple[TaskReport, ...]], ...]
) -> Iterator[str]:
    for name in sorted({table.name for table in task.tables}):
        known = all(table.rows is not None for table in task.tables if table.name == name)
        found = {label: _rows(side, name, known) for label, side in sides}
        if len(set.union(*found.values())) > 1:
            words = (f"{' or '.join(sorted(rows)) or 'not known'} ({label})" for label, rows in found.items())
            yield f"{task.name}: {name} {', '.join(words)}"


def _rows(side: Sequence[TaskReport], table: str, known: bool) -> set[str]:
    """Return what is known of a table in the runs of a side, in words; `known`: its rows are, in all runs."""
    own = [task for task in side if task.taken_over_from is None]
    found = [next((each for each in task.tables if each.name == table), None) for task in own]
    return {
        "not written" if each is None else counted(each.rows or 0, "row") if known else "written"
        for each in found
    }


def _values(side: Sequence[TaskReport]) -> str:
    values = dict.fromkeys(task.exit_value for task in side)
    return " or ".join("none" if value is None else repr(_cut(value)) for value in values)


def caveats(first: Sequence[RunReport], second: Sequence[RunReport]) -> Iterator[str]:
    """Yield what keeps the runs from being alike, or complete, a sentence each."""
    runs = [*first, *second]
    workflows = dict.fromkeys(run.workflow or run.job for run in runs)
    if len(workflows) > 1:
        yield f"These are runs of different workflows: {listed(list(workflows))}."
    places = dict.fromkeys(place for run in runs if (place := _place(run)))
    if len(places) > 1:
        yield f"They ran on different workspaces, so data and times may differ: {listed(list(places))}."
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    unlike = [name for name in names if len({run.parameters.get(name) for run in runs}) > 1]
    if unlike:
        yield f"They had different parameters: {listed(unlike)}."
    for run in runs:
        again = [f"{task.name} ({task.attempt} attempts)" for task in run.tasks if task.attempt > 1]
        if again:
            yield f"Run {run.run_id[:8]} tried again: {listed(again)}."
        taken = [task for task in run.tasks if task.taken_over_from]
        if not run.over:
            yield f"Run {run.run_id[:8]} is {run.state}: its times are those so far."
        if taken:
            yield (
                f"Run {run.run_id[:8]} was resumed: {counted(len(taken), 'task')} had been done by an "
                "earlier run and count for the results, not for the times."
            )


def _place(run: RunReport) -> str:
    """Return the workspace: its kind, with the address for Databricks (the local one's changes from day to
    day)."""
    hosts = {urlsplit(task.url).netloc for task in run.tasks if task.url}
    known = run.workspace == "databricks" and len(hosts) == 1
    return f"databricks ({hosts.pop()})" if known else run.workspace


def listed(names: Sequence[str]) -> str:
    """Return the names with commas, at most eight of them."""
    more = len(names) - _MOST_NAMES
    shown = ", ".join(_cut(name) for name in names[:_MOST_NAMES])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
