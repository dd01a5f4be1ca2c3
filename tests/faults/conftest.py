"""A small project on its own emulator workspace, and `dara` processes that may be killed at any moment."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    JobExecutionResult,
    ReexecutionOptions,
    build_reconstructable_job,
    execute_job,
)

from dara_dagster.cli.project import open_instance
from dara_dagster.executor.events import Recorded, StepChange, read
from dara_dagster.tasks.run_names import parse_run_name
from tests.conftest import Emulator
from tests.support.forked import Forked
from tests.support.waiting import until

JOBS = "/api/2.2/jobs"
SUBMIT, GET, LIST = f"{JOBS}/runs/submit", f"{JOBS}/runs/get", f"{JOBS}/runs/list"
OUTPUT, CANCEL = f"{JOBS}/runs/get-output", f"{JOBS}/runs/cancel"


class Trial:
    """The project: its files, its Dagster history, its workspace, and the processes started in it."""

    def __init__(self, root: Path, emulator: Emulator, token: str) -> None:
        self.root, self.emulator, self.token = root, emulator, token
        kept = ("DARA_", "DAGSTER_", "DATABRICKS_")
        outer = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
        self.environ = {
            **outer,
            "DARA_WORKSPACE": "databricks",
            "DATABRICKS_HOST": emulator.host,
            "DATABRICKS_TOKEN": token,
        }
        self.config = root / "config"
        self.started: list[Forked] = []
        self.instance: DagsterInstance = None  # type: ignore[assignment]
        self.project()

    # --- files ---------------------------------------------------------------------------------------

    def write(self, name: str, content: Any) -> None:
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    def project(self, **poll: float) -> None:
        settings = {"calls_per_second": 500, **poll}
        self.write("project.json", {"name": "trial", "notebooks": "notebooks", "poll": settings})

    def workflow(self, *tasks: Mapping[str, Any], name: str = "flow", **options: Any) -> None:
        """A workflow of notebook tasks that need no file; a task with a `file_name` is left as it is."""
        entries = [_entry(task) for task in tasks]
        self.write(f"workflows/{name}.json", {"name": name, "tasks": entries, **options})

    # --- the workspace -------------------------------------------------------------------------------

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self.emulator.admin(method, path, dict(body or {}), token=self.token)

    def simulate(self, task: str = "*", **rule: Any) -> None:
        self.admin("POST", "simulate", {"duration_ms": 30, **rule, "task_key": task})

    def fault(self, path: str, kind: str, **fault: Any) -> None:
        self.admin("POST", "faults", {"path": path, "kind": kind, **fault})

    def clear_faults(self) -> None:
        self.admin("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.admin("POST", "clock", {"advance_ms": int(1000 * seconds)})

    def stats(self) -> dict[str, Any]:
        return dict(self.admin("GET", "stats"))

    def calls(self, path: str) -> int:
        """How many calls of that path have arrived."""
        return sum(n for route, n in self.stats()["calls"].items() if route.endswith(f" {path}"))

    def runs(self) -> dict[str, list[dict[str, Any]]]:
        """Task -> its Databricks runs, oldest first, as runs/list shows them."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        page: str | None = ""
        while page is not None:
            status, answer = self.emulator.call(
                "GET", f"{LIST}?limit=25&page_token={page}" if page else f"{LIST}?limit=25", token=self.token
            )
            assert status == 200, answer
            for run in answer.get("runs", []):
                mark = parse_run_name(run["run_name"])
                assert mark is not None
                found[mark.task].insert(0, run)
            page = answer.get("next_page_token")
        return dict(found)

    # --- processes -----------------------------------------------------------------------------------

    def start(self, *arguments: str) -> Forked:
        """`dara ARGUMENTS`, not waited for."""
        log = self.root / f"dara-{len(self.started)}.log"
        dara = Forked(self.root, self.environ, arguments, log=log)
        self.started.append(dara)
        return dara

    def dara(self, *arguments: str, code: int = 0) -> str:
        """What `dara ARGUMENTS` prints."""
        dara = self.start(*arguments)
        assert dara.wait() == code, dara.text
        assert "Traceback" not in dara.text, dara.text
        return dara.text

    def run(self, job: str = "flow", **options: Any) -> JobExecutionResult:
        """Execute a job in this process."""
        arguments: Any = (str(self.config), job)
        target = build_reconstructable_job("dara_dagster.defs.repository", "job_from_config", arguments)
        options.setdefault("raise_on_error", False)
        return execute_job(target, self.instance, **options)

    def resume(self, run_id: str, job: str = "flow", **options: Any) -> JobExecutionResult:
        """Re-execute a run from failure in this process, as the UI does once the run counts as failed."""
        run = self.dagster_run(run_id)
        if not run.is_finished:
            self.instance.report_run_failed(run)
        again = ReexecutionOptions.from_failure(run_id, self.instance)
        return self.run(job, reexecution_options=again, **options)

    def cleanup(self) -> None:
        for dara in self.started:
            dara.kill()

    # --- Dagster's history ---------------------------------------------------------------------------

    def newest(self) -> DagsterRun | None:
        return next(iter(self.instance.get_runs(limit=1)), None)

    def dagster_run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def status(self, run_id: str) -> DagsterRunStatus:
        return self.dagster_run(run_id).status

    def events(self, run_id: str, kind: str, **data: Any) -> list[Recorded]:
        """Our events of that kind whose data hold these values."""
        found = [e for e in read(self.instance, run_id)[0] if isinstance(e, Recorded) and e.kind == kind]
        return [event for event in found if data.items() <= dict(event.data).items()]

    def wait_for(self, kind: str, count: int = 1, *, after: str | None = None, **data: Any) -> str:
        """Wait until that many such events are in the newest run; returns the run's id."""

        def found() -> str | None:
            run = self.newest()
            if run is None or run.run_id == after or len(self.events(run.run_id, kind, **data)) < count:
                return None
            return run.run_id

        return str(until(found, f"{count} times {kind} {data}"))

    def results(self, run_id: str) -> dict[str, str]:
        """Task -> the verdict of its last result."""
        return {str(e.step_key): str(e.data["verdict"]) for e in self.events(run_id, "result")}

    def words(self, run_id: str) -> dict[str, str]:
        """Task -> its last word in Dagster."""
        changes = [event for event in read(self.instance, run_id)[0] if isinstance(event, StepChange)]
        return {change.step_key: change.word for change in changes}

    def assets(self, run_id: str) -> set[str]:
        """The tables that were recorded as written."""
        written = self.instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
        events = [record.event_log_entry.dagster_event for record in written.records]
        return {event.asset_key.path[-1] for event in events if event and event.asset_key}


def _entry(task: Mapping[str, Any]) -> Mapping[str, Any]:
    return task if "file_name" in task else {"task": {"notebook_task": {"notebook_path": "/nb"}}, **task}


@pytest.fixture
def trial(
    tmp_path: Path, emulator: Emulator, workspace_token: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    """An empty project on a fresh workspace whose tasks take 30 ms."""
    yield from open_trial(tmp_path, emulator, workspace_token, monkeypatch)


def open_trial(
    root: Path, emulator: Emulator, token: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    made = Trial(root, emulator, token)
    for name in ("DARA_WORKSPACE", "DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.setenv(name, made.environ[name])
    monkeypatch.setenv("DAGSTER_HOME", str(root / ".dagster"))
    made.simulate()
    with open_instance(made.config) as instance:
        made.instance = instance
        try:
            yield made
        finally:
            made.cleanup()


SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
__all__ = ["CANCEL", "GET", "LIST", "OUTPUT", "SIGNALS", "SUBMIT", "Trial", "open_trial"]
