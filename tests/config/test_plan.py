"""The plan: what is resolved, in which order, under which keys."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.config import Plan, check, load, make_plan, plan_from
from dara_dagster.config.rules.dependencies import cycles, topological
from dara_dagster.config.suggestions import safe_key, unique_keys
from tests.config.conftest import Project, entry

DEP = "dependency.json"


def test_everything_is_resolved(project: Project) -> None:
    project.file("etl/a.py").file("s.py", "print(1)").file("n.ipynb", '{"cells": []}').file(
        "q.sql", "select 1"
    )
    project.write(
        "project.json", {"name": "shop", "catalog": "main", "schema": "silver", "max_concurrent": "7"}
    )
    project.write(
        DEP,
        {
            "name": "daily",
            "parameters": {"day": "1", "n": 2},
            "schedule": "0 6 * * mon",
            "timezone": "Europe/Berlin",
            "retry_on": {"CLOUD_*": "now"},
            "tasks": [
                {
                    "file_name": "q",
                    "format": "sql",
                    "dependent_on": ["etl/a"],
                    "compute_name": "bi",
                    "outputs": ["t"],
                },
                {
                    "file_name": "etl/a",
                    "format": "py",
                    "compute_name": "etl cluster",
                    "parameters": {"day": 3},
                },
                {"file_name": "s", "format": "py", "timeout_seconds": "60", "run_if": "ALL_DONE"},
                {"file_name": "n", "format": "ipynb", "compute_name": "etl cluster", "cluster": "job"},
                {"name": "raw one", "task": {"spark_jar_task": {}}, "libraries": [{"whl": "x.whl"}]},
            ],
        },
    )
    plan = project.plan()
    assert (plan.name, plan.workspace, plan.workspace_path) == (
        "shop",
        "emulator",
        "/Workspace/Shared/dara/shop",
    )
    assert plan.root == project.root
    assert plan.notebooks == project.root / "notebooks"
    assert plan.clusters["etl cluster"].settings == {"spark_version": "16.4.x-scala2.12", "num_workers": 2}
    assert plan.warehouses["bi"].settings == {"cluster_size": "2X-Small", "auto_stop_mins": 10}
    (workflow,) = plan.workflows
    options = workflow.options
    assert (workflow.name, options.schedule, workflow.timezone) == ("daily", "0 6 * * mon", "Europe/Berlin")
    assert (workflow.max_concurrent, dict(options.retry_on)) == (7, {"CLOUD_*": "now"})
    a, q, s, n, raw = workflow.tasks
    assert [task.kind for task in workflow.tasks] == ["notebook", "sql", "script", "notebook", "raw"]
    assert (a.name, a.key, a.remote_file) == ("etl/a", "etl_a", f"{plan.workspace_path}/etl/a")
    assert a.file == project.root / "notebooks" / "etl" / "a.py"
    assert dict(a.parameters) == {"day": "3", "n": "2"}
    assert a.compute == plan.clusters["etl cluster"]
    assert (q.upstream, q.compute, q.outputs) == (("etl/a",), plan.warehouses["bi"], ("main.silver.t",))
    assert (s.remote_file, s.compute, s.entry.timeout_seconds) == (f"{plan.workspace_path}/s.py", None, 60)
    assert (s.entry.run_if, n.on_job_cluster, n.catalog, n.schema) == ("ALL_DONE", True, "main", "silver")
    assert (raw.key, raw.file, raw.entry.task) == ("raw_one", None, {"spark_jar_task": {}})
    assert raw.libraries == ({"whl": "x.whl"},)


def test_the_shapes_and_names_of_workflows(project: Project) -> None:
    project.file("a.py").write(
        "dependency.py", '"""Old."""\ndependency: list = [{"file_name": "a", "format": "py"}]'
    )
    project.write("workflows/x.json", {"$schema": "s", "tasks": [entry()]})
    project.write("workflows/y.json", {"name": "z", "tasks": [entry()]})
    assert [workflow.name for workflow in project.plan().workflows] == ["shop", "x", "z"]


def test_empty_compute_files_and_none_at_all(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    project.write("cluster_config.json", {}).write("warehouse_config.json", "{}")
    assert project.plan().clusters == {}
    (project.config / "cluster_config.json").unlink()
    assert plan_from(project.config, {}).workflows[0].tasks[0].compute is None


def test_the_workspace_of_the_environment_wins(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()]).write(
        "project.json", {"workspace": "databricks", "name": "shop"}
    )
    assert project.plan().workspace == "databricks"
    assert project.plan({"DARA_WORKSPACE": "emulator"}).workspace == "emulator"


def test_the_hash_changes_with_content_and_settings_only(project: Project) -> None:
    project.file("a.py")

    def hash_of(**more: Any) -> str:
        project.write(DEP, [entry(**more)])
        return project.plan().workflows[0].tasks[0].content_hash

    first = hash_of()
    assert hash_of(description="x", tags={"y": "z"}, max_retries=2) == first
    others = [
        hash_of(parameters={"a": "b"}),
        hash_of(compute_name="etl cluster"),
        hash_of(libraries=[{"whl": "x"}]),
    ]
    project.file("a.py", "print(2)")
    assert len({first, *others, hash_of()}) == 5


@pytest.mark.parametrize("seed", range(25))
def test_the_order_is_topological_and_stable(seed: int) -> None:
    rng = random.Random(seed)
    ranks = list(range(rng.randrange(1, 60)))
    rng.shuffle(ranks)
    upstream = {
        f"t{i}": [f"t{j}" for j, other in enumerate(ranks) if other < rank and rng.random() < 0.15]
        for i, rank in enumerate(ranks)
    }
    order = topological(upstream)
    assert sorted(order) == sorted(upstream)
    assert cycles(upstream) == []
    declared = list(upstream)
    done: set[str] = set()
    for name in order:
        ready = [other for other in declared if other not in done and set(upstream[other]) <= done]
        assert name == ready[0]
        done.add(name)


@pytest.mark.parametrize("seed", range(25))
def test_a_cycle_is_found_wherever_there_is_one(seed: int) -> None:
    rng = random.Random(seed)
    names = [f"t{i}" for i in range(rng.randrange(2, 40))]
    upstream = {name: rng.sample(names, rng.randrange(0, 3)) for name in names}
    found = cycles(upstream)
    for cycle in found:
        assert len(set(cycle)) == len(cycle)
        assert all(after in upstream[name] for name, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    assert bool(found) == (len(topological(upstream)) < len(names))


def test_keys_are_safe_and_unique() -> None:
    names = ["a b", "a_b", "a-b", "a  b", "a/b", "日本", "x" * 150, "x" * 150 + "y", "a_b_2"]
    keys = unique_keys(names)
    assert list(keys) == names
    assert len(set(keys.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key) for key in keys.values())
    assert (keys["a_b"], keys["a-b"], keys["a_b_2"]) == ("a_b", "a-b", "a_b_2")
    assert safe_key("etl/daily totals") == "etl_daily_totals"


def test_ten_thousand_tasks(project: Project) -> None:
    names = [f"task_{index:05}" for index in range(10_000)]
    for name in names:
        (project.root / "notebooks" / f"{name}.py").write_text(f"# Databricks notebook source\n# {name}\n")
    entries = [
        {"file_name": name, "format": "py", "dependent_on": names[max(0, index - 2) : index]}
        for index, name in enumerate(names)
    ]
    project.write(DEP, entries[::-1])
    plan = project.plan()
    assert [task.name for task in plan.workflows[0].tasks] == names
    assert len({task.content_hash for task in plan.workflows[0].tasks}) == 10_000


def test_the_plan_is_a_value(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    one, two = project.plan(), project.plan()
    assert isinstance(one, Plan)
    assert one == two
    assert replace(one, name="x") != two


def test_check_gives_the_same_answer_twice(project: Project) -> None:
    project.file("a.py").write(DEP, [entry(typo=1)])
    spec = load(project.config, {})
    problems = check(spec)
    problems.clear()
    assert len(check(spec)) == 1


def test_the_shipped_example_is_right() -> None:
    plan = make_plan(load(Path(__file__).parents[2] / "config", {}))
    assert plan.workflows[0].name == "flights"


def test_reading_loads_neither_dagster_nor_the_sdk_nor_spark(project: Project) -> None:
    project.file("a.py").write(DEP, [entry()])
    code = (
        "import sys; from dara_dagster.config import plan_from, schemas\n"
        f"plan_from({str(project.config)!r}, {{}}); schemas()\n"
        "print([m for m in ('dagster', 'databricks', 'pyspark', 'starlette') if m in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_types_of_the_plan_come_without_pydantic() -> None:
    code = "import sys; from dara_dagster.config import Plan; print('pydantic' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
