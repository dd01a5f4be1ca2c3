"""What a saved job may say of its schedule, trigger, clusters and tags, and how it is read back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode

from tests.emulator.services.jobs.test_jobs import create, settings, task


def schedule(cron: str, **more: Any) -> jobs.CronSchedule:
    return jobs.CronSchedule(**{"quartz_cron_expression": cron, "timezone_id": "Europe/Berlin", **more})


def arrival(url: str, **more: Any) -> jobs.TriggerSettings:
    return jobs.TriggerSettings(file_arrival=jobs.FileArrivalTriggerConfiguration(url=url, **more))


@pytest.mark.parametrize(
    "cron",
    ["0 0 6 * * ?", "0 0/15 8-17 ? * MON-FRI", "0 0 0 L * ?", "0 30 9 ? * 2#1", "0 0 0 1 JAN ? 2030-2040"],
)
def test_a_schedule_is_kept_and_on_unless_paused(client: WorkspaceClient, cron: str) -> None:
    found = settings(client, create(client, task("a"), schedule=schedule(cron))).schedule
    assert found == schedule(cron, pause_status=jobs.PauseStatus.UNPAUSED)
    paused = schedule(cron, pause_status=jobs.PauseStatus.PAUSED)
    assert settings(client, create(client, task("a"), schedule=paused)).schedule == paused


@pytest.mark.parametrize(
    "cron,reason",
    [
        ("0 6 * * *", "6 or 7 fields are needed, 5 are given"),
        ("0 0 6 * * *", "exactly one of day of month and day of week"),
        ("0 0 6 ? * ?", "exactly one of day of month and day of week"),
        ("0 0 25 * * ?", "'25' is no value for hours"),
        ("0 0 6 ? * 0", "'0' is no value for day of week"),
        ("0 0 6 ? * XYZ", "'XYZ' is no value for day of week"),
    ],
)
def test_what_quartz_refuses(client: WorkspaceClient, cron: str, reason: str) -> None:
    with pytest.raises(InvalidParameterValue, match=re.escape(reason)):
        create(client, task("a"), schedule=schedule(cron))


def test_a_trigger_is_kept_and_checked(client: WorkspaceClient) -> None:
    job_id = create(client, task("a"), trigger=arrival("/Volumes/main/raw/inbox/"))
    found = settings(client, job_id).trigger
    assert found is not None and found.pause_status == jobs.PauseStatus.UNPAUSED
    with pytest.raises(InvalidParameterValue, match="must be a path in a volume"):
        create(client, task("a"), trigger=arrival("inbox"))
    with pytest.raises(InvalidParameterValue, match="at least 60 seconds"):
        create(client, task("a"), trigger=arrival("/Volumes/a/b/c/", wait_after_last_change_seconds=5))
    with pytest.raises(InvalidParameterValue, match="Only one of schedule"):
        create(client, task("a"), trigger=arrival("/Volumes/a/b/c/"), schedule=schedule("0 0 6 * * ?"))
    with pytest.raises(InvalidParameterValue, match="no Java timezone"):
        create(client, task("a"), schedule=schedule("0 0 6 * * ?", timezone_id="Mars/Olympus"))


def test_a_cluster_of_the_job_shows_what_the_service_fills_in(client: WorkspaceClient) -> None:
    new = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    shared = jobs.JobCluster(job_cluster_key="k", new_cluster=new)
    found = settings(client, create(client, task("a", job_cluster_key="k"), job_clusters=[shared]))
    [shown] = found.job_clusters or []
    assert shown.new_cluster.driver_node_type_id == "i3.xlarge"
    assert shown.new_cluster.data_security_mode == DataSecurityMode.SINGLE_USER
    assert shown.new_cluster.aws_attributes is not None


def test_a_job_takes_25_tags(client: WorkspaceClient) -> None:
    tags = {f"t{number}": "x" for number in range(26)}
    with pytest.raises(InvalidParameterValue, match="at most 25 tags"):
        create(client, task("a"), tags=tags)
    del tags["t0"]
    create(client, task("a"), tags=tags)
    [listed] = client.jobs.list()
    assert listed.settings is not None and listed.settings.tags == tags
