"""Workflows deployed to the emulator through the real SDK: one job each, written only when it differs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from dara_dagster.errors import DeployError
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import Deployment
from tests.workspace.shop import CREATE, SPARK, Shop, paths


def test_the_second_deployment_writes_nothing(
    shop: Shop, writes: Callable[[], dict[str, int]], workspace: Workspace
) -> None:
    [first] = shop.deploy()
    assert first.url == f"{workspace.host}/jobs/{first.job_id}"
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


def test_a_job_is_not_called_twice_after_its_project(shop: Shop, client: WorkspaceClient) -> None:
    """A job that still has the longer name is found by its tags, and renamed."""
    shop.daily(name="shop")
    [first] = shop.deploy()
    assert shop.settings(first.job_id).name == "shop"
    client.jobs.update(first.job_id or 0, new_settings=jobs.JobSettings(name="shop: shop"))
    [second] = shop.deploy()
    assert (second.action, second.job_id, paths(second)) == ("update", first.job_id, ["name"])
    assert shop.settings(first.job_id).name == "shop" and shop.jobs() == [first.job_id]


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


def test_what_the_service_makes_of_a_cluster_is_no_difference(shop: Shop) -> None:
    attributes = {"availability": "SPOT", "zone_id": "auto"}
    more = {"aws_attributes": attributes, "policy_id": "p", "apply_policy_default_values": True}
    mode = {"data_security_mode": "DATA_SECURITY_MODE_DEDICATED", "spark_conf": {"a": "1"}}
    shop.write("cluster_config", {"etl": {**SPARK, **more, **mode}})
    shop.deploy()
    [done] = shop.deploy()
    assert (done.action, done.changes) == ("none", ())
    shop.write("cluster_config", {"etl": {**SPARK, **more, **mode, "spark_conf": {"a": "pa55word"}}})
    [changed] = shop.deploy()
    assert paths(changed) == ["job_clusters[etl].new_cluster.spark_conf"]
    assert "pa55word" not in str(changed.changes[0]) + str(changed.changes)


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
    assert paths(done) == ["schedule.pause_status"] and not done.edited
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
    assert first.notes == (f"without this project's tags, so left alone: saved job {other} of the same name",)
    tags = shop.settings(first.job_id).tags
    twin = client.jobs.create(name="a copy", tags=tags).job_id
    with pytest.raises(DeployError, match=f"2 saved jobs carry the tags.*{first.job_id}, {twin}"):
        shop.deploy()
