"""The keys of clusters, warehouses and tasks are those of the installed databricks-sdk."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
from databricks.sdk.service import compute, jobs, sql
from pydantic import ValidationError

from dara_dagster.config import compute_models as ours
from dara_dagster.config.rules.payload import BESIDE, KINDS, payload_faults
from dara_dagster.config.sdk_fields import fields_of, parameters_of

INSTALLED = tuple(int(part) for part in version("databricks-sdk").split(".")[:2])
# The SDK whose settings are ours. What an older one does not have stands among them all the same.
KNOWN = (0, 162)


@pytest.mark.parametrize("kind", [jobs.SubmitTask, jobs.SqlTask, compute.AwsAttributes, compute.DockerImage])
def test_fields_read_from_the_source_are_those_of_the_class(kind: Any) -> None:
    real = {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(kind)}
    module = kind.__module__.rpartition(".")[2]
    assert {name: field.required for name, field in fields_of(module, kind.__name__).items()} == real


@pytest.mark.parametrize(
    ("module", "api", "model"),
    [
        ("compute", compute.ClustersAPI, ours.ClusterSettings),
        ("sql", sql.WarehousesAPI, ours.WarehouseSettings),
    ],
)
def test_settings_are_the_parameters_of_the_create_call(module: str, api: Any, model: Any) -> None:
    real = set(inspect.signature(api.create).parameters) - {"self"}
    assert parameters_of(module, api.__name__, "create") == real
    assert real <= set(model.model_fields)
    assert real == set(model.model_fields) or INSTALLED < KNOWN


def test_a_setting_that_an_older_sdk_does_not_have_is_sent() -> None:
    newest = {"spark_version": "x", "worker_node_type_flexibility": {"alternate_node_type_ids": ["n"]}}
    assert ours.plain_settings(ours.ClusterSettings.model_validate(newest)) == newest


def test_a_task_key_that_the_sdk_does_not_have_is_refused_with_its_version() -> None:
    [fault] = payload_faults({"notebook_task": {"notebook_path": "/x"}, "of_tomorrow": 1})
    assert fault[1] == "unknown key 'of_tomorrow'"
    assert f"databricks-sdk {version('databricks-sdk')} knows no such key" in fault[2]


def test_every_kind_of_task_of_the_installed_sdk_is_known() -> None:
    real = {field.name for field in dataclasses.fields(jobs.SubmitTask)}
    assert KINDS.keys() == {name for name in real if name.endswith("_task")}
    assert set(BESIDE) < real and "new_cluster" in BESIDE and "libraries" not in BESIDE
    assert KINDS["notebook_task"] == ("notebook_path",) and KINDS["sql_task"] == ()
    for key in real & {"ai_function_task", "disabled"}:
        assert not [
            fault
            for fault in payload_faults({"notebook_task": {"notebook_path": "/x"}, key: {}})
            if "unknown key" in fault[1]
        ]


def test_a_key_that_only_a_newer_sdk_has_is_taken_and_others_are_refused() -> None:
    newer = ours.with_newer(["spark_version", "made_up"])(ours.ClusterSettings)
    assert ours.plain_settings(newer(spark_version="x", made_up={"a": 1})) == {
        "spark_version": "x",
        "made_up": {"a": 1},
    }
    with pytest.raises(ValidationError, match="other"):
        newer(spark_version="x", other=1)


def test_reading_the_files_does_not_load_the_sdk() -> None:
    code = "import sys, dara_dagster.config as _; print('databricks' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
