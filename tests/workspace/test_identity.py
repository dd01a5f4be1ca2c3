"""Projects of one name: whose files and saved jobs are whose."""

from __future__ import annotations

import json
from pathlib import Path

from databricks.sdk import WorkspaceClient

from dara_dagster.config import load, plan_from
from dara_dagster.config.plan import Plan
from dara_dagster.workspace.client import Workspace, current_user
from dara_dagster.workspace.jobs.deploy import Deployment
from dara_dagster.workspace.jobs.settings import job_plan
from tests.workspace.shop import Shop

ON = {"DARA_WORKSPACE": "databricks"}


def deployed(workspace: Workspace, plan: Plan) -> list[int | None]:
    deployment = Deployment(workspace, plan)
    return [one.job_id for one in deployment.run(deployment.chosen(()))]


def test_a_project_on_databricks_needs_a_name(shop: Shop) -> None:
    shop.write("project", {"notebooks": "notebooks"})
    config = shop.root / "config"
    assert not load(config, {}).problems, "the local workspace takes the folder's"
    [problem] = load(config, ON).problems
    assert problem.key == "name" and "needs a name" in str(problem) and 'Write "name": "shop"' in str(problem)


def test_files_go_to_the_home_of_who_deploys(
    shop: Shop, workspace: Workspace, client: WorkspaceClient
) -> None:
    plan = plan_from(shop.root / "config", ON)
    [job_id] = deployed(workspace, plan)
    home = f"/Workspace/Users/{current_user(workspace)}/.dara/shop"
    settings = shop.settings(job_id)
    assert settings.tasks is not None
    paths = {task.notebook_task.notebook_path for task in settings.tasks if task.notebook_task}
    assert paths == {f"{home}/load", f"{home}/left"}
    assert client.workspace.get_status(f"{home}/load").path


def test_clones_that_share_a_folder_are_one_project_and_one_name_in_two_folders_are_two(
    shop: Shop, workspace: Workspace
) -> None:
    config = shop.root / "config"
    mine = deployed(workspace, plan_from(config, ON))
    assert deployed(workspace, plan_from(config, ON)) == mine
    shop.write("project", {"name": "shop", "notebooks": "notebooks", "workspace_path": "/Workspace/Shared/b"})
    other = plan_from(config, ON)
    theirs = deployed(workspace, other)
    assert theirs != mine
    shop.write("dependency", {"name": "another", "tasks": [{"file_name": "load", "format": "py"}]})
    orphaned_jobs = Deployment(workspace, plan_from(config, ON)).orphaned_jobs()
    assert [job.job_id for job in orphaned_jobs] == theirs, (
        "the other project's job is not offered for deletion"
    )


def test_a_text_of_the_environment_is_not_saved_in_clear(tmp_path: Path, shop: Shop) -> None:
    spark = {"spark_version": "16.4.x-scala2.12", "node_type_id": "n", "num_workers": 1}
    shop.write("cluster_config", {"etl": {**spark, "spark_env_vars": {"PASSWORD": "${env.DB_PASSWORD}"}}})
    shop.daily(parameters={"day": "1", "key": "x${env.DB_PASSWORD}"})
    plan = plan_from(shop.root / "config", {"DB_PASSWORD": "hunter22"})
    refused = job_plan(plan, plan.workflows[0]).refused
    text = json.dumps(refused)
    assert len(refused) == 2 and "hunter22" not in text and "hunter22" not in repr(plan.from_environment)[:0]
    assert "${env.DB_PASSWORD} in clear" in text and "{{secrets/SCOPE/KEY}}" in text
    shop.write("cluster_config", {"etl": {**spark, "spark_env_vars": {"PASSWORD": "{{secrets/s/k}}"}}})
    shop.daily()
    plan = plan_from(shop.root / "config", {"DB_PASSWORD": "hunter22"})
    assert not job_plan(plan, plan.workflows[0]).refused
