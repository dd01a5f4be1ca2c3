"""Sensors and schedules as Dagster's daemon evaluates them, on a local folder and on a volume."""

from __future__ import annotations

import io
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterRun,
    DagsterRunStatus,
    RunRequest,
    SensorDefinition,
    SensorResult,
    SkipReason,
    build_schedule_context,
    build_sensor_context,
)
from databricks.sdk.service.catalog import VolumeType

from dara_dagster.defs.definitions import build_definitions
from dara_dagster.defs.repository import job_from_config
from tests.defs.conftest import Project

VOLUME = "/Volumes/main/default/inbox"


class Daemon:
    """Evaluates the project's one sensor as the daemon does: it keeps the cursor of what came back."""

    def __init__(self, project: Project, *, fresh: bool = True) -> None:
        self.project = project
        self.fresh = fresh
        self.cursor: str | None = None
        self._sensor: SensorDefinition | None = None

    def tick(self) -> list[RunRequest] | str:
        """The runs asked for, or the reason of the skip; from freshly loaded definitions if `fresh`."""
        if self._sensor is None or self.fresh:
            sensor = next(iter(build_definitions(self.project.config).sensors or []))
            assert isinstance(sensor, SensorDefinition)
            self._sensor = sensor
        context = build_sensor_context(instance=self.project.instance, cursor=self.cursor)
        result = self._sensor(context)
        if isinstance(result, SkipReason):
            return str(result.skip_message)
        assert isinstance(result, SensorResult)
        self.cursor = result.cursor
        if result.skip_reason is not None:
            return str(result.skip_reason.skip_message)
        return list(result.run_requests or [])


def drop(folder: Path, name: str, text: str = "x\n") -> Path:
    """A file that was written a minute ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def values(request: RunRequest) -> dict[str, Any]:
    config: dict[str, Any] = request.run_config["resources"]["parameters"]["config"]  # type: ignore[index]
    return config


def test_a_dropped_file_starts_one_run_which_finds_it_in_the_volume(project: Project) -> None:
    inbox = project.root / "inbox"
    file = drop(inbox, "orders.csv")
    drop(inbox, "notes.txt")
    drop(inbox, "sub/deep.csv")
    sensor = {"folder": "inbox", "pattern": ["*.csv"], "upload_to": "/Volumes/main/default/landing"}
    project.workflow({"name": "a", "parameters": {"file_path": ""}}, sensor=sensor)
    daemon = Daemon(project)
    requests = daemon.tick()
    assert not isinstance(requests, str)
    assert [values(request)["values"]["file_name"] for request in requests] == ["orders.csv"]
    assert daemon.tick() == "No new files among 1"
    place = "/Volumes/main/default/landing/orders.csv"
    assert values(requests[0])["uploads"] == {place: str(file)}
    assert requests[0].tags["dara/file_path"] == place

    result = project.run(run_config=requests[0].run_config)
    assert result.success
    client = project.emulator.client(project.token)
    assert client.files.get_metadata(place).content_length == 2
    run_id = next(e.data["databricks_run_id"] for e in project.events(result.run_id) if e.kind == "submitted")
    task = (client.jobs.get_run(int(run_id)).tasks or [])[0].notebook_task
    assert task is not None
    assert task.base_parameters == {"file_path": place}


def test_subfolders_and_batches(project: Project) -> None:
    for name in ("a.csv", "sub/b.csv", "sub/deep/c.csv"):
        drop(project.root / "inbox", name)
    sensor = {"folder": "inbox", "recursive": True, "per": "batch", "batch_size": 2}
    project.workflow({"name": "a"}, sensor=sensor)
    daemon = Daemon(project)
    first, second = daemon.tick(), daemon.tick()
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    reported = [
        [Path(f["file_path"]).name for f in json.loads(values(r)["values"]["files"])] for r in first + second
    ]
    assert sorted(name for batch in reported for name in batch) == ["a.csv", "b.csv", "c.csv"]
    assert [len(batch) for batch in reported] == [2, 1]


def test_a_file_put_into_a_volume_starts_one_run(project: Project) -> None:
    client = project.emulator.client(project.token)
    project.workflow({"name": "a"}, sensor={"volume": VOLUME, "pattern": "*.csv", "recursive": True})
    daemon = Daemon(project)
    reason = daemon.tick()
    assert isinstance(reason, str)
    assert VOLUME in reason
    client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    client.files.upload(f"{VOLUME}/day 1/a.csv", io.BytesIO(b"x"))
    client.files.upload(f"{VOLUME}/b.txt", io.BytesIO(b"x"))
    assert daemon.tick() == "1 new files have not settled yet"
    time.sleep(1.1)
    requests = daemon.tick()
    assert not isinstance(requests, str)
    assert [values(request)["values"]["file_path"] for request in requests] == [f"{VOLUME}/day 1/a.csv"]
    assert "uploads" not in values(requests[0])


def test_a_5xx_is_a_skip_that_loses_nothing(project: Project) -> None:
    client = project.emulator.client(project.token)
    client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    client.files.upload(f"{VOLUME}/a.csv", io.BytesIO(b"x"))
    project.workflow({"name": "a"}, sensor={"volume": VOLUME})
    fault = {"method": "GET", "path": "/api/2.0/fs/directories*", "kind": "status", "status": 503, "count": 1}
    project.emulator.admin("POST", "faults", fault, token=project.token)
    daemon = Daemon(project)
    reason = daemon.tick()
    assert isinstance(reason, str)
    assert "cannot be listed" in reason
    assert daemon.cursor is None
    daemon.tick()
    time.sleep(1.1)
    assert len(daemon.tick()) == 1


def test_since_replays_from_a_time(project: Project) -> None:
    drop(project.root / "inbox", "a.csv")
    project.workflow({"name": "a"}, sensor={"folder": "inbox"})
    daemon = Daemon(project)
    first = daemon.tick()
    assert not isinstance(first, str)
    project.workflow({"name": "a"}, sensor={"folder": "inbox", "since": "2020-01-01T00:00:00Z"})
    again = daemon.tick()
    assert not isinstance(again, str)
    assert again[0].run_key != first[0].run_key
    project.workflow({"name": "a"}, sensor={"folder": "inbox", "since": "2999-01-01T00:00:00Z"})
    assert daemon.tick() == "No new files among 0"


@pytest.mark.parametrize("going", [0, 1])
def test_no_more_runs_than_allowed_are_started(project: Project, going: int) -> None:
    drop(project.root / "inbox", "a.csv")
    options = {"schedule": "0 6 * * *", "timezone": "Europe/Berlin", "max_concurrent_runs": 1}
    project.workflow({"name": "a"}, sensor={"folder": "inbox"}, **options)
    tags = job_from_config(project.config, "flow").tags
    for _ in range(going):  # of the workflow's other job: the limit is the workflow's
        run = DagsterRun(job_name="flow_sequential", status=DagsterRunStatus.STARTED, tags=tags)
        project.instance.add_run(run)
    asked = Daemon(project).tick()
    assert isinstance(asked, str) == bool(going)
    schedule = next(iter(build_definitions(project.config).schedules or []))
    context = build_schedule_context(instance=project.instance)
    data = schedule.evaluate_tick(context)
    assert bool(data.skip_message) == bool(going)
    assert len(data.run_requests or []) == 1 - going


@pytest.mark.parametrize("running", [True, False])
def test_nothing_starts_by_itself_unless_its_file_says_so(project: Project, running: bool) -> None:
    project.workflow({"name": "a"}, sensor={"folder": "inbox"}, schedule="0 6 * * *", running=running)
    definitions = build_definitions(project.config)
    made = [*(definitions.sensors or []), *(definitions.schedules or [])]
    assert [each.default_status.value for each in made] == ["RUNNING" if running else "STOPPED"] * 2  # type: ignore[union-attr]


def test_ten_thousand_files_in_one_folder_are_taken_batch_by_batch(project: Project) -> None:
    for number in range(10_000):
        drop(project.root / "inbox", f"{number}.csv")
    project.workflow({"name": "a"}, sensor={"folder": "inbox", "per": "batch", "batch_size": 4_000})
    daemon = Daemon(project)
    taken: list[str] = []
    for size in (4_000, 4_000, 2_000):
        requests = daemon.tick()
        assert not isinstance(requests, str)
        (reported,) = [json.loads(values(request)["values"]["files"]) for request in requests]
        names = [about["file_name"] for about in reported]
        assert len(names) == size
        taken += names
    assert len(set(taken)) == 10_000
    assert daemon.tick() == "No new files among 10000"


def test_a_listing_that_takes_too_long_continues_in_the_next_tick(project: Project) -> None:
    project.poll(listing_seconds=0.001)  # one page a tick
    client = project.emulator.client(project.token)
    client.volumes.create("main", "default", "inbox", VolumeType.MANAGED)
    client.files.create_directory(f"{VOLUME}/day")
    # Put behind the service's back: 3,000 uploads would only test the upload.
    (folder,) = project.emulator.data.glob("workspaces/*/tables/main/default/_volumes/inbox/day")
    for number in range(3_000):
        drop(folder, f"{number}.csv")
    sensor = {"volume": VOLUME, "recursive": True, "per": "batch", "batch_size": 10_000}
    project.workflow({"name": "a"}, sensor=sensor)
    daemon = Daemon(project)
    taken: list[str] = []
    for _ in range(8):  # two rounds: the second finds nothing new
        if not isinstance(requests := daemon.tick(), str):
            reported = json.loads(values(requests[0])["values"]["files"])
            taken += [about["file_name"] for about in reported]
    assert sorted(taken, key=lambda name: int(name[:-4])) == [f"{number}.csv" for number in range(3_000)]


def test_a_folder_that_cannot_be_read_is_a_skip_and_its_files_are_taken_later(project: Project) -> None:
    inbox = project.root / "inbox"
    project.workflow({"name": "a"}, sensor={"folder": "inbox", "recursive": True})
    daemon = Daemon(project)
    assert daemon.tick() == f"The folder {inbox} cannot be listed: No such file or directory"
    inbox.write_text("a file where the folder should be")
    assert daemon.tick() == f"The folder {inbox} cannot be listed: Not a directory"
    inbox.unlink()
    drop(inbox, "a.csv")
    if os.geteuid():  # root may read everything
        inbox.chmod(0)
        assert daemon.tick() == f"The folder {inbox} cannot be listed: Permission denied"
        inbox.chmod(0o755)
    assert len(daemon.tick()) == 1


def test_a_look_at_a_volume_does_not_start_the_local_workspace(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DARA_WORKSPACE")
    project.workflow({"name": "a"}, sensor={"volume": VOLUME})
    assert str(Daemon(project).tick()).startswith("The local workspace is not running")
    assert not (project.root / ".dara").exists()
