"""A server behind a proxy: runs know who started them, and run with the caller's rights if they ask to."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.api.served import Server, module_token
from tests.cli.conftest import Project, fill
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE, until

__all__ = ["module_token"]

COORDINATOR = (
    "run_coordinator: {module: dara_dagster.executor.attribution, class: AttributingRunCoordinator, "
    "config: {dequeue_interval_seconds: 1}}\ntelemetry: {enabled: false}\n"
)
LAUNCH = """mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""


def headers(user: str, token: str | None = None) -> dict[str, str]:
    return {"X-Forwarded-Email": user} | ({"X-Forwarded-Access-Token": token} if token else {})


class Caller:
    """Somebody with a token, which is a workspace of their own in the local server."""

    def __init__(self, emulator: Emulator, name: str) -> None:
        self.emulator, self.name, self.token = emulator, name, f"caller-{uuid.uuid4().hex}"
        self.headers = headers(name, self.token)

    def simulate(self, task: str, **rule: Any) -> None:
        self.emulator.admin("POST", "simulate", {"task_key": task, **rule}, token=self.token)

    def stats(self) -> Any:
        return self.emulator.admin("GET", "stats", token=self.token)


@pytest.fixture
def ana(emulator: Emulator) -> Caller:
    return Caller(emulator, "ana@example.com")


def _project(root: Path, emulator: Emulator, token: str) -> Project:
    """The workflows `daily`, and `mine` of one task, which runs as its caller."""
    environ = {
        "DARA_WORKSPACE": "databricks",
        "DATABRICKS_HOST": emulator.host,
        "DATABRICKS_TOKEN": token,
    }
    project = fill(Project(root, environ))
    task = {"file_name": "load", "format": "py"}
    project.write("config/workflows/mine.json", {"tasks": [task], "run_as": "caller"})
    project.write(".dagster/dagster.yaml", COORDINATOR)
    emulator.admin("POST", "simulate", {"task_key": "*", "duration_ms": 100}, token=token)
    return project


@pytest.fixture(scope="module")
def behind(
    tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, module_token: str
) -> Iterator[Server]:
    project = _project(tmp_path_factory.mktemp("behind"), emulator, module_token)
    server = Server(project, "--behind-proxy")
    yield server
    server.end()


def start(server: Server, workflow: str, sent: Mapping[str, str]) -> str:
    answer = server.call("POST", f"/api/v1/workflows/{workflow}/runs", {}, sent)
    assert answer.status == 202, answer
    return str(answer.body["run_id"])


def wait(server: Server, run_id: str, *states: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        answer = server.call("GET", f"/api/v1/workflow/status/{run_id}", None, headers("someone"))
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found if found["state"] in states else None

    return until(reached, f"{run_id}: {states}", pause=0.2)


def files_with(folder: Path, text: str) -> list[Path]:
    found = [file for file in folder.rglob("*") if file.is_file()]
    assert len(found) > 5
    return [file for file in found if text.encode() in file.read_bytes()]


def test_a_run_knows_who_started_it(behind: Server) -> None:
    run = wait(behind, start(behind, "daily", headers("ana@example.com")), "success")

    assert run["user"] == "ana@example.com"
    shown = behind.project.json("status", run["run_id"])
    assert shown["user"] == "ana@example.com"
    assert "started by ana@example.com" in behind.project.here("status", run["run_id"])
    assert "ana@example.c" in behind.project.here("status")


def test_a_run_that_is_launched_in_the_ui_knows_it_too(behind: Server) -> None:
    run = wait(behind, _launch_in_ui(behind, "daily", "bo@example.com"), "success")

    assert run["user"] == "bo@example.com"


def _launch_in_ui(server: Server, job: str, user: str) -> str:
    query = "{repositoriesOrError {... on RepositoryConnection {nodes {name location {name}}}}}"
    (node,) = server.call("POST", "/graphql", {"query": query}, headers(user)).body["data"][
        "repositoriesOrError"
    ]["nodes"]
    selector = {
        "repositoryName": node["name"],
        "repositoryLocationName": node["location"]["name"],
        "jobName": job,
    }
    sent = {"query": LAUNCH, "variables": {"params": {"selector": selector, "runConfigData": {}}}}
    launched = server.call("POST", "/graphql", sent, headers(user)).body["data"]["launchRun"]
    return str(launched["run"]["runId"])


def test_a_run_as_its_caller_uses_the_callers_token_and_leaves_it_nowhere(
    behind: Server, ana: Caller, emulator: Emulator, module_token: str
) -> None:
    ana.simulate("load", duration_ms=100)
    before = emulator.admin("GET", "stats", token=module_token)["runs_created"]

    run = wait(behind, start(behind, "mine", ana.headers), "success", "failed")

    assert run["state"] == "success", run
    assert run["user"] == "ana@example.com"
    assert ana.stats()["runs_created"] == 1
    assert emulator.admin("GET", "stats", token=module_token)["runs_created"] == before
    assert files_with(behind.project.root, ana.token) == []


def test_a_run_as_its_caller_can_be_cancelled(behind: Server, ana: Caller) -> None:
    ana.simulate("load", duration_ms=600_000)
    run_id = start(behind, "mine", ana.headers)
    until(lambda: ana.stats()["active_runs"], "a Databricks run")

    answer = behind.call("POST", f"/api/v1/runs/{run_id}/cancel", None, headers("bo@example.com"))

    assert answer.status == 202, answer
    wait(behind, run_id, "cancelled")
    assert ana.stats()["active_runs"] == 0


def test_a_token_that_ends_in_the_middle_of_a_run_is_reported(behind: Server, ana: Caller) -> None:
    ana.simulate("load", duration_ms=600_000)
    run_id = start(behind, "mine", ana.headers)
    until(lambda: ana.stats()["active_runs"], "a Databricks run")

    fault = {"path": "/api/2.*", "status": 401, "message": f"The token {ana.token[:6]} has expired."}
    ana.emulator.admin("POST", "faults", fault, token=ana.token)

    (task,) = wait(behind, run_id, "failed")["tasks"]
    assert "refused the credentials" in task["error"] and "start the run again" in task["error"]
    assert files_with(behind.project.root / ".dagster", ana.token) == []


def test_without_a_token_it_is_refused(behind: Server) -> None:
    answer = behind.call("POST", "/api/v1/workflows/mine/runs", {}, headers("ana@example.com"))

    assert answer.status == 403
    assert "runs as its caller, and this request has no token" in json.dumps(answer.body)


def test_a_key_of_one_caller_does_not_give_the_run_to_another(behind: Server, ana: Caller) -> None:
    ana.simulate("load", duration_ms=100)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = start(behind, "mine", {**ana.headers, **key})
    assert start(behind, "mine", {**ana.headers, **key}) == first

    bo = Caller(ana.emulator, "bo@example.com")
    again = behind.call("POST", "/api/v1/workflows/mine/runs", {}, {**bo.headers, **key})
    assert again.status == 409
    wait(behind, first, "success")
    assert ana.stats()["runs_created"] == 1


def test_launched_without_a_caller_it_fails_with_a_line(behind: Server) -> None:
    run = wait(behind, _launch_in_ui(behind, "mine", "ana@example.com"), "failed")

    (task,) = run["tasks"]
    assert task["error"].startswith("The workflow 'mine' runs as its caller, and nobody called:")
    assert task["databricks_run_id"] is None


def test_at_a_terminal_who_runs_it_is_the_caller(behind: Server) -> None:
    assert "success" in behind.project.dara("run", "mine")


def test_a_schedule_has_no_caller(behind: Server) -> None:
    project = Project(behind.project.root.parent / "scheduled", {})
    fill(project)
    task = {"file_name": "load", "format": "py"}
    daily = {"tasks": [task], "run_as": "caller", "schedule": "0 6 * * *"}
    project.write("config/workflows/mine.json", daily)
    reported = project.here("validate", code=1)
    assert "schedule in a workflow that runs as its caller: there is none. Remove schedule" in reported


def test_an_app_that_is_stopped_ends_its_runs_within_the_time_it_has(
    tmp_path: Path, emulator: Emulator, workspace_token: str, ana: Caller
) -> None:
    project = _project(tmp_path, emulator, workspace_token)
    app = {"DATABRICKS_APP_NAME": "dara", "DATABRICKS_APP_PORT": "1"}
    project.environ |= app
    emulator.admin("POST", "simulate", {"task_key": "load", "duration_ms": 600_000}, token=workspace_token)
    ana.simulate("load", duration_ms=600_000)
    server = Server(project, "--host", "127.0.0.1")
    try:
        assert server.reported["proxy"] is True
        runs = [start(server, "daily", ana.headers), start(server, "mine", ana.headers)]

        def active() -> bool:
            own = emulator.admin("GET", "stats", token=workspace_token)["active_runs"]
            return bool(own and ana.stats()["active_runs"])

        until(active, "two Databricks runs")
        server.process.send_signal(signal.SIGTERM)
        _, err = server.process.communicate(timeout=PATIENCE)
        assert server.process.returncode == 0, err
    finally:
        server.end()

    states = {run["run_id"]: run["state"] for run in project.json("status")}
    assert [states[run_id] for run_id in runs] == ["cancelled", "cancelled"]
    assert emulator.admin("GET", "stats", token=workspace_token)["active_runs"] == 0
    assert ana.stats()["active_runs"] == 0

    # What was ended continues from where it stopped.
    emulator.admin("POST", "simulate", {"task_key": "load", "duration_ms": 100}, token=workspace_token)
    assert "success" in project.dara("run", "--resume", runs[0])
