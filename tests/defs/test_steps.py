"""Step pipelines: the context goes from op to op; a failed step says what was done; a resume continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import Definitions, JobExecutionResult
from databricks.sdk.service.jobs import PauseStatus

from dara_dagster.defs.definitions import build_definitions
from dara_dagster.defs.steps.pipeline import Step, StepContext, step_pipeline
from dara_dagster.defs.steps.upload_file import UploadFile
from dara_dagster.errors import DaraError
from tests.defs.conftest import Project

VOLUME = "/Volumes/main/default/inbox"


@pytest.fixture
def inbox(project: Project, tmp_path: Path) -> Path:
    """A file to upload, and the volume it goes to."""
    from databricks.sdk.service.catalog import VolumeType

    project.emulator.client(project.token).volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    file = tmp_path / "orders.csv"
    file.write_text("a,b\n1,2\n3,4\n")
    return file


def contexts(result: JobExecutionResult) -> dict[str | None, Any]:
    outputs = [event for event in result.all_events if event.is_successful_output]
    return {event.step_key: event.step_output_data.metadata["context"].value for event in outputs}


def test_a_file_is_uploaded_run_on_and_counted(project: Project, inbox: Path) -> None:
    project.simulate("*", exit_value="2 rows")
    notebooks = project.root / "notebooks"
    notebooks.mkdir()
    (notebooks / "load.py").write_text("# Databricks notebook source\nprint(1)\n")
    project.write("project.json", {"name": "trial", "notebooks": "../notebooks"})
    steps = [
        {"name": "count", "uses": "tests.defs.own_steps:CountLines"},
        {"name": "upload", "uses": "upload_file", "settings": {"to": f"{VOLUME}/"}},
        {
            "name": "load",
            "uses": "run_task",
            "settings": {
                "file_name": "load",
                "format": "py",
                "parameters": {"path": "${context.upload.path}"},
            },
        },
    ]
    project.write("workflows/ingest.json", {"steps": steps, "parameters": {"file_path": str(inbox)}})
    result = project.run("ingest")
    assert result.success
    last = contexts(result)["load"]
    assert last["done"] == ["count", "upload", "load"]
    assert last["values"]["count.lines"] == 3
    assert last["values"]["path"] == f"{VOLUME}/orders.csv"
    assert last["values"]["exit_value"] == "2 rows"
    client = project.emulator.client(project.token)
    run = client.jobs.get_run(int(last["values"]["run_id"]))
    assert run.tasks is not None
    assert run.tasks[0].notebook_task is not None
    assert run.tasks[0].notebook_task.base_parameters == {
        "file_path": str(inbox),
        "path": f"{VOLUME}/orders.csv",
    }


def test_a_failed_step_says_what_was_done_and_a_resume_continues_there(
    project: Project, inbox: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    steps = [
        {"name": "upload", "uses": "upload_file", "settings": {"to": f"{VOLUME}/x.csv", "overwrite": False}},
        {"name": "check", "uses": "tests.defs.own_steps:FailUnless", "settings": {"marker": str(marker)}},
    ]
    project.write("workflows/ingest.json", {"steps": steps, "parameters": {"file_path": str(inbox)}})
    failed = project.run("ingest")
    data = failed.get_step_failure_events()[0].step_failure_data
    assert data.user_failure_data is not None
    assert "'check'" in (data.user_failure_data.description or "")
    assert "Done before: upload" in (data.user_failure_data.description or "")
    marker.touch()
    resumed = project.resume(failed.run_id, "ingest")
    assert resumed.success
    assert list(contexts(resumed)) == ["check"]
    assert contexts(resumed)["check"]["values"]["bytes"] == inbox.stat().st_size


def test_statements_run_on_a_warehouse_and_tables_are_waited_for(project: Project) -> None:
    project.write("warehouse_config.json", {"bi": {"cluster_size": "2X-Small"}})
    make = "CREATE TABLE main.default.numbers AS SELECT CAST(:n AS INT) AS n"
    sql = {"warehouse_name": "bi", "parameters": {"n": "${context.n}"}}
    steps = [
        {"name": "make", "uses": "run_sql", "settings": {"statement": make, **sql}},
        {"name": "one", "uses": "tests.defs.own_steps:Leave", "settings": {"what": "number"}},
        {"name": "wait", "uses": "wait_for_table", "settings": {"table": "main.default.numbers"}},
        {
            "name": "count",
            "uses": "run_sql",
            "settings": {
                "statement": "SELECT n, ${context.who} FROM IDENTIFIER(${context.table})"
                " LIMIT ${context.thing}",
                "warehouse_name": "bi",
            },
        },
        {
            "name": "never",
            "uses": "wait_for_table",
            "settings": {"table": "main.default.none", "timeout_seconds": 1, "poll_seconds": 0.1},
        },
    ]
    who = "x' FROM nothing; DROP TABLE main.default.numbers --"
    project.write("workflows/numbers.json", {"steps": steps, "parameters": {"n": "7", "who": who}})
    result = project.run("numbers")
    assert contexts(result)["count"]["values"]["rows"] == [["7", who]]
    assert project.ends(result.run_id)["never"] == "failure"
    failure = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert failure is not None
    assert "main.default.none is not there after 1 s" in (failure.description or "")


def test_a_saved_job_is_run_by_name(project: Project) -> None:
    from databricks.sdk.service import jobs

    project.simulate("only", exit_value="done")
    notebook = jobs.NotebookTask(notebook_path="/nb")
    client = project.emulator.client(project.token)
    client.jobs.create(name="nightly", tasks=[jobs.Task(task_key="only", notebook_task=notebook)])
    step = {"name": "job", "uses": "run_job", "settings": {"job": "nightly", "parameters": {"day": "1"}}}
    project.write("workflows/night.json", {"steps": [step]})
    result = project.run("night")
    assert result.success
    assert contexts(result)["job"]["values"]["exit_value"] == "done"


def test_a_workflow_of_the_project_is_run_as_its_saved_job(project: Project) -> None:
    project.simulate("*", exit_value="done")
    project.workflow(
        {"name": "a"}, {"name": "b", "dependent_on": ["a"]}, name="nightly", schedule="0 6 * * *"
    )
    for name, job in (("night", "nightly"), ("typo", "nightlyy"), ("itself", "itself")):
        step = {"name": "job", "uses": "run_job", "settings": {"job": job}}
        project.write(f"workflows/{name}.json", {"steps": [step]})

    values = [contexts(project.run("night"))["job"]["values"] for _ in range(2)]

    client = project.emulator.client(project.token)
    (job,) = client.jobs.list()
    assert [value["job_id"] for value in values] == [job.job_id, job.job_id]
    run = client.jobs.get_run(int(values[0]["run_id"]))
    assert [task.task_key for task in run.tasks or ()] == ["a", "b"]
    assert job.settings is not None and job.settings.schedule is not None
    assert job.settings.schedule.pause_status is PauseStatus.PAUSED
    reported = [
        str(project.run(name).get_step_failure_events()[0].step_failure_data.user_failure_data)
        for name in ("typo", "itself")
    ]
    assert "Did you mean " in reported[0] and "'nightly'" in reported[0]
    assert "the pipeline 'itself' cannot run itself" in reported[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"index": "main.default.none"},
            "there is no Vector Search index main.default.none. Make it, or say",
        ),
        (
            {"index": "numbers_index", "create": {"source_table": "no", "embedding_dimension": 2}},
            "the index main.default.numbers_index cannot be made: ",
        ),
        (
            {"index": "numbers_index", "create": {"source_table": "numbers", "embedding_dimension": 3}},
            "the index main.default.numbers_index is OFFLINE_FAILED: The update of index",
        ),
        (
            {
                "index": "numbers_index",
                "create": {"source_table": "numbers", "embedding_dimension": 2},
                "timeout_seconds": 1,
                "poll_seconds": 2,
            },
            "is not up to date after 1 s",
        ),
    ],
)
def test_an_index_that_cannot_be_synced_is_reported(
    project: Project, settings: dict[str, Any], words: str
) -> None:
    project.write("warehouse_config.json", {"bi": {"cluster_size": "2X-Small"}})
    statement = "CREATE TABLE main.default.numbers AS SELECT 1 AS n, array(1.0D, 0.0D) AS v"
    if "create" in settings:
        settings["create"] |= {"endpoint_name": "e", "primary_key": "n", "embedding_column": "v"}
    steps = [
        {"name": "make", "uses": "run_sql", "settings": {"statement": statement, "warehouse_name": "bi"}},
        {"name": "sync", "uses": "sync_index", "settings": {"poll_seconds": 0.1, **settings}},
    ]
    project.write("workflows/numbers.json", {"steps": steps})
    (event,) = project.run("numbers").get_step_failure_events()
    failure = event.step_failure_data.user_failure_data
    assert failure is not None and words in (failure.description or ""), failure


class Orders(StepContext):
    """A context with a field of its own."""

    customer: str = "unknown"


class Name(Step):
    """Sets the customer."""

    name = "name_customer"

    def execute(self, context: StepContext) -> StepContext:
        return context.model_copy(update={"customer": "ACME"})


def test_a_pipeline_in_python_takes_the_workspace_of_the_definitions(project: Project, inbox: Path) -> None:
    steps = [Name(), UploadFile(to=VOLUME + "/${context.customer}.csv", file=str(inbox))]
    job = step_pipeline("orders", steps, context=Orders)
    project.workflow({"name": "a"})
    definitions = Definitions.merge(build_definitions(project.config), Definitions(jobs=[job]))
    result = definitions.resolve_job_def("orders").execute_in_process(instance=project.instance)
    assert result.success
    context = result.output_for_node("upload_file", "step_context")
    assert isinstance(context, Orders)
    assert context.get("path") == f"{VOLUME}/ACME.csv"


def test_the_context_names_what_it_has() -> None:
    context = StepContext(parameters={"day": "1"}, file="/tmp/x").leave("load", rows=2)
    assert context.fill({"x": "${context.rows}", "y": ["day ${context.day}: ${context.load.rows}"]}) == {
        "x": 2,
        "y": ["day 1: 2"],
    }
    with pytest.raises(DaraError, match=r"no 'nothing'; it has day, file, load\.rows, rows"):
        context.get("nothing")


def test_the_context_does_not_name_what_it_lacks() -> None:
    """A field without a value is none of those that a wrong name is answered with."""
    with pytest.raises(DaraError, match=r"no 'file'; it has nothing yet\."):
        StepContext().get("file")
    with pytest.raises(DaraError, match=r"no 'path'; it has nothing yet\."):
        StepContext().get("path")
    more = Orders.model_validate({"customer": "ACME", "extra": 1})
    with pytest.raises(DaraError, match=r"no 'file'; it has customer, extra"):
        more.get("file")
