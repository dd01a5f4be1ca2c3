"""Finds the notebook runs that a task started by `dbutils.notebook.run`, once its own run has ended.

On Databricks each is a run of its own, of the type WORKFLOW_RUN
(https://databricks-sdk-py.readthedocs.io/en/stable/dbdataclasses/jobs.html, RunType). A run names its parent
in `parent_run_id`, which no version of the SDK knows, and not in every answer; nothing points from the parent
to its children.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from dara_dagster.config.plan import Plan, TaskPlan
from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, inner, listed, pages, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.runs.child_run import NotebookRun, NotebookRuns
from dara_dagster.workspace.runs.jobs_api import PAGE_SIZE, RunSnapshot, get_snapshot, page_url, read_snapshot

__all__ = ["NotebookRunFinder"]

Call = Callable[[Callable[[], Any]], Any]

_RUNS = "/api/2.2/jobs/runs"
_CALL = b"notebook.run"
_INCLUDE = b"%run"
_MOST_PAGES = 8
_MOST_ASKED = 50
_MOST_KEPT = 50


@dataclass(frozen=True)
class _Started:
    """A notebook run of the workspace; `parent` is the run that started it, None where that is unknown."""

    seen: RunSnapshot
    parent: int | None
    name: str


class NotebookRunFinder:
    """Finds the notebook runs of a project's tasks in the workspace."""

    def __init__(self, ws: Workspace, plan: Plan) -> None:
        self._ws = ws
        self._plan = plan

    def started_by(self, task: TaskPlan, ended: RunSnapshot, call: Call) -> NotebookRuns:
        """Return the runs that the ended run of `task` started, and those that these started; the first 50.

        `call` makes one call of the API. Nothing is asked for a task whose code starts no notebook. Raises
        RunError where the runs cannot be read, or the service does not tell whose they are.
        """
        if not self._may_start_notebooks(task):
            return NotebookRuns()
        try:
            whole = ended if ended.task_run_id else call(partial(get_snapshot, self._ws, ended.run_id))
            started = sorted(self._during(whole, call), key=lambda run: (run.seen.start_ms, run.seen.run_id))
            found = list(self._of(whole, started, call))
        except API_ERRORS as error:
            raise_if_refused(error)
            raise RunError(f"The notebook runs of {task.name} could not be read: {explain(error)}") from error
        return NotebookRuns(tuple(found[:_MOST_KEPT]), max(len(found) - _MOST_KEPT, 0))

    def _may_start_notebooks(self, task: TaskPlan) -> bool:
        """Return whether the code has the words for it: its own file, or one it may import or include."""
        if task.kind == "raw":
            return "notebook_task" in (task.entry.task or {})
        if task.kind != "notebook" or task.file is None:
            return False
        text = _content(task.file)
        return _CALL in text or _INCLUDE in text or self._helpers_do

    @cached_property
    def _helpers_do(self) -> bool:
        """Return whether a file that is no task's starts notebooks: any task may use it."""
        own = {task.file for workflow in self._plan.workflows for task in workflow.tasks}
        files = (path for path in self._plan.notebooks.rglob("*") if path.suffix in (".py", ".ipynb"))
        return any(_CALL in _content(path) for path in files if path not in own)

    def _during(self, caller: RunSnapshot, call: Call) -> Iterator[_Started]:
        """Yield all notebook runs of the workspace that began while the caller ran: at most 200, the last
        ones."""
        query: dict[str, Any] = {
            "run_type": "WORKFLOW_RUN",
            "start_time_from": caller.start_ms,
            "start_time_to": caller.end_ms,
            "expand_tasks": True,
            "limit": PAGE_SIZE,
        }
        for found in islice(pages(self._ws, f"{_RUNS}/list", query, _page, call), _MOST_PAGES):
            # Who answers for a workspace may not know every filter: what began at another time is none.
            yield from (run for run in found if caller.start_ms <= run.seen.start_ms <= caller.end_ms)

    def _of(self, caller: RunSnapshot, started: list[_Started], call: Call) -> Iterator[NotebookRun]:
        """Yield those of the runs, in the order of their start, whose parent is the caller or one before
        them."""
        depth = {run_id: 0 for run_id in (caller.run_id, caller.task_run_id) if run_id}
        asked, is_known = 0, False
        for run in started:
            parent, seen = run.parent, run.seen
            if parent is None and asked < _MOST_ASKED:
                asked += 1
                parent = call(partial(self._parent, seen.run_id))
            is_known = is_known or parent is not None
            if parent in depth:
                depth.update(dict.fromkeys((seen.run_id, seen.task_run_id or 0), depth[parent] + 1))
                yield self._record(run.name, seen, caller, depth[parent] + 1)
        if started and not is_known:
            raise RunError(f"Databricks does not tell which runs started the {len(started)} notebook runs")

    def _parent(self, run_id: int) -> int | None:
        return api(self._ws, "GET", f"{_RUNS}/get", query={"run_id": run_id}, read=_parent_of)

    def _record(self, name: str, seen: RunSnapshot, caller: RunSnapshot, depth: int) -> NotebookRun:
        return NotebookRun(
            name=name or seen.run_name or str(seen.run_id),
            run_id=seen.run_id,
            state=_state(seen),
            code=seen.word,
            after_seconds=max(seen.start_ms - caller.start_ms, 0) / 1000,
            seconds=(seen.total_ms or max(caller.end_ms - seen.start_ms, 0)) / 1000,
            setup_seconds=seen.setup_ms / 1000,
            execution_seconds=seen.execution_ms / 1000,
            depth=depth,
            url=page_url(self._ws, seen),
        )


def _page(answer: Mapping[str, Any]) -> list[_Started]:
    """Return the notebook runs on a page of runs/list."""
    runs = [run for run in listed(answer, "runs") if run.get("run_type") == "WORKFLOW_RUN"]
    return [_Started(read_snapshot(run), _parent_of(run), _name(run)) for run in runs if run["run_id"]]


def _parent_of(run: Mapping[str, Any]) -> int | None:
    parent = run.get("parent_run_id")
    return None if parent is None else int(parent)


def _state(seen: RunSnapshot) -> Literal["success", "failed", "cancelled", "running"]:
    if seen.outcome is None:
        return "running"
    verdict = seen.outcome.verdict
    return "success" if verdict == "success" else "cancelled" if verdict == "cancelled" else "failed"


def _name(run: Mapping[str, Any]) -> str:
    """Return the last part of the notebook's path, in a run of several tasks or in the form before them."""
    for task in (*listed(run, "tasks"), inner(run, "task")):
        path = str(inner(task, "notebook_task").get("notebook_path") or "")
        if path:
            return path.rpartition("/")[2]
    return str(run.get("run_name") or "").rpartition("/")[2]


def _content(path: Path) -> bytes:
    """Return what is in the file; nothing where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
