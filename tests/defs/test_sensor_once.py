"""Each file is taken once: despite previews, ticks that were cut off, looks that hang, and odd names."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun, DagsterRunStatus, RunRequest

from dara_dagster.defs.sensors import file_sensor
from dara_dagster.workspace.listing import Arrival, Listing
from tests.defs.conftest import Project
from tests.defs.test_sensors import VOLUME, Daemon, drop, values
from tests.support.waiting import PATIENCE, until

BATCHES = {"folder": "inbox", "per": "batch"}


def reported(requests: list[RunRequest] | str) -> list[str]:
    """The names of the files in the one batch that was asked for."""
    assert not isinstance(requests, str), requests
    (request,) = requests
    return [about["file_name"] for about in json.loads(values(request)["values"]["files"])]


def test_a_preview_takes_nothing_from_the_memory(project: Project) -> None:
    project.workflow({"name": "a"}, sensor=BATCHES)
    daemon = Daemon(project)
    for name in ("a.csv", "b.csv"):
        drop(project.root / "inbox", name)
        assert reported(daemon.tick()) == [name]
    assert reported(Daemon(project).tick()) == ["b.csv"]  # `dagster sensor preview` has no cursor
    assert daemon.tick() == "No new files among 2"
    assert Daemon(project).tick() == "No new files among 2"


@pytest.mark.parametrize("status", [None, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.SUCCESS])
def test_a_batch_whose_tick_was_cut_off_is_made_again_only_if_no_run_was_started(
    project: Project, status: DagsterRunStatus | None
) -> None:
    drop(project.root / "inbox", "a.csv")
    project.workflow({"name": "a"}, sensor=BATCHES)
    daemon = Daemon(project)
    requests = daemon.tick()
    assert reported(requests) == ["a.csv"]
    if status is not None:
        tags = {"dagster/run_key": str(requests[0].run_key)}  # type: ignore[union-attr]
        project.instance.add_run(DagsterRun(job_name="flow", status=status, tags=tags))
    daemon.cursor = None
    drop(project.root / "inbox", "b.csv")
    again = reported(daemon.tick())
    assert sorted(again) == (["b.csv"] if status is DagsterRunStatus.SUCCESS else ["a.csv", "b.csv"])
    assert daemon.tick() == "No new files among 2"


def test_batches_that_differ_in_the_middle_are_two(project: Project) -> None:
    inbox = project.root / "inbox"
    project.workflow({"name": "a"}, sensor=BATCHES)
    keys = set()
    for middle in ("b.csv", "bb.csv"):
        for name in ("a.csv", middle, "c.csv"):
            drop(inbox, name)
        requests = Daemon(project).tick()
        assert not isinstance(requests, str)
        keys |= {request.run_key for request in requests}
        (inbox / middle).unlink()
    assert len(keys) == 2


def test_an_empty_file_and_an_overwritten_one_are_files_too(project: Project) -> None:
    drop(project.root / "inbox", "a.csv", "")
    project.workflow({"name": "a"}, sensor={"folder": "inbox"})
    daemon = Daemon(project)
    sizes = [values(request)["values"]["file_size"] for request in daemon.tick()]  # type: ignore[arg-type]
    assert sizes == ["0"]
    drop(project.root / "inbox", "a.csv", "xx")
    sizes = [values(request)["values"]["file_size"] for request in daemon.tick()]  # type: ignore[arg-type]
    assert sizes == ["2"]
    folder = project.root / "inbox"
    folder.rename(project.root / "moved")
    folder.symlink_to(project.root / "moved")
    assert daemon.tick() == "No new files among 1"


def test_a_name_that_is_no_text_is_reported_and_does_not_keep_the_others(project: Project) -> None:
    inbox = project.root / "inbox"
    drop(inbox, "a.csv")
    (inbox / "\udcff.csv").touch()
    project.workflow({"name": "a"}, sensor={"folder": "inbox"})
    daemon = Daemon(project)
    assert len(daemon.tick()) == 1
    assert daemon.tick() == r"No new files among 1; left out, as their names are no UTF-8: '\udcff.csv'"


def test_a_look_that_hangs_is_a_skip_and_is_not_made_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(project.root / "inbox", "a.csv")
    project.workflow({"name": "a"}, sensor={"folder": "inbox"})
    answer = threading.Event()
    looks: list[Path] = []

    def hang(folder: Path, *_: Any, **__: Any) -> Listing:
        looks.append(folder)
        answer.wait(PATIENCE)
        return Listing((Arrival(str(folder / "a.csv"), 5, 1_000),))

    monkeypatch.setattr(file_sensor, "list_folder", hang)  # nothing else can make a disk hang
    project.poll(listing_timeout_seconds=0.01)
    daemon = Daemon(project, fresh=False)
    for _ in range(2):
        assert str(daemon.tick()).endswith("is not finished yet; a later tick takes it.")
    answer.set()
    (request,) = until(lambda: not isinstance(found := daemon.tick(), str) and found)
    assert request.tags["dara/file_name"] == "a.csv"
    assert len(looks) == 1


def test_a_file_is_uploaded_anew_though_one_of_its_size_has_the_name(project: Project) -> None:
    inbox = project.root / "inbox"
    project.workflow({"name": "a"}, {"name": "b"}, sensor={"folder": "inbox", "upload_to": VOLUME})
    daemon = Daemon(project)
    client = project.emulator.client(project.token)
    for text in ("old\n", "new\n"):
        drop(inbox, "a.csv", text)
        requests = daemon.tick()
        assert not isinstance(requests, str)
        result = project.run(run_config=requests[0].run_config)
        assert result.success
        assert [event.kind for event in project.events(result.run_id)].count("uploaded") == 1
        assert client.files.download(f"{VOLUME}/a.csv").contents.read() == text.encode()  # type: ignore[union-attr]


@pytest.mark.parametrize("executor", ["dara", "multiprocess"])
def test_a_file_is_uploaded_once_for_all_processes_and_re_executions_of_a_run(
    project: Project, executor: str
) -> None:
    project.workflow(
        {"name": "a"}, {"name": "b", "dependent_on": ["a"]}, sensor={"folder": "inbox", "upload_to": VOLUME}
    )
    file = drop(project.root / "inbox", "a.csv")
    requests = Daemon(project).tick()
    assert not isinstance(requests, str)
    project.simulate("b", result="FAILED", count=1)
    failed = project.run(executor=executor, run_config=requests[0].run_config)
    assert project.ends(failed.run_id) == {"a": "success", "b": "failure"}
    file.unlink()
    resumed = project.resume(failed.run_id)
    assert resumed.success
    kinds = [event.kind for run in (failed, resumed) for event in project.events(run.run_id)]
    assert kinds.count("uploaded") == 1


def test_a_pipeline_without_a_run_of_databricks_finds_its_file_in_the_volume_too(project: Project) -> None:
    drop(project.root / "inbox", "a.csv")
    step = {"name": "own", "uses": "tests.defs.own_steps:FailUnless", "settings": {"marker": "/"}}
    sensor = {"folder": "inbox", "upload_to": VOLUME}
    project.write("workflows/flow.json", {"steps": [step], "sensor": sensor})
    requests = Daemon(project).tick()
    assert not isinstance(requests, str)
    assert project.run(run_config=requests[0].run_config).success
    client = project.emulator.client(project.token)
    assert client.files.get_metadata(f"{VOLUME}/a.csv").content_length == 2
