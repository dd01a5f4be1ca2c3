"""Workflows deployed to the emulator through the real SDK: one job each, written only when it differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from dara_dagster.errors import DeployError, RunError
from dara_dagster.remote.client import Workspace
from dara_dagster.remote.deploy import Deployed, Deployment
from dara_dagster.spec import plan_from
from dara_dagster.spec.plan import Plan
from tests.remote.conftest import Admin

SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
NOTEBOOK = "# Databricks notebook source\nprint(1)\n"
CREATE = "/api/2.2/jobs/create"


class Shop:
    """A project folder `shop` with a workflow `daily`; `deploy` publishes what its files say now."""

    def __init__(self, root: Path, workspace: Workspace, client: WorkspaceClient) -> None:
        self.root, self._workspace, self._client = root, workspace, client
        (root / "config/notebooks").mkdir(parents=True)
        (root / "config/workflows").mkdir()
        for name in ("load", "left"):
            (root / f"config/notebooks/{name}.py").write_text(NOTEBOOK)
        self.write("project", {"name": "shop", "notebooks": "notebooks"})
        self.write("cluster_config", {"etl": SPARK})
        self.write("warehouse_config", {})
        self.daily()

    def write(self, name: str, content: Any) -> None:
        (self.root / f"config/{name}.json").write_text(json.dumps(content))

    def daily(self, **options: Any) -> None:
        """Write the workflow: `load`, then `left` on a fresh cluster."""
        load = {"file_name": "load", "format": "py", "compute_name": "etl", "parameters": {"own": "1"}}
        left = {"file_name": "left", "format": "py", "dependent_on": ["load"], "compute_name": "etl"}
        tasks = options.pop("tasks", [load, {**left, "cluster": "job"}])
        base = {"schedule": "0 6 * * 1", "parameters": {"day": "1"}, "tags": {"team": "a"}}
        self.write("dependency", {"name": "daily", "tasks": tasks, **base, **options})

    @property
    def plan(self) -> Plan:
        return plan_from(self.root / "config", {})

    def deploy(self, *names: str, **options: Any) -> list[Deployed]:
        deployment = Deployment(self._workspace, self.plan, **options)
        return list(deployment.run(deployment.chosen(names)))

    def settings(self, job_id: int | None) -> jobs.JobSettings:
        found = self._client.jobs.get(job_id or 0).settings
        assert found is not None
        return found

    def status(self, job_id: int | None) -> Any:
        schedule = self.settings(job_id).schedule
        return schedule and schedule.pause_status

    def jobs(self) -> list[int]:
        return [job.job_id or 0 for job in self._client.jobs.list()]


def paths(done: Deployed) -> list[str]:
    return [change.path for change in done.changes]


@pytest.fixture
def shop(tmp_path: Path, workspace: Workspace, client: WorkspaceClient) -> Shop:
    return Shop(tmp_path / "shop", workspace, client)


@pytest.fixture
def writes(admin: Admin) -> Callable[[], dict[str, int]]:
    """The calls so far that write something."""

    def count() -> dict[str, int]:
        calls = admin.stats()["calls"]
        return {
            route: number for route, number in calls.items() if route.startswith(("POST /api", "PUT /api"))
        }

    return count


def test_the_second_deployment_writes_nothing(
    shop: Shop, writes: Callable[[], dict[str, int]], workspace: Workspace
) -> None:
    [first] = shop.deploy()
    assert first.action == "create" and first.url == f"{workspace.host}/jobs/{first.job_id}"
    before = writes()
    assert before[f"POST {CREATE}"] == 1
    [second] = shop.deploy()
    assert (second.action, second.job_id, second.changes) == ("none", first.job_id, ())
    assert writes() == before


def test_what_was_written_is_what_the_files_say(shop: Shop, client: WorkspaceClient) -> None:
    [done] = shop.deploy()
    found = shop.settings(done.job_id)
    assert found.schedule is not None
    assert found.schedule.quartz_cron_expression == "0 0 6 ? * MON"
    assert found.schedule.pause_status == jobs.PauseStatus.UNPAUSED
    load, left = found.tasks or []
    [cluster] = client.clusters.list()
    assert (load.existing_cluster_id, left.job_cluster_key) == (cluster.cluster_id, "etl")
    assert client.workspace.get_status("/Workspace/Shared/dara/shop/load").path is not None


def test_a_change_of_one_key_changes_that_alone(shop: Shop, writes: Callable[[], dict[str, int]]) -> None:
    [first] = shop.deploy()
    shop.daily(schedule="0 7 * * 1")
    [second] = shop.deploy()
    assert (second.action, second.job_id, second.edited) == ("update", first.job_id, False)
    [change] = second.changes
    assert str(change) == "~ schedule.quartz_cron_expression: '0 0 6 ? * MON' -> '0 0 7 ? * MON'"
    assert shop.deploy()[0].action == "none"
    assert writes()["POST /api/2.2/jobs/reset"] == 1


def test_what_is_taken_out_of_the_files_goes(shop: Shop) -> None:
    shop.deploy()
    shop.daily(schedule=None, tags={}, tasks=[{"file_name": "load", "format": "py", "compute_name": "etl"}])
    [done] = shop.deploy()
    assert {str(change).split(":")[0] for change in done.changes} == {
        "- tags.team",
        "- schedule",
        "- job_clusters[etl]",
        "- tasks[left]",
        "- tasks[load].notebook_task.base_parameters.own",
    }
    found = shop.settings(done.job_id)
    assert found.schedule is None and not found.job_clusters and len(found.tasks or []) == 1
    assert shop.deploy()[0].action == "none"


def test_a_setting_of_a_job_cluster_that_goes_is_written_too(shop: Shop) -> None:
    shop.write("cluster_config", {"etl": {**SPARK, "policy_id": "p"}})
    shop.deploy()
    shop.write("cluster_config", {"etl": SPARK})
    [done] = shop.deploy()
    assert paths(done) == ["tags.dara_version"], "the service might have filled it in"
    [cluster] = shop.settings(done.job_id).job_clusters or []
    assert cluster.new_cluster.policy_id is None


def test_a_job_edited_by_hand_is_put_right(shop: Shop, client: WorkspaceClient) -> None:
    [first] = shop.deploy()
    load, left = shop.settings(first.job_id).tasks or []
    load.disabled, load.max_retries = True, 5
    extra = jobs.Task(task_key="extra", notebook_task=jobs.NotebookTask(notebook_path="/Shared/x"))
    edited = jobs.JobSettings(name="mine", tasks=[load, left, extra])
    client.jobs.update(first.job_id or 0, new_settings=edited)
    [seen] = shop.deploy(dry_run=True)
    assert set(paths(seen)) == {"name", "tasks[load].disabled", "tasks[load].max_retries", "tasks[extra]"}
    assert seen.edited
    assert shop.settings(first.job_id).name == "mine", "a dry run writes nothing"
    [done] = shop.deploy()
    assert (done.action, done.job_id, done.changes) == ("update", first.job_id, seen.changes)
    assert len(shop.settings(first.job_id).tasks or []) == 2 and shop.deploy()[0].action == "none"


def test_what_the_files_have_no_word_for_stays(shop: Shop, client: WorkspaceClient) -> None:
    [first] = shop.deploy()
    mails = jobs.JobEmailNotifications(on_failure=["ops@example.com"])
    client.jobs.update(first.job_id or 0, new_settings=jobs.JobSettings(email_notifications=mails))
    assert shop.deploy()[0].action == "none"
    shop.daily(description="changed")
    assert shop.deploy()[0].action == "update"
    assert shop.settings(first.job_id).email_notifications == mails


def test_a_pause_stays_until_it_is_lifted(shop: Shop) -> None:
    [first] = shop.deploy(pause="PAUSED")
    assert shop.status(first.job_id) == jobs.PauseStatus.PAUSED
    assert shop.deploy()[0].action == "none"
    shop.daily(schedule="0 7 * * 1")
    shop.deploy()
    assert shop.status(first.job_id) == jobs.PauseStatus.PAUSED
    [done] = shop.deploy(pause="UNPAUSED")
    assert paths(done) == ["schedule.pause_status"]
    assert shop.status(first.job_id) == jobs.PauseStatus.UNPAUSED


def test_a_dry_run_writes_nothing(
    shop: Shop, writes: Callable[[], dict[str, int]], workspace: Workspace
) -> None:
    deployment = Deployment(workspace, shop.plan, dry_run=True)
    [seen] = deployment.run(deployment.chosen(()))
    assert (seen.action, seen.job_id, seen.url) == ("create", None, "")
    assert deployment.files == 2
    assert [(one.compute.name, one.settings) for one in deployment.compute_changes] == [("etl", ())]
    assert writes() == {} and not (shop.root / ".dara").exists()
    shop.deploy()
    shop.write("cluster_config", {"etl": {**SPARK, "num_workers": 3}})
    deployment = Deployment(workspace, shop.plan, dry_run=True)
    [seen] = deployment.run(deployment.chosen(()))
    assert paths(seen) == ["job_clusters[etl].new_cluster.num_workers"] and deployment.files == 0
    assert [one.settings for one in deployment.compute_changes] == [("num_workers",)]


def test_a_job_is_known_by_its_tags_and_never_by_its_name(shop: Shop, client: WorkspaceClient) -> None:
    other = client.jobs.create(name="shop: daily").job_id
    [first] = shop.deploy()
    assert first.action == "create" and first.job_id != other
    tags = shop.settings(first.job_id).tags
    twin = client.jobs.create(name="a copy", tags=tags).job_id
    with pytest.raises(DeployError, match=f"2 saved jobs carry the tags.*{first.job_id}, {twin}"):
        shop.deploy()


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
    assert deployment.strays() == []  # the look
    [theirs] = Shop(tmp_path / "rival", workspace, client).deploy()
    [ours] = running
    assert ours.job_id == theirs.job_id and shop.jobs() == [theirs.job_id]


def test_refused_by_the_service_is_said_in_a_sentence(shop: Shop, admin: Admin) -> None:
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
    strays = deployment.strays()
    assert [job.job_id for job in strays] == [made["other"]]
    dry = Deployment(workspace, shop.plan, dry_run=True)
    assert [done.action for done in dry.prune(strays)] == ["delete"] and len(shop.jobs()) == 2
    assert [done.job_id for done in deployment.prune(strays)] == [made["other"]]
    assert list(deployment.prune(strays)), "one that is gone is as good"
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


def test_a_saved_job_that_is_not_there_is_told_before_the_first_job_is_made(
    shop: Shop, writes: Callable[[], dict[str, int]]
) -> None:
    run = {"uses": "run_job", "settings": {"job": "nightly"}}
    shop.write("workflows/late", {"steps": [run]})
    with pytest.raises(RunError, match="There is no saved job 'nightly'"):
        shop.deploy()
    assert CREATE not in " ".join(writes())
