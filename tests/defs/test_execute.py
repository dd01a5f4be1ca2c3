"""A job runs on the emulator as its files say, and Dagster shows what happened on Databricks."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import DagsterEventType, JobExecutionResult

from tests.defs.conftest import Project

MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION


def tokens(project: Project, run_id: str, step: str) -> list[tuple[int, str]]:
    events = [event for event in project.events(run_id) if event.kind == "attempt"]
    return [(int(e.data["attempt"]), str(e.data["token"])) for e in events if e.step_key == step]


def failure_of(result: JobExecutionResult, step: str) -> Any:
    data = next(e.step_failure_data for e in result.get_step_failure_events() if e.step_key == step)
    assert data.user_failure_data is not None
    return data.user_failure_data


@pytest.mark.parametrize("executor", ["dara", "in_process", "multiprocess"])
def test_a_job_runs_every_task_once_and_tells_what_databricks_did(project: Project, executor: str) -> None:
    project.simulate("a", exit_value="42 rows")
    project.workflow({"name": "a"}, {"name": "b", "dependent_on": ["a"], "outputs": ["main.gold.sums"]})
    result = project.run(executor=executor)
    assert result.success
    assert project.stats()["runs_created"] == 2

    events = [event for event in project.events(result.run_id) if event.step_key == "a"]
    assert [event.kind for event in events][:2] == ["attempt", "submitted"]
    ended = events[-1]
    assert (ended.kind, ended.data["verdict"], ended.data["exit_value"]) == ("result", "success", "42 rows")

    outputs = {e.step_key: e.step_output_data for e in result.all_events if e.is_successful_output}
    metadata = outputs["a"].metadata
    assert metadata["exit_value"].value == "42 rows"
    assert str(events[1].data["databricks_run_id"]) in metadata["run_page"].url
    written = [
        e.asset_key for e in result.all_events if e.event_type == DagsterEventType.ASSET_MATERIALIZATION
    ]
    assert [key.path for key in written if key] == [["main", "gold", "sums"]]


def test_a_failure_shows_the_error_and_stops_what_depends_on_it(project: Project) -> None:
    project.simulate("a", result="FAILED", error="ValueError: no such day")
    project.workflow({"name": "a", "outputs": ["main.gold.sums"]}, {"name": "b", "dependent_on": ["a"]})
    result = project.run()
    assert not result.success
    assert project.stats()["runs_created"] == 1
    failure = failure_of(result, "a")
    assert failure.description.startswith("a: Databricks run ")
    assert "ValueError: no such day" in failure.description
    assert failure.metadata["run_page"].url in failure.description
    assert failure.metadata["termination_code"].value == "RUN_EXECUTION_ERROR"
    assert project.ends(result.run_id) == {"a": "failure"}
    assert MATERIALIZED not in {event.event_type for event in result.all_events}


def test_a_retry_is_a_new_attempt_with_a_new_token(project: Project) -> None:
    project.simulate("a", result="FAILED", count=2)
    project.workflow({"name": "a", "max_retries": 2})
    result = project.run()
    assert result.success
    assert project.stats()["runs_created"] == 3
    made = tokens(project, result.run_id, "a")
    assert [number for number, _ in made] == [1, 2, 3]
    assert len({token for _, token in made}) == 3


@pytest.mark.parametrize(
    ("code", "options", "runs"),
    [
        ("INVALID_RUN_CONFIGURATION", {}, 1),
        ("CLOUD_FAILURE", {}, 3),
        ("RUN_EXECUTION_ERROR", {"retry_on": {"RUN_EXECUTION_ERROR": "never"}}, 1),
        ("CLOUD_FAILURE", {"retry_on": {"CLOUD_*": "never"}}, 1),
    ],
)
def test_the_termination_code_decides_about_retries(
    project: Project, code: str, options: dict[str, Any], runs: int
) -> None:
    project.simulate("a", result="FAILED", code=code, duration_ms=10)
    retries = {} if code == "CLOUD_FAILURE" else {"max_retries": 5}
    project.workflow({"name": "a", "retry_delay_seconds": 0.01, **retries}, **options)
    assert not project.run().success
    assert project.stats()["runs_created"] == runs


def test_a_compute_that_cannot_be_made_fails_its_ops_with_the_reason(project: Project) -> None:
    project.write("cluster_config.json", {"etl": {"spark_version": "no-such", "node_type_id": "i3.xlarge"}})
    project.workflow({"name": "a", "compute_name": "etl"}, {"name": "b"})
    result = project.run()
    assert project.ends(result.run_id) == {"a": "failure", "b": "success"}
    assert "etl" in failure_of(result, "a").description


def test_parameters_of_the_run_override_those_of_the_files(project: Project) -> None:
    project.workflow({"name": "a", "parameters": {"day": "1"}}, parameters={"unit": "km"})
    given = {"values": {"day": "7"}}
    result = project.run(run_config={"resources": {"parameters": {"config": given}}})
    assert result.success
    run_id = next(e.data["databricks_run_id"] for e in project.events(result.run_id) if e.kind == "submitted")
    run = project.emulator.client(project.token).jobs.get_run(int(run_id))
    assert run.tasks is not None
    task = run.tasks[0].notebook_task
    assert task is not None
    assert task.base_parameters == {"day": "7", "unit": "km"}


@pytest.mark.parametrize("job", ["flow", "outer"])
def test_a_parameter_that_no_file_declares_is_refused_before_anything_is_submitted(
    project: Project, job: str
) -> None:
    """As the launchpad, a schedule or GraphQL would give it: none of them goes through the command line."""
    project.workflow({"name": "a", "parameters": {"from_date": "1"}})
    step = {"JOB_ID": "1", "TYPE": "workflow", "workflow_name": "flow"}
    threads = [{"THREAD_ID": "1", "STEPS": [step]}]
    project.write("workflows/outer.json", {"definition": [{"LEVEL_ID": "1", "THREADS": threads}]})
    given = {"resources": {"parameters": {"config": {"values": {"form_date": "7"}}}}}
    result = project.run(job, run_config=given)
    (event,) = result.get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None and "Did you mean 'from_date'?" in (failure.description or "")
    assert f"the workflow {job!r} declares no parameter 'form_date'" in (failure.description or "")
    assert project.stats()["runs_created"] == 0


def test_a_workflow_may_take_parameters_that_no_file_declares(project: Project) -> None:
    project.workflow({"name": "a"}, extra_parameters=True)
    given = {"resources": {"parameters": {"config": {"values": {"any": "7"}}}}}
    assert project.run(run_config=given).success


def test_the_sequential_job_runs_one_task_after_another(project: Project) -> None:
    project.workflow({"name": "a"}, {"name": "b"}, {"name": "c", "dependent_on": ["a"]})
    result = project.run("flow_sequential")
    assert result.success
    kinds = ("submitted", "result")
    steps = [event.step_key for event in project.events(result.run_id) if event.kind in kinds]
    assert steps == ["a", "a", "b", "b", "c", "c"]
