"""The notebooks that a task's code starts are kept with the task, and shown wherever the task is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from dagster import DagsterEventType
from rich.console import Console

from dara_dagster.api.models import Task
from dara_dagster.cli.render.charts import print_report
from dara_dagster.cli.render.tables import print_run
from dara_dagster.history.pages.report import report_page
from dara_dagster.history.report import RunReport, read_report
from dara_dagster.history.status import RunStatus, read_status
from tests.defs.conftest import Project
from tests.support.waiting import until

OUTER_SECONDS = 600


@contextmanager
def starting(project: Project, *paths: str) -> Iterator[None]:
    """While open, the first task that is active in the workspace starts these notebooks, then all end."""
    client = project.emulator.client(project.token)
    stop = threading.Event()

    def start() -> None:
        def task_run() -> int | None:
            for run in client.jobs.list_runs(active_only=True, expand_tasks=True):
                if run.tasks and run.state and str(run.state.life_cycle_state).endswith("RUNNING"):
                    return run.tasks[0].run_id
            return None

        parent = until(lambda: stop.is_set() or task_run())
        for path in paths if not stop.is_set() else ():
            route = f"notebook-runs?parent_run_id={parent}"
            body = {"path": path, "arguments": {}}
            child = project.emulator.admin("POST", route, body, token=project.token)["run_id"]
            until(lambda: client.jobs.get_run(child).end_time)  # noqa: B023 (called at once)
        project.emulator.admin("POST", "clock", {"advance_ms": OUTER_SECONDS * 1000}, token=project.token)

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def orchestrated(project: Project, *paths: str, **rule: object) -> str:
    project.simulate(duration_ms=10, **rule)
    project.simulate("outer", duration_ms=OUTER_SECONDS * 1000, **rule)
    project.workflow({"name": "outer"})
    with starting(project, *paths):
        return project.run().run_id


def test_they_are_kept_with_the_task_and_read_without_the_workspace(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = orchestrated(project, "/Shared/left", "/Shared/right")
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")

    (task,) = read_status(project.instance, run_id).tasks
    (reported,) = read_report(project.instance, run_id).tasks

    assert [(run.name, run.state) for run in task.notebook_runs] == [
        ("left", "success"),
        ("right", "success"),
    ]
    assert task.more_notebook_runs == 0
    assert [run.name for run in Task.model_validate(task).notebook_runs] == ["left", "right"]
    for run in reported.notebook_runs:
        assert reported.start is not None and reported.end is not None
        assert reported.start <= run.start <= run.end <= reported.end
    logs = project.instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_OUTPUT).records
    (output,) = (record.event_log_entry.get_dagster_event().step_output_data for record in logs)
    shown = str(output.metadata["notebook_runs"].value)
    assert "| [left](http" in shown and shown.count("| success |") == 2


def test_a_task_that_fails_keeps_them_too(project: Project) -> None:
    run_id = orchestrated(project, "/Shared/left", result="FAILED")

    (task,) = read_status(project.instance, run_id).tasks

    assert (task.state, [run.state for run in task.notebook_runs]) == ("failed", ["failed"])


def test_not_to_know_them_fails_no_task(project: Project) -> None:
    fault = {"method": "GET", "path": "/api/2.2/jobs/runs/list*", "kind": "status", "status": 400}
    project.emulator.admin("POST", "faults", fault, token=project.token)
    project.simulate(duration_ms=20)
    project.workflow({"name": "outer"})

    run = project.run()

    assert run.success
    (task,) = read_status(project.instance, run.run_id).tasks
    assert task.notebook_runs == ()
    messages = [entry.user_message for entry in project.instance.all_logs(run.run_id)]
    assert any("The notebooks that outer started are not known" in message for message in messages)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda: capsys.readouterr().out.splitlines()


def test_they_are_drawn_below_their_task(project: Project, printed: Callable[[], list[str]]) -> None:
    run_id = orchestrated(project, "/Shared/left", "/Shared/right")
    report: RunReport = read_report(project.instance, run_id)
    status: RunStatus = read_status(project.instance, run_id)
    printed()

    print_report(report)
    chart = printed()
    print_run(status, links=False)
    table = printed()

    for lines in (chart, table):
        at = next(number for number, line in enumerate(lines) if "outer" in line)
        assert lines[at + 1].strip().startswith("left") and lines[at + 2].strip().startswith("right")
        assert all(len(line) <= 80 for line in lines[1:])
    assert all("█" in line or "▏" in line for line in chart if "left" in line)
    page = report_page(report)
    assert page.index(">outer<") < page.index(">left<") < page.index(">right<")
    assert page.count('class="success notebook"') == 2
    assert Console().width == 80
