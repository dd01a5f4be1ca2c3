"""A run that is cancelled, whenever and however, ends with every Databricks run of it stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

import pytest
from dagster import DagsterRunStatus
from dagster._core.workspace.load_target import PythonFileTarget
from databricks.sdk.service import jobs

from dara_dagster.defs.repository import job_from_config
from dara_dagster.executor.process import PROCESS_TAG, owner_of
from tests.faults.conftest import CANCEL, OUTPUT, SUBMIT, Trial
from tests.support.code_location import code_location
from tests.support.forked import Forked
from tests.support.waiting import until

HOUR = 3_600_000
GATE_MS = 600_000
SLEEPER = "import time\ntime.sleep(3600)\n"
DEFINITIONS = """
from pathlib import Path
from dara_dagster.defs.definitions import build_definitions
defs = build_definitions(Path(__file__).parent / "config")
"""


def task(name: str, **more: Any) -> Mapping[str, Any]:
    return {"name": name, "outputs": [f"main.gold.{name}"], **more}


def words_of(run: Mapping[str, Any]) -> str:
    return str(run["state"].get("result_state"))


def end(trial: Trial, process: Forked, run_id: str, how: str) -> None:
    """Cancel the run that `process` carries and wait for its end."""
    if how == "dara cancel":
        assert f"Run {run_id} ended: cancelled." in trial.dara("cancel", run_id)
    else:
        process.send_signal(signal.Signals[how])
    assert process.wait() == 1, process.text
    assert "Traceback" not in process.text, process.text


def is_cancelled(trial: Trial, run_id: str) -> None:
    """The Dagster run is cancelled, no Databricks run continues, and only what succeeded is recorded."""
    assert trial.status(run_id) == DagsterRunStatus.CANCELED
    assert trial.stats()["active_runs"] == 0
    assert trial.assets(run_id) == {key for key, word in trial.words(run_id).items() if word == "success"}


def prepare(trial: Trial) -> None:
    """A workflow whose tasks come to stand still; each one's name says where."""
    trial.simulate(duration_ms=HOUR)
    trial.simulate("pending", pending_ms=HOUR)
    trial.simulate("to_retry", result="FAILED")
    trial.simulate("done")
    trial.simulate("gate", duration_ms=GATE_MS)
    trial.simulate("finished", duration_ms=2 * GATE_MS)
    trial.workflow(
        *(task(name) for name in ("done", "gate", "finished", "pending", "running", "stopping")),
        task("to_retry", max_retries=3, retry_delay_seconds=3600),
        task("never", dependent_on=["running"]),
        *(task(name, dependent_on=["gate"]) for name in ("unsent", "unanswered")),
    )


def stand_still(trial: Trial) -> str:
    """Bring the newest run to where each task is in the phase of its name; returns its id."""
    run_id = trial.wait_for("state", 4, state="RUNNING")
    trial.wait_for("state", state="PENDING")
    until(lambda: trial.words(run_id).get("to_retry") == "retry", "the retry")
    until(lambda: trial.words(run_id).get("done") == "success", "the end of the first")
    trial.fault(SUBMIT, "hang", count=1)
    trial.fault(SUBMIT, "hang", when="after", count=1)
    trial.advance(GATE_MS / 1000)
    until(lambda: trial.calls(SUBMIT) == 9, "the last submissions")
    outputs = trial.calls(OUTPUT)
    trial.fault(OUTPUT, "hang")
    trial.advance(GATE_MS / 1000)
    until(lambda: trial.calls(OUTPUT) == outputs + 1, "the reading of an output")
    trial.emulator.client(trial.token).jobs.cancel_run(trial.runs()["stopping"][0]["run_id"])
    trial.fault(CANCEL, "status", status=500, count=3)
    return run_id


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "dara cancel"])
def test_cancelled_in_every_phase(trial: Trial, how: str) -> None:
    prepare(trial)
    process = trial.start("run", "flow")
    run_id = stand_still(trial)

    end(trial, process, run_id, how)

    is_cancelled(trial, run_id)
    found = {name: [words_of(run) for run in made] for name, made in trial.runs().items()}
    good = {name: ["SUCCESS"] for name in ("done", "gate", "finished")}
    stopped = {name: ["CANCELED"] for name in ("pending", "running", "stopping", "unsent", "unanswered")}
    assert found == {**good, **stopped, "to_retry": ["FAILED"]}
    assert trial.assets(run_id) == {"done", "gate"}
    trial.clear_faults()
    trial.simulate()
    resumed = trial.resume(run_id)  # what had finished is taken, the rest is run again
    assert resumed.success
    made = {name: len(found) for name, found in trial.runs().items()}
    assert made == {**dict.fromkeys(good, 1), **dict.fromkeys(stopped, 2), "to_retry": 2, "never": 1}


def test_a_submission_nobody_can_tell_about_is_named(trial: Trial) -> None:
    trial.simulate(duration_ms=HOUR)
    trial.workflow(task("a"))
    trial.fault(SUBMIT, "hang", when="after")
    process = trial.start("run", "flow")
    run_id = trial.wait_for("attempt")
    until(lambda: trial.stats()["runs_created"] == 1, "the run")
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 1, process.text
    assert "a: a Databricks run may still be active; `dara orphans --cancel` ends it" in process.text
    assert trial.status(run_id) == DagsterRunStatus.CANCELED

    trial.clear_faults()
    again = trial.start("run", "--resume", run_id)
    trial.wait_for("state", after=run_id, state="RUNNING")
    trial.advance(HOUR / 1000)
    assert again.wait() == 0, again.text
    assert trial.stats()["runs_created"] == 1


def test_100_in_flight_are_cancelled_at_once(
    trial: Trial, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    trial.simulate(duration_ms=HOUR)
    trial.workflow(*(task(f"task_{number:02}") for number in range(100)))
    process = trial.start("run", "flow", "--json")
    run_id = trial.wait_for("state", 100, state="RUNNING")

    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    until(lambda: trial.stats()["active_runs"] == 0, "the end of all runs")
    seconds = time.monotonic() - began
    assert process.wait() == 1

    with capsys.disabled():
        print(f" [100 runs stopped {seconds:.1f} s after the signal]", end="")
    is_cancelled(trial, run_id)
    assert {words_of(run) for made in trial.runs().values() for run in made} == {"CANCELED"}


def test_the_ui_terminates_a_run_and_its_processes_are_gone(trial: Trial) -> None:
    """As the UI does it: the launcher tells the code location's server, whose child the run is."""
    trial.admin("POST", "reset")
    for name in ("notebook", "script"):
        head = "# Databricks notebook source\n" if name == "notebook" else ""
        trial.write(f"notebooks/{name}.py", head + SLEEPER)
    trial.workflow(*({"file_name": name, "format": "py"} for name in ("notebook", "script")))
    file = trial.root / "definitions.py"
    file.write_text(DEFINITIONS)
    target = PythonFileTarget(str(file), None, working_directory=str(trial.root), location_name="trial")
    with code_location(trial.instance, target) as server:
        run_id = launch(trial, server)
        trial.wait_for("state", 2, state="RUNNING")
        until(lambda: trial.stats()["processes"] == 2, "both task processes")

        assert trial.instance.run_launcher.terminate(run_id)
        until(lambda: trial.dagster_run(run_id).is_finished, "the end of the run")

        is_cancelled(trial, run_id)
        assert trial.stats()["processes"] == 0

        again = launch(trial, server)
        trial.wait_for("state", 2, after=run_id, state="RUNNING")
        carrier = owner_of(trial.dagster_run(again).tags[PROCESS_TAG])
        os.kill(carrier.pid, signal.SIGKILL)
        until(lambda: owner_of(trial.dagster_run(again).tags[PROCESS_TAG]).alive is False, "its death")
        assert "2 cancelled." in trial.dara("orphans", "--cancel", "--yes")
    assert trial.stats()["processes"] == 0


def launch(trial: Trial, server: Any) -> str:
    """Launch the job from the code location, as the UI does; returns the run's id."""
    workspace = server.create_request_context()
    (repository,) = workspace.code_locations[0].get_repositories().values()
    job = repository.get_full_job("flow")
    run = trial.instance.create_run_for_job(
        job_from_config(str(trial.config), "flow"),
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
    )
    trial.instance.launch_run(run.run_id, workspace)
    return run.run_id


def test_queued_runs_are_cancelled_and_a_timeout_of_ours_cancels_too(trial: Trial) -> None:
    """A saved job's runs queue up behind its limit; its time limit in a workflow is ours alone."""
    trial.simulate(duration_ms=HOUR)
    client = trial.emulator.client(trial.token)
    notebook = jobs.NotebookTask(notebook_path="/nb")
    queue = jobs.QueueSettings(enabled=True)
    tasks = [jobs.Task(task_key="only", notebook_task=notebook)]
    client.jobs.create(name="nightly", tasks=tasks, max_concurrent_runs=1, queue=queue)
    trial.write("workflows/flow.json", {"definition": [level(0, 0)]})
    process = trial.start("run", "flow")
    run_id = trial.wait_for("state", state="QUEUED")
    trial.wait_for("state", state="RUNNING")

    end(trial, process, run_id, "SIGTERM")

    is_cancelled(trial, run_id)
    assert set(trial.results(run_id).values()) == {"cancelled"}

    trial.write("workflows/flow.json", {"definition": [level(1)]})
    timed_out = trial.run()
    assert not timed_out.success
    assert set(trial.results(timed_out.run_id).values()) == {"timed_out"}
    assert trial.stats()["active_runs"] == 0


def level(*timeouts: int) -> Mapping[str, Any]:
    """A level with a thread for each run of the saved job."""
    threads = [
        {
            "THREAD_ID": str(number),
            "STEPS": [{"JOB_ID": str(number), "TYPE": "workflow", **saved_job(seconds)}],
        }
        for number, seconds in enumerate(timeouts)
    ]
    return {"LEVEL_ID": "1", "THREADS": threads}


def saved_job(seconds: int) -> Mapping[str, str]:
    return {"JOB_NAME": "nightly", **({"TIMEOUT_SECONDS": str(seconds)} if seconds else {})}
