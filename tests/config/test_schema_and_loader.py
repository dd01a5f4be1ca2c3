"""The JSON Schemas take what the loader takes: every key of every file, with many values each."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from dara_dagster.config import check, load, schemas
from dara_dagster.config.compute_models import ClusterSettings, WarehouseSettings
from dara_dagster.config.dialects.level_models import LevelStep
from dara_dagster.config.dialects.step_models import BUILT_IN, StepsOptions
from dara_dagster.config.fields import Model
from dara_dagster.config.models import Entry, Executor, Project, Sensor, WorkflowOptions
from dara_dagster.errors import Problem
from tests.config.conftest import Project as Files
from tests.config.json_schema import fits
from tests.config.whole_files import (
    CLUSTER,
    ENTRY,
    FILES,
    OPTIONS,
    PROJECT,
    SENSOR,
    SETTINGS,
    STEP,
    TASK,
    VALUES,
    WAREHOUSE,
    WORK,
    WORKFLOWS,
)

SCHEMAS = schemas()
# Keys for which the loader asks more than a schema can say: what it refuses there, the schema may take.
ONLY_THE_LOADER_KNOWS = {
    "schedule": "cron",
    "timezone": "the names of time zones",
    "since": "times",
    "STEP_PROPERTIES": "JSON within JSON",
    "READ_INPUT_FROM": "the steps there are",
    "NEXT": "the steps there are",
    "dependency": "the files there are",
    "JOB_ID": "two steps of one id",
    "name": "two steps of one name",
    "environment_key": "the environments there are",
    "environments": "whether the one is there that environment_key names",
    "job": "5.0 is a whole number, but no id",
    "num_workers": "not beside autoscale",
    "min_workers": "no more than max_workers",
    **dict.fromkeys(("FUNCTION_ID_NAME", "FUNCTION_NAME", "COMPOSER_STEP"), "the executors there are"),
    **dict.fromkeys(("workflow_name", "workflows_name"), "that the two are the same"),
    "THREADS": "at least one step",
    "STEPS": "at least one step",
}
DELETED = object()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in the value."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from places(value[key], (*path, key))


def changed(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    whole = copy.deepcopy(whole)
    node = whole
    for part in path[:-1]:
        node = node[part]
    if value is DELETED:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return whole


def at(whole: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        whole = whole[part]
    return whole


def key_of(path: tuple[Any, ...]) -> Any:
    """The key that the place is under."""
    return next((part for part in reversed(path) if isinstance(part, str)), None)


def variants(whole: Any, path: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Values for the place, and what the file holds with each; also with a key too much, and without it."""
    old = at(whole, path)
    values = random.Random(repr(path)).sample(VALUES, 24)
    found = [(value, changed(whole, path, value)) for value in values]
    if isinstance(old, dict):
        found.append(("zz", changed(whole, (*path, "zz"), 1)))
    if path[-1] != "v":
        found.append((DELETED, changed(whole, path, DELETED)))
    return found


def refused(files: Files, pattern: str, held: list[Any], parameters: dict[str, Any]) -> list[bool]:
    """What the loader refuses of the contents, each by itself, all read in as few calls as may be."""
    parameters = {**parameters, "executors": {"e": {"format": "py"}}}
    files.write("parameters.json", parameters)
    if pattern == "project.json":
        return [bool(_problems(files.write(pattern, content), "project.json")) for content in held]
    if pattern == WORKFLOWS:
        for index, content in enumerate(held):
            files.write(f"workflows/v{index}.json", content)
        spec = load(files.config, {})
        payload = [problem for problem in check(spec) if re.search(r"\]\.task\b", problem.key)]
        reported = {problem.file.stem for problem in [*spec.problems, *payload]}
    else:
        executors = pattern.startswith("parameters")
        parts = [content["executors"]["v"] if executors else content["v"] for content in held]
        named = {f"v{index}": part for index, part in enumerate(parts)}
        name = "parameters.json" if executors else pattern
        text = json.dumps({**parameters, "executors": named} if executors else named)
        files.write(name, text)
        reported = {_first(problem.key.removeprefix("executors.")) for problem in _problems(files, name)}
    return [f"v{index}" in reported for index in range(len(held))]


def _problems(files: Files, name: str) -> list[Problem]:
    return [problem for problem in load(files.config, {}).problems if problem.file.name == name]


def _first(key: str) -> str:
    return re.split(r"[.\[]", key, maxsplit=1)[0]


@pytest.mark.parametrize("name", FILES)
def test_what_the_loader_takes(project: Files, name: str) -> None:
    pattern, whole = FILES[name]
    schema = SCHEMAS[pattern]
    assert fits(whole, schema, schema)
    assert refused(project, pattern, [whole], {}) == [False]
    differ: list[str] = []
    for path in places(whole):
        if path == ("executors",):
            continue
        old = at(whole, path)
        ok = old if isinstance(old, str | int | float) else "a"
        found = variants(whole, path)
        for (value, content), wrong in zip(
            found, refused(project, pattern, [c for _, c in found], {"ok": ok}), strict=True
        ):
            right = fits(content, schema, schema)
            excused = right and key_of(path) in ONLY_THE_LOADER_KNOWS
            if right is wrong and not excused:
                stated = "deleted" if value is DELETED else json.dumps(value)
                differ.append(f"{path} = {stated}: the {'schema' if right else 'loader'} takes it")
    assert differ == []


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        (ClusterSettings, {**CLUSTER, "cluster_name": "v"}),
        (WarehouseSettings, {**WAREHOUSE, "name": "v"}),
        (Entry, {**ENTRY, "task": TASK}),
        (Executor, {**WORK, "format": "py", "task": {}}),
        (Sensor, {**SENSOR, "volume": 1, "folder": 1, "upload_to": 1}),
        (WorkflowOptions, OPTIONS),
        (StepsOptions, {**OPTIONS, "context": "m:C"}),
        (LevelStep, STEP),
        (Project, PROJECT),
        *((model, SETTINGS[uses]) for uses, model in BUILT_IN.items()),
    ],
)
def test_no_key_is_left_out(model: type[Model], stated: dict[str, Any]) -> None:
    assert {field.alias or name for name, field in model.model_fields.items()} == stated.keys()
