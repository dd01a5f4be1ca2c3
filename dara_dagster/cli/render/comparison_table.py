"""Prints the comparison of runs: a line for each task, then the totals, then what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import fill

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from dara_dagster.cli.render.lines import tell
from dara_dagster.history.comparison import Comparison, TaskComparison
from dara_dagster.history.durations import duration
from dara_dagster.history.report_text import signed, totals

__all__ = ["print_comparison"]

_MOST_ROWS = 50
_MOST_POINTS = 20
_LABEL_WIDTH = 12


def print_comparison(found: Comparison) -> None:
    """Print the comparison at the width of the terminal."""
    console = Console(highlight=False)
    shown = _rows_to_show(found.tasks)
    console.print(_table(found, shown, console.width))
    if len(shown) < len(found.tasks):
        text = f" {len(shown)} of {len(found.tasks):,} tasks: other states, then the greatest differences."
        console.print(text, style="dim")
    for note in found.notes:
        console.print(note, markup=False, style="yellow")
    if len(found.rounds) > 1:
        console.print(_rounds(found), markup=False, style="dim")
    for verdict in found.verdicts:
        console.print(verdict.text, markup=False)
    console.print(found.results, markup=False, style="green" if found.agree else "red")
    for point in found.differences[:_MOST_POINTS]:
        tell(console, f"  {point}")
    if len(found.differences) > _MOST_POINTS:
        console.print(f"  and {len(found.differences) - _MOST_POINTS:,} more; --json has all of them")
    for side in (found.first, found.second):
        runs = ", ".join(run[:8] for run in side.runs)
        if runs not in side.label:
            console.print(f"Run {side.label}: {runs}", markup=False, style="dim")
    if found.warm_up is not None:
        text = f"Run to warm up, not counted: {found.warm_up[:8]}"
        console.print(text, markup=False, style="dim")


def _rounds(found: Comparison) -> str:
    """Return the times of all rounds: `Rounds: parallel 3.6 s, 3.7 s; sequential 4.6 s, 4.5 s`."""
    first = ", ".join(duration(each.first_seconds) for each in found.rounds)
    second = ", ".join(duration(each.second_seconds) for each in found.rounds)
    return f"Rounds: {found.first.label} {first}; {found.second.label} {second}."


def _rows_to_show(tasks: Sequence[TaskComparison]) -> list[TaskComparison]:
    """Return the rows in order; of more than 50 those that ended differently, then those that differ most in
    time."""
    if len(tasks) <= _MOST_ROWS:
        return list(tasks)
    ranked = sorted(tasks, key=lambda t: (t.same_state and t.only_in is None, -abs(t.difference or 0.0)))
    kept = {task.step_key for task in ranked[:_MOST_ROWS]}
    return [task for task in tasks if task.step_key in kept]


def _table(found: Comparison, shown: Sequence[TaskComparison], width: int) -> Table:
    with_state = any({*task.first_states, *task.second_states} != {"success"} for task in shown)
    rows = [_row(task, with_state) for task in shown]
    sums = list(totals(found.first, found.second))
    labels = (fill(side.label, _LABEL_WIDTH) for side in (found.first, found.second))
    heads = ("", *labels, "Difference", "Ratio", *(["State"] if with_state else []))
    columns = zip_longest(heads, *rows, *sums, fillvalue="")
    widths = [max(len(line) for cell in column for line in str(cell).split("\n")) for column in columns]
    room = width - sum(widths[1:]) - (3 * len(heads) - 1)  # what rich draws around and between the columns
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis", max_width=max(room, 12))
    for head in heads[1:]:
        justify: JustifyMethod = "left" if head == "State" else "right"
        table.add_column(Text(head), no_wrap=True, justify=justify)
    for row in (*rows, ()):
        table.add_row(*row)
    for row in sums:
        table.add_row(*row)
    return table


def _row(task: TaskComparison, with_state: bool) -> tuple[Text | str, ...]:
    style = "" if task.same_state else "red"
    ratio = "" if task.ratio is None else f"{task.ratio:.2f}"
    times = (duration(task.first_seconds), duration(task.second_seconds), signed(task.difference), ratio)
    state = (Text(_state(task), style=style),) if with_state else ()
    return (Text(task.name, style=style), *times, *state)


def _state(task: TaskComparison) -> str:
    """Return the state the task ended in; what differs stands below the table."""
    states = {*task.first_states, *task.second_states}
    return "one only" if task.only_in else states.pop() if len(states) == 1 else "differs"
