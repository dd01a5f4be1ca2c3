"""The original LEVEL / THREAD / STEP files and their parameters file, and executors of every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config import load
from tests.config.conftest import NOTEBOOK, Project
from tests.config.test_levels import levels

ORIGINALS = Path(__file__).parent / "aef"
DEFINITIONS = sorted(path.name for path in ORIGINALS.glob("*.json") if not path.name.startswith("platform"))
FILE = "workflows/w.json"


def job_names(definition: Any) -> set[str]:
    threads = (thread for level in definition["definition"] for thread in level["THREADS"])
    return {step["JOB_NAME"] for thread in threads for step in thread["STEPS"]}


@pytest.fixture
def original(project: Project) -> Project:
    """The six original files, with notebooks of their names and a parameters file."""
    for name in DEFINITIONS:
        text = (ORIGINALS / name).read_text()
        project.write(f"workflows/{name}", text)
        for job in job_names(json.loads(text)):
            project.file(f"{job}.py", NOTEBOOK)
    return project.write("parameters.json", (ORIGINALS / "platform-parameters-dev.json").read_text())


def step(job: int = 1, executor: str = "e", **more: Any) -> dict[str, Any]:
    return {"JOB_ID": job, "JOB_NAME": f"n{job}", "FUNCTION_ID_NAME": executor, **more}


def write(project: Project, executors: dict[str, Any], *steps: dict[str, Any], **more: Any) -> Project:
    project.write("parameters.json", {"executors": executors})
    return project.write(FILE, {**more, "definition": levels([list(steps)])})


def reported(project: Project) -> list[tuple[int, str, str, str]]:
    return [(each.line, each.key, each.message, each.hint) for each in project.problems()]


def test_the_original_files_are_read_as_they_are(original: Project) -> None:
    assert len(DEFINITIONS) == 6
    assert original.problems() == []
    plans = {workflow.name: workflow for workflow in original.plan().workflows}
    sizes = {name: len(plan.tasks) for name, plan in plans.items()}
    assert sizes == {
        "demo_pipeline_cloud_workflows": 3,
        "demo_pipeline_composer": 3,
        "etl_example_0": 2,
        "etl_example_2": 14,
        "workflow_single_thread_1_level_dataproc": 3,
        "workflow_threaded_2_levels": 8,
    }
    cloud, composer = (plans[f"demo_pipeline_{name}"].tasks for name in ("cloud_workflows", "composer"))
    assert [(task.name, task.upstream) for task in cloud] == [(task.name, task.upstream) for task in composer]
    assert cloud[0].parameters == {"region": "us-central1"} and cloud[0].entry.poll_seconds == 30
    assert cloud[0].entry.timeout_seconds == 12 * 60
    spark = plans["workflow_single_thread_1_level_dataproc"].tasks[0].parameters["spark_app_properties"]
    assert json.loads(spark)["spark.executor.cores"] == "4"


def test_what_has_no_meaning_here_is_reported_once(original: Project) -> None:
    notes = load(original.config, {}).notes()
    assert [(note.key, note.file.name, note.line, note.count) for note in notes] == [
        ("FUNCTION_STATUS_NAME", "demo_pipeline_cloud_workflows.json", 15, 30),
        ("LAST_STEP", "etl_example_2.json", 210, 1),
    ]


def test_the_executor_is_named_as_engine_and_type_have_it(project: Project) -> None:
    project.files(*(f"n{index}.py" for index in range(1, 6)))
    executors = {name: {"format": "py", "parameters": {"by": name}} for name in ("id", "sync", "composer")}
    names = {"FUNCTION_ID_NAME": "id", "FUNCTION_NAME": "sync", "COMPOSER_STEP": "composer"}
    steps = [
        {"JOB_ID": 1, "JOB_NAME": "n1", "TYPE": "sync", "FUNCTION_NAME": "sync"},
        {"JOB_ID": 2, "JOB_NAME": "n2", "TYPE": "async", "COMPOSER_STEP": "composer"},
        {"JOB_ID": 3, "JOB_NAME": "n3", "TYPE": "sync", **names},
        {"JOB_ID": 4, "JOB_NAME": "n4", "TYPE": "async", **names},
        {"JOB_ID": 5, "JOB_NAME": "n5", "COMPOSER_STEP": "id", "FUNCTION_ID_NAME": ""},
    ]

    def used() -> list[str]:
        return [task.parameters["by"] for task in project.plan().workflows[0].tasks]

    write(project, executors, *steps)
    assert used() == ["sync", "composer", "sync", "id", "id"]
    assert {(note.key, note.text) for note in load(project.config, {}).notes()} == {
        ("COMPOSER_STEP", "has no meaning here: FUNCTION_ID_NAME names the executor"),
        ("COMPOSER_STEP", "has no meaning here: FUNCTION_NAME names the executor"),
        ("FUNCTION_ID_NAME", "has no meaning here: FUNCTION_NAME names the executor"),
        ("FUNCTION_NAME", "has no meaning here: FUNCTION_ID_NAME names the executor"),
    }
    write(project, executors, *steps, engine="composer")
    assert used() == ["sync", "composer", "composer", "composer", "id"]


@pytest.mark.parametrize("kind", ["workflow", "workflows", "Workflows"])
@pytest.mark.parametrize("key", ["workflow_name", "workflows_name"])
def test_a_step_starts_a_workflow(project: Project, kind: str, key: str) -> None:
    write(project, {}, {"JOB_ID": 1, "JOB_NAME": "call it", "TYPE": kind, key: "nightly"})
    (task,) = project.plan().workflows[0].tasks
    assert (task.name, task.kind, task.workflow) == ("call it", "saved_job", "nightly")


def test_two_workflows_in_one_step_are_refused(project: Project) -> None:
    write(project, {}, {"JOB_ID": 1, "TYPE": "workflows", "workflow_name": "a", "workflows_name": "b"})
    ((_, _, wrong, remedy),) = reported(project)
    assert (wrong, remedy) == ("both workflow_name and workflows_name", "Remove one of the two.")


def test_an_executor_is_any_task_with_what_its_step_says(project: Project) -> None:
    """The values keep their kinds: a job's id is a number, the commands of dbt are a list."""
    executors = {
        "pipeline": {"task": {"pipeline_task": {"pipeline_id": "${step.properties.pipeline.id}"}}},
        "dbt": {
            "task": {"dbt_task": {"commands": "${step.properties.commands}", "schema": "${step.job_name}"}},
            "warehouse_name": "bi",
        },
        "job": {"task": {"run_job_task": {"job_id": "${step.properties.job}"}}, "max_retries": 1},
        "jar": {
            "task": {
                "spark_jar_task": {
                    "main_class_name": "org.Main",
                    "parameters": ["--job=${step.job_id}/${ step.level_id }", "$${step.job_name}", "${zone}"],
                }
            },
            "compute_name": "etl cluster",
        },
        "*": {
            "task": {"notebook_task": {"notebook_path": "/Shared/${step.executor}/${step.job_name}"}},
            "parameters": {"thread": "${step.thread_id}", "cores": "${step.properties.spark.cores}"},
        },
    }
    steps = [
        step(1, "pipeline", STEP_PROPERTIES='{"pipeline": {"id": "p-1"}, "unused": 1}'),
        step(2, "dbt", STEP_PROPERTIES='{"commands": ["dbt run", "dbt test"]}'),
        step(3, "job", STEP_PROPERTIES='{"job": 42, "day": "2024-05-31"}', WAIT_TIME_SECONDS="5"),
        step(4, "jar"),
        step(5, "anything", STEP_PROPERTIES={"spark.cores": 4, "x": "y"}),
    ]
    write(project, executors, *steps)
    project.write("parameters.json", {"zone": "eu", "executors": executors})

    plan = {task.name: task for task in project.plan().workflows[0].tasks}

    assert {task.kind for task in plan.values()} == {"raw"}
    payloads = [task.entry.task for task in plan.values()]
    assert payloads == [
        {"pipeline_task": {"pipeline_id": "p-1"}},
        {"dbt_task": {"commands": ["dbt run", "dbt test"], "schema": "n2"}},
        {"run_job_task": {"job_id": 42}},
        {
            "spark_jar_task": {
                "main_class_name": "org.Main",
                "parameters": ["--job=4/1", "${step.job_name}", "eu"],
            }
        },
        {"notebook_task": {"notebook_path": "/Shared/anything/n5"}},
    ]
    assert plan["n3"].parameters == {"day": "2024-05-31"} and plan["n3"].entry.poll_seconds == 5
    assert plan["n5"].parameters == {"thread": "1", "cores": "4", "x": "y"}
    assert plan["n4"].compute is not None and plan["n2"].compute is not None
    (note,) = load(project.config, {}).notes()
    assert note.key == "STEP_PROPERTIES.unused"


EXECUTORS: list[tuple[dict[str, Any], int, str, str, str]] = [
    # an executor, line, key below executors.e, what is wrong, what to do
    ({}, 3, ".format", "format is missing", '"task": a task of the Jobs API'),
    ({"format": "py", "task": {"dbt_task": {"commands": []}}}, 4, ".format", "not go with task", "Remove"),
    ({"task": {"pipelin_task": {}}}, 5, ".task.pipelin_task", "unknown key", "Did you mean 'pipeline_task'?"),
    ({"task": {}}, 4, ".task", "a task is of one kind, this is of 0", "Write one of notebook_task"),
    ({"task": {"dbt_task": 1}}, 5, ".task.dbt_task", "should be an object", "Write {"),
    ({"task": {"pipeline_task": {}}}, 5, ".task.pipeline_task.pipeline_id", "pipeline_id is missing", "Add"),
    ({"format": "py", "compute_name": "${step.job_name}"}, 5, ".compute_name", "no value in", "task or par"),
    (
        {"format": "py", "parameters": {"x": "${step.jobname}"}}, 6, ".parameters.x",
        "${step.jobname} has no value", "Did you mean ${step.job_name}?",
    ),
    (
        {"format": "py", "parameters": {"x": "${step.zzz}"}}, 6, ".parameters.x",
        "${step.zzz} has no value", "and step.properties.NAME.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("executor", "line", "key", "wrong", "remedy"), EXECUTORS)
def test_a_wrong_executor(
    project: Project, executor: dict[str, Any], line: int, key: str, wrong: str, remedy: str
) -> None:
    project.file("n1.py")
    write(project, {"e": executor}, step())
    ((at, where, stated, hint),) = reported(project)
    assert (at, where) == (line, f"executors.e{key}")
    assert wrong in stated and remedy in hint


@pytest.mark.parametrize(
    ("properties", "line", "remedy"),
    [
        ({"STEP_PROPERTIES": '{"pipeline-id": "x"}'}, 13, "Did you mean 'pipeline-id'?"),
        ({}, 9, 'Add "pipeline_id" to STEP_PROPERTIES.'),
    ],
)
def test_a_property_that_an_executor_needs(
    project: Project, properties: dict[str, str], line: int, remedy: str
) -> None:
    task = {"pipeline_task": {"pipeline_id": "${step.properties.pipeline_id}"}}
    write(project, {"e": {"task": task}}, step(**properties))
    ((at, key, wrong, hint),) = reported(project)
    assert (at, key) == (line, "definition[0].THREADS[0].STEPS[0].STEP_PROPERTIES")
    assert wrong == "the executor 'e' needs ${step.properties.pipeline_id}, which is not here"
    assert hint == remedy


def test_an_exit_value_goes_from_notebook_to_notebook(project: Project) -> None:
    executors = {
        "book": {"task": {"notebook_task": {"notebook_path": "/x"}}},
        "pipeline": {"task": {"pipeline_task": {"pipeline_id": "x"}}},
    }
    steps = [step(1, "book"), step(2, "book", READ_INPUT_FROM="1"), step(3, "pipeline", READ_INPUT_FROM="1")]
    write(project, executors, *steps, step(4, "book", READ_INPUT_FROM="3"))
    assert [each[2] for each in reported(project)] == [
        "a pipeline_task takes no parameters, so no exit value",
        "'n3' is a pipeline_task, which has no exit value",
    ]


def test_two_steps_of_one_id_are_wrong_only_where_something_names_it(project: Project) -> None:
    project.files("n1.py", "n2.py", "n3.py")
    steps = [step(1), step(1, JOB_NAME="n2"), step(3)]
    write(project, {"e": {"format": "py"}}, *steps)
    assert [task.name for task in project.plan().workflows[0].tasks] == ["n1", "n2", "n3"]
    (note,) = load(project.config, {}).notes()
    assert (note.key, note.line, note.count) == ("JOB_ID", 15, 1)
    write(project, {"e": {"format": "py"}}, *steps[:2], step(3, READ_INPUT_FROM=1))
    assert [each[2] for each in reported(project)] == ["a second JOB_ID '1', the first is on line 10"]


def test_an_executor_that_is_not_declared(project: Project) -> None:
    project.file("n1.py")
    write(project, {"*": {"format": "py"}}, step(executor="never heard of"))
    assert reported(project) == []
    write(project, {"dataflow": {"format": "py"}}, step(executor="dataflw"))
    assert reported(project)[0][2:] == (
        "there is no executor 'dataflw' in parameters.json",
        "Did you mean 'dataflow'?",
    )
    write(project, {}, step())
    assert (
        reported(project)[0][3] == 'Declare it, or one for all names: "executors": {"*": {"format": "py"}}.'
    )
    project.write("parameters.json", [{"ParameterKey": "pRegion", "ParameterValue": "eu"}])
    assert '{"ParameterKey": "executors", "ParameterValue": {"*":' in reported(project)[0][3]


def test_no_advice_to_write_what_stands_there(project: Project) -> None:
    project.file("n1.py")
    write(project, {"e": {"format": "py"}}, step(FUNCTION_ID_NAMES="e", JOB_NAMES="n1", LASTSTEP=1))
    assert [each[2:] for each in reported(project)] == [
        ("unknown key 'FUNCTION_ID_NAMES'", "Remove it: 'FUNCTION_ID_NAME' stands beside it."),
        ("unknown key 'JOB_NAMES'", "Remove it: 'JOB_NAME' stands beside it."),
        ("unknown key 'LASTSTEP'", "Did you mean 'LAST_STEP'?"),
    ]


def pair(key: Any, value: Any) -> dict[str, Any]:
    return {"ParameterKey": key, "ParameterValue": value}


def test_a_list_of_parameters_lies_over_an_object(project: Project) -> None:
    project.file("a.py").write("parameters.json", {"region": "eu", "zone": "b", "executors": {}})
    project.write("parameters-dev.json", [pair("region", "us"), pair("n", 5)])
    project.write(
        "dependency.json", [{"file_name": "a", "format": "py", "parameters": {"r": "${region}${zone}"}}]
    )
    (task,) = project.plan({"DARA_ENV": "dev"}).workflows[0].tasks
    assert task.parameters == {"r": "usb"}


SHAPES: list[tuple[Any, int, str, str]] = [
    ('"x"', 1, "", "the file should hold an object or a list of parameters, it holds text"),
    ([pair("a", 1), "b"], 6, "[1]", "should be an object, is text"),
    ([{"ParameterKey": "a"}], 2, "[0].ParameterValue", "ParameterValue is missing"),
    ([{"ParameterKey": 5, "ParameterValue": 1}], 3, "[0].ParameterKey", "should be text, is a number"),
    ([{**pair("a", 1), "Parameterkey": "b"}], 5, "[0].Parameterkey", "unknown key 'Parameterkey'"),
    ([pair("a", 1), pair("a", 2)], 7, "[1].ParameterKey", "'a' stands here again, first on line 3"),
    ([pair("executors", [])], 4, "executors", "should be an object, is a list"),
]


@pytest.mark.parametrize(("content", "line", "key", "wrong"), SHAPES)
def test_a_parameters_file_of_the_wrong_shape(
    project: Project, content: Any, line: int, key: str, wrong: str
) -> None:
    project.file("a.py").write("dependency.json", [{"file_name": "a", "format": "py"}])
    project.write("parameters.json", content)
    (problem,) = project.problems()
    assert (problem.file.name, problem.line, problem.key) == ("parameters.json", line, key)
    assert wrong in problem.message and problem.hint
