"""The keys of clusters, warehouses and tasks are those of the installed databricks-sdk."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import subprocess
import sys
from importlib.metadata import version
from typing import Any, get_args, get_type_hints

import pytest
from databricks.sdk.service import compute, jobs, sql
from pydantic import ValidationError

from dara_dagster.config import compute_models as ours
from dara_dagster.config.rules.payload import BESIDE, KINDS, payload_faults
from dara_dagster.config.sdk_fields import fields_of, parameters_of


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
    assert parameters_of(module, api.__name__, "create").keys() == real == set(model.model_fields)


def test_types_of_settings_are_those_of_the_sdk() -> None:
    """Every class within: its keys, and each value of its enums, are taken and given back."""
    for kind in (compute.AwsAttributes, compute.GcpAttributes, compute.InitScriptInfo, sql.Channel):
        hints = get_type_hints(kind)
        model = ours._class(kind.__module__.rpartition(".")[2], kind.__name__)
        assert set(model.model_fields) == set(hints)
        for key, hint in hints.items():
            [inner] = set(get_args(hint)) - {type(None)}
            values = [each.value for each in inner] if issubclass(inner, enum.Enum) else []
            for value in values:
                assert ours.plain_settings(model.model_validate({key: value})) == {key: value}
            if values:
                with pytest.raises(ValidationError, match="Input should be"):
                    model.model_validate({key: "OTHER"})


def test_settings_within_settings_are_checked() -> None:
    settings = {
        "spark_version": "x",
        "num_workers": 2,
        "spark_conf": {"a": "b"},
        "init_scripts": [{"volumes": {"destination": "/Volumes/a/b/c/x.sh"}}],
        "azure_attributes": {"first_on_demand": 1, "spot_bid_max_price": -1.0},
        "workload_type": {"clients": {"jobs": True}},
    }
    assert ours.plain_settings(ours.ClusterSettings.model_validate(settings)) == settings
    wrong: list[dict[str, Any]] = [
        {"init_scripts": [{"volumes": {}}]},
        {"init_scripts": {"volumes": {"destination": "x"}}},
        {"azure_attributes": {"first_on_demand": "one"}},
        {"workload_type": {}},
        {"other": 1},
    ]
    for part in wrong:
        with pytest.raises(ValidationError):
            ours.ClusterSettings.model_validate({**settings, **part})


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


def test_reading_the_files_does_not_load_the_sdk() -> None:
    code = "import sys, dara_dagster.config as _; print('databricks' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
