"""A run that is asked to stop stops its ops, waits for them, and ends as canceled."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.workspace.load_target import ModuleTarget

from tests.executor.history import events_by_step, messages_of
from tests.executor.sample_jobs import get_job
from tests.support.code_location import code_location
from tests.support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]


class Sample:
    """A sample job running in its own process."""

    def __init__(self, instance: DagsterInstance, home: Path, name: str, config: dict[str, Any]) -> None:
        self.instance = instance
        before = {run.run_id for run in instance.get_runs()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.executor.run_sample", name, "dara", json.dumps(config)],
            cwd=ROOT,
            env={**os.environ, "DAGSTER_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: {run.run_id for run in instance.get_runs()} - before)
        (self.run_id,) = {run.run_id for run in instance.get_runs()} - before

    def wait_until_waiting(self, steps: int) -> None:
        until(lambda: waiting(self.instance, self.run_id) >= steps)

    def end(self) -> DagsterRunStatus:
        self.process.wait(timeout=PATIENCE)
        return status_of(self.instance, self.run_id)


def status_of(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def waiting(instance: DagsterInstance, run_id: str) -> int:
    """How many steps have reported that they wait."""
    return len([1 for entry in instance.all_logs(run_id) if entry.user_message.endswith("waiting")])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_every_waiting_op(instance: DagsterInstance, home: Path, number: int) -> None:
    sample = Sample(instance, home, "stoppable", {})
    sample.wait_until_waiting(21)
    sample.process.send_signal(number)
    assert sample.end() == DagsterRunStatus.CANCELED
    found = events_by_step(instance, sample.run_id)
    assert found[""][-2:] == ["PIPELINE_CANCELING", "PIPELINE_CANCELED"]
    assert "never_started" not in found
    for key in [*(f"waits_{number}" for number in range(20)), "waits_last"]:
        assert found[key] == ["STEP_START", "STEP_FAILURE"]
        assert "cancelled cleanly" in messages_of(instance, sample.run_id, key)[-1]


def test_an_op_that_knows_nothing_of_it_is_interrupted(instance: DagsterInstance, home: Path) -> None:
    sample = Sample(instance, home, "careless", {})
    sample.wait_until_waiting(1)
    sample.process.terminate()
    assert sample.end() == DagsterRunStatus.CANCELED
    assert events_by_step(instance, sample.run_id)["knows_nothing_of_stop"] == ["STEP_START", "STEP_FAILURE"]


def test_an_op_that_never_returns_is_given_up(instance: DagsterInstance, home: Path) -> None:
    sample = Sample(instance, home, "stuck", {"stop_wait_seconds": 1.0})
    sample.wait_until_waiting(2)
    sample.process.terminate()
    assert sample.end() == DagsterRunStatus.CANCELED
    found = events_by_step(instance, sample.run_id)
    assert found["never_returns"] == found["waits_for_stop"] == ["STEP_START", "STEP_FAILURE"]


def test_an_op_that_blocks_the_event_loop_does_not_keep_the_run(
    instance: DagsterInstance, home: Path
) -> None:
    sample = Sample(instance, home, "blocked", {})
    sample.wait_until_waiting(1)
    sample.process.terminate()
    assert sample.end() == DagsterRunStatus.CANCELED
    found = events_by_step(instance, sample.run_id)
    assert found["blocks_the_event_loop"] == ["STEP_START", "STEP_FAILURE"]


def test_ops_are_not_interrupted_in_the_midst_of_a_line(instance: DagsterInstance, home: Path) -> None:
    sample = Sample(instance, home, "talkative", {"stop_wait_seconds": 20.0})
    sample.wait_until_waiting(6)
    sample.process.terminate()
    assert sample.end() == DagsterRunStatus.CANCELED
    for number in range(6):
        key = f"logs_{number}"
        assert events_by_step(instance, sample.run_id)[key] == ["STEP_START", "STEP_FAILURE"]
        lines = messages_of(instance, sample.run_id, key)
        assert len(lines) == len(set(lines))


def test_a_second_signal_does_not_wait(instance: DagsterInstance, home: Path) -> None:
    sample = Sample(instance, home, "stuck", {"stop_wait_seconds": 3600.0})
    sample.wait_until_waiting(2)
    sample.process.terminate()
    until(lambda: "STEP_FAILURE" in events_by_step(instance, sample.run_id)["waits_for_stop"])
    time.sleep(1.5)
    assert sample.process.poll() is None
    sample.process.terminate()
    assert sample.end() == DagsterRunStatus.CANCELED
    assert events_by_step(instance, sample.run_id)["never_returns"] == ["STEP_START", "STEP_FAILURE"]


def test_the_run_launcher_terminates_it(instance: DagsterInstance) -> None:
    """What the Terminate button of the UI does: the run is in a process of the code location's server."""
    target = ModuleTarget(
        "tests.executor.launchable", None, working_directory=str(ROOT), location_name="samples"
    )
    with code_location(instance, target) as server:
        workspace = server.create_request_context()
        (repository,) = workspace.code_locations[0].get_repositories().values()
        job = repository.get_full_job("stoppable_dara")
        run = instance.create_run_for_job(
            get_job("stoppable", "dara"),
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
        )
        instance.launch_run(run.run_id, workspace)
        until(lambda: waiting(instance, run.run_id) == 21)
        assert instance.run_launcher.terminate(run.run_id)
        until(lambda: status_of(instance, run.run_id).value in ("CANCELED", "FAILURE"))
    assert status_of(instance, run.run_id) == DagsterRunStatus.CANCELED
    found = events_by_step(instance, run.run_id)
    assert [found[f"waits_{number}"][-1] for number in range(20)] == ["STEP_FAILURE"] * 20
    assert "never_started" not in found
