"""Compares two runs, or two groups of runs by their medians: times task by task, totals, and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from dara_dagster.history.durations import counted
from dara_dagster.history.report import RunReport
from dara_dagster.history.result_diff import RunsOfTask, caveats, differences, listed
from dara_dagster.history.verdict import Verdict, verdicts

__all__ = ["Comparison", "Round", "Side", "TableComparison", "TaskComparison", "compare"]

_MEASURES = (
    "seconds",
    "without_setup_seconds",
    "task_seconds",
    "critical_seconds",
    "queue_seconds",
    "setup_seconds",
    "execution_seconds",
    "slot_seconds",
    "overhead_seconds",
    "average_parallelism",
    "greatest_parallelism",
)


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its runs, and their medians as in RunReport."""

    label: str
    runs: tuple[str, ...]
    jobs: tuple[str, ...]
    workspaces: tuple[str, ...]
    states: tuple[str, ...]
    seconds: float
    without_setup_seconds: float
    task_seconds: float
    critical_seconds: float
    queue_seconds: float
    setup_seconds: float
    execution_seconds: float
    slot_seconds: float
    overhead_seconds: float
    average_parallelism: float
    greatest_parallelism: float


@dataclass(frozen=True)
class TaskComparison:
    """One task on both sides: median seconds (None where it did not run), `difference` and `ratio` of the
    second to the first, and the states it ended in (several only when the runs of a side disagree; none when
    that side has no such task, which `only_in` tells by the label of the other).
    """

    name: str
    step_key: str
    first_seconds: float | None
    second_seconds: float | None
    difference: float | None
    ratio: float | None
    first_states: tuple[str, ...]
    second_states: tuple[str, ...]
    only_in: str | None = None

    @property
    def same_state(self) -> bool:
        """Return whether all runs that have the task saw it end in one state."""
        return len({*self.first_states, *self.second_states}) == 1


@dataclass(frozen=True)
class TableComparison:
    """A table that a task wrote: the rows of each run of both sides that wrote it, None where not known."""

    name: str
    task: str
    first_rows: tuple[int | None, ...]
    second_rows: tuple[int | None, ...]


@dataclass(frozen=True)
class Round:
    """One run of each side; `began` is the label of the side whose run was made first."""

    first_run: str
    second_run: str
    began: str
    first_seconds: float
    second_seconds: float


@dataclass(frozen=True)
class Comparison:
    """Two sides. `difference` and `ratio` are of the second's median time to the first's; `verdicts` tell
    which was faster, if that is known. `differences` are the points in which the results differ, `results`
    says it in a sentence, `notes` what a reader has to know of the runs; `warm_up` is the run left out.
    `agree`: no differences, and something that could have differed.
    """

    first: Side
    second: Side
    tasks: tuple[TaskComparison, ...]
    difference: float
    ratio: float | None
    same_states: bool
    agree: bool
    differences: tuple[str, ...]
    notes: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    rounds: tuple[Round, ...]
    results: str
    tables: tuple[TableComparison, ...] = ()
    warm_up: str | None = None

    @property
    def all_well(self) -> bool:
        """Return whether no run failed or was cancelled, and all tasks ended alike."""
        bad = {"failed", "cancelled"} & {*self.first.states, *self.second.states}
        return self.same_states and not bad

    def as_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def compare(
    first: Sequence[RunReport],
    second: Sequence[RunReport],
    labels: tuple[str, str] | None = None,
    warm_up: str | None = None,
    rows_unknown: str = "",
) -> Comparison:
    """Return the comparison of two groups of at least one run each, in the order of their rounds. Pure.

    Tasks are matched by their step keys. `labels` say what the sides are, by default which run each is;
    `warm_up` is the id of a run that went before and is not counted, `rows_unknown` says why the rows of
    tables are not known.
    """
    one, two = labels or (f"run {first[0].run_id[:8]}", f"run {second[0].run_id[:8]}")
    sides = _side(one, first), _side(two, second)
    tasks = RunsOfTask.match(first, second)
    rows = tuple(_row(task, one, two) for task in tasks)
    common = [task for task in tasks if task.first and task.second]
    found = tuple(point for task in common for point in differences(task, one, two))
    agree = bool(common) and not found
    ratio = _ratio(sides[0].seconds, sides[1].seconds)
    return Comparison(
        first=sides[0],
        second=sides[1],
        tasks=rows,
        difference=round(sides[1].seconds - sides[0].seconds, 3),
        ratio=ratio,
        same_states=all(row.same_state for row in rows if row.only_in is None),
        agree=agree,
        differences=found,
        notes=(*caveats(first, second), *_only_in(rows, one, two)),
        verdicts=verdicts(first, second, (one, two)),
        rounds=tuple(_round(a, b, one, two) for a, b in zip(first, second, strict=False)),
        results=_results(common, found, rows_unknown),
        tables=tuple(_tables(common)),
        warm_up=warm_up,
    )


def _round(first: RunReport, second: RunReport, one: str, two: str) -> Round:
    began = two if (second.start or 0.0) < (first.start or 0.0) else one
    return Round(first.run_id, second.run_id, began, first.seconds, second.seconds)


def _side(label: str, runs: Sequence[RunReport]) -> Side:
    medians: Mapping[str, float] = {
        name: round(median(getattr(run, name) for run in runs), 3) for name in _MEASURES
    }
    return Side(
        label,
        tuple(run.run_id for run in runs),
        tuple(dict.fromkeys(run.job for run in runs)),
        tuple(dict.fromkeys(run.workspace for run in runs)),
        tuple(run.state for run in runs),
        **medians,
    )


def _row(task: RunsOfTask, one: str, two: str) -> TaskComparison:
    took = [[each.seconds for each in side if each.seconds is not None] for side in (task.first, task.second)]
    first, second = (round(median(times), 3) if times else None for times in took)
    both = first is not None and second is not None
    return TaskComparison(
        task.name,
        task.step_key,
        first,
        second,
        round(second - first, 3) if first is not None and second is not None else None,
        _ratio(first or 0.0, second or 0.0) if both else None,
        tuple(dict.fromkeys(each.word for each in task.first)),
        tuple(dict.fromkeys(each.word for each in task.second)),
        one if not task.second else two if not task.first else None,
    )


def _ratio(first: float, second: float) -> float | None:
    return round(second / first, 2) if first else None


def _tables(common: Sequence[RunsOfTask]) -> Iterator[TableComparison]:
    """Yield the tables of each task, with the rows of one run after another."""
    for task in common:
        for name in sorted({table.name for table in task.tables}):
            first, second = (
                tuple(table.rows for each in side for table in each.tables if table.name == name)
                for side in (task.first, task.second)
            )
            yield TableComparison(name, task.name, first, second)


def _results(common: Sequence[RunsOfTask], found: Sequence[str], rows_unknown: str) -> str:
    """Return whether the results agree, and by what that was decided."""
    if not common:
        return "No task is in both, so there are no results to compare."
    if found:
        return f"The results differ in {counted(len(found), 'point')}."
    words = {each.word for task in common for each in (*task.first, *task.second)}
    ended = "succeeded in all runs" if words == {"success"} else "ended in the same state"
    values = sum(task.has_exit_value for task in common)
    tables = {table.name for task in common for table in task.tables}
    known = all(table.rows is not None for task in common for table in task.tables)
    parts = [f"{counted(len(common), 'task')} {ended}"]
    parts.append(f"{counted(values, 'exit value')} the same" if values else "no exit values to compare")
    if tables:
        reason = f": {rows_unknown}" if rows_unknown else ""
        rows = "as many rows each" if known else f"not all of their rows are known{reason}"
        parts.append(f"the same {counted(len(tables), 'table')} written ({rows})")
    return f"The results agree: {', '.join(parts)}."


def _only_in(rows: Sequence[TaskComparison], *labels: str) -> list[str]:
    found = {label: [row.name for row in rows if row.only_in == label] for label in labels}
    return [f"Only in {label}: {listed(names)}." for label, names in found.items() if names]
