"""`dara run`, `status`, `cancel` and `orphans` on a real server, as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, job, op
from databricks.sdk import WorkspaceClient

from dara_dagster.executor.process import PROCESS_TAG
from tests.cli.conftest import Project, begun
from tests.conftest import Emulator
from tests.support.forked import Forked
from tests.support.waiting import PATIENCE, until

Simulate = Callable[..., None]


@pytest.fixture
def started(connected: Project, simulate: Simulate, active: Callable[[], int]) -> Iterator[Forked]:
    """A `dara run daily` whose first task lasts long, with its Databricks run in the history."""
    simulate("load", duration_ms=600_000)
    simulate("left", duration_ms=50)
    simulate("right", duration_ms=50)
    process = begun(connected, active)
    until(lambda: any(task["databricks_run_id"] for task in only_run(connected)["tasks"]), "the run's id")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def only_run(project: Project) -> dict[str, Any]:
    runs = project.json("status")
    assert len(runs) == 1
    return dict(project.json("status", runs[0]["run_id"]))


def states(run: dict[str, Any]) -> dict[str, str]:
    return {task["name"]: task["state"] for task in run["tasks"]}


def test_a_run_tells_of_each_task_and_sums_up(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=200)

    text = connected.dara("run", "daily")

    assert " load: running as Databricks run " in text and " load: success after " in text
    assert text.index("load: success") < text.index("left: running")
    assert "daily on databricks: success in " in text
    run = only_run(connected)
    assert (run["state"], run["job"]) == ("success", "daily")
    assert states(run) == {"load": "success", "left": "success", "right": "success"}
    assert all(task["url"].startswith("http") and task["databricks_run_id"] for task in run["tasks"])
    assert f"load: {run['tasks'][0]['url']}" in text


def test_json_is_all_that_is_printed(connected: Project, simulate: Simulate) -> None:
    simulate(duration_ms=50)

    assert connected.json("run", "daily")["state"] == "success"


def test_a_failed_task_is_reported_and_the_run_can_be_resumed(
    connected: Project, simulate: Simulate, emulator: Emulator, workspace_token: str
) -> None:
    simulate(duration_ms=50)
    simulate("left", duration_ms=50, result="FAILED", error="ValueError: no such column: amount", count=1)

    text = connected.dara("run", "daily", code=1)

    failed = only_run(connected)
    assert "ValueError: no such column: amount" in text
    assert f"dara run --resume {failed['run_id'][:8]}" in text
    assert states(failed) == {"load": "success", "left": "failed", "right": "success"}

    again = connected.json("run", "--resume", failed["run_id"][:8])

    assert (again["state"], states(again)) == ("success", {"left": "success"})
    assert again["parent_run_id"] == failed["run_id"]
    assert emulator.admin("GET", "stats", token=workspace_token)["runs_created"] == 4
    assert "there is nothing to resume" in connected.here("run", "--resume", again["run_id"], code=1)


def test_a_chain_of_resumed_runs_never_repeats_a_success(
    connected: Project, simulate: Simulate, emulator: Emulator, workspace_token: str
) -> None:
    simulate(duration_ms=50)
    simulate("left", duration_ms=50, result="FAILED", error="no", count=1)
    simulate("right", duration_ms=50, result="FAILED", error="no", count=2)
    first = connected.json("run", "daily", code=1)
    second = connected.json("run", "--resume", first["run_id"], code=1)
    assert states(second) == {"left": "success", "right": "failed"}

    third = connected.json("run", "--resume", first["run_id"])  # not the newest: it continues from there

    assert (third["parent_run_id"], states(third)) == (second["run_id"], {"right": "success"})
    for earlier in (first, second):
        text = connected.here("run", "--resume", earlier["run_id"], code=1)
        assert f"was resumed by run {third['run_id']}, which succeeded" in text
    assert emulator.admin("GET", "stats", token=workspace_token)["runs_created"] == 3 + 2 + 1


@pytest.mark.parametrize("job", ["daily", "daily_sequential"])
def test_sequential_runs_one_task_after_another(connected: Project, simulate: Simulate, job: str) -> None:
    simulate(duration_ms=50)
    file = "config/dependency.json"
    workflow = connected.read(file)
    connected.write(file, {**workflow, "sequential_job": job != "daily"})

    run = connected.json("run", "daily", "--sequential")

    assert run["job"] == job
    times = sorted((task["start"], task["end"]) for task in run["tasks"])
    assert all(before[1] <= after[0] for before, after in pairwise(times))


def test_parameters_reach_every_task(connected: Project, simulate: Simulate, client: WorkspaceClient) -> None:
    simulate(duration_ms=50)
    run = connected.json("run", "daily", "--param", "day=2013-01-01", "-p", "x=a=b")

    for task in run["tasks"]:
        found = client.jobs.get_run(task["databricks_run_id"]).tasks
        assert found and found[0].notebook_task
        assert found[0].notebook_task.base_parameters == {"day": "2013-01-01", "x": "a=b"}


def test_wrong_words_are_refused_before_anything_runs(connected: Project) -> None:
    assert "There is no workflow 'dayly'. This project has: daily." in connected.here("run", "dayly", code=1)
    assert "not of the form name=value" in connected.here("run", "daily", "-p", "day", code=2)
    assert "no run 'zzz'" in connected.here("run", "--resume", "zzz", code=1)
    assert "no run 'zzz'" in connected.here("status", "zzz", code=1)
    assert "no run 'zzz'" in connected.here("cancel", "zzz", code=1)
    assert "No runs yet" in connected.here("status")
    assert "no run ''" in connected.here("run", "--resume", "", code=1)
    assert "without WORKFLOW" in connected.here("run", "daily", "--resume", "zzz", code=2)


def test_an_unreachable_workspace_fails_the_task_with_a_sentence(connected: Project) -> None:
    connected.environ["DATABRICKS_HOST"] = "http://127.0.0.1:9"
    project = {"name": "tiny", "notebooks": "notebooks", "poll": {"open_seconds": 2}}
    connected.write("config/project.json", project)

    text = connected.dara("run", "daily", code=1)

    assert "load failed: Cannot reach http://127.0.0.1:9" in text


def test_ctrl_c_cancels_the_run_and_what_is_in_flight(
    connected: Project, started: Forked, active: Callable[[], int]
) -> None:
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to all processes of the command
    out, err = started.communicate(timeout=PATIENCE)

    assert started.returncode == 1 and "Traceback" not in out + err
    assert "daily on databricks: cancelled" in out
    assert active() == 0
    assert states(only_run(connected)) == {"load": "cancelled", "left": "not run", "right": "not run"}


def test_a_databricks_run_that_somebody_cancels_is_told(
    connected: Project, started: Forked, client: WorkspaceClient
) -> None:
    client.jobs.cancel_run(only_run(connected)["tasks"][0]["databricks_run_id"])

    out, _ = started.communicate(timeout=PATIENCE)

    assert "daily on databricks: failed" in out
    assert "load cancelled: Databricks run " in out


def test_cancel_ends_a_run_of_another_process(
    connected: Project, started: Forked, active: Callable[[], int]
) -> None:
    run_id = connected.json("status")[0]["run_id"]

    assert connected.here("cancel", run_id[:8]) == f"Run {run_id} ended: cancelled.\n"

    out, _ = started.communicate(timeout=PATIENCE)
    assert started.returncode == 1 and "cancelled" in out
    assert active() == 0
    assert "has already ended: cancelled" in connected.here("cancel", run_id)


def test_terminate_in_the_ui_ends_a_run_of_another_process(
    connected: Project, started: Forked, active: Callable[[], int]
) -> None:
    run_id = connected.json("status")[0]["run_id"]

    with DagsterInstance.from_config(str(connected.root / ".dagster")) as instance:
        instance.run_coordinator.cancel_run(run_id)  # it can only mark the run: Dagster did not launch it

    out, err = started.communicate(timeout=PATIENCE)
    assert started.returncode == 1 and "daily on databricks: cancelled" in out and "Traceback" not in err
    assert active() == 0
    assert states(only_run(connected)) == {"load": "cancelled", "left": "not run", "right": "not run"}


def test_what_a_killed_process_leaves_is_found_and_ended(
    connected: Project, started: Forked, active: Callable[[], int]
) -> None:
    assert connected.json("orphans")["orphans"] == []
    started.kill()
    started.communicate()
    run = only_run(connected)

    found = connected.json("orphans")["orphans"]

    assert run["state"] == "running"
    assert [orphan["run_id"] for orphan in found] == [run["tasks"][0]["databricks_run_id"]]
    assert f"Run {run['run_id']} ended: cancelled." in connected.here("cancel", run["run_id"])
    assert active() == 0
    assert "No orphans" in connected.here("orphans")


def test_orphans_can_be_cancelled(connected: Project, started: Forked, active: Callable[[], int]) -> None:
    started.kill()
    started.communicate()

    assert "1 cancelled." in connected.here("orphans", "--cancel", "--yes")
    assert active() == 0


def test_a_run_left_on_another_workspace_is_not_looked_for_on_this_one(
    connected: Project, started: Forked, active: Callable[[], int]
) -> None:
    started.kill()
    started.communicate()
    run_id = only_run(connected)["run_id"]
    assert f"dara cancel {run_id[:8]}` ends it" in connected.here("status", run_id)
    assert "abandoned" in connected.here("status")
    connected.own["DARA_WORKSPACE"] = "emulator"

    for words in (("cancel", run_id), ("run", "--resume", run_id)):
        text = connected.here(*words, code=1)
        assert "ran on the workspace 'databricks'" in text and "Set DARA_WORKSPACE=databricks" in text

    assert active() == 1
    assert only_run(connected)["abandoned"] is True


def test_a_process_that_dies_of_the_signal_leaves_no_run_behind(connected: Project) -> None:
    (connected.root / ".dagster").mkdir()
    code = "import time, dara_dagster.executor.process as p; print(p.own_mark(), flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        mark = process.stdout.readline().strip()
        try:
            with DagsterInstance.from_config(str(connected.root / ".dagster")) as instance:
                run = instance.create_run_for_job(foreign, tags={PROCESS_TAG: mark})

                text = connected.here("cancel", run.run_id)

                found = instance.get_run_by_id(run.run_id)
        finally:
            process.kill()
    assert text == f"Run {run.run_id} ended: cancelled.\n"
    assert found is not None and found.status is DagsterRunStatus.CANCELED


def test_a_killed_run_is_resumed_without_a_second_databricks_run(
    connected: Project, started: Forked, emulator: Emulator, workspace_token: str
) -> None:
    started.kill()
    started.communicate()
    before = only_run(connected)
    emulator.admin("POST", "clock", {"advance_ms": 600_000}, token=workspace_token)

    again = connected.json("run", "--resume", before["run_id"])

    assert again["state"] == "success"
    assert again["tasks"][0]["databricks_run_id"] == before["tasks"][0]["databricks_run_id"]
    assert emulator.admin("GET", "stats", token=workspace_token)["runs_created"] == 3


@op
def waits() -> None: ...


@job
def foreign() -> None:
    waits()


def test_a_run_that_cannot_be_reached_is_left_as_it_is(project: Project) -> None:
    (project.root / ".dagster").mkdir()
    with DagsterInstance.from_config(str(project.root / ".dagster")) as instance:
        run = instance.create_run_for_job(foreign)

        text = project.here("cancel", run.run_id, code=1)

        found = instance.get_run_by_id(run.run_id)
    assert "cannot be reached from here" in text
    assert found is not None and found.status is DagsterRunStatus.NOT_STARTED
