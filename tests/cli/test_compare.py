"""`dara compare` and `dara report` as a user calls them, on a real server with simulated tasks."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from dara_dagster.cli.render.charts import print_report
from dara_dagster.cli.render.comparison_table import print_comparison
from dara_dagster.history.comparison import compare
from dara_dagster.history.progress import TaskStatus
from tests.cli.conftest import Project
from tests.conftest import Emulator
from tests.history.reports.made_up import attempt, report, task
from tests.support.waiting import PATIENCE, until

Simulate = Callable[..., None]


def test_a_workflow_is_run_both_ways_and_compared(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=150, exit_value="7")

    page = connected.root / "page.html"
    text = connected.here("compare", "daily", "-p", "day=1", "--runs", "1", "--html", str(page))

    order = ["Run: parallel (warm-up, not counted)", "Run: parallel\n", "Run: sequential\n"]
    assert sorted(order, key=text.index) == order
    assert "The results agree: 3 tasks succeeded in all runs, 3 exit values the same." in text
    assert "Whole run" in text and "Without set-up" in text and "Most at once" in text
    assert "one run each is too few to name a winner" in " ".join(text.split())
    assert f"Written: {page}" in text
    assert "sequential" in page.read_text()
    runs = connected.json("status")
    assert [run["job"] for run in runs] == ["daily_sequential", "daily", "daily"]
    assert f"Run to warm up, not counted: {runs[2]['run_id'][:8]}" in text

    reports = [connected.json("report", run["run_id"]) for run in runs]

    assert [found["greatest_parallelism"] for found in reports] == [1, 2, 2]
    assert all(found["parameters"] == {"day": "1"} for found in reports)

    again = connected.json("compare", runs[1]["run_id"][:8], runs[0]["run_id"])

    assert (again["agree"], again["first"]["jobs"], again["second"]["jobs"]) == (
        True,
        ["daily"],
        ["daily_sequential"],
    )
    assert len(connected.json("status")) == 3


def test_by_default_three_rounds_are_made_in_alternating_order(
    connected: Project, simulate: Simulate
) -> None:
    simulate(duration_ms=20)

    found = connected.json("compare", "daily")

    jobs = [run["job"] for run in reversed(connected.json("status"))]
    one, two = "daily", "daily_sequential"
    assert jobs == [one, one, two, two, one, one, two]
    assert [each["began"] for each in found["rounds"]] == ["parallel", "sequential", "parallel"]
    assert len(found["first"]["runs"]) == len(found["second"]["runs"]) == 3
    assert [verdict["measure"] for verdict in found["verdicts"]] == ["whole run", "without set-up"]
    assert all(verdict["margin"] is not None for verdict in found["verdicts"])


def test_a_cold_start_is_left_out_of_the_rounds(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=20)
    simulate(duration_ms=20, pending_ms=2_000, count=1)

    found = connected.json("compare", "daily", "--runs", "1")

    warm_up = connected.json("report", found["warm_up"])
    assert warm_up["setup_seconds"] >= 2 and warm_up["run_id"] not in found["first"]["runs"]
    assert (
        warm_up["seconds"] - warm_up["without_setup_seconds"] >= 1.99
    )  # the figures are rounded to milliseconds
    assert found["first"]["setup_seconds"] < 2 and found["second"]["setup_seconds"] < 2


def test_without_a_warm_up_the_cold_side_is_not_called_slower(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=20)
    simulate(duration_ms=20, pending_ms=5_000, count=1)

    found = connected.json("compare", "daily", "--runs", "1", "--no-warm-up")

    whole, ready = found["verdicts"]
    assert found["warm_up"] is None and whole["first"] > whole["second"]
    assert whole["faster"] is None and ready["faster"] is None
    assert whole["first"] - ready["first"] >= 4.99


def test_a_task_that_fails_one_way_only_makes_exit_code_1(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=20)
    simulate("left", duration_ms=20, result="FAILED", count=1)

    text = connected.here("compare", "daily", "--runs", "1", "--no-warm-up", "--json", code=1)

    found = json.loads(text[text.index("{") :])
    assert found["differences"] == ["left: failed (parallel), success (sequential)"]
    assert (found["first"]["states"], found["second"]["states"]) == (["failed"], ["success"])
    text = connected.here("report", found["first"]["runs"][0][:8])
    assert "left" in text and "failed" in text
    assert f"status {found['first']['runs'][0][:8]}` says why." in text


def test_a_warm_up_that_fails_ends_it(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=20, result="FAILED")

    text = connected.here("compare", "daily", code=1)

    (run,) = connected.json("status")
    assert "The run to warm up has failed, so nothing is compared." in text
    assert f"status {run['run_id'][:8]}` says why; --no-warm-up" in text


def test_ctrl_c_ends_it_with_the_run_at_hand(
    connected: Project, simulate: Simulate, emulator: Emulator, workspace_token: str
) -> None:
    simulate(duration_ms=60_000)
    process = connected.start("compare", "daily")
    active = lambda: emulator.admin("GET", "stats", token=workspace_token)["active_runs"]  # noqa: E731
    until(lambda: process.poll() is not None or active(), "a Databricks run", pause=0.05)
    assert process.poll() is None, process.communicate()

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    (run,) = connected.json("status")
    assert process.returncode == 1 and run["state"] == "cancelled"
    assert err == f"Run {run['run_id']} was cancelled, so nothing is compared.\n"
    assert emulator.admin("GET", "stats", token=workspace_token)["active_runs"] == 0


def test_a_step_pipeline_has_nothing_to_compare(project: Project) -> None:
    steps = [{"name": "wait", "uses": "wait_for_table", "settings": {"table": "main.a.b"}}]
    project.write("config/workflows/chain.json", {"name": "chain", "steps": steps})

    assert "'chain' is a step pipeline" in project.here("compare", "chain", code=1)
    assert "There is no workflow 'dayly'" in project.here("compare", "dayly", code=1)


def test_what_cannot_be_compared_is_refused_before_anything_runs(project: Project) -> None:
    page = str(project.root / "no" / "page.html")
    (project.root / ".dagster" / "history").mkdir(parents=True)

    assert "no run 'aaa'" in project.here("compare", "aaa", "bbb", code=1)
    assert "or two runs that exist" in project.here("compare", "a", "b", "--runs", "2", code=2)
    assert "or two runs that exist" in project.here("compare", "a", "b", "c", code=2)
    assert "there is no folder" in project.here("compare", "daily", "--html", page, code=1)
    assert "No runs yet" in project.here("report", code=1)
    assert "no run 'aaa'" in project.here("report", "aaa", code=1)
    assert project.json("status") == []


def test_one_run_is_reported_and_not_compared_with_itself(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=20)
    run_id = connected.json("run", "daily")["run_id"]
    folder = connected.root / "folder"
    folder.mkdir()

    assert "are the same run" in connected.here("compare", run_id, run_id[:8], code=1)
    assert "* load" in connected.here("report")
    assert connected.here("report", "--html", str(folder / "p.html"), "--json").startswith("{")
    assert "is a directory" in connected.here("report", "--html", str(folder), code=2)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda: capsys.readouterr().out.splitlines()


def wide(lines: list[str]) -> list[str]:
    return [line for line in lines if cell_len(line) > 80]


def test_the_chart_fits_80_columns_and_is_to_scale(printed: Callable[[], list[str]]) -> None:
    halves = attempt(0, 5, 1, setup_seconds=1, execution_seconds=3)
    tasks = [
        task("[red]" + "long name " * 9, 0, 5, halves),
        task("日本語の" * 12, 5, 10, state="failed", attempt=3),
        task("empty", 10, 10),
        TaskStatus("never", "never", "not run"),
    ]

    print_report(report(*tasks, state="failed"))

    lines = printed()
    assert wide(lines[1:]) == []  # the headline is one line, whatever its job is called
    bars = ["".join(sign for sign in line if sign in "░▒█▏") for line in lines[4:8]]
    assert bars[1] == "█" * len(bars[1]) and bars[0] == "".join(sorted(bars[0], key="░▒█".index))
    assert abs(bars[0].count("█") - 3 * bars[0].count("▒")) <= 2
    assert abs(len(bars[0]) - len(bars[1])) <= 1 and bars[2] == "▏"
    assert any("failed (3)" in line for line in lines) and any("not run" in line for line in lines)
    assert "[red]long name" in lines[4]


def test_of_a_thousand_tasks_those_that_matter_are_shown(printed: Callable[[], list[str]]) -> None:
    tasks = [task(f"t{number}", number % 7, number % 7 + 1 + number / 1000) for number in range(1000)]
    tasks[500] = replace(tasks[500], state="failed")
    upstream = {"t999": ["t1"], "t1": ["t0"]}

    found = report(*tasks, upstream=upstream)
    print_report(found)
    shown = printed()
    print_comparison(compare([found], [replace(report(*tasks[:-1]), run_id="2" * 36)]))
    compared = printed()

    assert len(shown) < 75 and wide(shown[1:]) == [] and wide(compared) == []
    assert all(any(f" {name} " in line for line in shown) for name in ("t0", "t1", "t999", "t500"))
    assert any("50 of 1,000 tasks" in line for line in shown)
    assert any("50 of 1,000 tasks" in line for line in compared) and any("t999" in line for line in compared)


def test_a_comparison_fits_80_columns_with_states(printed: Callable[[], list[str]]) -> None:
    long = "a name that continues " * 5
    first = report(task(long, 0, 4000), task("b", 0, 1))
    second = report(task(long, 0, 4, state="cancelled"), task("b", 0, 1), state="cancelled")

    print_comparison(compare([first], [second], ("parallel", "sequential")))

    lines = printed()
    assert wide([line for line in lines if not line.startswith("  ")]) == []
    assert lines[3].endswith("differs ") and lines[4].endswith("success ")
    assert any("success (parallel), cancelled (sequential)" in line for line in lines)


def test_a_terminal_without_unicode_gets_plain_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)

    print_report(report(task("a", 0, 2), task("b", 2, 2)))

    out.seek(0)
    text = out.read()
    assert "####" in text and "|" in text and Console(file=out).encoding == "ascii"


def test_what_was_taken_over_is_marked(printed: Callable[[], list[str]]) -> None:
    earlier = {"load": ("e" * 36, task("load", 0, 1))}

    print_report(report(task("left", 0, 1), background={"earlier": earlier}))

    lines = printed()
    assert sum("done before" in line for line in lines) == 1
    assert any("1 task of the runs that this one was resumed from" in line for line in lines)
