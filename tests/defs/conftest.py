"""A project folder on disk, a Dagster instance on SQLite and a fresh emulator workspace for each test."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterInstance,
    JobExecutionResult,
    ReexecutionOptions,
    build_reconstructable_job,
    execute_job,
)

from dara_dagster.executor.events import Recorded, StepChange, read
from tests.conftest import Emulator
from tests.defs import run_job
from tests.support.forked import Forked
from tests.support.waiting import until


@dataclass
class Project:
    """Config files in a folder, the instance their runs go to, and the emulator they run on."""

    root: Path
    instance: DagsterInstance
    emulator: Emulator
    token: str
    written: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> str:
        return str(self.root / "config")

    def write(self, name: str, content: Any) -> None:
        path = self.root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def poll(self, **settings: float) -> None:
        """Write project.json with these settings of `poll`."""
        self.write("project.json", {"name": "trial", "poll": {"calls_per_second": 200, **settings}})

    def workflow(self, *tasks: Mapping[str, Any], name: str = "flow", **options: Any) -> None:
        """A workflow of raw notebook tasks, `{"name": ..., "dependent_on": [...]}`."""
        entries = [{"task": {"notebook_task": {"notebook_path": "/nb"}}, **task} for task in tasks]
        self.write(f"workflows/{name}.json", {"name": name, "tasks": entries, **options})

    def simulate(self, task: str = "*", **rule: Any) -> None:
        """Say how long tasks take on the emulator and how they end (milliseconds)."""
        rule = {"duration_ms": 50, **rule, "task_key": task}
        self.emulator.admin("POST", "simulate", rule, token=self.token)

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.emulator.admin("GET", "stats", token=self.token)
        return found

    def run(self, job: str = "flow", executor: str = "dara", **options: Any) -> JobExecutionResult:
        """Execute a job from this process, by default under the project's executor."""
        options.setdefault("raise_on_error", False)
        target = build_reconstructable_job("tests.defs.run_job", "job_under", (self.config, job, executor))
        return execute_job(target, instance=self.instance, **options)

    def resume(self, run_id: str, job: str = "flow") -> JobExecutionResult:
        """Re-execute a run from failure, as the UI does."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        if not run.is_finished:
            self.instance.report_run_failed(run)
        return self.run(job, reexecution_options=ReexecutionOptions.from_failure(run_id, self.instance))

    def start(self, job: str = "flow", executor: str = "dara") -> Forked:
        """Run a job in a process of its own."""
        arguments = [self.instance.root_directory, self.config, job, executor]
        return Forked(Path.cwd(), os.environ, arguments, main=run_job.main)

    def wait_for(self, kind: str, count: int = 1, word: str | None = None) -> str:
        """Wait until that many steps of the newest run have recorded an event; returns the run's id."""

        def recorded() -> str | None:
            for run in self.instance.get_runs(limit=1):
                found = [e for e in self.events(run.run_id) if e.kind == kind]
                if len([e for e in found if word is None or e.data.get("state") == word]) >= count:
                    return run.run_id
            return None

        return str(until(recorded, f"{count} times {kind}"))

    def events(self, run_id: str) -> list[Recorded]:
        """Our own events of a run."""
        return [event for event in read(self.instance, run_id)[0] if isinstance(event, Recorded)]

    def ends(self, run_id: str) -> dict[str, str]:
        """Step key -> its last word in Dagster."""
        changes = [event for event in read(self.instance, run_id)[0] if isinstance(event, StepChange)]
        return {change.step_key: change.word for change in changes}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    with DagsterInstance.local_temp(str(home)) as made:
        yield made


@pytest.fixture
def project(
    tmp_path: Path,
    instance: DagsterInstance,
    emulator: Emulator,
    workspace_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """An empty project on its own emulator workspace, reached as any Databricks workspace is."""
    monkeypatch.setenv("DATABRICKS_HOST", emulator.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace_token)
    monkeypatch.setenv("DARA_WORKSPACE", "databricks")
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    made = Project(tmp_path / "project", instance, emulator, workspace_token)
    made.poll()
    made.simulate()
    return made
