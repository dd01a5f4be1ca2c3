"""Turns the status of runs into text for people: tables for 80 columns, then links and errors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dara_dagster.cli.project import command
from dara_dagster.cli.render.lines import tell
from dara_dagster.history.durations import duration
from dara_dagster.history.progress import TaskStatus
from dara_dagster.history.status import RunStatus, RunSummary

if TYPE_CHECKING:
    from dara_dagster.history.report import RunReport

__all__ = ["STYLES", "headline", "print_run", "print_runs", "run_table"]

STYLES = {
    "success": "green",
    "failed": "bold red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "retrying": "yellow",
    "running": "cyan",
    "starting": "cyan",
}
_ERROR_LENGTH, _ERROR_END = 2_000, 500
_TRACE_LINES = 30
_MOST_NOTEBOOK_RUNS = 20
_USER_WIDTH = 14
_HEADS = ("State", "Took", "Databricks run")
_GAPS = 12  # what stands before, between and behind four columns


def headline(run: RunSummary | RunReport) -> str:
    """Return one line about the run as a whole."""
    took = f" in {duration(run.seconds)}" if run.over and run.seconds is not None else ""
    where = f" on {run.workspace}" if run.workspace else ""
    state = f"{run.state}, its process has died" if run.abandoned else run.state
    user = run.user if isinstance(run, RunSummary) else ""
    by = f", started by {user}" if user else ""
    return f"{run.job}{where}: {state}{took}{by} (run {run.run_id})"


def run_table(run: RunStatus, rows: int | None = None, width: int = 80) -> Table:
    """Return the tasks of a run in `width` columns; with `rows`, the ones that matter now when there are
    more."""
    shown = run.tasks if rows is None or len(run.tasks) <= rows else _most_urgent(run.tasks, rows)
    cells = [(_state(task), Text(duration(task.seconds)), _databricks(task)) for task in shown]
    taken = sum(
        max([len(head), *map(len, column)])
        for head, column in zip(_HEADS, zip(*cells, strict=True), strict=False)
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    # Long names give way: the other columns hold what a person looks for.
    room = max(width - taken - _GAPS, 12)
    table.add_column("Task", overflow="ellipsis", no_wrap=True, max_width=room)
    for head in _HEADS:
        table.add_column(head, no_wrap=True, justify="right" if head == "Took" else "left")
    for task, row in zip(shown, cells, strict=True):
        table.add_row(Text(task.name), *row)
        for below in _notebook_rows(task) if rows is None else ():
            table.add_row(*below)
    if len(shown) < len(run.tasks):
        table.caption = _counts(run.tasks)
    return table


def _notebook_rows(task: TaskStatus) -> Iterator[tuple[Text, ...]]:
    """Yield the notebooks that the task's code started, the first 20, below it."""
    shown = task.notebook_runs[:_MOST_NOTEBOOK_RUNS]
    for run in shown:
        state = Text(run.state, style=STYLES.get(run.state, "dim"))
        place = Text(str(run.run_id), style=f"link {run.url}" if run.url else "")
        name = Text(f"{'  ' * run.depth}{run.name}", style="dim")
        yield name, state, Text(duration(run.seconds)), place
    more = len(task.notebook_runs) - len(shown) + task.more_notebook_runs
    if more:
        yield (Text(f"  and {more:,} more", style="dim"),)


def print_run(run: RunStatus, links: bool = True) -> None:
    """Print one run: its tasks, the pages of their Databricks runs (with `links`), and the errors."""
    console = Console(highlight=False)
    tell(console, headline(run))
    console.print(run_table(run, width=console.width))
    for task in run.tasks if links else ():
        if task.url:
            tell(console, f"{task.name}: {task.url}")
    for task in run.tasks:
        if task.verdict == "lost":
            tell(console, _possible_orphan(task), style="red")
    print_errors(run, console)


def print_errors(run: RunStatus, console: Console) -> None:
    """Print what a person should read about each failed task; tasks that failed alike share one entry."""
    alike: dict[tuple[str, str, str], list[TaskStatus]] = {}
    for task in run.tasks:
        # A task that is cancelled while the run is active is news; in a run that is cancelled it is not.
        if task.state == "failed" or (task.state == "cancelled" and run.state == "failed" and task.error):
            alike.setdefault((task.state, _without_run(task), task.trace), []).append(task)
    for (state, error, trace), tasks in alike.items():
        text = _without_page(tasks[0]) if len(tasks) == 1 else error
        tell(console, f"{_names(tasks)} {state}: {_clipped(text)}", style="red")
        if trace:
            lines = _without_message(trace, _clipped(text)).splitlines()[-_TRACE_LINES:]
            text = "\n".join(f"  {line[:_ERROR_LENGTH]}" for line in lines)
            tell(console, text, style="dim")
    if run.error:
        tell(console, f"The run failed: {_clipped(run.error)}", style="red")
    if run.abandoned:
        short = run.run_id[:8]
        text = f"`{command()} run --resume {short}` resumes it, `{command()} cancel {short}` ends it."
        tell(console, text, style="yellow")


def print_runs(runs: Sequence[RunSummary]) -> None:
    """Print the runs, one a line."""
    console = Console(highlight=False)
    if not runs:
        console.print("No runs yet. `dara run WORKFLOW` starts one.")
        return
    has_users = any(run.user for run in runs)
    room = console.width - 50 - (_USER_WIDTH if has_users else 0)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Run", no_wrap=True)
    table.add_column("Job", overflow="ellipsis", no_wrap=True, max_width=max(room, 12))
    table.add_column("State", no_wrap=True)
    table.add_column("Started", no_wrap=True)
    table.add_column("Took", justify="right", no_wrap=True)
    if has_users:
        table.add_column("User", overflow="ellipsis", no_wrap=True, max_width=_USER_WIDTH)
    for run in runs:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.start)) if run.start else ""
        state = Text("abandoned" if run.abandoned else run.state, style=STYLES.get(run.state, ""))
        user = [Text(run.user)] if has_users else []
        table.add_row(run.run_id[:8], Text(run.job), state, started, duration(run.seconds), *user)
    console.print(table)


def _possible_orphan(task: TaskStatus) -> str:
    """Return what may still run for a task that ended without its Databricks run being seen to end."""
    what = f"Databricks run {task.databricks_run_id}" if task.databricks_run_id else "a Databricks run"
    page = f", {task.url}," if task.url else ""
    return f"{task.name}: {what}{page} may still be active; `dara orphans --cancel` ends it"


def _without_message(trace: str, error: str) -> str:
    """Return the traceback without the lines at its end that the error has shown."""
    lines = trace.rstrip().splitlines()
    for number in range(1, len(lines)):
        if "\n".join(lines[number:]) in error:
            return "\n".join(lines[:number])
    return "\n".join(lines)


def _without_page(task: TaskStatus) -> str:
    """Return the error without the run's page, which stands above."""
    return "\n".join(line for line in task.error.splitlines() if not task.url or task.url not in line)


def _without_run(task: TaskStatus) -> str:
    """Return the error without what is of this run only, to be compared with that of another task."""
    error = _without_page(task)
    return error.replace(f" {task.databricks_run_id}", "") if task.databricks_run_id else error


def _names(tasks: Sequence[TaskStatus]) -> str:
    names = ", ".join(task.name for task in tasks[:3])
    return f"{names} and {len(tasks) - 3:,} more" if len(tasks) > 3 else names


def _clipped(error: str) -> str:
    """Return the error without its middle when it would fill the screen; the run's page has it whole."""
    if len(error) <= _ERROR_LENGTH:
        return error
    cut = len(error) - _ERROR_LENGTH
    return f"{error[: -_ERROR_END - cut]} [... {cut:,} characters ...] {error[-_ERROR_END:]}"


def _state(task: TaskStatus) -> Text:
    word = task.word
    if word != task.state:
        return Text(word, style="dim")
    return Text(word if task.attempt < 2 else f"{word} ({task.attempt})", style=STYLES.get(word, "dim"))


def _databricks(task: TaskStatus) -> Text:
    if task.databricks_run_id is None:
        return Text("")
    word = task.verdict or task.message.lower()
    text = Text(str(task.databricks_run_id), style=f"link {task.url}" if task.url else "")
    return text.append(f" {word}", style="dim") if word and word != task.state else text


def _most_urgent(tasks: Sequence[TaskStatus], rows: int) -> list[TaskStatus]:
    """Return what failed, then what runs, then what ended last."""
    order = {"failed": 0, "retrying": 1, "running": 2, "success": 3}
    ranked = sorted(tasks, key=lambda task: (order.get(task.state, 4), -(task.end or 0)))
    return ranked[: max(rows, 1)]


def _counts(tasks: Sequence[TaskStatus]) -> str:
    states = [task.state for task in tasks]
    return ", ".join(f"{states.count(state):,} {state}" for state in dict.fromkeys(states))
