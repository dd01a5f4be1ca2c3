"""Short words for driving runs through the real SDK in tests."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.support import waiting

END = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


def notebook(key: str, *upstream: str, path: str = "/Shared/nb", **more: Any) -> jobs.SubmitTask:
    """A serverless notebook task."""
    edges = [jobs.TaskDependency(task_key=name) for name in upstream]
    task = jobs.NotebookTask(notebook_path=path, base_parameters=more.pop("parameters", None))
    return jobs.SubmitTask(task_key=key, notebook_task=task, depends_on=edges or None, **more)


def submit(client: WorkspaceClient, *tasks: jobs.SubmitTask, **more: Any) -> int:
    """Submit and return the run id."""
    answer = client.jobs.submit(run_name=more.pop("run_name", "test"), tasks=list(tasks), **more)
    assert answer.response.run_id is not None
    return int(answer.response.run_id)


def life_cycle(run: Any) -> str:
    assert run.state is not None
    return str(run.state.life_cycle_state.value)


def result(run: Any) -> str:
    assert run.state is not None
    return f"{run.state.life_cycle_state.value}/{run.state.result_state.value}"


def code(run: Any) -> str:
    return str(run.status.termination_details.code.value)


def wait(client: WorkspaceClient, run_id: int, *, states: tuple[str, ...] = END) -> jobs.Run:
    """Return the run as soon as it is in one of the states."""
    run = client.jobs.get_run(run_id)

    def reached() -> bool:
        nonlocal run
        run = client.jobs.get_run(run_id)
        return life_cycle(run) in states

    waiting.until(reached, lambda: f"run {run_id} in {states}: {run.state}", pause=0.02)
    return run


def tasks_of(run: jobs.Run) -> dict[str, jobs.RunTask]:
    """The last attempt of each task."""
    return {task.task_key: task for task in run.tasks or []}


def put_notebook(client: WorkspaceClient, path: str, code: str) -> None:
    """A Python notebook at `path` (its folder is made)."""
    client.workspace.mkdirs(path.rpartition("/")[0])
    content = code.encode()
    client.workspace.upload(
        path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )


def put_file(client: WorkspaceClient, path: str, content: str) -> None:
    """A plain workspace file."""
    client.workspace.mkdirs(path.rpartition("/")[0])
    client.workspace.upload(path, content.encode(), format=ImportFormat.RAW, overwrite=True)


def run_code(client: WorkspaceClient, code: str, **more: Any) -> jobs.Run:
    """The ended run of one notebook task `a` with this code."""
    put_notebook(client, "/Shared/nb", code)
    return wait(client, submit(client, notebook("a", **more)))


def output(client: WorkspaceClient, run: jobs.Run, key: str = "a") -> jobs.RunOutput:
    return client.jobs.get_run_output(tasks_of(run)[key].run_id or 0)


def exit_value(client: WorkspaceClient, run: jobs.Run, key: str = "a") -> Any:
    """What the notebook exited with, read as JSON."""
    found = output(client, run, key).notebook_output
    assert found is not None
    return json.loads(found.result or "null")


def alive(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(shown.strip()) and not shown.startswith("Z")
