"""Two runs compared: matched tasks, medians, states, exit values, tables, and what is unlike about them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dara_dagster.history.comparison import Comparison, compare
from dara_dagster.history.materializations import Table
from dara_dagster.history.pages.report import comparison_page, report_page
from dara_dagster.history.report import RunReport, TaskReport, read_report
from dara_dagster.history.report_text import facts, totals
from tests.defs.conftest import Project
from tests.history.reports.made_up import report, task

MODES = ("parallel", "sequential")


def run(number: int, *took: float, **more: object) -> RunReport:
    """A run of the tasks a, b, ... in sequence, each of so many seconds."""
    tasks, at = [], 0.0
    for name, seconds in zip("abcdef", took, strict=False):
        tasks.append(task(name, at, at + seconds, exit_value=name))
        at += seconds
    return replace(report(*tasks), run_id=f"{number:08}-0000", **more)  # type: ignore[arg-type]


def changed(given: RunReport, name: str, **more: object) -> RunReport:
    tasks = [replace(each, **more) if each.name == name else each for each in given.tasks]  # type: ignore[arg-type]
    return replace(given, tasks=tuple(tasks))


def test_tasks_are_matched_and_the_times_compared() -> None:
    found = compare([run(1, 1, 4)], [run(2, 2, 4)])

    a, b = found.tasks
    assert (a.first_seconds, a.second_seconds, a.difference, a.ratio) == (1, 2, 1, 2)
    assert (b.difference, b.ratio, b.same_state) == (0, 1, True)
    assert (found.difference, found.ratio) == (1, 1.2)
    assert [(each.began, each.first_seconds) for each in found.rounds] == [("run 00000001", 5)]
    assert found.results == ("The results agree: 2 tasks succeeded in all runs, 2 exit values the same.")
    assert found.agree and found.all_well and not found.notes
    assert json.loads(json.dumps(found.as_json()))["first"]["seconds"] == 5
    rows = {name: cells for name, *cells in totals(found.first, found.second)}
    assert rows["Whole run"] == ["5.0 s", "6.0 s", "+1.0 s", "1.20"]


def test_of_several_runs_the_medians_are_compared() -> None:
    found = compare([run(1, 1), run(2, 9), run(3, 2)], [run(4, 4), run(5, 4), run(6, 90)], MODES)

    assert (found.first.seconds, found.second.seconds, found.ratio) == (2, 4, 2)
    assert (found.tasks[0].first_seconds, found.tasks[0].second_seconds) == (2, 4)
    assert found.first.runs == ("00000001-0000", "00000002-0000", "00000003-0000")


def test_a_time_of_nothing_has_no_ratio() -> None:
    assert compare([run(1, 0)], [run(2, 1)]).ratio is None


def differing(**more: object) -> Comparison:
    return compare([run(1, 1, 1)], [changed(run(2, 1, 1), "b", **more)], MODES)


def test_another_state_is_a_difference() -> None:
    found = differing(state="failed", word="failed", exit_value=None)

    assert found.differences == ("b: success (parallel), failed (sequential)",)
    assert found.results == "The results differ in 1 point."
    assert not found.same_states and not found.all_well and not found.agree


def test_another_exit_value_is_a_difference_but_no_failure() -> None:
    found = differing(exit_value="x" * 100)
    gone = differing(exit_value=None)

    assert found.differences == (f"b: exit value 'b' (parallel), {'x' * 60 + '...'!r} (sequential)",)
    assert gone.differences == ("b: exit value 'b' (parallel), none (sequential)",)
    assert found.all_well and not found.agree


def test_what_tables_were_written_and_with_how_many_rows_is_compared() -> None:
    def with_table(number: int, *tables: Table) -> list[RunReport]:
        return [changed(run(number, 1), "a", tables=tables)]

    same = compare(with_table(1, Table("m.s.t", 1200)), with_table(2, Table("m.s.t", 1200)))
    rows = compare(with_table(1, Table("m.s.t", 1200)), with_table(2, Table("m.s.t", 1)))
    gone = compare(with_table(1, Table("m.s.t")), with_table(2))

    assert "the same 1 table written (as many rows each)" in same.results
    assert rows.differences == ("a: m.s.t 1,200 rows (run 00000001), 1 row (run 00000002)",)
    assert gone.differences == ("a: m.s.t written (run 00000001), not written (run 00000002)",)


def test_a_task_that_runs_of_one_side_see_end_otherwise_is_named() -> None:
    flaky = changed(run(2, 1), "a", state="failed", word="failed")

    found = compare([run(1, 1), flaky], [run(3, 1), run(4, 1)], MODES)

    assert found.differences == ("a: success or failed (parallel), success (sequential)",)
    assert found.tasks[0].first_states == ("success", "failed")


def test_a_failed_run_is_not_well_though_both_end_alike() -> None:
    failed = replace(changed(run(2, 1), "a", state="failed", word="failed"), state="failed")

    both = compare([replace(failed, run_id="1" * 36)], [failed])

    assert both.same_states and not both.all_well


def test_what_is_not_alike_about_the_runs_is_reported() -> None:
    here = run(1, 1, 1, parameters={"day": "1", "same": "x"})
    there = run(
        2, 1, parameters={"day": "2", "same": "x"}, workspace="databricks", workflow="other", over=False
    )

    there = changed(there, "a", url="https://dbc.example/run/1", attempt=3)
    found = compare([here], [replace(there, state="running")])

    assert found.notes == (
        "These are runs of different workflows: flow, other.",
        "They ran on different workspaces, so data and times may differ: emulator, databricks (dbc.example).",
        "They had different parameters: day.",
        "Run 00000002 tried again: a (3 attempts).",
        "Run 00000002 is running: its times are those so far.",
        "Only in run 00000001: b.",
    )
    assert (found.tasks[1].only_in, found.tasks[1].second_seconds) == ("run 00000001", None)
    assert found.all_well and found.agree


def test_runs_without_a_task_in_common_agree_in_nothing() -> None:
    found = compare([run(1, 1)], [report(task("z", 0, 1))])

    assert found.results == "No task is in both, so there are no results to compare."
    assert not found.agree
    assert compare([report()], [report()]).tasks == ()


def test_a_resumed_run_counts_for_the_results_with_what_it_took_over(project: Project) -> None:
    project.simulate("*", exit_value="7")
    project.simulate("b", result="FAILED", count=1)
    project.workflow({"name": "a", "outputs": ["m.s.t"]}, {"name": "b", "dependent_on": ["a"]})
    failed = project.run()
    resumed = read_report(project.instance, project.resume(failed.run_id).run_id)
    again = read_report(project.instance, project.run("flow_sequential").run_id)

    found = compare([resumed], [again])

    assert found.agree and found.all_well
    assert found.results.startswith(
        "The results agree: 2 tasks succeeded in all runs, 2 exit values the same"
    )
    assert [note.split(":")[0] for note in found.notes] == [f"Run {resumed.run_id[:8]} was resumed"]
    assert found.tasks[0].name == "a" and found.tasks[0].first_seconds is None


HOSTILE = '<script>alert("x")</script> & "name" ' + "ünï" * 40 + "\x00\ud800"


@pytest.fixture
def hostile() -> RunReport:
    broken = task(HOSTILE, 0, 3, state="failed", error=HOSTILE, url="javascript:alert(1)")
    return replace(report(broken, task("a", 1, 1)), job=HOSTILE, error=HOSTILE, workspace="<b>")


def test_a_page_escapes_everything_and_asks_for_nothing(hostile: RunReport) -> None:
    pages = [report_page(hostile), comparison_page(compare([hostile], [run(1, 1)]), hostile, run(1, 1))]

    for page in pages:
        page.encode()
        assert page.count("<script") == 0 and "<b>" not in page and "javascript:" not in page
        assert "&lt;script&gt;alert(&quot;x" in page or '&lt;script&gt;alert("x' in page
        assert "http://" not in page and "https://" not in page and "@import" not in page
        assert "prefers-color-scheme: dark" in page and "<svg" in page


def test_a_page_links_to_the_databricks_runs() -> None:
    page = report_page(report(task("a", 0, 1, url="https://dbc.example/jobs/1/runs/2?o=3&s=4")))

    assert '<a href="https://dbc.example/jobs/1/runs/2?o=3&amp;s=4" rel="noreferrer">a</a>' in page


def test_a_page_of_a_run_that_has_not_begun_can_be_made() -> None:
    queued = report(start=None, end=None, seconds=None, state="queued")

    assert "queued" in report_page(queued)
    assert list(facts(queued)) == []


def test_facts_name_the_path_and_leave_the_middle_of_a_long_one_out() -> None:
    names = [f"t{number}" for number in range(100)]
    tasks = [task(name, at, at + 1) for at, name in enumerate(names)]
    edges = {name: [names[at]] for at, name in enumerate(names[1:])}

    reported = dict(facts(report(*tasks, upstream=edges)))

    assert reported["Critical path"].startswith("1 min 40 s: t0 1.0 s, t1 1.0 s,")
    assert "t5 1.0 s, (88 more), t94 1.0 s" in reported["Critical path"]
    assert reported["Sum of the tasks"] == "1 min 40 s, 1.00 times as long as the run"


def test_the_tasks_of_a_report_are_plain_values() -> None:
    (found,) = report(task("a", 0, 1)).tasks

    assert isinstance(found, TaskReport)
    assert (found.start, found.end, found.execution_seconds) == (0, 1, 1)
