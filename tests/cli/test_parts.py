"""The parts of the command that can be checked without a run: process marks, tables, homes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dara_dagster.cli.commands.run import chosen_job
from dara_dagster.cli.project import config_folder, home_folder
from dara_dagster.cli.render.live import PlainView
from dara_dagster.cli.render.tables import print_run, run_table
from dara_dagster.config import plan_from
from dara_dagster.errors import DaraError
from dara_dagster.executor.process import own_mark, owner_of
from dara_dagster.history.durations import duration
from dara_dagster.history.progress import TaskStatus
from dara_dagster.history.status import RunStatus
from tests.cli.conftest import Project


def test_a_mark_tells_this_process_from_another_with_its_number() -> None:
    host, pid, began = own_mark().rsplit(":", 2)

    assert owner_of(own_mark()).alive is True and int(pid) == os.getpid()
    assert owner_of(f"{host}:{pid}:{began}0").alive is False
    assert owner_of(f"elsewhere:{pid}:{began}").alive is None


def test_a_mark_of_a_dead_process_is_dead() -> None:
    code = "from dara_dagster.executor.process import own_mark; print(own_mark())"
    mark = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert owner_of(mark.strip()).alive is False


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (245.4, "4 min 05 s"),
        (7800, "2 h 10 min"),
        (7199.9, "2 h 00 min"),
    ],
)
def test_durations_read_like_text(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def run_of(*tasks: TaskStatus) -> RunStatus:
    return RunStatus("r" * 36, "job", "running", "emulator", 0.0, None, 1.0, None, tasks=tasks)


def drawn(run: RunStatus, rows: int | None = None, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(run_table(run, rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_fits_80_columns_with_long_names_and_markup() -> None:
    name = "[bold]a task with a name of " + 60 * "x"
    task = TaskStatus(name, "k", state="failed", attempt=3, start=0.0, seconds=4000.0, verdict="timed_out")
    lines = drawn(
        run_of(TaskStatus(**{**vars(task), "databricks_run_id": 987654321098765, "url": "http://h"}))
    )

    assert all(len(line) <= 80 for line in lines)
    row = next(line for line in lines if "[bold]" in line)
    assert "failed (3)" in row and "1 h 06 min" in row and "987654321098765 timed_out" in row


def test_a_long_run_shows_what_matters_and_counts_the_rest() -> None:
    tasks = [TaskStatus(f"t{n}", f"t{n}") for n in range(5000)]
    tasks[4321] = TaskStatus("broken", "broken", state="failed", attempt=1)
    tasks[77] = TaskStatus("going", "going", state="running", attempt=1)

    lines = drawn(run_of(*tasks), rows=5)

    assert "broken" in lines[3] and "going" in lines[4]
    assert any("4,998 waiting, 1 running, 1 failed" in line for line in lines)


def test_tasks_that_failed_alike_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Databricks run {0} failed (RUN_EXECUTION_ERROR): ValueError: no such day\nRun page: http://h/{0}"
    tasks = [
        TaskStatus(f"t{n}", f"t{n}", "failed", databricks_run_id=n, url=f"http://h/{n}", error=text.format(n))
        for n in range(10, 15)
    ]

    print_run(run_of(*tasks), links=False)

    out = capsys.readouterr().out
    assert "t10, t11, t12 and 2 more failed: Databricks run failed (RUN_EXECUTION_ERROR): ValueError" in out
    assert out.count("no such day") == 1


def test_the_message_of_a_failed_task_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    message = "ValueError: no such day:\n1066-10-32\nis not a date"
    trace = f'Traceback (most recent call last):\n  File "/a.py", line 3, in cell 1\n    day()\n{message}\n'
    failed = TaskStatus("a", "a", "failed", error=f"Databricks run 7 failed: {message}", trace=trace)
    renamed = TaskStatus("b", "b", "failed", error="Databricks run 8 failed", trace=trace)

    print_run(run_of(failed), links=False)
    once = capsys.readouterr().out
    print_run(run_of(renamed), links=False)

    assert once.count("no such day") == once.count("is not a date") == once.count("line 3, in cell 1") == 1
    assert "is not a date" in capsys.readouterr().out


def test_why_a_run_failed_before_its_tasks_began_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    run = replace(run_of(TaskStatus("a", "a", "not run")), state="failed", error="RuntimeError: no room")

    print_run(run)

    assert "The run failed: RuntimeError: no room\n" in capsys.readouterr().out


def test_a_task_that_run_if_left_out_is_not_called_failed() -> None:
    console = Console(file=io.StringIO(), width=80)
    left_out = TaskStatus("a", "a", "failed", 1, 0.0, 0.0, 0.0, verdict="upstream")
    excluded = TaskStatus("b", "b", "success", 1, 0.0, 0.0, 0.0, verdict="excluded")

    PlainView(console).show(run_of(left_out, excluded))

    assert isinstance(console.file, io.StringIO)
    lines = [line.partition(" ")[2] for line in console.file.getvalue().splitlines()]
    assert lines == ["a: upstream failed after 0.0 s", "b: excluded after 0.0 s"]


def test_a_workflow_may_be_named_as_its_sequential_job(project: Project) -> None:
    steps = [{"name": "wait", "uses": "wait_for_table", "settings": {"table": "main.a.b"}}]
    project.write("config/workflows/chain.json", {"name": "chain", "steps": steps})
    plan = plan_from(project.root / "config")

    assert chosen_job(plan, "daily_sequential", False) == chosen_job(plan, "daily", True)
    assert chosen_job(plan, "daily", True) == ("daily_sequential", False)
    assert chosen_job(plan, "chain", True) == ("chain", False)
    with pytest.raises(DaraError, match="There is no workflow 'dayly'"):
        chosen_job(plan, "dayly_sequential", False)


def test_the_history_is_beside_workspace_yaml(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    config = project.root / "config"

    assert home_folder(config) == project.root / ".dagster"
    project.write("deep/er/config/dependency.json", [])
    assert home_folder(project.root / "deep/er/config") == project.root / "deep/er/.dagster"
    project.write("workspace.yaml", "load_from: []\n")
    assert home_folder(project.root / "deep/er/config") == project.root / ".dagster"
    monkeypatch.setenv("DAGSTER_HOME", "relative")
    with pytest.raises(DaraError, match="absolute"):
        home_folder(config)
    monkeypatch.setenv("DAGSTER_HOME", "/some/where")
    assert home_folder(config) == Path("/some/where")


def test_a_config_folder_without_our_files_is_passed_over(project: Project) -> None:
    project.write("sub/config/other.txt", "not ours")

    assert config_folder(None, project.root / "sub" / "config") == project.root / "config"


def test_an_unwritable_history_is_reported_in_a_sentence(project: Project) -> None:
    project.write("a_file", "")
    project.environ["DAGSTER_HOME"] = str(project.root / "a_file" / "home")

    text = project.dara("status", code=1)

    assert "holds no Dagster history" in text and "DAGSTER_HOME" in text
