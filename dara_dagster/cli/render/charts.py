"""Draws the report of a run for a terminal: a Gantt chart, and below it where its time went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dara_dagster.cli.project import command
from dara_dagster.cli.render.lines import tell
from dara_dagster.cli.render.tables import STYLES, headline
from dara_dagster.history.durations import counted, duration
from dara_dagster.history.phases import Phase, PhaseWord
from dara_dagster.history.report import RunReport, TaskReport
from dara_dagster.history.report_text import facts

__all__ = ["print_report"]

_MOST_ROWS = 50
_MOST_NOTEBOOK_RUNS = 20
_LEAST_CHART, _SHORTEST_NAME, _LONGEST_NAME = 20, 12, 26
_MARKS: dict[PhaseWord, str] = {"own": "░", "queue": "▒", "setup": "▒", "execution": "█"}
_PLAIN_MARKS: dict[PhaseWord, str] = {"own": ".", "queue": "-", "setup": "-", "execution": "#"}


def print_report(report: RunReport) -> None:
    """Print the run at the width of the terminal: headline, chart, facts."""
    console = Console(highlight=False)
    tell(console, headline(report))
    if report.tasks:
        console.print(_gantt(report, console))
        _print_legend(report, console)
        _print_facts(list(facts(report)), console)
    if not report.critical_path:
        console.print("None of its tasks has begun.")
    failed = [task for task in report.tasks if task.state == "failed"]
    if failed or report.error:
        what = f"{counted(len(failed), 'task')} failed" if failed else "The run failed"
        text = f"{what}: `{command()} status {report.run_id[:8]}` says why."
        tell(console, text, style="red")


def _print_facts(lines: Sequence[tuple[str, str]], console: Console) -> None:
    """Name on the left, text on the right, wrapped below itself."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(f" {name}", Text(text))
    console.print(table)


@dataclass(frozen=True)
class _Line:
    """One line of the chart: a task, a notebook run below it, or what was left out."""

    name: str
    cells: tuple[str | Text, ...]
    start: float | None = None
    phases: tuple[Phase, ...] = ()
    style: str = ""
    name_style: str = ""


def _gantt(report: RunReport, console: Console) -> Table:
    """Return a bar for every task over the time of the run, in the width of the console."""
    shown = _rows_to_show(report.tasks)
    with_state = any(_is_remarkable(task) for task in shown)
    lines = [line for task in shown for line in _lines(task, with_state)]
    longest = max(len("Task"), *(cell_len(line.name) for line in lines))
    heads = _heads(with_state)
    columns = zip(heads, *(line.cells for line in lines), strict=True)
    taken = sum(max(len(cell) for cell in column) for column in columns)
    gaps = 3 * (2 + len(heads)) - 1  # what rich draws around and between that many columns
    free = console.width - taken - gaps
    names = max(min(longest, _LONGEST_NAME, free - _LEAST_CHART), _SHORTEST_NAME)
    room = max(free - names, _LEAST_CHART)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 1))
    plain = console.options.ascii_only
    table.add_column("  Task", no_wrap=True, overflow="crop" if plain else "ellipsis", max_width=names)
    table.add_column(_axis(report.seconds, room), no_wrap=True, width=room)
    for head in heads:
        table.add_column(head, no_wrap=True, justify="left" if head == "State" else "right")
    marks = _PLAIN_MARKS if plain else _MARKS
    for line in lines:
        bar = _bar(line, _length(report), room, marks)
        table.add_row(Text(line.name, style=line.name_style), bar, *line.cells)
    return table


def _lines(task: TaskReport, with_state: bool) -> Iterator[_Line]:
    """Yield the task, and below it the notebooks that it started, the first 20."""
    bold = "bold" if task.critical else ""
    name = f"{'*' if task.critical else ' '} {task.name}"
    yield _Line(name, _times(task, with_state), task.start, task.phases, _style(task), bold)
    shown = task.notebook_runs[:_MOST_NOTEBOOK_RUNS]
    for run in shown:
        state = (Text(run.state, style=STYLES.get(run.state, "dim")),) if with_state else ()
        style = "blue" if run.state == "success" else STYLES.get(run.state, "dim")
        cells = (*state, duration(run.seconds), "")
        yield _Line(f"  {'  ' * run.depth}{run.name}", cells, run.start, run.phases, style, "dim")
    more = len(task.notebook_runs) - len(shown) + task.more_notebook_runs
    if more:
        yield _Line(f"    and {more:,} more", ("",) * len(_heads(with_state)), name_style="dim")


def _is_remarkable(task: TaskReport) -> bool:
    """Return whether there is more to say of how it ended than that it succeeded."""
    states = {task.state, *(run.state for run in task.notebook_runs)}
    return states != {"success"} or task.taken_over_from is not None


def _rows_to_show(tasks: Sequence[TaskReport]) -> list[TaskReport]:
    """Return the tasks by their start; of more than 50 the ones that failed, the critical path and the
    longest."""
    shown = list(tasks)
    if len(shown) > _MOST_ROWS:
        shown.sort(key=lambda t: (t.state != "failed", not t.critical, -(t.seconds or 0.0)))
    kept = {task.step_key for task in shown[:_MOST_ROWS]}
    begun = (task for task in tasks if task.step_key in kept)
    return sorted(begun, key=lambda task: float("inf") if task.start is None else task.start)


def _print_legend(report: RunReport, console: Console) -> None:
    marks = _PLAIN_MARKS if console.options.ascii_only else _MARKS
    words = {marks["own"]: "dara", marks["queue"]: "queue, set-up", marks["execution"]: "execution"}
    legend = "   ".join(f"{mark} {word}" for mark, word in {"*": "critical path", **words}.items())
    console.print(f" {legend}", style="dim", markup=False)
    if len(report.tasks) > _MOST_ROWS:
        text = f" {_MOST_ROWS} of {len(report.tasks):,} tasks: failed, critical and longest; --html has all."
        console.print(text, style="dim", markup=False)
    console.print()


def _heads(with_state: bool) -> tuple[str, ...]:
    return ("State", "Took", "Slack") if with_state else ("Took", "Slack")


def _times(task: TaskReport, with_state: bool) -> tuple[str | Text, ...]:
    slack = "" if task.critical else duration(task.slack_seconds)
    word = "done before" if task.taken_over_from else task.word
    if task.attempt > 1:
        word = f"{word} ({task.attempt})"
    cells = (duration(task.seconds), slack)
    return (Text(word, style=STYLES.get(task.state, "dim")), *cells) if with_state else cells


def _length(report: RunReport) -> float:
    return max([report.seconds, *(task.end or 0.0 for task in report.tasks)])


def _axis(seconds: float, room: int) -> str:
    end = duration(seconds)
    return f"0 s{end:>{max(room - 3, len(end) + 1)}}"


def _bar(line: _Line, length: float, room: int, marks: dict[PhaseWord, str]) -> Text:
    """Return its stretches, each column with the mark of what took most of its time."""
    if line.start is None or not length:
        return Text("")
    column = length / room
    first = min(int(line.start / column), room - 1)
    cells = [" "] * first
    for at in range(first, room):
        word = _mostly(line.phases, at * column, (at + 1) * column)
        if word is None:
            break
        cells.append(marks[word])
    if len(cells) == first:  # shorter than can be drawn
        cells.append("|" if marks is _PLAIN_MARKS else "▏")
    return Text("".join(cells), style=line.style)


def _mostly(phases: Sequence[Phase], since: float, until: float) -> PhaseWord | None:
    """Return what took most of the task's time in that stretch of the run; None when it took no time
    there."""
    lapped = Counter[PhaseWord]()
    for phase in phases:
        milliseconds = round(1000 * (min(phase.end, until) - max(phase.start, since)))
        if milliseconds > 0:
            lapped[phase.word] += milliseconds
    return max(lapped, key=lambda word: lapped[word], default=None)


def _style(task: TaskReport) -> str:
    if task.state != "success":
        return STYLES.get(task.state, "dim")
    return "bold cyan" if task.critical else "blue"
