"""A server of a project on Databricks whose credentials are not set: no run is made that could only fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.served import Server
from tests.cli.conftest import Project, fill

_JOBS = "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}}}}"
_LAUNCH = """mutation ($location: String!, $repository: String!) {
  launchRun(executionParams: {runConfigData: {}, selector: {
    repositoryLocationName: $location, repositoryName: $repository, jobName: "daily"}}) {
    __typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}
  }
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    environ = {"DARA_WORKSPACE": "databricks", "DATABRICKS_CONFIG_FILE": str(tmp_path / "none")}
    server = Server(fill(Project(tmp_path / "project", environ)))
    try:
        yield server
    finally:
        server.end()


def test_the_api_makes_no_run_and_one_of_the_ui_fails_with_what_to_set(server: Server) -> None:
    refused = server.call("POST", "/api/v1/workflows/daily/runs", {}, {"Idempotency-Key": "one"})

    assert (refused.status, refused.headers["content-type"]) == (503, "application/problem+json")
    assert "Set DATABRICKS_HOST and DATABRICKS_TOKEN" in refused.body["detail"], refused
    assert server.call("GET", "/api/v1/runs").body["runs"] == []

    nodes = server.call("POST", "/graphql", {"query": _JOBS}).body["data"]["repositoriesOrError"]["nodes"]
    variables = {"location": nodes[0]["location"]["name"], "repository": nodes[0]["name"]}
    launched = server.call("POST", "/graphql", {"query": _LAUNCH, "variables": variables}).body
    run_id = str(launched["data"]["launchRun"]["run"]["runId"])
    run = server.wait(run_id, lambda status: status["state"] in ("success", "failed", "cancelled"))

    assert run["state"] == "failed"
    errors = [task["error"] for task in run["tasks"] if task["error"]]
    assert errors and all("Set DATABRICKS_HOST and DATABRICKS_TOKEN" in error for error in errors), run
