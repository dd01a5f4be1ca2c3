"""Says in words where the time of a run went, and how the totals of two sides compare."""

from __future__ import annotations

from collections.abc import Iterator

from dara_dagster.history.comparison import Side
from dara_dagster.history.durations import counted, duration
from dara_dagster.history.report import RunReport

__all__ = ["facts", "signed", "totals"]

_MOST_ON_PATH = 12
# Shorter times would be shown as 0.0 s.
_LEAST = 0.05


def facts(report: RunReport) -> Iterator[tuple[str, str]]:
    """Yield where the time of the run went, as (what, in words)."""
    if report.critical_path:
        yield "Critical path", f"{duration(report.critical_seconds)}: {_path(report)}"
        times = f"{duration(report.task_seconds)}, {report.speed_up:.2f} times as long as the run"
        yield "Sum of the tasks", times
        average = f"{report.average_parallelism:g} on the average"
        yield "Tasks at once", f"{report.greatest_parallelism} at most, {average}"
        own = sum(task.own_seconds for task in report.tasks)
        parts = {
            "queue": report.queue_seconds,
            "set-up": report.setup_seconds,
            "execution": report.execution_seconds,
            "dara": own,
        }
        yield "Of their time", ", ".join(f"{word} {duration(took)}" for word, took in parts.items())
        if report.slot_seconds >= _LEAST:
            yield "Waited for a slot", f"{duration(report.slot_seconds)} on the critical path"
        share = f" ({100 * report.overhead_seconds / report.seconds:.0f} %)" if report.seconds else ""
        yield "Orchestration", f"{duration(report.overhead_seconds)} of the run{share}"
    taken = [task for task in report.tasks if task.taken_over_from]
    if taken:
        yield "Done before", f"{counted(len(taken), 'task')} of the runs that this one was resumed from"


def totals(first: Side, second: Side) -> Iterator[tuple[str, ...]]:
    """Yield the measures of both sides as (what, first, second, difference, ratio); the last two may be
    missing."""
    for name, a, b in _measures(first, second):
        ratio = f"{b / a:.2f}" if a >= _LEAST else ""
        yield name, duration(a), duration(b), signed(b - a), ratio
    yield "Most at once", f"{first.greatest_parallelism:g}", f"{second.greatest_parallelism:g}"


def signed(seconds: float | None) -> str:
    """Return `+0.7 s` or `-2 min 05 s`; "" for None."""
    if seconds is None:
        return ""
    sign = "" if abs(seconds) < _LEAST else "+" if seconds > 0 else "-"
    return f"{sign}{duration(abs(seconds))}"


def _measures(first: Side, second: Side) -> Iterator[tuple[str, float, float]]:
    yield "Whole run", first.seconds, second.seconds
    yield "Without set-up", first.without_setup_seconds, second.without_setup_seconds
    yield "Sum of the tasks", first.task_seconds, second.task_seconds
    yield "Critical path", first.critical_seconds, second.critical_seconds
    waits = [side.queue_seconds + side.setup_seconds for side in (first, second)]
    yield "Queue and set-up", waits[0], waits[1]
    yield "Execution", first.execution_seconds, second.execution_seconds
    if max(first.slot_seconds, second.slot_seconds) >= _LEAST:
        yield "Waited for a slot", first.slot_seconds, second.slot_seconds
    yield "Orchestration", first.overhead_seconds, second.overhead_seconds


def _path(report: RunReport) -> str:
    steps = [f"{task.name} {duration(task.seconds)}" for task in report.path]
    if len(steps) > _MOST_ON_PATH:
        half = _MOST_ON_PATH // 2
        steps = [*steps[:half], f"({len(steps) - 2 * half:,} more)", *steps[-half:]]
    return ", ".join(steps)
