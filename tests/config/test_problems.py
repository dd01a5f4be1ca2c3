"""Bad input -> the exact place and the words of the problem."""

from __future__ import annotations

from typing import Any

import pytest

from dara_dagster.config import load, make_plan
from dara_dagster.errors import ConfigError
from tests.config.conftest import Project, entry


def workflow(**more: Any) -> dict[str, Any]:
    return {"tasks": [entry()], **more}


DEP = "dependency.json"
ENTRIES: list[tuple[Any, int, str, str, str]] = [
    # content of dependency.json, line, key, what is wrong, what to do
    ([entry(dependant_on=[])], 5, "[0].dependant_on", "unknown key 'dependant_on'", "mean 'dependent_on'"),
    ([entry(outputs=["m.s.t"], owners=["ann"])], 9, "[0].owners[0]", "'ann' is no owner", "team:<name>"),
    ([entry(outputs=["m.s.t"], group="a b")], 8, "[0].group", "'a b' is no name of a group", "letters"),
    ([entry(owners=["team:x"])], 5, "[0].owners", "owners without outputs", "Add outputs"),
    ([entry(FORMAT="py")], 5, "[0].FORMAT", "unknown key 'FORMAT'", "Remove it: 'format' stands beside it"),
    ([entry(zzzz=1)], 5, "[0].zzzz", "unknown key 'zzzz'", "Known keys: "),
    ([{"format": "py"}], 2, "[0]", "file_name is missing", 'Add "file_name"'),
    ([{"file_name": "a"}], 2, "[0]", "format is missing", 'Add "format"'),
    ([{"task": {"run_job_task": {"job_id": 1}}}], 2, "[0]", "the task has no name", 'Add "name"'),
    ([entry(format="pi")], 4, "[0].format", "'pi' is not allowed", "py, ipynb, sql"),
    (["a"], 2, "[0]", "should be an object, is the text 'a'", "Write an object"),
    ([entry(file_name=5)], 3, "[0].file_name", "should be text, is a number", "Write text"),
    ([entry(file_name="")], 3, "[0].file_name", "the name is empty", "Write a name"),
    ([entry(file_name="x" * 101)], 3, "[0].file_name", "101 characters; the Jobs API takes 100", "Shorten"),
    ([entry(file_name="../a")], 3, "[0].file_name", "not a file below the notebooks folder", "Name a file"),
    ([entry(file_name="/a")], 3, "[0].file_name", "not a file below the notebooks folder", "Name a file"),
    ([entry(file_name="a\u0007")], 3, "[0].file_name", "control character", "Remove"),
    ([entry(file_name="no")], 3, "[0].file_name", "there is no no.py in", "Known files: a, b, q"),
    ([entry(file_name="a.py")], 3, "[0].file_name", "there is no a.py.py in", 'Write "a"'),
    ([entry(file_name="q")], 4, "[0].format", "there is no q.py, but q.sql", 'Write "sql"'),
    ([entry(dependent_on="b")], 5, "[0].dependent_on", "should be a list, is the text 'b'", "Write a list"),
    ([entry(dependent_on=["a"])], 6, "[0].dependent_on[0]", "'a' depends on itself", "Remove it"),
    ([entry(dependent_on=["aa"])], 6, "[0].dependent_on[0]", "there is no task 'aa'", "mean 'a'"),
    ([entry(timeout_seconds="soon")], 5, "[0].timeout_seconds", "should be a whole number", "Write a whole"),
    ([entry(timeout_seconds=True)], 5, "[0].timeout_seconds", "not true or false", "Write a number"),
    ([entry(timeout_seconds=-1)], 5, "[0].timeout_seconds", "-1 is too small", "Write 0 or more"),
    ([entry(max_retries="1.5")], 5, "[0].max_retries", "should be a whole number", "Write a whole number"),
    ([entry(retry_delay_seconds=[])], 5, "[0].retry_delay_seconds", "should be a number", "Write a number"),
    ([entry(parameters={"x": {}})], 6, "[0].parameters.x", "should be text, is an object", "Write text"),
    ([entry(run_if="ALL_SUCESS")], 5, "[0].run_if", "'ALL_SUCESS' is not allowed", "mean 'ALL_SUCCESS'"),
    ([entry(on_skipped="ok")], 5, "[0].on_skipped", "'ok' is not allowed", "succeed, fail"),
    ([entry(outputs=["a b.c.d"])], 6, "[0].outputs[0]", "is not a table's name", "catalog.schema.table"),
    ([entry(outputs=["t"])], 6, "[0].outputs[0]", "'t' has no catalog or schema", "set catalog and schema"),
    ([entry(outputs=["a.b.c", "a.b.c"])], 7, "[0].outputs[1]", "stands here twice", "Remove one"),
    ([entry(cluster="jobs")], 5, "[0].cluster", "'jobs' is not allowed", "mean 'job'"),
    ([entry(cluster="job")], 5, "[0].cluster", "a job cluster needs the settings", "compute_name"),
    ([entry(libraries=[{}])], 6, "[0].libraries[0]", "a library has one kind, this has 0", "jar, egg, whl"),
    ([entry(libraries=[{"pypii": "x"}])], 7, "[0].libraries[0].pypii", "unknown key", "'pypi'"),
    ([entry(compute_name="etl clustr")], 5, "[0].compute_name", "no cluster 'etl clustr'", "'etl cluster'?"),
    ([entry(compute_name="bi")], 5, "[0].compute_name", "a py file cannot run on", "Name a cluster"),
    ([entry(warehouse_name="bi")], 5, "[0].warehouse_name", "cannot run on a warehouse", "Name a cluster"),
    (
        [entry(compute_name="etl cluster", warehouse_name="bi")],
        6, "[0].warehouse_name", "both compute_name and warehouse_name", "Remove one",
    ),
    (
        [{"file_name": "q", "format": "sql", "compute_name": "etl cluster"}],
        5, "[0].compute_name", "sql cannot run on the cluster", "Known warehouses: bi",
    ),
    (
        [{"file_name": "q", "format": "sql", "warehouse_name": "bx"}],
        5, "[0].warehouse_name", "there is no warehouse 'bx'", "Known warehouses: bi",
    ),
    ([{"file_name": "q", "format": "sql"}], 2, "[0].warehouse_name", "needs a warehouse", "Known"),
    ([entry(task={"run_job_task": {"job_id": 1}})], 4, "[0].format", "does not go with task", "Remove"),
    ([{"name": "r", "task": {}}], 4, "[0].task", "a task is of one kind, this is of 0", "notebook_task"),
    (
        [{"name": "r", "task": {"pipeline_task": {}}}],
        5, "[0].task.pipeline_task.pipeline_id", "pipeline_id is missing", 'Add "pipeline_id"',
    ),
    (
        [{"name": "r", "task": {"run_job_task": {"job_id": 1}, "task_key": "x"}}],
        8, "[0].task.task_key", "task_key does not stand in task", "Write name",
    ),
    (
        [{"name": "r", "task": {"run_job_task": {"job_id": 1}, "exsting_cluster_id": "x"}}],
        8, "[0].task.exsting_cluster_id", "unknown key", "mean 'existing_cluster_id'",
    ),
    (workflow(task=[]), 8, "task", "unknown key 'task'", "Remove it: 'tasks' stands beside it"),
    ({"task": [entry()]}, 2, "task", "unknown key 'task'", "mean 'tasks'"),
    ({"name": "x"}, 1, "", "the workflow has no work in it", "one of tasks, definition, steps"),
    ({"tasks": {}}, 2, "tasks", "should be a list, is an object", "Write [ ... ]"),
    ({"tasks": []}, 2, "tasks", "the workflow has no tasks", "Add one"),
    ([], 1, "", "the workflow has no tasks", "Add one"),
    ("true", 1, "", "should hold a list or an object, it holds true or false", "one of tasks"),
    (workflow(steps=[]), 8, "steps", "mixes shapes: tasks and steps", "one of tasks, definition"),
    ([entry(), {"uses": "run_sql"}], 6, "[1]", "a step (steps) among tasks", "Use two files"),
    (workflow(timezone="Europe/Berlin"), 8, "timezone", "timezone without schedule", "Add a schedule"),
    (workflow(running=True), 8, "running", "running without schedule or sensor", "Add one of the two"),
    (workflow(schedule="* * * * *", timezone="Berlin"), 9, "timezone", "not a time zone", "Europe/Berlin"),
    (workflow(schedule="0 25 * * *"), 8, "schedule", "'25' is out of range in the field for", '"0 6 * * *"'),
    (workflow(schedule="0 6 * *"), 8, "schedule", "has 4 fields; cron has five", '"0 6 * * *"'),
    (workflow(schedule="0 6 31 2,4 *"), 8, "schedule", "never fires", '"0 6 * * *"'),
    (workflow(schedule="@dayly"), 8, "schedule", "'@dayly' is not one of", '"0 6 * * *"'),
    (workflow(max_concurrent=0), 8, "max_concurrent", "0 is too small", "Write 1 or more"),
    (workflow(fail_fast="maybe"), 8, "fail_fast", "should be true or false", "Write true or false"),
    (workflow(retry_on={"CLOUD_*": "later"}), 9, "retry_on.CLOUD_*", "'later' is not allowed", "never, now"),
    (workflow(sensor={}), 8, "sensor", "watches one place", "exactly one of volume and folder"),
    (workflow(sensor={"volume": "/tmp/x"}), 9, "sensor.volume", "not a path in a volume", "/Volumes/catalog"),
    (workflow(sensor={"folder": "in", "since": "now"}), 10, "sensor.since", "'now' is not a time", "2024-"),
    (workflow(sensor={"folder": ""}), 9, "sensor.folder", "is empty", "Write the folder's path"),
    (workflow(sensor={"folder": "i", "pattern": ""}), 10, "sensor.pattern[0]", "fits no file", "*.csv"),
    (workflow(sensor={"folder": "i", "pattern": ["a/*"]}), 11, "sensor.pattern[0]", "fits no", "recursive"),
    (workflow(sensor={"folder": "i", "pattern": []}), 10, "sensor.pattern", "too short", "at least 1"),
    (workflow(name="a/b"), 8, "name", "contains '/'", "without '/'"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "line", "key", "wrong", "remedy"), ENTRIES)
def test_a_wrong_dependency_file(
    project: Project, content: Any, line: int, key: str, wrong: str, remedy: str
) -> None:
    project.files("a.py", "b.py", "q.sql").write(DEP, content)
    problems = project.problems()
    assert len(problems) == 1, problems
    shown = key.replace("retry_on.CLOUD_*", 'retry_on["CLOUD_*"]')
    assert (problems[0].file, problems[0].line, problems[0].key) == (project.config / DEP, line, shown)
    assert wrong in problems[0].message
    assert remedy in problems[0].hint


def test_all_problems_of_all_files_at_once_in_order(project: Project) -> None:
    project.file("a.py")
    project.write("cluster_config.json", {"c": {"spark_version": "1", "num_worker": 1}})
    project.write("warehouse_config.json", '{"bi": {},}')
    project.write("project.json", {"name": "x", "workspac": "emulator"})
    project.write(DEP, [entry(dependent_on=["zz"], compute_nam="c", timeout_seconds="x"), {"file_name": "b"}])
    problems = project.problems()
    assert [(p.file.name, p.line, p.key) for p in problems] == [
        ("cluster_config.json", 4, "c.num_worker"),
        (DEP, 6, "[0].dependent_on[0]"),
        (DEP, 8, "[0].compute_nam"),
        (DEP, 9, "[0].timeout_seconds"),
        (DEP, 11, "[1]"),
        (DEP, 12, "[1].file_name"),
        ("project.json", 3, "workspac"),
        ("warehouse_config.json", 1, ""),
    ]
    with pytest.raises(ConfigError) as caught:
        make_plan(load(project.config, {}))
    assert list(caught.value.problems) == problems
    assert str(caught.value).count("\n") == len(problems) - 1


def test_one_table_in_several_ways_of_writing(project: Project) -> None:
    project.write("project.json", {"catalog": "main", "schema": "s"})
    project.file("a.py").write(DEP, [entry(outputs=["t", "s.u", "s.T", "MAIN.s.u", "main.s-t.u"])])
    assert [(p.key, p.message) for p in project.problems()] == [
        ("[0].outputs[2]", "'s.T' and 't' are one table"),
        ("[0].outputs[3]", "'MAIN.s.u' and 's.u' are one table"),
    ]


def test_a_task_s_file_that_no_import_takes(project: Project) -> None:
    project.file("a.py").write("dependency.json", [entry()])
    with (project.root / "notebooks" / "a.py").open("ab") as file:
        file.truncate(12 * 1024 * 1024)
    (problem,) = project.problems()
    assert "a.py is too large for the workspace: 12 MB of at most 10" in problem.message


def test_a_table_of_two_tasks_is_appended_to_by_both_or_a_problem(project: Project) -> None:
    project.file("a.py").file("b.py").file("c.py")
    project.write("project.json", {"catalog": "main", "schema": "s"})
    once = entry(outputs=["t"], mode="append")
    project.write(
        DEP, [once, entry(file_name="b", outputs=["main.s.T"]), entry(file_name="c", mode="append")]
    )
    project.write("workflows/again.json", {"tasks": [entry(outputs=["t"])]})

    found = [
        (problem.file.name, problem.key, problem.message, problem.hint) for problem in project.problems()
    ]

    assert found == [
        (
            DEP,
            "[1].outputs[0]",
            f"'main.s.T' is written by the task 'a' too ({DEP}:2)",
            'Remove it from one of the two, or say "mode": "append" in both.',
        ),
        (DEP, "[2].mode", "mode without outputs", "Add outputs, or remove mode."),
    ]
    project.write(DEP, [once, entry(file_name="b", outputs=["main.s.T"], mode="append")])
    assert project.problems() == []


@pytest.mark.parametrize("wrong", ["main.x", "a b", "a/b", "a`b", "a\u0000", "a\u007f", "x" * 256])
@pytest.mark.parametrize("key", ["catalog", "schema"])
def test_a_catalog_or_schema_that_can_be_none(project: Project, key: str, wrong: str) -> None:
    project.write("project.json", {"catalog": "main", "schema": "s", key: wrong})
    project.file("a.py").write(DEP, [entry(outputs=["t"])])
    (problem,) = project.problems()
    assert (problem.file.name, problem.line, problem.key) == ("project.json", 2 + (key == "schema"), key)
    assert ("no catalog's or schema's name has" in problem.message, problem.hint) == (
        True,
        "Write one name, without back-quotes.",
    )


def test_a_pattern_may_have_a_slash_in_brackets(project: Project) -> None:
    project.file("a.py").write(DEP, workflow(sensor={"folder": "i", "pattern": "[!/]*.csv"}))
    assert project.problems() == []


def test_a_wrong_format_hides_no_other_problem(project: Project) -> None:
    project.file("a.py").write(
        DEP,
        [
            entry(format="pi", compute_name="no", outputs=["t"]),
            entry(format="pi", name="b", compute_name="bi"),
            {"file_name": "gone", "format": 5, "warehouse_name": "no"},
        ],
    )
    assert [p.key for p in project.problems()] == [
        "[0].format", "[0].compute_name", "[0].outputs[0]", "[1].format",
        "[2].file_name", "[2].format", "[2].warehouse_name",
    ]  # fmt: skip


def test_a_wrong_option_does_not_hide_that_there_are_no_tasks(project: Project) -> None:
    project.write(DEP, {"tasks": [], "schedule": "x"})
    assert [p.key for p in project.problems()] == ["tasks", "schedule"]


def test_a_wrong_entry_still_counts_for_those_that_need_it(project: Project) -> None:
    project.files("a.py", "b.py").write(
        DEP, [entry(typo=1), {"file_name": "b", "format": "py", "dependent_on": ["a"]}]
    )
    assert [p.key for p in project.problems()] == ["[0].typo"]


def test_a_second_task_of_one_name_is_reported_with_the_line_of_the_first(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(), entry()])
    (problem,) = project.problems()
    assert (problem.line, problem.key) == (7, "[1].file_name")
    assert problem.message == "a second task named 'a', the first is on line 2"


def test_cycles_are_named_whole_one_for_each_group(project: Project) -> None:
    needs = {"a": "c", "b": "a", "c": "b", "d": "e", "e": "d", "f": "a"}
    project.files(*(f"{name}.py" for name in needs)).write(
        DEP, [{"file_name": n, "format": "py", "dependent_on": [d]} for n, d in needs.items()]
    )
    assert [problem.message for problem in project.problems()] == [
        "these tasks wait for each other in a cycle: a -> c -> b -> a",
        "these tasks wait for each other in a cycle: d -> e -> d",
    ]


def test_one_remote_file_for_two_local_ones(project: Project) -> None:
    project.file("a.py").file("a.ipynb", '{"cells": []}')
    project.write(DEP, [entry(), {"file_name": "a", "name": "other", "format": "ipynb"}])
    (problem,) = project.problems()
    assert "a.ipynb and a.py are the same notebook" in problem.message


@pytest.mark.parametrize("content", ["print(1)", "[]", '{"cells": 1}', "[" * 100_000])
def test_a_file_that_is_no_jupyter_notebook(project: Project, content: str) -> None:
    project.file("n.ipynb", content).write(DEP, [{"file_name": "n", "format": "ipynb"}])
    (problem,) = project.problems()
    assert "is not a Jupyter notebook" in problem.message


def test_many_wrong_names_are_reported_with_near_ones(project: Project) -> None:
    names = [f"task_{index:04}" for index in range(1000)]
    project.files(*(f"{name}.py" for name in names)).write(
        DEP, [{"file_name": name, "format": "py", "dependent_on": [f"{name}x"]} for name in names]
    )
    problems = project.problems()
    assert len(problems) == 1000
    assert all(f"Did you mean '{name}'?" in p.hint for name, p in zip(names, problems, strict=True))
