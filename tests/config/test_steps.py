"""Step pipelines and sensors: what is read, and what is refused in them."""

from __future__ import annotations

from typing import Any

import pytest

from dara_dagster.config import StepPlan
from dara_dagster.config.models import Sensor
from tests.config.conftest import Project, entry

FILE = "workflows/w.json"


def steps(project: Project, *items: dict[str, Any]) -> tuple[StepPlan, ...]:
    return project.file("a.py").write(FILE, {"steps": items}).plan().workflows[0].steps


def test_a_pipeline_of_every_kind_of_step(project: Project) -> None:
    upload, run, job, sql, wait, own = steps(
        project,
        {"uses": "upload_file", "settings": {"to": "/Volumes/main/raw/inbox/"}},
        {
            "name": "clean it",
            "uses": "run_task",
            "settings": {
                "file_name": "a",
                "format": "py",
                "compute_name": "etl cluster",
                "timeout_seconds": "60",
                "parameters": {"path": "${context.path}", "n": 1},
            },
        },
        {"uses": "run_job", "settings": {"job": "nightly"}},
        {
            "uses": "run_sql",
            "settings": {"statement": "select :x", "warehouse_name": "bi", "parameters": {"x": 1}},
        },
        {"uses": "wait_for_table", "settings": {"table": "main.silver.t"}},
        {"uses": "my_steps.rows:CountRows", "settings": {"any": [1, {"thing": None}]}},
    )
    assert (upload.name, upload.uses) == ("upload_file", "upload_file")
    assert upload.settings == {"to": "/Volumes/main/raw/inbox/", "file": None, "overwrite": True}
    assert (run.name, run.settings["parameters"]) == ("clean it", {"path": "${context.path}", "n": "1"})
    assert run.task is not None
    assert (run.task.name, run.task.key, run.task.kind) == ("clean it", "clean_it", "notebook")
    assert (run.task.entry.timeout_seconds, run.task.compute) == (60, project.plan().clusters["etl cluster"])
    assert job.settings["job"] == "nightly"
    assert sql.compute == project.plan().warehouses["bi"]
    assert wait.settings == {"table": "main.silver.t", "timeout_seconds": 3600, "poll_seconds": 10.0}
    assert (own.name, own.task, own.settings) == ("CountRows", None, {"any": [1, {"thing": None}]})


def test_the_context_is_left_to_be_filled_in_later(project: Project) -> None:
    project.write("parameters.json", {"day": "1"})
    (step,) = steps(project, {"uses": "m:C", "settings": {"a": "${context.x}/${day}", "b": "${context.x}"}})
    assert step.settings == {"a": "${context.x}/1", "b": "${context.x}"}


def test_the_context_is_for_steps_only(project: Project) -> None:
    project.file("a.py").write(FILE, [entry(parameters={"p": "${context.x}"})])
    assert [p.message for p in project.problems()] == ["${context.x} has no value"]
    project.write(FILE, {"steps": [{"uses": "m:C"}], "sensor": {"volume": "${context.x}"}})
    assert [(p.key, p.message) for p in project.problems()] == [
        ("sensor.volume", "${context.x} has no value")
    ]


def test_a_table_put_together_from_the_context(project: Project) -> None:
    table = "${context.catalog}.${context.schema}.${context.load.table}"
    (step,) = steps(project, {"uses": "wait_for_table", "settings": {"table": table}})
    assert step.settings["table"] == table


@pytest.mark.parametrize(
    ("item", "key", "wrong", "remedy"),
    [
        ({}, "steps[0].uses", "uses is missing", "Add"),
        ({"uses": "upload_fil"}, "steps[0].uses", "there is no step 'upload_fil'", "mean 'upload_file'"),
        ({"uses": "my.mod"}, "steps[0].uses", "there is no step 'my.mod'", "module:Class"),
        ({"uses": "m:C", "setings": {}}, "steps[0].setings", "unknown key", "mean 'settings'"),
        ({"uses": "upload_file"}, "steps[0].settings.to", "to is missing", "Add"),
        (
            {"uses": "upload_file", "settings": {"to": "/Volumes/a/b/c", "overwite": False}},
            "steps[0].settings.overwite",
            "unknown key 'overwite'",
            "mean 'overwrite'",
        ),
        (
            {"uses": "run_job", "settings": {"job": 1, "timeout_seconds": "soon"}},
            "steps[0].settings.timeout_seconds",
            "should be a whole number",
            "Write a whole number",
        ),
        (
            {"uses": "upload_file", "settings": {"to": "x"}},
            "steps[0].settings.to",
            "not a path in a",
            "/Volumes",
        ),
        (
            {"uses": "run_task", "settings": {"file_name": "z", "format": "py"}},
            "steps[0].settings.file_name",
            "there is no z.py in",
            "Known files: a",
        ),
        (
            {"uses": "run_task", "settings": {"file_name": "a", "format": "py", "compute_name": "x"}},
            "steps[0].settings.compute_name",
            "there is no cluster 'x'",
            "etl cluster",
        ),
        (
            {"uses": "run_sql", "settings": {"statement": "x", "warehouse_name": "y"}},
            "steps[0].settings.warehouse_name",
            "there is no warehouse 'y'",
            "bi",
        ),
        ({"uses": "run_job", "settings": {"job": []}}, "steps[0].settings.job", "id or name", "Write"),
        (
            {"uses": "wait_for_table", "settings": {"table": "a b"}},
            "steps[0].settings.table",
            "is not a table's name",
            "catalog.schema.table",
        ),
        (entry(), "steps[0]", "an entry (tasks) among steps", "two files"),
        ({"uses": "m:C", "file_name": "a"}, "steps[0].file_name", "unknown key", "mean 'name'"),
    ],
)
def test_a_wrong_step(project: Project, item: dict[str, Any], key: str, wrong: str, remedy: str) -> None:
    project.file("a.py").write(FILE, {"steps": [item]})
    (problem,) = project.problems()
    assert (problem.file, problem.key) == (project.config / FILE, key)
    assert problem.line >= 3
    assert wrong in problem.message
    assert remedy in problem.hint


def test_two_steps_of_one_name(project: Project) -> None:
    project.write(FILE, {"steps": [{"uses": "m:C"}, {"uses": "n:C"}]})
    (problem,) = project.problems()
    assert (problem.key, problem.message) == (
        "steps[1].name",
        "a second step named 'C', the first is on line 3",
    )


def test_sensors(project: Project) -> None:
    project.file("a.py")

    def sensor(**stated: Any) -> Sensor | None:
        project.write(FILE, {"tasks": [entry()], "sensor": stated})
        return project.plan().workflows[0].sensor

    volume = "/Volumes/main/raw/inbox"
    assert sensor(volume=volume) == Sensor(volume=volume)
    assert sensor(volume=volume, pattern="*.csv", per="batch", batch_size="5") == Sensor(
        volume=volume, pattern=("*.csv",), per="batch", batch_size=5
    )
    assert sensor(
        folder="inbox/",
        pattern=["*.csv", "*.json"],
        recursive=True,
        settle_seconds="1.5",
        upload_to=volume,
        since="2024-05-31T06:00:00Z",
        interval_seconds=60,
    ) == Sensor(
        folder=str(project.root / "inbox"),
        pattern=("*.csv", "*.json"),
        recursive=True,
        settle_seconds=1.5,
        upload_to=volume,
        since="2024-05-31T06:00:00Z",
        interval_seconds=60,
    )


def test_the_class_of_a_context_is_named_in_a_pipeline_only(project: Project) -> None:
    pipeline = {"steps": [{"uses": "m:C"}], "context": "my_steps:Orders"}
    assert project.write(FILE, pipeline).plan().workflows[0].context == "my_steps:Orders"
    (wrong,) = project.write(FILE, {**pipeline, "context": "my_steps.Orders"}).problems()
    assert (wrong.key, wrong.hint) == ("context", "Write module:name.")
    project.file("a.py").write(FILE, {"tasks": [entry(file_name="a")], "context": "my_steps:Orders"})
    assert [problem.key for problem in project.problems()] == ["context"]
