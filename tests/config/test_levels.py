"""LEVEL / THREAD / STEP definitions -> tasks, and what is refused in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dara_dagster.config import TaskPlan
from tests.config.conftest import Project

FILE = "workflows/w.json"
EXECUTORS = {
    "nb": {
        "format": "py",
        "compute_name": "etl cluster",
        "parameters": {"env": "dev", "x": "0"},
        "max_retries": 2,
    },
    "sql": {"format": "sql", "warehouse_name": "bi"},
    "script": {"format": "py"},
}


def step(job: int | str, name: str = "", **more: Any) -> dict[str, Any]:
    return {"JOB_ID": job, "JOB_NAME": name or f"n{job}", "FUNCTION_ID_NAME": "nb", **more}


def levels(*threads_of_levels: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One list of threads (lists of steps) a level."""
    return [
        {
            "LEVEL_ID": str(level),
            "THREADS": [
                {"THREAD_ID": str(thread), "STEPS": steps} for thread, steps in enumerate(threads, start=1)
            ],
        }
        for level, threads in enumerate(threads_of_levels, start=1)
    ]


@pytest.fixture
def project(project: Project) -> Project:
    project.files(*(f"n{index}.py" for index in range(1, 21)), "q.sql").file("s.py", "print(1)")
    return project.write("parameters.json", {"executors": EXECUTORS})


def tasks(project: Project, definition: Any) -> dict[str, TaskPlan]:
    project.write(FILE, definition)
    return {task.name: task for task in project.plan().workflows[0].tasks}


def needs(project: Project, definition: Any) -> dict[str, tuple[str, ...]]:
    return {name: task.upstream for name, task in tasks(project, definition).items()}


def test_a_single_thread_runs_in_sequence(project: Project) -> None:
    definition = levels([[step(1), step(2), step(3)]])
    assert needs(project, definition) == {"n1": (), "n2": ("n1",), "n3": ("n2",)}


def test_threads_run_in_parallel_and_levels_in_sequence(project: Project) -> None:
    definition = levels([[step(1), step(2)], [step(3)], [step(4)]], [[step(5)], [step(6), step(7)]])
    last = ("n2", "n3", "n4")
    assert needs(project, definition) == {
        "n1": (), "n2": ("n1",), "n3": (), "n4": (), "n5": last, "n6": last, "n7": ("n6",),
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 10])
def test_any_number_of_levels(project: Project, count: int) -> None:
    definition = levels(*([[step(index)]] for index in range(1, count + 1)))
    expected = {f"n{index}": (f"n{index - 1}",) if index > 1 else () for index in range(1, count + 1)}
    assert needs(project, definition) == expected


def test_empty_levels_and_threads_are_stepped_over(project: Project) -> None:
    definition = levels([], [[step(1)], []], [], [[]], [[], [step(2)]])
    assert needs(project, definition) == {"n1": (), "n2": ("n1",)}


def test_the_object_form_with_keys_in_any_order(project: Project) -> None:
    items = json.loads(json.dumps(levels([[step("1")]], [[step(2)]]), sort_keys=True))
    assert needs(project, {"engine": "other", "definition": items, "description": "d"}) == needs(
        project, items
    )
    assert project.plan().workflows[0].name == "w"


def test_every_key_of_a_step_has_its_effect(project: Project) -> None:
    first = step(1, "n1.py", TYPE="ASYNC", CONTINUE_IF_FAIL="true", WAIT_TIME_SECONDS="5", NEXT="")
    second = step(
        2,
        "q",
        FUNCTION_ID_NAME="sql",
        STEP_PROPERTIES='{"d": "${day}", "n": 5, "l": [1], "b": true, "z": null}',
    )
    third = step(3, "n3", STEP_PROPERTIES={"x": "1"}, READ_INPUT_FROM="1", CONTINUE_IF_FAIL="N")
    project.write("parameters.json", {"day": "2024", "executors": EXECUTORS})
    one, two, three = tasks(project, levels([[first, second, third]])).values()
    assert (one.name, one.kind, one.entry.poll_seconds, one.entry.max_retries) == ("n1", "notebook", 5.0, 2)
    assert one.compute is not None
    assert one.compute.name == "etl cluster"
    assert dict(one.parameters) == {"env": "dev", "x": "0"}
    assert dict(one.entry.tags) == {"level": "1", "thread": "1", "job_id": "1"}
    assert (two.kind, two.tolerates, two.entry.run_if) == ("sql", ("n1",), "ALL_SUCCESS")
    assert dict(two.parameters) == {"d": "2024", "n": "5", "l": "[1]", "b": "true", "z": "null"}
    assert dict(three.parameters) == {"env": "dev", "x": "1"}
    assert (three.upstream, dict(three.inputs_from)) == (("q", "n1"), {"input": "n1"})
    assert three.tolerates == ("n1",)


@pytest.mark.parametrize(
    ("kind", "limits", "seconds"),
    [
        ("sync", {}, 0),
        ("sync", {"TIMEOUT_SECONDS": "90"}, 90),
        ("sync", {"TIMEOUT_SECONDS": 90, "ASYNC_TIMEOUT_LOOP_IN_MINUTES": "2"}, 90),
        ("sync", {"ASYNC_TIMEOUT_LOOP_IN_MINUTES": "2"}, 120),
        ("async", {"ASYNC_TIMEOUT_LOOP_IN_MINUTES": 2}, 120),
        ("async", {"ASYNC_TIMEOUT_LOOP_IN_MINUTES": "0.5", "TIMEOUT_SECONDS": "90"}, 30),
        ("async", {"TIMEOUT_SECONDS": "90"}, 90),
        ("async", {"TIMEOUT_SECONDS": "0", "ASYNC_TIMEOUT_LOOP_IN_MINUTES": ""}, 0),
    ],
)
def test_time_limits(project: Project, kind: str, limits: dict[str, Any], seconds: int) -> None:
    (task,) = tasks(project, levels([[step(1, TYPE=kind, **limits)]])).values()
    assert task.entry.timeout_seconds == seconds


def test_next_jumps_over_steps_of_its_thread(project: Project) -> None:
    definition = levels([[step(1, NEXT="4"), step(2), step(3), step(4, NEXT=5), step(5)]], [[step(6)]])
    assert needs(project, definition) == {"n1": (), "n4": ("n1",), "n5": ("n4",), "n6": ("n5",)}


def test_tolerance_reaches_over_levels(project: Project) -> None:
    definition = levels([[step(1, CONTINUE_IF_FAIL=True)], [step(2)]], [[step(3)]])
    task = tasks(project, definition)["n3"]
    assert (task.upstream, task.tolerates) == (("n1", "n2"), ("n1",))


def test_one_file_in_several_steps(project: Project) -> None:
    found = tasks(project, levels([[step(1, "n1"), step("b", "n1"), step(3, "n3")]]))
    assert [(task.name, task.key, task.file and task.file.name) for task in found.values()] == [
        ("n1_1", "n1_1", "n1.py"),
        ("n1_b", "n1_b", "n1.py"),
        ("n3", "n3", "n3.py"),
    ]


def test_a_file_named_like_a_repeated_one(project: Project) -> None:
    project.file("n1_1.py")
    found = tasks(project, levels([[step(1, "n1"), step(2, "n1"), step(3, "n1_1")]]))
    assert {name: task.file and task.file.stem for name, task in found.items()} == {
        "n1_1": "n1",
        "n1_2": "n1",
        "n1_1_3": "n1_1",
    }


def test_a_second_job_id_that_is_read_from_after_the_first_was_jumped_over(project: Project) -> None:
    first = [step(1, NEXT=3), step(2), step(3), step(2, "n4")]
    project.write(FILE, levels([first], [[step(5, READ_INPUT_FROM=2)]]))
    assert [p.message.partition(",")[0] for p in project.problems()] == [
        "a second JOB_ID '2'",
        "step '2' is jumped over and never runs",
    ]


def test_workflow_steps(project: Project) -> None:
    other = {"JOB_ID": 2, "TYPE": "workflow", "workflow_name": "other", "STEP_PROPERTIES": '{"d": 1}'}
    saved = {"JOB_ID": 3, "TYPE": "Workflow", "JOB_NAME": "Saved job", "TIMEOUT_SECONDS": "60"}
    project.write("workflows/other.json", levels([[step(1)]]))
    project.write(FILE, levels([[step(1), other, saved]]))
    workflow = next(w for w in project.plan().workflows if w.name == "w")
    assert [(t.name, t.kind, t.workflow, t.upstream) for t in workflow.tasks] == [
        ("n1", "notebook", None, ()),
        ("other", "workflow", "other", ("n1",)),
        ("Saved job", "saved_job", "Saved job", ("other",)),
    ]
    assert dict(workflow.tasks[1].parameters) == {"d": "1"}
    assert (workflow.tasks[2].entry.timeout_seconds, workflow.tasks[2].compute) == (60, None)


def test_a_nested_workflow_must_be_one_of_tasks_and_takes_no_exit_value(project: Project) -> None:
    upload = {"uses": "upload_file", "settings": {"file": "x", "to": "/Volumes/a/b/c/"}}
    project.write("workflows/pipe.json", {"steps": [upload]})
    project.write("workflows/other.json", levels([[step(1)]]))
    start = {"TYPE": "workflow", "READ_INPUT_FROM": 1}
    pipe = {"JOB_ID": 2, "TYPE": "workflow", "workflow_name": "pipe"}
    project.write(FILE, levels([[step(1), pipe, {**start, "JOB_ID": 3, "workflow_name": "other"}]]))
    assert [(p.key.rpartition(".")[2], p.message) for p in project.problems()] == [
        ("workflow_name", "'pipe' is a step pipeline, which cannot be a step of another workflow"),
        ("READ_INPUT_FROM", "'other' is a workflow of the project, which takes no exit value"),
    ]


def test_workflows_that_start_each_other_in_a_cycle(project: Project) -> None:
    for name, target in (("x", "y"), ("y", "z"), ("z", "x"), ("me", "me")):
        start = {"JOB_ID": 1, "TYPE": "workflow", "workflow_name": target}
        project.write(f"workflows/{name}.json", levels([[start]]))
    problems = project.problems()
    assert [(p.file.name, p.key.rpartition(".")[2], p.message) for p in problems] == [
        ("me.json", "workflow_name", "these workflows start each other in a cycle: me -> me"),
        ("x.json", "workflow_name", "these workflows start each other in a cycle: x -> y -> z -> x"),
    ]


STEP = "[0].THREADS[0].STEPS[0]"
WRONG: list[tuple[Any, str, str, str]] = [
    # definition, key, what is wrong, what to do
    (levels([[step(1, NEXT="9"), step(2)]]), f"{STEP}.NEXT", "NEXT '9' points nowhere", "a later"),
    (levels([[step(1), step(2, NEXT=1)]]), "[0].THREADS[0].STEPS[1].NEXT", "does not lead", "a later"),
    (levels([[step(1, NEXT=1)]]), f"{STEP}.NEXT", "does not lead forwards", "a later step"),
    (levels([[step(1, NEXT=2)], [step(2)]]), f"{STEP}.NEXT", "is in another thread (line ", "a later"),
    (
        levels([[step(1), step(1, "n2"), step(2, READ_INPUT_FROM=1)]]),
        "[0].THREADS[0].STEPS[1].JOB_ID", "a second JOB_ID", "another",
    ),
    ([*levels([[step(1)]]), *levels([[step(2)]])], "[1].LEVEL_ID", "a second LEVEL_ID '1'", "another"),
    (levels([[step(1)]], [[step(2)]])[::-1], "[1].LEVEL_ID", "level 1 stands after level 2", "Put the"),
    (
        [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": [step(1)]}, {"THREAD_ID": "1", "STEPS": []}]}],
        "[0].THREADS[1].THREAD_ID", "a second THREAD_ID '1'", "another one",
    ),
    (levels([[step(1, CONTINUE_ON_FAIL=1)]]), f"{STEP}.CONTINUE_ON_FAIL", "unknown key", "IF_FAIL'"),
    (levels([[step(1, TYPE="synk")]]), f"{STEP}.TYPE", "'synk' is not allowed", "'sync'"),
    (levels([[step(1, TIMEOUT_SECONDS="x")]]), f"{STEP}.TIMEOUT_SECONDS", "a whole number", "Write"),
    (levels([[step(1, WAIT_TIME_SECONDS=-1)]]), f"{STEP}.WAIT_TIME_SECONDS", "-1 is too small", "0 or more"),
    (levels([[step(1, STEP_PROPERTIES="{x}")]]), f"{STEP}.STEP_PROPERTIES", "the text is not JSON", "Write"),
    (levels([[step(1, STEP_PROPERTIES="[" * 9999)]]), f"{STEP}.STEP_PROPERTIES", "100 deep", "Write"),
    (levels([[step(1, STEP_PROPERTIES='{"a": NaN}')]]), f"{STEP}.STEP_PROPERTIES", "found 'N'", "Write"),
    (levels([[step("9" * 5000, "n1")]]), f"{STEP}.JOB_ID", "is too long", "at most 100"),
    (levels([[step(1, STEP_PROPERTIES="[1]")]]), f"{STEP}.STEP_PROPERTIES", "an object in JSON", "Write"),
    (levels([[step(1, STEP_PROPERTIES='{"a": 1, "a": 2}')]]), f"{STEP}.STEP_PROPERTIES.a", "twice", "Remove"),
    (levels([[step(1, FUNCTION_ID_NAME="nbb")]]), f"{STEP}.FUNCTION_ID_NAME", "no executor 'nbb'", "'nb'"),
    (levels([[{"JOB_ID": 1, "FUNCTION_ID_NAME": "nb"}]]), STEP, "JOB_NAME is missing", "Add"),
    (levels([[{"JOB_ID": 1, "JOB_NAME": "n1"}]]), STEP, "FUNCTION_ID_NAME is missing", "Add"),
    (levels([[{"JOB_NAME": "n1", "FUNCTION_ID_NAME": "nb"}]]), f"{STEP}.JOB_ID", "JOB_ID is missing", "A"),
    (levels([[{"JOB_ID": 1, "TYPE": "workflow"}]]), STEP, "workflow_name is missing", "saved job"),
    (levels([[step(1, workflow_name="x")]]), STEP, "does not go with TYPE sync", '"TYPE": "workflow"'),
    (levels([[step(1, "gone")]]), f"{STEP}.JOB_NAME", "there is no gone.py in", "files"),
    (levels([[step(1, READ_INPUT_FROM="9")]]), f"{STEP}.READ_INPUT_FROM", "'9' points nowhere", "JOB_IDs: 1"),
    (
        levels([[step(1, READ_INPUT_FROM=2)], [step(2)]]),
        f"{STEP}.READ_INPUT_FROM", "step '2' does not end before this one", "an earlier step",
    ),
    (
        levels([[step(1, NEXT=3), step(2), step(3, READ_INPUT_FROM=2)]]),
        "[0].THREADS[0].STEPS[2].READ_INPUT_FROM", "is jumped over and never runs", "that runs",
    ),
    (
        levels([[step(1, "q", FUNCTION_ID_NAME="sql"), step(2, READ_INPUT_FROM=1)]]),
        "[0].THREADS[0].STEPS[1].READ_INPUT_FROM", "'q' is SQL, which has no exit value", "from a notebook",
    ),
    (
        levels([[step(1, "s"), step(2, READ_INPUT_FROM=1)]]),
        "[0].THREADS[0].STEPS[1].READ_INPUT_FROM", "'s' is a script, which has no exit value", "notebook",
    ),
    ([{"LEVEL_ID": 1, "THREAD": []}], "[0].THREAD", "unknown key 'THREAD'", "'THREADS'"),
    ([{"LEVEL_ID": 1, "THREADS": {}}], "[0].THREADS", "should be a list, is an object", "Write a list"),
    (levels([[]]), "", "the workflow has no tasks", "Add one"),
    ([*levels([[step(1)]]), {"file_name": "n1", "format": "py"}], "[1]", "an entry (tasks)", "two files"),
    ({"tasks": levels([[step(1)]])}, "tasks[0]", "a LEVEL (definition) among tasks", "two"),
    ({"definition": levels([[step(1)]]), "tasks": []}, "definition", "shapes: tasks and definition", "one"),
    ({"definition": levels([[step(1)]]), "engin": "x"}, "engin", "unknown key", "'engine'"),
    ({"engine": "x"}, "", "the workflow has no work in it", "one of tasks, definition, steps"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "key", "wrong", "remedy"), WRONG)
def test_a_wrong_definition(project: Project, definition: Any, key: str, wrong: str, remedy: str) -> None:
    project.write(FILE, definition)
    found = [p for p in project.problems() if not p.message.startswith("THREADS is missing")]
    assert len(found) == 1, found
    assert (found[0].file, found[0].key) == (project.config / FILE, key)
    assert found[0].line > 0
    assert wrong in found[0].message
    assert remedy in found[0].hint


def test_all_problems_of_a_definition_at_once(project: Project) -> None:
    project.write(
        FILE,
        levels(
            [[step(1, NEXT="7", TIMEOUT_SECONDS="x"), step(2, "gone"), step(2, FUNCTION_ID_NAME="zzz")]],
            [[step(3, STEP_PROPERTIES="{", READ_INPUT_FROM="no", typo=1)]],
        ),
    )
    assert [p.key.rpartition(".")[2] for p in project.problems()] == [
        "NEXT", "TIMEOUT_SECONDS", "JOB_NAME", "FUNCTION_ID_NAME",
        "STEP_PROPERTIES", "READ_INPUT_FROM", "typo",
    ]  # fmt: skip


def test_a_wrong_executor_is_reported_once(project: Project) -> None:
    project.write("parameters.json", {"executors": {"nb": {"format": "pi", "compute": "x"}}})
    project.write(FILE, levels([[step(1), step(2)]]))
    assert [(p.file.name, p.key) for p in project.problems()] == [
        ("parameters.json", "executors.nb.format"),
        ("parameters.json", "executors.nb.compute"),
    ]
