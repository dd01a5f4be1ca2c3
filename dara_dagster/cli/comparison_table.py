"""Prints the comparison of runs: a line for each task, then the totals, then what it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dara_dagster.serve.comparison import Comparison, TaskComparison
from dara_dagster.serve.facts import signed, totals
from dara_dagster.serve.wording import duration

__all__ = ["print_comparison"]

_MOST_ROWS = 50
_MOST_POINTS = 20
_ROOM_OF_TIMES = 54  # of five columns, for all but the name


def print_comparison(found: Comparison) -> None:
    """The comparison at the width of the terminal."""
    console = Console(highlight=False)
    shown = _rows_to_show(found.tasks)
    console.print(_table(found, shown, console.width))
    if len(shown) < len(found.tasks):
        text = f" {len(shown)} of {len(found.tasks):,} tasks: other states, then the greatest differences."
        console.print(text, style="dim")
    for note in found.notes:
        console.print(note, markup=False, style="yellow")
    console.print(found.times, markup=False)
    console.print(found.results, markup=False, style="green" if found.agree else "red")
    for point in found.differences[:_MOST_POINTS]:
        console.print(f"  {point}", soft_wrap=True, markup=False)
    if len(found.differences) > _MOST_POINTS:
        console.print(f"  and {len(found.differences) - _MOST_POINTS:,} more; --json has all of them")
    for side in (found.first, found.second):
        runs = ", ".join(run[:8] for run in side.runs)
        if runs not in side.label:
            console.print(f"Run {side.label}: {runs}", markup=False, style="dim")


def _rows_to_show(tasks: Sequence[TaskComparison]) -> list[TaskComparison]:
    """In their order; of more than 50 those that ended otherwise, then those that differ most in time."""
    if len(tasks) <= _MOST_ROWS:
        return list(tasks)
    ranked = sorted(tasks, key=lambda t: (t.same_state and t.only_in is None, -abs(t.difference or 0.0)))
    kept = {task.step_key for task in ranked[:_MOST_ROWS]}
    return [task for task in tasks if task.step_key in kept]


def _table(found: Comparison, shown: Sequence[TaskComparison], width: int) -> Table:
    with_state = any({*task.first_states, *task.second_states} != {"success"} for task in shown)
    states = [_states(task) for task in shown]
    room = width - _ROOM_OF_TIMES - (max(map(len, states)) + 3 if with_state else 0)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=max(room, 12))
    for head in (found.first.label, found.second.label, "Difference", "Ratio"):
        table.add_column(Text(head), no_wrap=True, justify="right")
    if with_state:
        table.add_column("State", no_wrap=True)
    for task, state in zip(shown, states, strict=True):
        style = "" if task.same_state else "red"
        cells = (duration(task.first_seconds), duration(task.second_seconds))
        differs = (signed(task.difference), _ratio(task.ratio))
        last = (Text(state, style=style),) if with_state else ()
        table.add_row(Text(task.name, style=style), *cells, *differs, *last)
    table.add_section()
    for row in totals(found.first, found.second):
        table.add_row(*row)
    return table


def _states(task: TaskComparison) -> str:
    sides = [" or ".join(words) or "-" for words in (task.first_states, task.second_states)]
    return sides[0] if sides[0] == sides[1] else " / ".join(sides)


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
