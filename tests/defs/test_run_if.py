"""`run_if`: the table of rules, and how a workflow with rules runs under the three executors."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from dara_dagster.config.kinds import RunIf
from dara_dagster.defs.run_if import TaskOutcome, decide
from dara_dagster.executor.events import read
from tests.defs.conftest import Project

RULES = get_args(RunIf)
ENDINGS: tuple[TaskOutcome, ...] = ("success", "excluded", "failed", "upstream")


@pytest.mark.parametrize("endings", [*product(ENDINGS, repeat=2), *product(ENDINGS, repeat=3)])
def test_the_rules_are_those_of_the_databricks_documentation(endings: tuple[TaskOutcome, ...]) -> None:
    failed = sum(ending in ("failed", "upstream") for ending in endings)
    well = len(endings) - failed
    if all(ending == "excluded" for ending in endings):
        expected = dict.fromkeys(RULES, "excluded")
    else:
        expected = {
            "ALL_SUCCESS": "upstream" if failed else "run",
            "NONE_FAILED": "upstream" if failed else "run",
            "AT_LEAST_ONE_SUCCESS": "run" if well else "upstream",
            "ALL_DONE": "run",
            "AT_LEAST_ONE_FAILED": "run" if failed else "excluded",
            "ALL_FAILED": "excluded" if well else "run",
        }
    assert {rule: decide(rule, endings) for rule in RULES} == expected


def test_a_task_without_upstream_runs() -> None:
    assert decide("ALL_FAILED", []) == "run"


def verdicts(project: Project, run_id: str) -> dict[str | None, object]:
    return {e.step_key: e.data["verdict"] for e in project.events(run_id) if e.kind == "result"}


@pytest.mark.parametrize("job", ["flow", "flow_sequential"])
def test_dependants_that_tolerate_a_failure_run_and_it_stays_red(project: Project, job: str) -> None:
    project.simulate("bad", result="FAILED")
    project.workflow(
        {"name": "good"},
        {"name": "bad"},
        {"name": "strict", "dependent_on": ["good", "bad"]},
        {"name": "cleanup", "dependent_on": ["strict"], "run_if": "ALL_DONE"},
        {"name": "alarm", "dependent_on": ["good", "bad"], "run_if": "AT_LEAST_ONE_FAILED"},
        {"name": "never", "dependent_on": ["good"], "run_if": "ALL_FAILED"},
        {"name": "after_never", "dependent_on": ["never"]},
    )
    result = project.run(job)
    assert not result.success
    assert verdicts(project, result.run_id) == {
        "good": "success",
        "bad": "failed",
        "strict": "upstream",
        "cleanup": "success",
        "alarm": "success",
        "never": "excluded",
        "after_never": "excluded",
    }
    assert project.ends(result.run_id) == {
        "good": "success",
        "bad": "failure",
        "strict": "failure",
        "cleanup": "success",
        "alarm": "success",
        "never": "success",
        "after_never": "success",
    }


def test_a_resume_runs_what_failed_and_what_was_left_out_because_of_it(project: Project) -> None:
    project.simulate("bad", result="FAILED", count=1)
    project.workflow(
        {"name": "bad"},
        {"name": "strict", "dependent_on": ["bad"]},
        {"name": "cleanup", "dependent_on": ["strict"], "run_if": "ALL_DONE"},
    )
    resumed = project.resume(project.run().run_id)
    assert resumed.success
    done = verdicts(project, resumed.run_id)
    assert {step: done[step] for step in ("bad", "strict")} == {"bad": "success", "strict": "success"}


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
@pytest.mark.parametrize("tolerant", [True, False])
def test_a_dagster_executor_needs_one_setting_and_says_so(
    project: Project, tolerant: bool, executor: str
) -> None:
    project.simulate("bad", result="FAILED")
    project.workflow({"name": "bad"}, {"name": "cleanup", "dependent_on": ["bad"], "run_if": "ALL_DONE"})
    setting = {"step_dependency_config": {"require_upstream_step_success": False}}
    config = {"execution": {"config": setting}} if tolerant else {}
    result = project.run(executor=executor, run_config=config)
    assert verdicts(project, result.run_id).get("cleanup") == ("success" if tolerant else None)
    logged = "\n".join(entry.user_message for entry in project.instance.all_logs(result.run_id))
    assert ("require_upstream_step_success" in logged) is not tolerant


def definition(*steps: dict[str, str]) -> dict[str, object]:
    """A workflow of one thread; the files of its steps need not do anything."""
    threads = [{"THREAD_ID": "1", "STEPS": list(steps)}]
    return {"definition": [{"LEVEL_ID": "1", "THREADS": threads}]}


def test_a_nested_workflow_is_one_task_to_its_neighbours(project: Project) -> None:
    project.simulate("inner_b", result="FAILED", count=1)
    project.workflow({"name": "inner_a"}, {"name": "inner_b"}, name="inner")
    nested = {"JOB_NAME": "inner", "TYPE": "workflow", "workflow_name": "inner"}
    project.write(
        "workflows/outer.json",
        definition({**nested, "JOB_ID": "1", "CONTINUE_IF_FAIL": "true"}, {**nested, "JOB_ID": "2"}),
    )
    result = project.run("outer")
    assert not result.success
    found = verdicts(project, result.run_id)
    failed = [step for step, verdict in found.items() if verdict == "failed"]
    assert len(failed) == 1
    assert project.stats()["runs_created"] == 4


def test_a_nested_workflow_is_given_what_its_step_says(project: Project) -> None:
    project.simulate("c", duration_ms=600_000)
    for name in ("a", "c"):
        project.workflow({"name": name, "parameters": {"day": "1", "kept": "k"}}, name=f"inner_{name}")
    first = {"TYPE": "workflow", "workflow_name": "inner_a", "STEP_PROPERTIES": '{"day": "2"}'}
    second = {"TYPE": "workflow", "workflow_name": "inner_c", "TIMEOUT_SECONDS": "1", "JOB_ID": "3"}
    steps = [{**first, "JOB_ID": "1"}, {**first, "JOB_ID": "2", "STEP_PROPERTIES": '{"day": "3"}'}, second]
    project.write("workflows/outer.json", {**definition(*steps), "parameters": {"day": "9", "kept": "9"}})
    result = project.run("outer")
    assert verdicts(project, result.run_id)["inner_c.c"] == "timed_out"
    client = project.emulator.client(project.token)
    runs = [e.data["databricks_run_id"] for e in project.events(result.run_id) if e.kind == "submitted"]
    reported = []
    for run_id in runs:
        (task,) = client.jobs.get_run(int(run_id)).tasks or []
        assert task.notebook_task is not None
        reported.append(task.notebook_task.base_parameters)
    assert reported == [{"day": day, "kept": "k"} for day in ("2", "3", "1")]


@pytest.mark.parametrize("executor", ["dara", "in_process"])
def test_tasks_that_wait_for_a_failure_start_without_retries_too(project: Project, executor: str) -> None:
    """`retries: {disabled: {}}` makes Dagster fail a step that asks for a retry."""
    project.simulate("bad", result="FAILED")
    project.workflow(
        {"name": "bad", "max_retries": 3},
        {"name": "alarm", "dependent_on": ["bad"], "run_if": "AT_LEAST_ONE_FAILED"},
    )
    config: dict[str, Any] = {"retries": {"disabled": {}}}
    if executor != "dara":
        config["step_dependency_config"] = {"require_upstream_step_success": False}
    result = project.run(executor=executor, run_config={"execution": {"config": config}})
    assert verdicts(project, result.run_id) == {"bad": "failed", "alarm": "success"}
    assert project.stats()["runs_created"] == 2


def test_fail_fast_stops_the_others_without_retries_too(project: Project) -> None:
    project.simulate("slow", duration_ms=600_000)
    project.simulate("bad", duration_ms=1_000, result="FAILED")
    project.workflow({"name": "bad", "max_retries": 1}, {"name": "slow"}, fail_fast=True)
    result = project.run(run_config={"execution": {"config": {"retries": {"disabled": {}}}}})
    assert verdicts(project, result.run_id) == {"bad": "failed", "slow": "cancelled"}


def test_fail_fast_reads_each_event_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It read the whole log at each start and submit: work that grew with the square of the tasks."""
    seen: list[int] = []

    def counted(*arguments: Any) -> Any:
        found = read(*arguments)
        seen.append(len(found[0]))
        return found

    monkeypatch.setattr("dara_dagster.defs.execution.fail_fast.read", counted)
    project.workflow(*({"name": f"t{number}"} for number in range(20)), fail_fast=True)
    result = project.run()
    assert result.success
    assert len(seen) >= 40 and sum(seen) <= len(read(project.instance, result.run_id)[0])


def test_a_failed_task_stops_its_siblings_where_the_workflow_says_so(project: Project) -> None:
    project.simulate("slow", duration_ms=600_000)
    project.simulate("bad", duration_ms=1_000, result="FAILED")
    project.workflow({"name": "bad"}, {"name": "slow"}, fail_fast=True)
    result = project.run()
    assert verdicts(project, result.run_id) == {"bad": "failed", "slow": "cancelled"}
    assert project.stats()["active_runs"] == 0


def test_a_step_takes_the_exit_value_of_another_as_a_parameter(project: Project) -> None:
    notebooks = project.root / "notebooks"
    notebooks.mkdir()
    for name in ("first", "second"):
        (notebooks / f"{name}.py").write_text("# Databricks notebook source\nprint(1)\n")
    project.write("project.json", {"name": "trial", "notebooks": "../notebooks"})
    project.write("parameters.json", {"executors": {"spark": {"format": "py"}}})
    project.simulate("first", exit_value="17 rows")
    step = {"TYPE": "sync", "FUNCTION_ID_NAME": "spark"}
    first = {**step, "JOB_ID": "1", "JOB_NAME": "first"}
    second = {**step, "JOB_ID": "2", "JOB_NAME": "second", "READ_INPUT_FROM": "1"}
    project.write("workflows/chain.json", definition(first, second))
    result = project.run("chain")
    assert result.success
    run_ids = [e.data["databricks_run_id"] for e in project.events(result.run_id) if e.kind == "submitted"]
    run = project.emulator.client(project.token).jobs.get_run(int(run_ids[1]))
    assert run.tasks is not None
    task = run.tasks[0].notebook_task
    assert task is not None
    assert "17 rows" in (task.base_parameters or {}).values()
