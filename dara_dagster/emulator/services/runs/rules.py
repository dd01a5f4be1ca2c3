"""All runs of a workspace: starting them once per token, finding, listing, cancelling and deleting them."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.scheduler import Scheduler, WorkFor
from dara_dagster.emulator.services.runs.task_settings import check_name, check_settings, check_token
from dara_dagster.emulator.services.runs.views import Viewer

_NOT_OF_A_SUBMIT = ("idempotency_token", "job_clusters", "parameters", "tags")
"""The token is kept apart; the others are a saved job's only.

https://docs.databricks.com/api/workspace/jobs/submit
"""

RETENTION_MS = 60 * 24 * 3600 * 1000
"""Runs are gone after 60 days [SDK, Jobs.get_run]."""


@dataclass(frozen=True)
class ListFilter:
    """What runs/list is asked for; times in epoch ms, None = any."""

    job_id: int | None = None
    active_only: bool = False
    completed_only: bool = False
    run_type: str | None = None
    start_time_from: int = 0
    start_time_to: int | None = None

    def accepts(self, run: Run) -> bool:
        return (
            (self.job_id is None or run.job_id == self.job_id)
            and not (self.active_only and not run.active)
            and not (self.completed_only and run.active)
            and (self.run_type is None or run.run_type == self.run_type)
            and run.start_time >= self.start_time_from
            and (self.start_time_to is None or run.start_time <= self.start_time_to)
        )


class Runs:
    """The runs of a workspace. Rules: https://docs.databricks.com/api/workspace/jobs/submit.

    `read_log(job run id, task run id)` -> the end of what a task printed, and whether some was left out.
    """

    def __init__(
        self,
        context: Context,
        start_work: WorkFor,
        page_url: Callable[[int, int], str],
        read_log: Callable[[int, int], tuple[str, bool]],
    ) -> None:
        self._context, self.read_log = context, read_log
        self.viewer = Viewer(context.user, page_url)
        self._table = context.store.table("runs")
        self._tokens: dict[str, int] = {}
        self._runs: dict[int, Run] = {}
        self._tasks: dict[int, Run] = {}
        self._children: dict[int, list[int]] = {}
        self.created = 0
        self.scheduler = Scheduler(context, start_work, self._note_change)
        for key, stored in self._table.items():
            self._index(int(key), stored)
        self._order = sorted(self._runs)
        context.ids.pass_over(max([*self._order, *self._tasks], default=0))

    def resume(self) -> None:
        """Resume what was active when the last server ended; runs of the past are dropped."""
        for run in [run for run in self._runs.values() if not run.active and self.find(run.run_id) is None]:
            self.delete(run)
        for run in [run for run in self._runs.values() if run.active]:
            self.scheduler.resume(run)

    # -- starting -----------------------------------------------------------------------------------

    def submit(self, body: Mapping[str, Any]) -> Run:
        """Check and start a one-time run; with a token that was used before, the run it made then.

        Raises ApiError 400 INVALID_PARAMETER_VALUE for settings of the wrong shape and for the token of
        a run that was deleted (tokens stay reserved).
        """
        token = body.get("idempotency_token")
        check_token(token)
        if (known := self.by_token(token)) is not None:
            return known
        settings = {key: value for key, value in body.items() if key not in _NOT_OF_A_SUBMIT}
        check_settings(settings)
        check_name(body.get("run_name"))
        del settings["tasks"]
        name = body.get("run_name") or "Untitled"
        return self.create(self._context.ids.next(), "SUBMIT_RUN", name, settings, body["tasks"], token=token)

    def by_token(self, token: str | None) -> Run | None:
        """Return the run made with that token; ApiError 400 when it has been deleted since."""
        run_id = self._tokens.get(token) if token else None
        if run_id is None:
            return None
        if run_id not in self._runs:
            raise invalid(f"The run made with idempotency token {token} was deleted; use another token.")
        return self._runs[run_id]

    def create(
        self,
        job_id: int,
        run_type: str,
        name: str,
        settings: dict[str, Any],
        tasks: Sequence[dict[str, Any]],
        *,
        token: str | None = None,
        hold: bool = False,
        **more: Any,
    ) -> Run:
        """Make a run, write it down with its token, and start it (`hold`: keep it QUEUED)."""
        context, ids = self._context, self._context.ids
        now, run_id = context.clock.now_ms(), ids.next()
        attempts = [TaskRun(ids.next(), task["task_key"], task, now) for task in tasks]
        run = Run(run_id, job_id, run_type, name, now, settings, attempts, run_id, token=token, **more)
        self._runs[run_id] = run
        self._order.append(run_id)
        self._index_tasks(run)
        if token:
            self._tokens[token] = run_id
        if run.parent_run_id is not None:
            self._children.setdefault(run.parent_run_id, []).append(run_id)
        self.created += 1
        (self.scheduler.hold if hold else self.scheduler.start)(run)
        self.save_now(run)
        return run

    def start_again(self, run: Run) -> None:
        """Let a run that ended continue with the attempts it was given since."""
        self._index_tasks(run)
        self.scheduler.start(run)
        self.save_now(run)

    # -- reading ------------------------------------------------------------------------------------

    def find(self, run_id: int) -> Run | None:
        """Return the job run of that id; None when unknown, deleted or older than 60 days."""
        run = self._runs.get(run_id)
        if run is not None and run.start_time < self._context.clock.now_ms() - RETENTION_MS:
            return None
        return run

    def get(self, run_id: int) -> tuple[Run, TaskRun | None]:
        """Return the run of that id, or the run and its attempt when the id is a task run's.

        ApiError 400 INVALID_PARAMETER_VALUE, whose text the SDK turns into ResourceDoesNotExist.
        """
        found = self.lookup(run_id)
        if found is None:
            raise invalid(f"Run {run_id} does not exist.")
        return found

    def lookup(self, run_id: int) -> tuple[Run, TaskRun | None] | None:
        """Look up a run as `get` does; None when there is no such run."""
        run = self.find(run_id)
        if run is not None:
            return run, None
        owner = self._tasks.get(run_id)
        if owner is not None and self.find(owner.run_id) is not None:
            return owner, next(task for task in owner.tasks if task.run_id == run_id)
        return None

    def children(self, task: TaskRun) -> Iterator[Run]:
        """Yield the runs of the notebooks that this task started, oldest first."""
        for run_id in self._order[bisect_left(self._order, task.run_id) :]:
            run = self.find(run_id)
            if run is not None and run.parent_run_id == task.run_id:
                yield run

    def list(self, wanted: ListFilter, before: int | None) -> Iterator[Run]:
        """Yield the runs that match, newest first, beginning with the first one older than run id
        `before`."""
        ids = self.scheduler.active_ids() if wanted.active_only else self._order
        end = len(ids) if before is None else bisect_left(ids, before)
        for run_id in reversed(ids[:end]):
            run = self.find(run_id)
            if run is not None and wanted.accepts(run):
                yield run

    # -- outcome -------------------------------------------------------------------------------------

    def cancel(self, run_id: int) -> None:
        """Begin to cancel a job run or one task run; nothing happens to what has ended."""
        run, task = self.get(run_id)
        if task is None:
            self.scheduler.stop(run, "cancel")
        else:
            self.scheduler.stop_task(run, task)
        self.save_now(run)  # a cancel that was answered is not forgotten

    def cancel_all(self, job_id: int | None, queued: bool) -> None:
        """Cancel the active runs of a job, or every queued run of all jobs."""
        for run in list(self.scheduler.active):
            if run.job_id == job_id or (queued and job_id is None and run.state == "QUEUED"):
                self.scheduler.stop(run, "cancel")

    def delete(self, run: Run) -> None:
        """Forget an ended run; its token stays taken. ApiError 400 for an active one."""
        run_id = run.run_id
        if run.active:
            raise invalid(f"Run {run_id} is still active. Cancel it first, then delete it.")
        del self._runs[run_id]
        self._order.remove(run_id)
        shutil.rmtree(self._context.folder / "runs" / str(run_id), ignore_errors=True)
        if run.token:
            self._table[str(run_id)] = {"token": run.token}
        else:
            del self._table[str(run_id)]

    # -- inside -------------------------------------------------------------------------------------

    def save_now(self, run: Run) -> None:
        """Write the run before anything else happens."""
        self._table[str(run.run_id)] = run
        self._context.store.save("runs", str(run.run_id))

    def _note_change(self, run: Run) -> None:
        self._table[str(run.run_id)] = run
        self._tasks[run.tasks[-1].run_id] = run  # a new attempt comes last
        for task in run.tasks if self._children else ():
            if task.run_id in self._children and (task.stop or task.outcome is not None):
                for child_id in self._children.pop(task.run_id):
                    self.scheduler.stop(self._runs[child_id], "cancel")

    def _index_tasks(self, run: Run) -> None:
        self._tasks.update((task.run_id, run) for task in run.tasks)

    def _index(self, run_id: int, stored: Mapping[str, Any]) -> None:
        if stored.get("token"):
            self._tokens[stored["token"]] = run_id
        if "tasks" not in stored:  # deleted: only the token is left
            return
        run = self._runs[run_id] = Run.load(stored)
        self._index_tasks(run)
        if run.parent_run_id is not None and run.active:
            self._children.setdefault(run.parent_run_id, []).append(run_id)
