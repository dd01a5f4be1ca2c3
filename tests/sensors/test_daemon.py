"""Files that arrive while Dagster's daemon runs, is killed, is down: each starts one run, which succeeds."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from tests.conftest import Emulator
from tests.support.waiting import PATIENCE, until

VOLUME = "/Volumes/main/default/arrivals"


class Site:
    """A project with a folder and a volume that start runs, and the daemon that watches them."""

    def __init__(self, root: Path, client: WorkspaceClient, environ: dict[str, str]) -> None:
        self.root, self.client = root, client
        self.inbox, self.home = root / "inbox", root / "home"
        for folder in (self.inbox, self.home, root / "config/workflows"):
            folder.mkdir(parents=True)
        task = {"name": "load", "task": {"notebook_task": {"notebook_path": "/nb"}}}
        places = {"local": {"folder": "inbox"}, "remote": {"volume": VOLUME}}
        for name, place in places.items():
            sensor = {**place, "pattern": "*.csv", "interval_seconds": 1}
            text = json.dumps(
                {"tasks": [task], "sensor": sensor, "running": True, "parameters": {"file_path": ""}}
            )
            (root / f"config/workflows/{name}.json").write_text(text)
        (root / "config/project.json").write_text(json.dumps({"name": "site"}))
        code = "from dara_dagster import build_definitions\n"
        (root / "site_defs.py").write_text(f"{code}defs = build_definitions({str(root / 'config')!r})\n")
        (self.home / "dagster.yaml").write_text(
            "telemetry: {enabled: false}\nrun_queue: {dequeue_interval_seconds: 1}\n"
        )
        self.environ = {**environ, "DAGSTER_HOME": str(self.home)}
        self.daemon: subprocess.Popen[bytes] | None = None
        self.instance = DagsterInstance.from_config(str(self.home))

    def start(self) -> None:
        command = [sys.executable, "-m", "dagster._daemon", "run", "-f", str(self.root / "site_defs.py")]
        with (self.root / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                command, cwd=self.root, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )

    def stop(self, number: int) -> None:
        """End the daemon by that signal; the runs it has started are processes of their own."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        self.daemon.wait(PATIENCE)

    def arrive(self, name: str) -> None:
        """A file in the folder and one in the volume."""
        (self.inbox / f"{name}.csv").write_text(f"name\n{name}\n")
        self.client.files.upload(f"{VOLUME}/{name}.csv", io.BytesIO(name.encode()))

    def wait(self, reached: Callable[[list[DagsterRun]], bool]) -> list[DagsterRun]:
        def found() -> list[DagsterRun] | None:
            runs = list(self.instance.get_runs())
            return runs if reached(runs) else None

        def shown() -> str:
            log = (self.root / "daemon.log").read_text()
            return f"{_files(list(self.instance.get_runs()))}\n{log[-6000:]}"

        runs: list[DagsterRun] = until(found, shown, pause=0.1)
        return runs


def _files(runs: list[DagsterRun]) -> Counter[str]:
    """The files that runs were started for; a local one is named by its place in the volume."""
    return Counter(f"{run.job_name} {Path(run.tags['dara/file_path']).stem}" for run in runs)


def _once(*names: str) -> Counter[str]:
    return Counter(f"{job} {name}" for job in ("local", "remote") for name in names)


def _finished(*names: str) -> Callable[[list[DagsterRun]], bool]:
    return lambda runs: _once(*names) <= _files([run for run in runs if run.is_finished])


@pytest.fixture
def site(tmp_path: Path, emulator: Emulator, workspace_token: str) -> Iterator[Site]:
    client = emulator.client(workspace_token)
    client.volumes.create("main", "default", "arrivals", VolumeType.MANAGED)
    emulator.admin("POST", "simulate", {"duration_ms": 100, "task_key": "*"}, token=workspace_token)
    environ = {
        **os.environ,
        "DATABRICKS_HOST": emulator.host,
        "DATABRICKS_TOKEN": workspace_token,
        "DARA_WORKSPACE": "databricks",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    site = Site(tmp_path / "site", client, environ)
    try:
        yield site
    finally:
        if site.daemon is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(site.daemon.pid, signal.SIGKILL)
            site.daemon.wait(PATIENCE)
        site.instance.dispose()


def test_no_file_is_lost_or_taken_twice_whatever_happens_to_the_daemon(site: Site) -> None:
    site.start()
    site.arrive("first")
    site.wait(_finished("first"))
    site.stop(signal.SIGTERM)
    site.arrive("while it was down")
    site.start()
    # Killed while the tick that took the files is starting their runs.
    site.wait(lambda runs: len(runs) > 2)
    site.stop(signal.SIGKILL)
    site.arrive("after the crash")
    site.start()
    names = ("first", "while it was down", "after the crash")
    runs = site.wait(_finished(*names))
    assert _files(runs) == _once(*names)
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
