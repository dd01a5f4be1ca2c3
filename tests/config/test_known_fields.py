"""The fields we know are fields of the API, and the JSON Schemas say what the files may hold."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.compute import Library
from databricks.sdk.service.jobs import SubmitTask
from jsonschema import Draft202012Validator

import dara_dagster
from dara_dagster.config import schemas
from dara_dagster.config.models import Library as LibraryModel
from dara_dagster.config.rules.payload import BESIDE, KINDS


def test_every_task_field_we_know_is_one_of_a_submitted_task() -> None:
    fields = {field.name for field in dataclasses.fields(SubmitTask)}
    assert {*KINDS, *BESIDE} <= fields
    assert set(LibraryModel.model_fields) == {field.name for field in dataclasses.fields(Library)}


def test_there_is_a_schema_for_every_file() -> None:
    assert list(schemas()) == [
        "cluster_config.json",
        "warehouse_config.json",
        "dependency.json",
        "workflows/*.json",
        "project.json",
        "parameters*.json",
    ]
    assert json.loads(json.dumps(schemas())) == schemas()


def fits(value: Any, pattern: str) -> bool:
    return bool(Draft202012Validator(schemas()[pattern]).is_valid(value))


def levels(step: dict[str, Any]) -> list[Any]:
    return [{"LEVEL_ID": 1, "THREADS": [{"THREAD_ID": "1", "STEPS": [step]}]}]


def shipped() -> Iterator[tuple[str, Path]]:
    config = Path(__file__).parents[2] / "config"
    for pattern in schemas():
        yield from ((pattern, file) for file in sorted(config.glob(pattern)))


@pytest.mark.parametrize(("pattern", "file"), list(shipped()), ids=lambda value: getattr(value, "name", ""))
def test_the_shipped_files_fit_their_schemas(pattern: str, file: Path) -> None:
    assert fits(json.loads(file.read_text()), pattern)


def test_the_documented_project_files_fit_their_schema() -> None:
    docs = Path(dara_dagster.__file__).parent / "docs"
    found = [re.findall(r"```json\n(.*?)```", file.read_text(), re.S) for file in docs.glob("*.md")]
    values = [json.loads(text) for texts in found for text in texts]
    assert values and all(fits(value, "project.json") for value in values)


def pair(key: str, value: Any) -> dict[str, Any]:
    return {"ParameterKey": key, "ParameterValue": value}


@pytest.mark.parametrize(
    ("pattern", "value", "right"),
    [
        ("cluster_config.json", {"a b": {"spark_version": "1", "num_workers": "2"}, "$schema": "x"}, True),
        ("cluster_config.json", {"a": {"spark_version": "1", "num_workers": "${n}"}}, True),
        ("cluster_config.json", {"a": {"spark_version": "1", "num_workers": "two"}}, False),
        ("cluster_config.json", {"a": {"spark_version": "1", "num_worker": 2}}, False),
        ("cluster_config.json", {"a": {}}, False),
        ("dependency.json", [{"file_name": "a", "format": "py", "parameters": {"n": 5, "t": True}}], True),
        ("dependency.json", {"tasks": [{"file_name": "a", "format": "${f}"}], "fail_fast": "yes"}, True),
        ("dependency.json", [{"file_name": "a", "format": "pi"}], False),
        ("workflows/*.json", {"steps": [{"uses": "m:C", "settings": {}}]}, True),
        ("workflows/*.json", {"steps": [{"uses": "run_job", "settings": {}}]}, False),
        ("workflows/*.json", {"steps": [{}]}, False),
        ("workflows/*.json", levels({"JOB_NAME": "a"}), False),
        ("project.json", {"poll": {"calls_per_second": "many"}}, False),
        ("warehouse_config.json", {"w": {"cluster_size": "Tiny"}}, False),
        ("workflows/*.json", levels({"JOB_ID": 1, "JOB_NAME": "a", "FUNCTION_ID_NAME": "e"}), True),
        ("workflows/*.json", levels({"JOB_ID": 1, "TYPE": "WorkFlow", "workflow_name": "w", "X": ""}), True),
        ("workflows/*.json", {"steps": [{"uses": "run_job", "settings": {"job": 1}}]}, True),
        ("dependency.json", [{"file_name": "a", "format": "x${f}", "max_retries": "1${n}"}], True),
        ("workflows/*.json", {"engine": "x", "definition": [{"LEVEL_ID": 1}]}, False),
        ("project.json", {"workspace": "databricks", "schema": "s", "poll": {"calls_per_second": "5"}}, True),
        ("project.json", {"workspace": "other"}, False),
        ("parameters*.json", {"anything": [1], "executors": {"e": {"format": "sql"}}}, True),
        ("parameters*.json", {"executors": {"e": {"task": {"dbt_task": {"commands": []}}}}}, True),
        ("parameters*.json", {"executors": {"e": {"task": {"dbt_tsk": {"commands": []}}}}}, False),
        ("parameters*.json", [{"ParameterKey": "pRegion", "ParameterValue": "eu"}], True),
        ("parameters*.json", [{"ParameterKey": "pRegion"}], False),
        ("parameters*.json", [pair("executors", {"*": {"format": "py"}})], True),
        ("parameters*.json", [pair("executors", {"*": {"format": "pyy"}})], False),
    ],
)
def test_schemas_take_what_the_files_take(pattern: str, value: Any, right: bool) -> None:
    assert fits(value, pattern) is right
