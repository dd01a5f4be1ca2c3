"""Turns a report, or a comparison of runs, into a web page that can be kept and sent."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from dara_dagster.history.comparison import Comparison, TaskComparison
from dara_dagster.history.durations import duration
from dara_dagster.history.pages.gantt import bar, gantt, key, legend, length_of
from dara_dagster.history.pages.html import document, element
from dara_dagster.history.report import RunReport
from dara_dagster.history.report_text import facts, signed, totals

__all__ = ["comparison_page", "report_page"]


def report_page(report: RunReport) -> str:
    """Return the page of one run: its chart, and where its time went."""
    title = f"{report.job}: {report.state}"
    return document(
        title,
        element("h1", title, f" in {duration(report.seconds)}" if report.over else ""),
        element("p", _about(report), class_="faint"),
        element("p", report.error, class_="bad") if report.error else None,
        _facts(report),
        element("h2", "Tasks"),
        gantt(report, length_of(report)),
        legend(),
    )


def comparison_page(found: Comparison, first: RunReport, second: RunReport) -> str:
    """Return the page of a comparison; `first` and `second` are the runs to draw, one of each side."""
    length = max(length_of(first), length_of(second))
    jobs = ", ".join(dict.fromkeys((*found.first.jobs, *found.second.jobs)))
    return document(
        f"{jobs}: comparison",
        element("h1", f"{jobs}: {found.first.label} against {found.second.label}"),
        *(element("p", verdict.text, class_="lead") for verdict in found.verdicts),
        element("p", found.results, class_="lead" if found.agree else "lead bad"),
        element("ul", *(element("li", point) for point in found.differences)) if found.differences else None,
        *(element("p", note, class_="note") for note in found.notes),
        element("h2", "Times"),
        _comparison_table(found),
        *_rounds(found),
        *_tables(found),
        *_chart(found.first.label, first, length),
        *_chart(found.second.label, second, length),
        legend(),
    )


def _about(report: RunReport) -> str:
    parts = [f"Run {report.run_id}"]
    if report.workspace:
        parts.append(f"on {report.workspace}")
    if report.start is not None:
        parts.append(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.start)))
    return ", ".join(parts)


def _facts(report: RunReport) -> Element:
    rows = (element("tr", element("th", name), element("td", text)) for name, text in facts(report))
    return element("table", element("tbody", *rows), class_="facts")


def _chart(label: str, report: RunReport, length: float) -> Iterator[Element]:
    yield element("h2", f"{label[:1].upper()}{label[1:]}: {report.state} in {duration(report.seconds)}")
    yield element("p", _about(report), class_="faint")
    yield gantt(report, length)


def _comparison_table(found: Comparison) -> Element:
    longest = max((max(t.first_seconds or 0.0, t.second_seconds or 0.0) for t in found.tasks), default=0.0)
    rows = (_task_row(task, longest) for task in found.tasks)
    sums = (
        _row(name, *cells, *[""] * (6 - len(cells))) for name, *cells in totals(found.first, found.second)
    )
    heads = (
        element("th"),
        element("th", key("run"), found.first.label, class_="number"),
        element("th", key("critical"), found.second.label, class_="number"),
        *(element("th", text, class_="number") for text in ("Difference", "Ratio", "State")),
        element("th"),
    )
    head = element("thead", element("tr", *heads))
    times = element("table", head, element("tbody", *rows), element("tbody", *sums))
    return element("div", times, class_="wide")


def _rounds(found: Comparison) -> Iterator[Element]:
    """Yield the rounds one by one, where there were several."""
    if len(found.rounds) < 2:
        return
    heads = ("Round", found.first.label, found.second.label, "Difference", "First was")
    rows = (
        _row(
            str(number),
            duration(each.first_seconds),
            duration(each.second_seconds),
            signed(each.second_seconds - each.first_seconds),
            each.began,
        )
        for number, each in enumerate(found.rounds, 1)
    )
    yield element("h2", "Rounds")
    yield _table(heads, *rows)
    if found.warm_up is not None:
        yield element("p", f"Run to warm up, not counted: {found.warm_up}", class_="faint")


def _tables(found: Comparison) -> Iterator[Element]:
    """Yield the rows that were written, table by table."""
    if not found.tables:
        return
    heads = ("Table", "Task", f"Rows, {found.first.label}", f"Rows, {found.second.label}")
    rows = (
        _row(table.name, table.task, _rows(table.first_rows), _rows(table.second_rows))
        for table in found.tables
    )
    yield element("h2", "Tables")
    yield _table(heads, *rows)


def _table(heads: Sequence[str], *rows: Element) -> Element:
    first, *others = heads
    cells = (element("th", first), *(element("th", text, class_="number") for text in others))
    head = element("thead", element("tr", *cells))
    return element("div", element("table", head, element("tbody", *rows)), class_="wide")


def _rows(counts: Sequence[int | None]) -> str:
    """Return `11,864`, or `1 or 2` where the runs of a side differ."""
    words = dict.fromkeys("not known" if count is None else f"{count:,}" for count in counts)
    return " or ".join(words) or "not written"


def _row(name: str, *cells: str) -> Element:
    return element("tr", element("th", name), *(element("td", cell, class_="number") for cell in cells))


def _task_row(task: TaskComparison, longest: float) -> Element:
    states = dict.fromkeys([*task.first_states, *task.second_states])
    ratio = "" if task.ratio is None else f"{task.ratio:.2f}"
    numbers = (duration(task.first_seconds), duration(task.second_seconds), signed(task.difference), ratio)
    sides = ((task.first_seconds, "execution", "0"), (task.second_seconds, "second", "7"))
    bars = (bar(0.0, took, longest, class_=c, y=y, height="6") for took, c, y in sides if took is not None)
    return element(
        "tr",
        element("td", task.name, class_="name"),
        *(element("td", number, class_="number") for number in numbers),
        element("td", " / ".join(states), class_="number" if task.same_state else "number bad"),
        element("td", element("svg", *bars, height="14"), style="width: 22%"),
    )
