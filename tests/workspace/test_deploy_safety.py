"""Deployments under bad weather and beside others; deployments of more than one workflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from dara_dagster.errors import DeployError, RunError
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import Deployment
from tests.workspace.conftest import Admin
from tests.workspace.shop import CREATE, Shop, paths


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "when": "after", "count": 1},
        {"kind": "status", "status": 503, "when": "after", "count": 1},
        {"kind": "status", "status": 500, "when": "after", "count": 1},
        {"kind": "drop", "when": "before", "count": 2},
        {"kind": "status", "status": 429, "retry_after": 0, "when": "before", "count": 1},
    ],
    ids=lambda fault: f"{fault.get('status', 'drop')} {fault['when']}",
)
def test_a_lost_answer_makes_no_second_job(shop: Shop, admin: Admin, fault: dict[str, Any]) -> None:
    admin.fault("POST", CREATE, **fault)
    [done] = shop.deploy()
    assert done.action == "create" and shop.jobs() == [done.job_id]
    assert shop.deploy()[0].action == "none"


def test_of_two_jobs_made_at_once_the_older_stays(
    shop: Shop, workspace: Workspace, client: WorkspaceClient, tmp_path: Path
) -> None:
    """Another machine deploys between our look and our create."""
    deployment = Deployment(workspace, shop.plan)
    running = deployment.run(deployment.chosen(()))
    assert deployment.orphaned_jobs() == []  # the look
    [theirs] = Shop(tmp_path / "rival", workspace, client).deploy()
    [ours] = running
    assert (ours.job_id, ours.notes) == (theirs.job_id, ()) and shop.jobs() == [theirs.job_id]


def test_refused_by_the_service_is_reported_in_a_sentence(shop: Shop, admin: Admin) -> None:
    admin.fault("POST", CREATE, kind="status", status=403, message="User u may not create jobs")
    with pytest.raises(DeployError, match=r"The job 'shop: daily' cannot be created: .*may not create jobs"):
        shop.deploy()
    assert shop.jobs() == []


def test_jobs_of_workflows_that_are_gone_are_pruned(shop: Shop, workspace: Workspace) -> None:
    shop.write("workflows/other", {"tasks": [{"file_name": "left", "format": "py"}]})
    made = {done.workflow: done.job_id for done in shop.deploy()}
    (shop.root / "config/workflows/other.json").unlink()
    deployment = Deployment(workspace, shop.plan)
    assert [done.action for done in deployment.run(deployment.chosen(()))] == ["none"]
    orphaned_jobs = deployment.orphaned_jobs()
    assert [job.job_id for job in orphaned_jobs] == [made["other"]]
    dry = Deployment(workspace, shop.plan, dry_run=True)
    assert [done.action for done in dry.prune(orphaned_jobs)] == ["delete"] and len(shop.jobs()) == 2
    assert [done.job_id for done in deployment.prune(orphaned_jobs)] == [made["other"]]
    assert list(deployment.prune(orphaned_jobs)), "one that is gone is as good"
    assert shop.jobs() == [made["daily"]]


def test_a_workflow_it_runs_is_deployed_first(shop: Shop) -> None:
    call = {"JOB_ID": "1", "TYPE": "workflow", "workflow_name": "daily"}
    level = {"LEVEL_ID": "1", "THREADS": [{"THREAD_ID": "1", "STEPS": [call]}]}
    shop.write("workflows/outer", {"definition": [level]})
    inner, outer = shop.deploy("outer")
    assert (inner.workflow, outer.workflow) == ("daily", "outer")
    [task] = shop.settings(outer.job_id).tasks or []
    assert task.run_job_task is not None and task.run_job_task.job_id == inner.job_id
    assert [done.action for done in shop.deploy()] == ["none", "none"]


def test_many_tasks_are_compared_over_all_pages(shop: Shop) -> None:
    tasks = [{"name": f"t{number}", "file_name": "load", "format": "py"} for number in range(130)]
    shop.daily(tasks=tasks)
    [first] = shop.deploy()
    assert shop.deploy()[0].action == "none"
    shop.daily(tasks=tasks[:-1])
    [done] = shop.deploy()
    assert paths(done) == ["tasks[t129]"] and len(shop.settings(first.job_id).tasks or []) == 129


def test_a_saved_job_that_is_not_there_is_reported_before_the_first_write(
    shop: Shop, writes: Callable[[], dict[str, int]]
) -> None:
    run = {"uses": "run_job", "settings": {"job": "nightly"}}
    shop.write("workflows/late", {"steps": [run]})
    with pytest.raises(RunError, match="There is no saved job 'nightly'"):
        shop.deploy()
    assert writes() == {}
