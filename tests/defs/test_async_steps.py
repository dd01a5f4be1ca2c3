"""Steps whose `execute` is `async def`: they share the run's event loop, and are cancelled with the run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, Definitions

from dara_dagster import step_pipeline
from dara_dagster.defs.definitions import build_definitions
from tests.defs.conftest import Project
from tests.defs.own_steps import FailLater, Later
from tests.defs.test_own_steps import OWN, failure
from tests.defs.test_steps import contexts
from tests.support.waiting import PATIENCE, until

LATER = [{"name": name, "uses": f"{OWN}:Later"} for name in ("first", "second")]


@pytest.mark.parametrize("executor", ["dara", "in_process", "multiprocess"])
def test_an_async_step_runs_under_every_executor(project: Project, executor: str) -> None:
    project.write("workflows/later.json", {"steps": LATER})
    result = project.run("later", executor=executor)
    assert result.success
    values = contexts(result)["second"]["values"]
    assert values["first.loop"] and values["second.loop"]
    if executor != "multiprocess":  # which has a process, and so a loop, for each step
        assert values["first.loop"] == values["second.loop"]


def test_an_async_step_that_fails_says_why(project: Project) -> None:
    project.write("workflows/fails.json", {"steps": [LATER[0], {"uses": f"{OWN}:FailLater"}]})
    reported = failure(project.run("fails"))
    assert reported == "Step 'FailLater' failed: ValueError: not today. Done before: first."


def test_async_steps_work_in_a_pipeline_made_in_python(project: Project) -> None:
    project.workflow({"name": "a"})
    job = step_pipeline("later", [Later(), Later(), FailLater()])
    definitions = Definitions.merge(build_definitions(project.config), Definitions(jobs=[job]))
    result = definitions.resolve_job_def("later").execute_in_process(
        instance=project.instance, raise_on_error=False
    )
    assert [event.step_key for event in result.get_step_success_events()] == ["Later", "Later_2"]
    assert not result.success


@pytest.mark.parametrize("executor", ["dara", "in_process", "multiprocess"])
def test_a_termination_cancels_an_async_step_and_lets_it_clean_up(
    project: Project, tmp_path: Path, executor: str
) -> None:
    step = {"name": "wait", "uses": f"{OWN}:WaitForever", "settings": {"folder": str(tmp_path)}}
    project.write("workflows/waits.json", {"steps": [step]})
    process = project.start("waits", executor=executor)
    try:
        until((tmp_path / "begun").exists, "the begin of the step")
        process.send_signal(signal.SIGTERM if executor == "dara" else signal.SIGINT)
        process.wait(PATIENCE)
    finally:
        process.kill()
    assert (tmp_path / "ended").exists()
    (run,) = project.instance.get_runs(limit=1)
    assert run.status in (DagsterRunStatus.CANCELED, DagsterRunStatus.FAILURE)
