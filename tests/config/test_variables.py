"""`${name}` and `${env.NAME}`: where values come from, what is refused, what is never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.config.conftest import Project, entry

DEP = "dependency.json"


def parameters_of(project: Project, environ: dict[str, str] | None = None) -> dict[str, str]:
    (task,) = project.plan(environ).workflows[0].tasks
    return dict(task.parameters)


def test_values_come_from_the_parameters_files_and_the_environment(project: Project) -> None:
    project.file("a.py").write(
        "parameters.json", {"day": 5, "db": {"catalog": "dev"}, "root": "${env.HOME}/x"}
    )
    project.write("parameters-prod.json", {"db": {"catalog": "prod"}})
    given = {
        "a": "${day}",
        "b": "on ${day}, ${db.catalog}",
        "c": "${root}",
        "d": "$${day} $5 {x} ${",
        "e": "${ day }",
    }
    project.write(DEP, [entry(parameters=given)])
    environ = {"HOME": "/home/me"}
    expected = {"a": "5", "b": "on 5, dev", "c": "/home/me/x", "d": "${day} $5 {x} ${", "e": "5"}
    assert parameters_of(project, environ) == expected
    assert parameters_of(project, {**environ, "DARA_ENV": "prod"})["b"] == "on 5, prod"


def test_a_text_that_is_one_reference_takes_the_kind_of_its_value(project: Project) -> None:
    project.file("a.py").write("parameters.json", {"workers": 4, "full": True})
    project.write("cluster_config.json", {"c": {"spark_version": "15", "num_workers": "${workers}"}})
    project.write(
        DEP, [{"name": "r", "task": {"pipeline_task": {"pipeline_id": "p", "full_refresh": "${full}"}}}]
    )
    plan = project.plan()
    assert plan.clusters["c"].settings["num_workers"] == 4
    payload: Any = plan.workflows[0].tasks[0].entry.task
    assert payload["pipeline_task"]["full_refresh"] is True


@pytest.mark.parametrize(
    ("value", "wrong", "remedy"),
    [
        ("${dya}", "${dya} has no value", "Did you mean 'day'?"),
        ("${}", "${} has no value", "parameters.json"),
        ("${env.HOEM}", "the environment has no HOEM", "Did you mean 'HOME'?"),
        ("${env.}", "the environment has no ", "Set "),
        ("${list}", "${list} is a list", "Only text"),
        ("${db}", "${db} is an object", "Only text"),
        ("${nothing}", "${nothing} is null", "Only text"),
        ("${db.nothing}", "${db.nothing} has no value", "parameters.json"),
    ],
)
def test_a_name_without_a_value(project: Project, value: str, wrong: str, remedy: str) -> None:
    values = {"day": 1, "list": [], "db": {"x": 1}, "nothing": None}
    project.file("a.py").write("parameters.json", values).write(DEP, [entry(parameters={"p": f"x {value}"})])
    (problem,) = project.problems({"HOME": "/"})
    assert (problem.file.name, problem.line, problem.key) == (DEP, 6, "[0].parameters.p")
    assert problem.message == wrong
    assert remedy in problem.hint


def test_a_reference_without_a_value_is_the_one_problem_of_its_place(project: Project) -> None:
    project.write("cluster_config.json", {"c": {"spark_version": "15", "num_workers": "${no}"}})
    unknown = entry(compute_name="${no}", timeout_seconds="${no}", run_if="${no}", dependent_on=["${no}"])
    project.file("a.py").write(
        DEP, {"schedule": "${no}", "tasks": [unknown, {"file_name": "${no}", "format": "py"}]}
    )
    assert [(p.file.name, p.key, p.message) for p in project.problems()] == [
        ("cluster_config.json", "c.num_workers", "${no} has no value"),
        (DEP, "schedule", "${no} has no value"),
        (DEP, "tasks[0].compute_name", "${no} has no value"),
        (DEP, "tasks[0].timeout_seconds", "${no} has no value"),
        (DEP, "tasks[0].run_if", "${no} has no value"),
        (DEP, "tasks[0].dependent_on[0]", "${no} has no value"),
        (DEP, "tasks[1].file_name", "${no} has no value"),
    ]


def test_a_wrong_reference_in_a_parameter_is_reported_there_and_not_where_it_is_used(
    project: Project,
) -> None:
    project.write("parameters.json", {"x": "${no}", "y": 1})
    project.file("a.py").write(DEP, [entry(timeout_seconds="${x}", parameters={"p": "a ${x}", "y": "${y}"})])
    assert [(p.file.name, p.key) for p in project.problems()] == [("parameters.json", "x")]


def test_parameters_that_refer_to_each_other_in_a_cycle(project: Project) -> None:
    project.file("a.py").write("parameters.json", {"x": "${y}", "y": "${x}"}).write(DEP, [entry()])
    assert [(p.line, p.key, p.message) for p in project.problems()] == [
        (2, "x", "the parameters refer to each other in a cycle: y -> x -> y"),
        (3, "y", "the parameters refer to each other in a cycle: x -> y -> x"),
    ]


def test_parameters_that_refer_to_each_other_without_end(project: Project) -> None:
    chain = {f"p{index}": f"${{p{index + 1}}}" for index in range(2000)}
    project.file("a.py").write("parameters.json", {**chain, "p2000": "x"}).write(DEP, [entry()])
    assert {p.message for p in project.problems()} == {"the parameters refer to each other more than 50 deep"}


def test_parameters_in_objects_are_named_as_they_are_used(project: Project) -> None:
    values = {"db": {"catalog": "x", "none": None}, "days": [1], "executors": {"e": {"format": "py"}}}
    project.file("a.py").write("parameters.json", values)
    project.write(DEP, [entry(parameters={"x": "${db.catlog}", "y": "${other}"})])
    assert [p.hint.partition(" Add")[0] for p in project.problems()] == [
        "Did you mean 'db.catalog'?",
        "Known parameters: db.catalog.",
    ]


def test_dara_env_with_a_character_that_no_environment_has(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()]).write("parameters-a b.json", {})
    (problem,) = project.problems({"DARA_ENV": "a b"})
    assert "the name of an environment has letters, digits" in problem.message
    assert "a b" not in problem.hint


def test_dara_env_without_its_file(project: Project) -> None:
    project.file("a.py").write("parameters-prod.json", {}).write(DEP, [entry()])
    (problem,) = project.problems({"DARA_ENV": "prd"})
    assert problem.message == "DARA_ENV is 'prd', but there is no parameters-prd.json"
    assert problem.hint == "Did you mean 'prod'?"
    assert len(project.problems({"DARA_ENV": "../prod"})) == 1
    assert len(project.problems({"DARA_ENV": "x" * 300})) == 1


def test_what_comes_from_the_environment_is_never_shown(project: Project) -> None:
    secret, short = "s3cret-value", "xy"
    project.file("a.py")
    project.write("parameters.json", {"token": "${env.TOKEN}"})
    project.write("cluster_config.json", {"c": {"spark_version": "15", "num_workers": "${token}"}})
    project.write(
        DEP,
        [
            entry(compute_name="${token}", dependent_on=["${env.TOKEN}"], format="${env.TOKEN}"),
            {"file_name": "${token}", "format": "py", "timeout_seconds": "${token}"},
            {
                "file_name": "a",
                "name": "n",
                "format": "py",
                "outputs": ["${env.SHORT}"],
                "schedule": "${token}",
            },
        ],
    )
    project.write("workflows/w.json", {"tasks": [entry()], "schedule": "${token}", "timezone": "${token}"})
    problems = project.problems({"TOKEN": secret, "SHORT": short})
    assert len(problems) >= 8
    text = "\n".join(map(str, problems))
    assert secret not in text
    assert f"'{short}'" not in text
    assert "${env.TOKEN}" in text


def test_a_value_is_never_checked_again(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(parameters={"p": "${env.P}"})])
    value = '${env.HOME} $(rm -rf /) "quoted" {{job.id}}'
    assert parameters_of(project, {"P": value, "HOME": "/"}) == {"p": value}


def test_step_properties_are_read_in_steps_only(project: Project) -> None:
    text = '{"a": 1}'
    project.file("a.py").write(DEP, [entry(parameters={"STEP_PROPERTIES": text})])
    assert parameters_of(project) == {"STEP_PROPERTIES": text}
    properties = json.dumps({"STEP_PROPERTIES": text, "x": {"STEP_PROPERTIES": text}})
    step = {"JOB_ID": 1, "JOB_NAME": "a", "FUNCTION_ID_NAME": "e", "STEP_PROPERTIES": properties}
    project.write("parameters.json", {"executors": {"e": {"format": "py"}}})
    project.write(DEP, [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": [step]}]}])
    nested = json.dumps({"STEP_PROPERTIES": text})
    assert parameters_of(project) == {"STEP_PROPERTIES": text, "x": nested}


def test_a_value_cannot_change_the_structure_of_step_properties(project: Project) -> None:
    step = {"JOB_ID": 1, "JOB_NAME": "a", "FUNCTION_ID_NAME": "e", "STEP_PROPERTIES": '{"p": "${env.P}"}'}
    project.file("a.py").write("parameters.json", {"executors": {"e": {"format": "py"}}})
    project.write(DEP, [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": [step]}]}])
    value = 'x", "other": "y\\'
    assert parameters_of(project, {"P": value}) == {"p": value}
