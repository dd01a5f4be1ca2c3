"""Draws the tasks of a run over its time: a table with a bar of SVG in every row."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from dara_dagster.history.child_runs import NotebookRunReport
from dara_dagster.history.durations import duration
from dara_dagster.history.pages.html import element
from dara_dagster.history.report import RunReport, TaskReport

__all__ = ["bar", "gantt", "key", "legend", "length_of"]

# Steps between two marks of the time axis that people find easy to read, in seconds.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_MARKS = 9
_WORDS = {"own": "dara", "queue": "queue", "setup": "set-up", "execution": "execution"}


def length_of(report: RunReport) -> float:
    """Return the seconds a chart of the run has to cover."""
    return max([report.seconds, *(task.end or 0.0 for task in report.tasks)])


def gantt(report: RunReport, length: float) -> Element:
    """Return the chart of a run over `length` seconds, so that two charts can have one scale."""
    step = next((each for each in _STEPS if length / each <= _MOST_MARKS), length / _MOST_MARKS)
    tasks = sorted(report.tasks, key=lambda task: float("inf") if task.start is None else task.start)
    head = element(
        "tr",
        element("th", "Task"),
        element("th", element("svg", *_axis(length, step), height="16"), class_="chart"),
        *(element("th", text, class_="number") for text in ("Took", "Slack", "State")),
    )
    body = element("tbody", *(row for task in tasks for row in _rows(task, length)))
    share = 100 * step / length if length else 100.0
    chart = element("table", element("thead", head), body, class_="gantt", style=f"--step: {share:.4f}%")
    return element("div", chart, class_="wide")


def legend() -> Element:
    """Return what the colours mean."""
    keys = (
        ("own", "dara: compute, upload, submission, seeing the end"),
        ("wait", "queue and set-up"),
        ("run", "execution"),
        ("critical", "execution on the critical path"),
        ("bad", "failed or cancelled"),
    )
    return element("p", *(element("span", key(colour), text) for colour, text in keys), class_="faint legend")


def key(colour: str) -> Element:
    """Return a small square in one of the page's colours."""
    return element("span", class_="key", style=f"background: var(--{colour})")


def bar(start: float, end: float, length: float, **attributes: str) -> Element:
    """Return a rectangle from `start` to `end` of `length`; never too thin to be seen."""
    share = 100 / length if length else 0.0
    width = f"{max(end - start, 0.0) * share:.3f}%"
    style = f"width: max(1.5px, {width})"
    return element("rect", **attributes, x=f"{start * share:.3f}%", width=width, style=style)


def _axis(length: float, step: float) -> Iterator[Element]:
    at = 0.0
    while length and at <= length * 0.97:
        yield element("text", _mark(at), x=f"{100 * at / length:.3f}%", y="12", class_="tick")
        at += step


def _mark(seconds: float) -> str:
    if seconds < 60:
        return f"{round(seconds, 1):g} s"
    return duration(seconds).removesuffix(" 00 s").removesuffix(" 00 min")


def _rows(task: TaskReport, length: float) -> Iterator[Element]:
    """Yield the task, and below it the notebooks that it started."""
    yield _row(task, length)
    for run in task.notebook_runs:
        yield _notebook_row(run, length)
    if task.more_notebook_runs:
        more = f"and {task.more_notebook_runs:,} more notebook runs"
        yield element("tr", element("td", more, class_="name faint", colspan="5", style=_indent(1)))


def _notebook_row(run: NotebookRunReport, length: float) -> Element:
    bars = [bar(p.start, p.end, length, class_=p.word, height="8", y="3") for p in run.phases]
    if not bars:
        bars = [bar(run.start, run.end, length, class_="execution", height="8", y="3")]
    title = f"{run.name}: began after {duration(run.start)}, took {duration(run.seconds)} ({run.code})"
    bad = run.state in ("failed", "cancelled")
    return element(
        "tr",
        element("td", _page_link(run.name, run.url), class_="name", style=_indent(run.depth)),
        element("td", element("svg", element("title", title), *bars, height="14"), class_="chart"),
        element("td", duration(run.seconds), class_="number"),
        element("td"),
        element("td", run.state, class_="number bad" if bad else "number"),
        class_=f"{run.state} notebook",
    )


def _indent(depth: int) -> str:
    return f"padding-left: {1.2 * depth:.1f}rem"


def _row(task: TaskReport, length: float) -> Element:
    bars = [bar(p.start, p.end, length, class_=p.word, height="14") for p in task.phases]
    if task.start is not None and not bars:
        bars = [bar(task.start, task.start, length, class_="execution", height="14")]
    svg = element("svg", element("title", _tooltip(task)), *bars, height="14") if bars else None
    word = "done before" if task.taken_over_from else task.word
    if task.attempt > 1:
        word = f"{word} ({task.attempt})"
    return element(
        "tr",
        element("td", _page_link(task.name, task.url), class_="name"),
        element("td", svg, class_="chart"),
        element("td", duration(task.seconds), class_="number"),
        element("td", "" if task.critical else duration(task.slack_seconds), class_="number"),
        element("td", word, class_="number bad" if task.state in ("failed", "cancelled") else "number"),
        class_=f"{task.state} critical" if task.critical else task.state,
    )


def _page_link(name: str, url: str | None) -> str | Element:
    """Return the name as a link to the page of a Databricks run, where there is one."""
    if url is None or not url.startswith(("https://", "http://")):
        return name
    return element("a", name, href=url, rel="noreferrer")


def _tooltip(task: TaskReport) -> str:
    """Return the tooltip of the bar."""
    seconds = (task.own_seconds, task.queue_seconds, task.setup_seconds, task.execution_seconds)
    parts = ", ".join(f"{word} {duration(took)}" for word, took in zip(_WORDS.values(), seconds, strict=True))
    since = f"began after {duration(task.start)}, took {duration(task.seconds)}"
    return f"{task.name}: {since} ({parts})" + (f"\n{task.error}" if task.error else "")
