"""A small project that tests publish as saved jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from dara_dagster.config import plan_from
from dara_dagster.config.plan import Plan
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.deploy import Deployed, Deployment

SPARK = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
CREATE = "/api/2.2/jobs/create"
_NOTEBOOK = "# Databricks notebook source\nprint(1)\n"


class Shop:
    """A project folder `shop` with a workflow `daily`; `deploy` publishes what its files say now."""

    def __init__(self, root: Path, workspace: Workspace, client: WorkspaceClient) -> None:
        self.root, self._workspace, self._client = root, workspace, client
        (root / "config/notebooks").mkdir(parents=True)
        (root / "config/workflows").mkdir()
        for name in ("load", "left"):
            (root / f"config/notebooks/{name}.py").write_text(_NOTEBOOK)
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
