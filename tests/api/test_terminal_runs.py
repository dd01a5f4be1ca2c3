"""Runs from a terminal in Dagster's UI: on its pages as runs launched there, and re-executed there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Server
from tests.cli.conftest import Project, fill
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

_PAGES = """
query Pages($selector: PipelineSelector!, $repository: RepositorySelector!, $runs: RunsFilter!) {
  jobs: repositoryOrError(repositorySelector: $repository) {
    ... on Repository { pipelines { name runs(limit: 9) { runId } } }
  }
  job: pipelineOrError(params: $selector) { ... on Pipeline { runs(limit: 9) { runId } } }
  tab: runsOrError(filter: $runs) {
    ... on Runs { results { runId repositoryOrigin { repositoryName repositoryLocationName } } }
  }
  timeline: runsOrError(filter: {statuses: [SUCCESS, FAILURE]}) {
    ... on Runs { results { runId pipelineName repositoryOrigin { repositoryLocationName } } }
  }
}
"""
_AGAIN = """
mutation Again($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: FROM_FAILURE}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator, workspace_token: str) -> Project:
    environ = {
        "DARA_WORKSPACE": "databricks",
        "DATABRICKS_HOST": emulator.host,
        "DATABRICKS_TOKEN": workspace_token,
        "DAGSTER_HOME": str(tmp_path / ".dagster"),
    }
    emulator.admin("POST", "simulate", {"task_key": "*", "duration_ms": 50}, token=workspace_token)
    return fill(Project(tmp_path, environ))


@pytest.fixture
def serve(project: Project) -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.end()


def graphql(server: Server, query: str, **variables: Any) -> dict[str, Any]:
    answer = server.call("POST", "/graphql", {"query": query, "variables": variables})
    assert answer.status == 200 and "errors" not in answer.body, answer
    data: dict[str, Any] = answer.body["data"]
    return data


def pages(server: Server, location: str) -> dict[str, list[str]]:
    """The runs of the job `daily` that each page of the UI shows."""
    repository = {"repositoryName": "__repository__", "repositoryLocationName": location}
    label = {"key": ".dagster/repository", "value": f"__repository__@{location}"}
    found = graphql(
        server,
        _PAGES,
        selector={**repository, "pipelineName": "daily"},
        repository=repository,
        runs={"pipelineName": "daily", "tags": [label]},
    )
    jobs = {job["name"]: job["runs"] for job in found["jobs"]["pipelines"]}
    shown = {
        "jobs": jobs["daily"],
        "job": found["job"]["runs"],
        "tab": found["tab"]["results"],
        "timeline": [
            run
            for run in found["timeline"]["results"]
            if run["repositoryOrigin"] and run["repositoryOrigin"]["repositoryLocationName"] == location
        ],
    }
    return {page: sorted(run["runId"] for run in runs) for page, runs in shown.items()}


def test_runs_of_every_command_are_on_every_page_and_can_be_reexecuted(
    project: Project, serve: list[Server], emulator: Emulator, workspace_token: str
) -> None:
    code = "from dara_dagster import build_definitions\n\ndefs = build_definitions('config')\n"
    project.write("jobs_here.py", code)
    module = {"module_name": "jobs_here", "working_directory": "."}
    project.write("workspace.yaml", {"load_from": [{"python_module": module}]})
    rule = {"task_key": "left", "duration_ms": 50, "result": "FAILED", "error": "no", "count": 1}
    emulator.admin("POST", "simulate", rule, token=workspace_token)
    failed = project.json("run", "daily", code=1)
    stock = [sys.executable, "-m", "dagster", "job", "execute", "-m", "jobs_here", "-j", "daily"]
    done = subprocess.run(stock, cwd=project.root, env=project.environ, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    runs = sorted(run["run_id"] for run in project.json("status"))
    assert len(runs) == 2

    serve.append(server := Server(project))

    assert pages(server, "jobs_here") == dict.fromkeys(("jobs", "job", "tab", "timeline"), runs)
    again = graphql(server, _AGAIN, run=failed["run_id"])["launchRunReexecution"]
    assert again["__typename"] == "LaunchRunSuccess", again
    status = server.wait(again["run"]["runId"], lambda run: run["state"] == "success")
    assert [task["name"] for task in status["tasks"]] == ["left"]
    assert emulator.admin("GET", "stats", token=workspace_token)["runs_created"] == 3 + 3 + 1
