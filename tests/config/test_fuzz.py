"""Whatever stands in the files, reading them ends in problems or a plan, never in a traceback."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from dara_dagster.config import check, load, make_plan
from tests.config.conftest import CLUSTERS, WAREHOUSES, Project, entry

STEP = {
    "JOB_ID": "1",
    "JOB_NAME": "a",
    "TYPE": "sync",
    "FUNCTION_ID_NAME": "e",
    "STEP_PROPERTIES": '{"x": 1}',
}
FILES: dict[str, Any] = {
    "cluster_config.json": CLUSTERS,
    "warehouse_config.json": WAREHOUSES,
    "parameters.json": {"day": "1", "executors": {"e": {"format": "py", "compute_name": "etl cluster"}}},
    "project.json": {"name": "shop", "catalog": "main", "schema": "s", "poll": {"calls_per_second": 5}},
    "dependency.json": {
        "name": "main",
        "schedule": "0 6 * * *",
        "sensor": {"folder": "in", "pattern": ["*.csv"]},
        "retry_on": {"X": "now"},
        "tasks": [
            entry(parameters={"d": "${day}"}, outputs=["t"], libraries=[{"pypi": {"package": "x"}}]),
            {"file_name": "b", "format": "py", "dependent_on": ["a"], "compute_name": "etl cluster"},
            {"name": "r", "task": {"run_job_task": {"job_id": 1}}, "dependent_on": ["a", "b"]},
        ],
    },
    "workflows/l.json": {
        "definition": [
            {
                "LEVEL_ID": 1,
                "THREADS": [{"THREAD_ID": 1, "STEPS": [{**STEP, "NEXT": 2}, {**STEP, "JOB_ID": 2}]}],
            },
            {
                "LEVEL_ID": 2,
                "THREADS": [{"THREAD_ID": 1, "STEPS": [{**STEP, "JOB_ID": 3, "READ_INPUT_FROM": 1}]}],
            },
        ]
    },
    "workflows/s.json": {
        "steps": [
            {"uses": "upload_file", "settings": {"to": "/Volumes/a/b/c"}},
            {"uses": "run_task", "settings": {"file_name": "a", "format": "py"}},
            {"uses": "run_sql", "settings": {"statement": "x", "warehouse_name": "bi"}},
        ]
    },
}
WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "a",
    "x" * 200,
    "${day}",
    "${no}",
    "\u0000",
    [],
    ["a"],
    {},
    {"a": {}},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in the value."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    inner = [value[key] for key in keys if isinstance(value[key], dict | list)]
    return [(value, key) for key in keys] + [place for item in inner for place in places(item)]


def spoil(files: dict[str, Any], rng: random.Random) -> None:
    found = places(files[rng.choice(list(files))])
    if not found:
        return
    container, key = rng.choice(found)
    change = rng.randrange(4)
    if change == 0:
        del container[key]
    elif change == 1 and isinstance(container, dict):
        container[rng.choice(["tasks", "steps", "definition", "zz", "JOB_ID", str(key)[:-1]])] = rng.choice(
            WRONG
        )
    else:
        container[key] = rng.choice(WRONG)


@pytest.mark.parametrize("seed", range(40))
def test_spoilt_values(project: Project, seed: int) -> None:
    rng = random.Random(seed)
    project.files("a.py", "b.py")
    for _ in range(15):
        files = copy.deepcopy(FILES)
        for _ in range(rng.randrange(1, 4)):
            spoil(files, rng)
        for name, content in files.items():
            project.write(name, content)
        spec = load(project.config, {})
        problems = check(spec)
        assert all(problem.message and problem.hint for problem in problems)
        if not problems:
            make_plan(spec)


@pytest.mark.parametrize("seed", range(20))
def test_spoilt_texts(project: Project, seed: int) -> None:
    rng = random.Random(seed)
    project.files("a.py", "b.py")
    for name, content in FILES.items():
        project.write(name, content)
    for name, content in FILES.items():
        text = json.dumps(content)
        at = rng.randrange(len(text))
        project.write(
            name, text[:at] + rng.choice(['"', "{", "}", ",", "\\", "", "\n", "$"]) + text[at + 1 :]
        )
    for problem in check(load(project.config, {})):
        assert str(problem)


def test_what_is_spoilt_was_right(project: Project) -> None:
    project.files("a.py", "b.py")
    for name, content in FILES.items():
        project.write(name, content)
    assert project.problems() == []
