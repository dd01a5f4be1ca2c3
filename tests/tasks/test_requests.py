"""Requests as the Jobs API documents them; each passes through the SDK's own classes unchanged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from databricks.sdk.service import jobs

from dara_dagster.config.models import Entry
from dara_dagster.config.plan import ComputePlan, TaskPlan
from dara_dagster.errors import RunError
from dara_dagster.tasks.registry import kind_of
from dara_dagster.tasks.run_names import RunMark, parse_run_name, run_name

CLUSTER = ComputePlan(
    "cluster",
    "etl cluster",
    {
        "cluster_name": "etl cluster",
        "spark_version": "16.4.x-scala2.12",
        "num_workers": 0,
        "autotermination_minutes": 30,
    },
)
WAREHOUSE = ComputePlan("warehouse", "bi", {"cluster_size": "2X-Small"})
NOTEBOOK = TaskPlan(
    "daily totals", "daily_totals", "notebook", Entry(), remote_file="/Workspace/Shared/p/daily_totals"
)
SCRIPT = TaskPlan("load", "load", "script", Entry(), remote_file="/Workspace/Shared/p/load.py")
SQL = TaskPlan(
    "marts", "marts", "sql", Entry(), remote_file="/Workspace/Shared/p/marts.sql", compute=WAREHOUSE
)


def stated(task: TaskPlan, **options: Any) -> TaskPlan:
    """The task with these keys in its entry."""
    return replace(task, entry=Entry(**options))


def without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: without_empty(item) for key, item in value.items() if item not in ({}, [])}


def request_for(
    task: TaskPlan, *, compute_id: str | None = None, parameters: dict[str, str] | None = None
) -> dict[str, Any]:
    request = kind_of(task).request(
        task,
        run_name="n",
        token="t",
        parameters=parameters or {},
        remote_file=task.remote_file,
        needed_id=compute_id,
    )
    (body,) = request["tasks"]
    assert jobs.SubmitTask.from_dict(body).as_dict() == without_empty(body), "the SDK knows every word"
    assert request["queue"] == {"enabled": True} and body["max_retries"] == 0
    return request


def body_for(task: TaskPlan, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = request_for(task, **more)["tasks"][0]
    return body


def test_notebook_on_a_shared_cluster() -> None:
    task = stated(
        replace(NOTEBOOK, compute=CLUSTER), libraries=[{"pypi": {"package": "x==1"}}], description="d"
    )
    assert body_for(task, compute_id="c-1", parameters={"day": "{{job.start_time.iso_date}}"}) == {
        "task_key": "daily_totals",
        "notebook_task": {
            "notebook_path": "/Workspace/Shared/p/daily_totals",
            "source": "WORKSPACE",
            "base_parameters": {"day": "{{job.start_time.iso_date}}"},
        },
        "existing_cluster_id": "c-1",
        "libraries": [{"pypi": {"package": "x==1"}}],
        "description": "d",
        "max_retries": 0,
    }


def test_a_job_cluster_takes_the_settings_but_for_name_and_autotermination() -> None:
    body = body_for(stated(replace(NOTEBOOK, compute=CLUSTER), cluster="job"))
    assert body["new_cluster"] == {"spark_version": "16.4.x-scala2.12", "num_workers": 0}
    assert "existing_cluster_id" not in body


def test_script_arguments_on_serverless_with_its_environment() -> None:
    libraries = [
        {"pypi": {"package": "x==1"}},
        {"whl": "/Volumes/a/b/c/w.whl"},
        {"requirements": "/Workspace/r.txt"},
    ]
    request = request_for(stated(SCRIPT, libraries=libraries), parameters={"day": "1"})
    (body,) = request["tasks"]
    assert body["spark_python_task"]["parameters"] == ["--day=1"]
    assert body["environment_key"] == "default" and "libraries" not in body
    assert body["disable_auto_optimization"] is True
    (environment,) = request["environments"]
    assert environment["spec"]["dependencies"] == ["x==1", "/Volumes/a/b/c/w.whl", "-r /Workspace/r.txt"]
    assert isinstance(environment["spec"]["environment_version"], str)


def test_a_serverless_notebook_keeps_its_own_environment() -> None:
    request = request_for(NOTEBOOK)
    assert "environments" not in request and "environment_key" not in request["tasks"][0]
    assert request["tasks"][0]["disable_auto_optimization"] is True


def test_a_library_serverless_cannot_install_is_refused() -> None:
    with pytest.raises(RunError, match="daily totals: a maven library cannot be installed on serverless"):
        request_for(stated(NOTEBOOK, libraries=[{"maven": {"coordinates": "a:b:1"}}]))


def test_sql_on_a_warehouse_and_the_timeout() -> None:
    request = request_for(stated(SQL, timeout_seconds=60), compute_id="w-1", parameters={"day": "1"})
    assert request["timeout_seconds"] == 60
    assert request["tasks"][0]["sql_task"] == {
        "file": {"path": "/Workspace/Shared/p/marts.sql", "source": "WORKSPACE"},
        "warehouse_id": "w-1",
        "parameters": {"day": "1"},
    }


def test_a_wheel_with_a_list_of_parameters_keeps_to_it() -> None:
    wheel = {"package_name": "p", "entry_point": "main", "parameters": ["--day", "1"]}
    body = body_for(
        TaskPlan("w", "w", "raw", Entry(task={"python_wheel_task": wheel})), parameters={"day": "2"}
    )
    assert body["python_wheel_task"] == wheel


def test_dbt_on_a_warehouse_still_runs_somewhere() -> None:
    """The warehouse takes its SQL; dbt itself is code, which serverless runs in an environment only."""
    dbt = {"dbt_task": {"commands": ["dbt run"]}}
    libraries: Any = [{"pypi": {"package": "dbt-databricks>=1.8"}}]
    task = TaskPlan("d", "d", "raw", Entry(task=dbt, libraries=libraries), compute=WAREHOUSE)
    request = request_for(task, compute_id="w-1")
    assert request["tasks"][0]["dbt_task"] == {"commands": ["dbt run"], "warehouse_id": "w-1"}
    assert request["tasks"][0]["environment_key"] == "default"
    assert request["environments"][0]["spec"]["dependencies"] == ["dbt-databricks>=1.8"]


def test_raw_payloads_keep_their_words_and_take_parameters_by_name() -> None:
    wheel = {
        "python_wheel_task": {"package_name": "p", "entry_point": "main", "named_parameters": {"a": "1"}}
    }
    body = body_for(TaskPlan("w", "w", "raw", Entry(task=wheel)), parameters={"a": "2", "b": "3"})
    assert body["python_wheel_task"]["named_parameters"] == {"a": "2", "b": "3"}
    assert body["environment_key"] == "default"
    pipeline = {"pipeline_task": {"pipeline_id": "p", "full_refresh": True}}
    assert body_for(TaskPlan("p", "p", "raw", Entry(task=pipeline)), parameters={"a": "2"}) == {
        "task_key": "p",
        "pipeline_task": {"pipeline_id": "p", "full_refresh": True},
        "max_retries": 0,
    }
    brought = {
        "notebook_task": {"notebook_path": "/x"},
        "existing_cluster_id": "mine",
        "libraries": [{"jar": "j"}],
    }
    body = body_for(TaskPlan("b", "b", "raw", Entry(task=brought)))
    assert body["existing_cluster_id"] == "mine" and body["libraries"] == [{"jar": "j"}]
    with pytest.raises(RunError, match="exactly one key ending in _task; found none"):
        request_for(TaskPlan("b", "b", "raw", Entry(task={})))


def test_a_saved_job_runs_by_the_same_rules() -> None:
    job = TaskPlan("nightly", "nightly", "saved_job", Entry())
    request = kind_of(job).request(
        job, run_name="n", token="t", parameters={"a": "1"}, remote_file=None, needed_id=7
    )
    assert request == {
        "job_id": 7,
        "idempotency_token": "t",
        "queue": {"enabled": True},
        "job_parameters": {"a": "1"},
    }


@pytest.mark.parametrize("task", ["daily totals", "a/b [c]", "ü%20/", ""])
def test_the_mark_in_a_run_s_name_reads_back(task: str) -> None:
    name = run_name("my project", "flights/x", task, "0a1b", "c2")
    assert parse_run_name(name) == RunMark("my project", "flights/x", task, "0a1b", "c2")


def test_names_stay_within_the_limit_and_foreign_names_are_not_ours() -> None:
    assert len(run_name("\U0001f600" * 9000, "é" * 9000, "t", "r", "i").encode()) <= 4096
    assert run_name("flights", "daily", "load", "r1", "i1") == "dara:flights/daily/load [r1@i1]"
    before = parse_run_name("dara:flights/daily/load [r1]")
    assert before == RunMark("flights", "daily", "load", "r1", "")
    assert parse_run_name("nightly") is None and parse_run_name("dara:x") is None
