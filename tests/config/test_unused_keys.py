"""Keys that would have no effect where they are written are reported, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.conftest import Project, entry

DEP = "dependency.json"
NOTEBOOK = {"notebook_task": {"notebook_path": "/x"}}
WHEEL = {"python_wheel_task": {"package_name": "p", "entry_point": "e"}}
SCRIPT = {"spark_python_task": {"python_file": "/x.py"}}
PIPELINE = {"pipeline_task": {"pipeline_id": "p"}}
ENVIRONMENTS = [{"environment_key": "e", "spec": {"environment_version": "4"}}]
WHL, MAVEN = {"whl": "x.whl"}, {"maven": {"coordinates": "a:b:1"}}
CLUSTER, WAREHOUSE = {"compute_name": "etl cluster"}, {"warehouse_name": "bi"}


def raw(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "r", "task": task, **more}


def sql(**more: Any) -> dict[str, Any]:
    return {"file_name": "q", "format": "sql", "compute_name": "bi", **more}


IDLE: list[tuple[dict[str, Any], str, str, str]] = [
    # entry, key, what is wrong, what to do
    (raw(PIPELINE, parameters={"x": 1}), "parameters", "have no effect on a pipeline_task", "Remove"),
    (raw(PIPELINE, **CLUSTER), "compute_name", "no effect on a pipeline_task", "Remove"),
    (raw(PIPELINE, **WAREHOUSE), "warehouse_name", "no effect on a pipeline_task", "Remove"),
    (raw(PIPELINE, libraries=[WHL]), "libraries", "no effect on a pipeline_task", "Remove"),
    (raw({"sql_task": {}}, **CLUSTER), "compute_name", "has no effect on a sql_task", "Remove"),
    (raw(PIPELINE, compute_name="none"), "compute_name", "no effect on a pipeline_task", "Remove"),
    (raw({"spark_jar_task": {}}, parameters={"x": 1}), "parameters", "effect on a spark_jar_task", "Remove"),
    (raw({"spark_jar_task": {}}, **WAREHOUSE), "warehouse_name", "no effect on a spark_jar_task", "Remove"),
    (
        raw({**NOTEBOOK, "existing_cluster_id": "1"}, **CLUSTER),
        "compute_name", "both compute_name and existing_cluster_id in task", "Remove one",
    ),
    (
        raw({**NOTEBOOK, "new_cluster": {}}, **CLUSTER, cluster="job"),
        "compute_name", "both compute_name and new_cluster in task", "Remove one",
    ),
    (
        raw({**NOTEBOOK, "existing_cluster_id": "1", "new_cluster": {}}),
        "task.new_cluster", "both existing_cluster_id and new_cluster", "Remove one",
    ),
    (
        raw({"sql_task": {"warehouse_id": "1"}}, **WAREHOUSE),
        "warehouse_name", "both warehouse_name and warehouse_id in sql_task", "Remove one",
    ),
    (
        raw({"python_wheel_task": {**WHEEL["python_wheel_task"], "parameters": ["a"]}}, parameters={"x": 1}),
        "parameters", "both parameters and parameters in python_wheel_task", "Remove one",
    ),
    (
        raw({"spark_python_task": {"python_file": "/x.py", "parameters": ["a"]}}, parameters={"x": 1}),
        "parameters", "both parameters and parameters in spark_python_task", "Remove one",
    ),
    (raw(NOTEBOOK, file_name="a"), "file_name", "no effect on a task that has a name", "Remove file_name"),
    (raw(NOTEBOOK, **WAREHOUSE, libraries=[WHL]), "libraries", "no effect on a warehouse", "Remove"),
    (raw(WHEEL, libraries=[MAVEN]), "libraries[0]", "serverless compute installs no maven", "compute_name"),
    (
        raw({**SCRIPT, "environment_key": "e", "environments": ENVIRONMENTS}, libraries=[WHL]),
        "libraries", "no effect beside environment_key", "dependencies of that environment",
    ),
    (raw({**SCRIPT, "environment_key": "e"}), "task.environment_key", "there is no environment 'e'", "Add"),
    (raw({**SCRIPT, "environments": {}}), "task.environments", "should be a list of objects", "Write"),
    (entry(libraries=[WHL, {"egg": "x"}]), "libraries[1]", "installs no egg library", "use pypi"),
    (entry(libraries=[{"cran": {"package": "x"}}]), "libraries[0]", "installs no cran library", "use pypi"),
    (sql(cluster="job"), "cluster", "cluster has no effect on sql", "Remove cluster"),
    ({**sql(cluster="job"), "compute_name": None, **WAREHOUSE}, "cluster", "no effect on sql", "Remove"),
    (sql(libraries=[WHL]), "libraries", "libraries have no effect on sql", "Remove"),
    (entry(run_if="ALL_FAILED"), "run_if", "ALL_FAILED has no effect on a task that depends on none", "Add"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "key", "wrong", "remedy"), IDLE)
def test_a_key_without_effect(project: Project, item: Any, key: str, wrong: str, remedy: str) -> None:
    (problem,) = project.files("a.py", "q.sql").write(DEP, [item]).problems()
    assert problem.key == f"[0].{key}"
    assert wrong in problem.message
    assert remedy in problem.hint


@pytest.mark.parametrize(
    "item",
    [
        raw(NOTEBOOK, **CLUSTER, parameters={"x": 1}, libraries=[MAVEN]),
        raw(NOTEBOOK, **CLUSTER, cluster="job"),
        raw({**NOTEBOOK, "existing_cluster_id": "1"}, libraries=[MAVEN]),
        raw({"sql_task": {}}, **WAREHOUSE, parameters={"x": 1}),
        raw({"dbt_task": {"commands": ["dbt run"]}}, **WAREHOUSE, libraries=[WHL]),
        raw({"run_job_task": {"job_id": 1}}, parameters={"x": 1}),
        raw(WHEEL, libraries=[WHL, {"jar": "x.jar"}, {"requirements": "r"}], parameters={"x": 1}),
        raw({**SCRIPT, "environment_key": "e", "environments": ENVIRONMENTS}),
        {"file_name": "the name", "task": PIPELINE},
        entry(**CLUSTER, libraries=[MAVEN]),
        entry(run_if="ALL_DONE"),
    ],
)
def test_a_key_with_an_effect(project: Project, item: Any) -> None:
    assert project.file("a.py").write(DEP, [item]).problems() == []


@pytest.mark.parametrize(
    ("item", "keys"),
    [
        (entry(compute_name=5, libraries=[MAVEN]), ["compute_name"]),
        (entry(format="pi", libraries=[MAVEN], cluster="job"), ["format", "cluster"]),
        (entry(run_if="ALL_FAILED", dependent_on="b"), ["dependent_on"]),
        (raw({**PIPELINE, **NOTEBOOK}, **WAREHOUSE, libraries=[WHL]), ["task"]),
    ],
)
def test_what_is_unclear_is_not_judged(project: Project, item: Any, keys: list[str]) -> None:
    problems = project.file("a.py").write(DEP, [item]).problems()
    assert [problem.key for problem in problems] == [f"[0].{key}" for key in keys]


@pytest.mark.parametrize(
    ("shape", "option", "key", "wrong"),
    [
        ({"tasks": [entry()]}, {"retry_on": {"": "now"}}, 'retry_on[""]', "an empty code fits no end"),
        ({"steps": [{"uses": "m:C"}]}, {"fail_fast": True}, "fail_fast", "no effect on a step pipeline"),
        ({"steps": [{"uses": "m:C"}]}, {"sequential_job": True}, "sequential_job", "no effect on a step"),
        ({"steps": [{"uses": "m:C"}]}, {"max_concurrent": 2}, "max_concurrent", "no effect on a step"),
    ],
)
def test_an_option_without_effect(project: Project, shape: Any, option: Any, key: str, wrong: str) -> None:
    (problem,) = project.file("a.py").write(DEP, {**shape, **option}).problems()
    assert (problem.key, wrong in problem.message) == (key, True)


def test_an_executor_is_reported_once_at_its_place(project: Project) -> None:
    executors = {
        "e": {"format": "py", "compute_name": "gone"},
        "q": {"format": "sql", "warehouse_name": "bi", "libraries": [WHL]},
        "s": {"format": "py", "libraries": [MAVEN], "cluster": "job"},
        "r": {"format": "sql", "compute_name": "etl cluster"},
    }
    steps = [
        {"JOB_ID": index, "JOB_NAME": name, "FUNCTION_ID_NAME": executor}
        for index, (name, executor) in enumerate([("a", "e"), ("b", "e"), ("q", "q"), ("c", "s"), ("q", "r")])
    ]
    project.files("a.py", "b.py", "c.py", "q.sql").write("parameters.json", {"executors": executors})
    project.write("workflows/w.json", [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": 1, "STEPS": steps}]}])
    problems = project.problems()
    assert {problem.file.name for problem in problems} == {"parameters.json"}
    assert [(problem.line, problem.key) for problem in problems] == [
        (5, "executors.e.compute_name"),
        (10, "executors.q.libraries"),
        (19, "executors.s.libraries[0]"),
        (25, "executors.s.cluster"),
        (29, "executors.r.compute_name"),
    ]
    project.write("parameters-dev.json", {"executors": {name: {"format": "py"} for name in "es"}})
    assert [p.key for p in project.problems({"DARA_ENV": "dev"})] == [
        "executors.q.libraries",
        "executors.r.compute_name",
    ]
