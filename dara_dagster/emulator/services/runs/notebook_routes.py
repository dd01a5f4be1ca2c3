"""`dbutils.notebook.run`: a notebook of its own, started and awaited by the code of a task."""

from __future__ import annotations

import asyncio
import posixpath
from typing import Any

from dara_dagster.emulator.core.body_types import read_object
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.runs.records import Run
from dara_dagster.emulator.services.runs.rules import Runs

_LONGEST_WAIT = 60


def _start(runs: Runs, call: Call) -> Json:
    """Start a notebook run. Body: parent_run_id (the task run that asks), absolute path, arguments,
    timeout_seconds."""
    body = read_object(call.body)
    parent, parent_task = runs.get(call.read_number("parent_run_id"))
    parent_task = parent_task or parent.tasks[-1]
    if parent_task.outcome is not None or parent_task.stop:
        raise invalid(f"Task run {parent_task.run_id} is over; it cannot start notebooks.")
    path: str = body.get("path", "")
    arguments = {name: str(value) for name, value in body.get("arguments", {}).items()}
    task: dict[str, Any] = {
        "task_key": posixpath.basename(path),
        "notebook_task": {"notebook_path": path, "base_parameters": arguments},
        "timeout_seconds": body.get("timeout_seconds", 0),
    }
    if parent_task.cluster_id is not None:  # it shares the cluster of the caller
        task["existing_cluster_id"] = parent_task.cluster_id
    run = runs.create(parent.job_id, "WORKFLOW_RUN", path, {}, [task], parent_run_id=parent_task.run_id)
    return {"run_id": run.run_id}


async def _wait(runs: Runs, call: Call) -> Json:
    """Answer when the run has ended or after `wait` seconds, whichever is first."""
    run, _ = runs.get(call.read_number("run_id"))
    wait = min(call.read_number("wait", 0), _LONGEST_WAIT)
    if run.active and wait > 0:
        done = asyncio.Event()
        forget = runs.scheduler.when_ended(run, lambda _run: done.set())
        try:
            await asyncio.wait_for(done.wait(), wait)
        except asyncio.TimeoutError:
            forget()
    return _describe_end(run)


def _describe_end(run: Run) -> Json:
    if run.outcome is None:
        return {"done": False}
    output = run.tasks[-1].output
    ok = run.outcome.result == "SUCCESS"
    return {
        "done": True,
        "ok": ok,
        "exit_value": output.get("exit_value"),
        "error": None if ok else output.get("error") or run.outcome.message,
        "error_trace": output.get("error_trace"),
    }


_ROUTES = (
    ("POST", "/__emulator/notebook-runs", _start),
    ("GET", "/__emulator/notebook-runs/{run_id}", _wait),
)


def routes(runs: Runs) -> Routes:
    """Return the routes of one workspace."""
    return bind(runs, _ROUTES)
