"""Files that are wrong as a whole, and those beside the dependency list: exact place and words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config import load
from tests.config.conftest import CLUSTERS, Project, entry

DEP = "dependency.json"


def cluster(**more: Any) -> dict[str, Any]:
    return {**CLUSTERS, "c": {"spark_version": "15", **more}}


OTHERS: list[tuple[str, Any, int, str, str, str]] = [
    ("cluster_config.json", {"c": {}}, 2, "c.spark_version", "spark_version is missing", "Add"),
    ("cluster_config.json", {"c": []}, 2, "c", "should be an object, is a list", "Write an object"),
    ("cluster_config.json", [], 1, "", "should hold an object, it holds a list", "Write { ... }"),
    ("cluster_config.json", cluster(num_worker=1), 8, "c.num_worker", "unknown key", "mean 'num_workers'"),
    ("cluster_config.json", cluster(num_workers="x"), 8, "c.num_workers", "a whole number", "Write a whole"),
    ("cluster_config.json", cluster(autotermination_minutes=5), 8, "c.autotermination_minutes", "out", "10"),
    ("cluster_config.json", cluster(kind="CLASIC"), 8, "c.kind", "'CLASIC' is not", "CLASSIC_PREVIEW"),
    (
        "cluster_config.json", cluster(num_workers=1, autoscale={"min_workers": 1, "max_workers": 2}),
        6, "c", "exclude each other", "Remove one",
    ),
    (
        "cluster_config.json", cluster(autoscale={"min_workers": 3, "max_workers": 2}),
        8, "c.autoscale", "min_workers is more", "Swap",
    ),
    (
        "cluster_config.json", cluster(aws_attributes={"zone": "x"}),
        9, "c.aws_attributes.zone", "unknown key 'zone'", "mean 'zone_id'",
    ),
    ("cluster_config.json", cluster(cluster_name="d"), 8, "c.cluster_name", "differs from", "Remove"),
    ("cluster_config.json", {" c": {"spark_version": "1"}}, 2, '[" c"]', "spaces around it", "Write a name"),
    ("warehouse_config.json", {"w": {"auto_stop_min": 1}}, 3, "w.auto_stop_min", "unknown", "_mins'?"),
    ("warehouse_config.json", {"w": {"auto_stop_mins": "5"}}, 2, "w", "auto_stop_mins is 5", "10 and more"),
    ("warehouse_config.json", {"w": {"cluster_size": "small"}}, 3, "w.cluster_size", "not", "'Small'"),
    ("warehouse_config.json", {"w": {"max_num_clusters": 41}}, 3, "w.max_num_clusters", "too large", "40"),
    ("warehouse_config.json", {"w" * 100: {}}, 2, "w" * 100, "the name has 100 characters", "Shorten"),
    ("warehouse_config.json", {"etl cluster": {}}, 2, '["etl cluster"]', "name of a cluster too", "Rename"),
    ("project.json", {"workspace": "databrick"}, 2, "workspace", "not allowed", "mean 'databricks'"),
    ("project.json", {"workspaces": "x"}, 2, "workspaces", "unknown key", "mean 'workspace'"),
    ("project.json", {"poll": {"calls_per_second": 0}}, 3, "poll.calls_per_second", "too small", "0"),
    ("project.json", {"workspace_path": "x"}, 2, "workspace_path", "not a folder in the", "/Workspace"),
    ("project.json", {"notebooks": "nowhere"}, 2, "notebooks", "does not exist", "Make it"),
    ("project.json", {"notebooks": "x" * 300}, 2, "notebooks", "does not exist", "Make it"),
    ("project.json", {"notebooks": "a\0b"}, 2, "notebooks", "a control character", "Write the folder's"),
    ("project.json", {"notebooks": ""}, 2, "notebooks", "is empty", "Write the folder's path"),
    ("parameters.json", {"executors": []}, 2, "executors", "should be an object, is a list", "Write {"),
    ("parameters.json", {"executors": {"e": {}}}, 3, "executors.e.format", "format is missing", "Add"),
    ("workflows/shop.json", [entry()], 1, "name", "is taken by", "another"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "line", "key", "wrong", "remedy"), OTHERS)
def test_another_wrong_file(
    project: Project, name: str, content: Any, line: int, key: str, wrong: str, remedy: str
) -> None:
    project.file("a.py").write(DEP, [entry()]).write(name, content)
    problems = project.problems()
    assert len(problems) == 1, problems
    assert (problems[0].file, problems[0].line, problems[0].key) == (project.config / name, line, key)
    assert wrong in problems[0].message
    assert remedy in problems[0].hint


def test_the_name_of_a_sequential_job_is_taken(project: Project) -> None:
    workflow = {"name": "trade", "tasks": [entry()]}
    project.file("a.py").write("workflows/trade_sequential.json", [entry()])
    project.write("workflows/trade.json", workflow)
    assert project.problems() == []
    project.write("workflows/trade.json", {**workflow, "sequential_job": True})
    (problem,) = project.problems()
    assert "'trade_sequential' is taken by" in problem.message and problem.key == "name"


def test_files_that_cannot_be_read(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    (project.config / "project.json").mkdir()
    (project.config / "cluster_config.json").write_bytes(b'{"caf\xe9": {}}')
    problems = project.problems()
    assert [(p.file.name, p.line) for p in problems] == [("cluster_config.json", 0), ("project.json", 0)]
    assert "not UTF-8 text (byte 6)" in problems[0].message
    assert "cannot be read" in problems[1].message


def test_a_link_that_leads_in_a_circle(project: Project) -> None:
    link = project.root / "round"
    link.symlink_to(link)
    project.file("a.py").write(DEP, [entry()]).write("project.json", {"notebooks": "../round"})
    assert [p.key for p in project.problems()] == ["notebooks"]
    assert [p.message for p in load(link, {}).problems] == ["there is no such folder"]


def test_a_workflows_folder_that_is_a_file(project: Project) -> None:
    (project.config / "workflows").rmdir()
    project.file("a.py").write(DEP, [entry()]).write("workflows", "")
    assert [p.message for p in project.problems()] == ["the folder cannot be read: Not a directory"]


def test_hidden_files_of_editors_are_left_alone(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    (project.config / "workflows" / ".#w.json").symlink_to("me@host.1:2")
    (project.config / "workflows" / "._w.json").write_bytes(b"\0\5\x16\7")
    assert project.problems() == []


def test_no_folder_and_no_workflow(project: Project, tmp_path: Path) -> None:
    (problem,) = project.problems()
    assert "there is no workflow" in problem.message
    for place in ("dependency.json", "dependency.py", "Tasks_dependency/", "Task_dependecy/", "project.json"):
        assert place in problem.hint
    (problem,) = [p for p in Project(tmp_path / "other").problems() if p.file.name == "config"]
    spec = load(tmp_path / "nowhere", {})
    assert [p.message for p in spec.problems] == ["there is no such folder"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("import os\nd = []", 1, "something else than an assignment at line 1, column 1"),
        ("d = [{'file_name': 'a',\n 'format': os.x}]", 2, "not a literal at line 2, column 12"),
        ("d = [{'a': f'{x}'}]", 1, "not a literal"),
        ("d = [{**x}]", 1, "a key that is not text"),
        ("d = []\ne = []", 2, "2 assignments instead of one"),
        ("d = [", 1, "the file is not Python"),
        ("d = list()", 1, "not a literal"),
        ("d = [{'file_name': '\\ud800'}]", 1, "text with a wrong escape"),
        ("d = [\r{'x': 1e999}]", 2, "a number that is too large"),
        ("d = [0x" + "f" * 9000 + "]", 1, "a number that is too large"),
        ("d = [" + "-" * 20_000 + "1]", 1, "the file is not Python"),
        (
            "d = [{'file_name': 'a', 'format': 'py',\n 'file_name': 'b'}]",
            2,
            "stands here again, first on line 1",
        ),
    ],
)
def test_a_wrong_dependency_py(project: Project, text: str, line: int, words: str) -> None:
    project.file("a.py").write("dependency.py", text)
    problem = project.problems()[0]
    assert (problem.file.name, problem.line) == ("dependency.py", line)
    assert words in problem.message


def test_dependency_py_is_never_run(project: Project) -> None:
    project.file("a.py").write("dependency.py", f"open({str(project.root / 'ran')!r}, 'w').close()")
    assert project.problems()
    assert not (project.root / "ran").exists()


OTHER = ("dependency.py", "../Tasks_dependency/dependency.py", "../Task_dependecy/dependency.json")


@pytest.mark.parametrize("place", OTHER)
def test_two_dependency_files(project: Project, place: str) -> None:
    (project.config / place).parent.mkdir(exist_ok=True)
    project.file("a.py").write(DEP, [entry()]).write(place, "[]")
    (problem,) = project.problems()
    other = project.config / place if ".." not in place else project.root / place[3:]
    assert problem.message == f"there are 2 dependency files: {project.config / DEP}, {other}"
    assert '"dependency" in project.json' in problem.hint
    project.write("project.json", {"dependency": DEP})
    assert project.problems() == []


@pytest.mark.parametrize("place", OTHER)
def test_the_dependency_file_beside_the_config_folder(project: Project, place: str) -> None:
    (project.config / place).parent.mkdir(exist_ok=True)
    text = '[{"file_name": "a", "format": "py"}]'
    project.file("a.py").write(place, f"dependency = {text}" if place.endswith(".py") else text)
    (workflow,) = project.plan().workflows
    assert (workflow.name, [task.name for task in workflow.tasks]) == ("shop", ["a"])


@pytest.mark.parametrize("given", ["../etl/tasks.py", "../etl", "deps/dependency.json"])
def test_project_json_says_where_the_dependency_file_is(project: Project, given: str) -> None:
    text = '[{"file_name": "a", "format": "py"}]'
    for folder in (project.root / "etl", project.config / "deps"):
        folder.mkdir()
        (folder / "dependency.json").write_text(text)
    (project.root / "etl" / "tasks.py").write_text(f"dependency = {text}")
    project.file("a.py").write("project.json", {"dependency": given})
    assert len(project.plan().workflows[0].tasks) == 1


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ("nowhere.py", "there is no "),
        ("workflows", "there is no dependency.json or dependency.py in "),
        ("notes.txt", "is not a .json or .py file"),
        ("two", "there are two dependency files in "),
    ],
)
def test_a_wrong_place_of_the_dependency_file(project: Project, given: str, wrong: str) -> None:
    project.write("notes.txt", "x").write("project.json", {"name": "x", "dependency": given})
    (project.config / "two").mkdir()
    project.write("two/dependency.json", "[]").write("two/dependency.py", "[]")
    (problem,) = project.problems()
    assert (problem.file.name, problem.line, problem.key) == ("project.json", 3, "dependency")
    assert wrong in problem.message and problem.hint.startswith("Name a dependency.json")


def test_a_wrong_workspace_in_the_environment(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    (problem,) = project.problems({"DARA_WORKSPACE": "emulater"})
    assert problem.message == "DARA_WORKSPACE is 'emulater'"
    assert problem.hint == "Did you mean 'emulator'?"


@pytest.mark.parametrize("name", [" a", "a\nb", "a\udcff"])
def test_a_file_whose_name_is_no_name_for_a_workflow(project: Project, name: str) -> None:
    project.file("a.py").write(f"workflows/{name}.json", [entry()])
    (problem,) = project.problems()
    assert problem.message.startswith("the workflow is called after its file: its name ")
    project.write(f"workflows/{name}.json", {"name": "w", "tasks": [entry()]})
    assert project.problems() == []


@pytest.mark.parametrize("name", [" a", "a\nb", "a\udcff"])
def test_a_folder_whose_name_is_no_name_for_a_project(tmp_path: Path, name: str) -> None:
    project = Project(tmp_path / name).file("a.py").write(DEP, [entry()])
    (problem,) = project.problems()
    assert problem.file.name == "project.json"
    assert problem.message.startswith("the project is called after its folder: its name ")
    assert project.write("project.json", {"name": "shop"}).problems() == []


def test_bytes_in_the_environment_that_are_no_text(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(parameters={"x": "${env.X}"})])
    (problem,) = project.problems({"X": "s3cret\udcff"})
    assert problem.message == "X in the environment is not UTF-8 text"


def test_a_number_too_large_for_what_it_is_is_called_that(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(retry_delay_seconds=10**400)])
    assert [p.message for p in project.problems()] == ["the number is too large"]


@pytest.mark.parametrize("key", ["NEXT", "READ_INPUT_FROM"])
def test_thousands_of_steps_that_point_nowhere(project: Project, key: str) -> None:
    """The names of all steps are put in order once: it took a minute to do so at each of these."""
    steps = [
        {"JOB_ID": index, "JOB_NAME": "a", "FUNCTION_ID_NAME": "e", key: f"x{index}"} for index in range(5000)
    ]
    project.file("a.py").write("parameters.json", {"executors": {"e": {"format": "py"}}})
    project.write("workflows/w.json", [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": steps}]}])
    problems = project.problems()
    assert len(problems) == 5000
    assert problems[7].hint == "Did you mean '7'?"
