"""A wheel of the notebooks folder as a task: once by Dagster, and in a saved job; both on the emulator."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from dara_dagster.config import check, load, plan_from
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import Deployment
from tests.defs.conftest import Project
from tests.support.waiting import PATIENCE
from tests.support.wheels import make_wheel

NAME = "my_pkg-0.1-py3-none-any"
WHEEL = {"file_name": NAME, "format": "whl", "entry_point": "show"}
CLUSTERS = {"etl": {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}}
# The same wheel on serverless compute with parameters by name, and on a cluster with a list.
TASKS = [
    {**WHEEL, "name": "named", "parameters": {"day": "1"}},
    {**WHEEL, "name": "listed", "package_name": "my_pkg", "compute_name": "etl", "parameters": ["-v", 2]},
]
LOGS = {"named": "0.1 ['--day=1']\n", "listed": "0.1 ['-v', '2']\n"}


def write(root: Path, tasks: list[dict[str, Any]] = TASKS, **options: Any) -> Path:
    """Write a project with the wheel; return its config folder."""
    config = root / "config"
    config.mkdir(parents=True, exist_ok=True)
    (root / "notebooks").mkdir(exist_ok=True)
    make_wheel(root / "notebooks")
    (config / "cluster_config.json").write_text(json.dumps(CLUSTERS))
    (config / "dependency.json").write_text(json.dumps({"name": "wheels", "tasks": tasks, **options}))
    return config


def logs_of(client: WorkspaceClient, run_id: int) -> dict[str, str | None]:
    run = client.jobs.get_run(run_id)
    return {task.task_key: client.jobs.get_run_output(task.run_id or 0).logs for task in run.tasks or []}


def test_dagster_runs_it_on_serverless_compute_and_on_a_cluster(project: Project) -> None:
    project.emulator.admin("POST", "reset", token=project.token)  # the fixture has tasks only simulated
    write(project.root)
    result = project.run("wheels")
    assert result.success
    client = project.emulator.client(project.token)
    runs = [e.data["databricks_run_id"] for e in project.events(result.run_id) if e.kind == "submitted"]
    found = [logs_of(client, int(str(run))) for run in runs]
    assert {key: text for each in found for key, text in each.items()} == LOGS


def test_a_saved_job_runs_it(client: WorkspaceClient, workspace: Workspace, tmp_path: Path) -> None:
    deployment = Deployment(workspace, plan_from(write(tmp_path / "shop"), {}))
    [done] = deployment.run(deployment.chosen(()))
    run = client.jobs.run_now(done.job_id or 0).result(timeout=timedelta(seconds=PATIENCE))
    assert logs_of(client, run.run_id or 0) == LOGS


@pytest.mark.parametrize(
    ("entry", "key", "message"),
    [
        ({"entry_point": None}, "entry_point", "entry_point is missing, which whl needs"),
        ({"warehouse_name": "bi"}, "warehouse_name", "warehouse_name has no effect on whl"),
        ({"parameters": [[]]}, "parameters[0]", "should be text, is a list"),
        ({"file_name": "my_pkg"}, "file_name", "there is no my_pkg.whl in "),
        ({"file_name": "notes"}, "file_name", "notes.whl is not named as a wheel is"),
        ({"file_name": "a-1-py3-none-any"}, "file_name", "is not a wheel (not a zip file)"),
        ({"file_name": "a", "format": "py"}, "entry_point", "entry_point has no effect on py"),
        (
            {"file_name": "a", "format": "py", "entry_point": None, "parameters": ["x"]},
            "parameters",
            "should be an object, is a list",
        ),
        (
            {"file_name": None, "format": None, "entry_point": None, "name": "n", "parameters": ["x"]}
            | {"task": {"notebook_task": {"notebook_path": "/x"}}},
            "parameters",
            "should be an object, is a list",
        ),
    ],
)
def test_what_is_wrong_with_an_entry(tmp_path: Path, entry: dict[str, Any], key: str, message: str) -> None:
    config = write(tmp_path / "shop", [{k: v for k, v in {**WHEEL, **entry}.items() if v is not None}])
    for name in ("notes.whl", "a-1-py3-none-any.whl", "a.py"):
        (tmp_path / "shop/notebooks" / name).write_text("")
    (problem,) = check(load(config, {}))
    assert (problem.key, message in problem.message) == (f"tasks[0].{key}", True), problem


def test_a_list_of_parameters_stands_alone_and_changes_the_version(tmp_path: Path) -> None:
    config = write(tmp_path / "shop", parameters={"region": "eu"})
    named, listed = plan_from(config, {}).workflows[0].tasks
    assert (named.parameters, listed.parameters) == ({"region": "eu", "day": "1"}, {})
    write(tmp_path / "shop", [TASKS[0], {**TASKS[1], "parameters": ["-v", 3]}], parameters={"region": "eu"})
    again = plan_from(config, {}).workflows[0].tasks
    assert again[0].content_hash == named.content_hash
    assert again[1].content_hash != listed.content_hash
