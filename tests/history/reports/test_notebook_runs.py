"""Notebook runs are laid on the time of their task, by how long after its run they began."""

from __future__ import annotations

from dara_dagster.history.child_runs import NotebookRunReport
from dara_dagster.history.pages.report import report_page
from dara_dagster.workspace.runs.child_run import NotebookRun
from tests.history.reports.made_up import attempt, report, task


def child(name: str, after: float, seconds: float, setup: float = 0.0, **more: object) -> NotebookRun:
    parts = (after, seconds, setup, seconds - setup)
    return NotebookRun(name, 7, "success", "SUCCESS", *parts, **more)  # type: ignore[arg-type]


def placed(*runs: NotebookRun, submitted: float = 2, total: float = 8) -> tuple[NotebookRunReport, ...]:
    made = attempt(1, 11, submitted, execution_seconds=total)
    return report(task("a", 1, 11, made, notebook_runs=runs)).tasks[0].notebook_runs


def test_they_begin_after_the_submission_by_the_clock_of_databricks() -> None:
    first, second = placed(child("x", 1, 2, setup=0.5), child("y", 3, 4))

    assert (first.start, first.end, second.start, second.end) == (3, 5, 5, 9)
    assert [(p.word, p.start, p.end) for p in first.phases] == [("setup", 3, 3.5), ("execution", 3.5, 5)]
    assert [(p.word, p.start, p.end) for p in second.phases] == [("execution", 5, 9)]


def test_none_goes_beyond_its_task() -> None:
    (late,) = placed(child("x", 8, 20))

    assert (late.start, late.end, late.seconds) == (10, 11, 20)


def test_of_a_run_that_was_taken_over_the_earlier_part_is_cut_off() -> None:
    before, across, after = placed(
        child("before", 0, 5), child("across", 9, 6, setup=1), child("after", 16, 3), submitted=2, total=20
    )

    assert (before.start, before.end, before.phases) == (1, 1, ())
    assert (across.start, across.end) == (1, 6)
    assert [(p.word, p.start, p.end) for p in across.phases] == [("execution", 1, 6)]
    assert (after.start, after.end) == (7, 10)


def test_a_page_shows_them_escaped_with_links_and_what_is_left_out() -> None:
    odd = child("<b>", 1, 2, url="https://dbc.example/run/7", depth=2)
    made = task(
        "a", 1, 11, attempt(1, 11, 2, execution_seconds=8), notebook_runs=(odd,), more_notebook_runs=9
    )

    page = report_page(report(made))

    assert '<a href="https://dbc.example/run/7" rel="noreferrer">&lt;b&gt;</a>' in page
    assert "and 9 more notebook runs" in page and "padding-left: 2.4rem" in page
