"""Saved jobs: create, reset, update, delete, get, list and run-now (2.2, with 2.1 and 2.0 as other names)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.core.paging import cut, page, page_size
from dara_dagster.emulator.server.app import Call, Json, Routes
from dara_dagster.emulator.services.jobs.repairs import repair
from dara_dagster.emulator.services.jobs.settings import checked, run_parameters, run_tasks, shown, updated
from dara_dagster.emulator.services.runs import outcomes as endings
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.routes import VERSIONS
from dara_dagster.emulator.services.runs.task_settings import bad, check_token

if TYPE_CHECKING:
    from dara_dagster.emulator.server.workspaces import Workspace

Job = dict[str, Any]
"""One stored job: job_id, settings as sent, created_time."""

_DEFAULT_JOBS, _MOST_JOBS = 20, 100
_ARRAYS = ("tasks", "job_clusters", "parameters", "environments")
_DEEPEST = 3  # run_job_task may nest three levels (product documentation, Run Job)


class Jobs:
    """The saved jobs of a workspace. Rules: databricks-api.md 2.7 and 2.8. Schedules do not fire."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._table = workspace.store.table("jobs")

    def create(self, settings: Mapping[str, Any]) -> int:
        """Save a job -> job_id. Names may repeat."""
        job_id = self._workspace.ids.next()
        job = {
            "job_id": job_id,
            "settings": checked(settings),
            "created_time": self._workspace.clock.now_ms(),
        }
        self._table[str(job_id)] = job
        self._workspace.store.save("jobs", str(job_id))
        return job_id

    def find(self, job_id: int) -> Job | None:
        """The job; None when there is none."""
        found: Job | None = self._table.get(str(job_id))
        return found

    def get(self, job_id: int) -> Job:
        """The job; ApiError 400 whose text the SDK turns into ResourceDoesNotExist."""
        job = self.find(job_id)
        if job is None:
            raise bad(f"Job {job_id} does not exist.")
        return job

    def reset(self, job_id: int, settings: Mapping[str, Any]) -> None:
        """Replace all settings; run_as stays when it is left out (a quirk of the service)."""
        job = self.get(job_id)
        kept = {key: job["settings"][key] for key in ("run_as",) if key in job["settings"]}
        self._table[str(job_id)] = {**job, "settings": {**kept, **checked(settings)}}

    def update(self, job_id: int, settings: Mapping[str, Any], removed: list[str]) -> None:
        """Change some settings and take out others."""
        job = self.get(job_id)
        self._table[str(job_id)] = {**job, "settings": checked(updated(job["settings"], settings, removed))}

    def delete(self, job_id: int) -> None:
        """Forget the job; its runs stay, the active ones are cancelled."""
        self.get(job_id)
        del self._table[str(job_id)]
        self._workspace.runs.cancel_all(job_id, queued=False)

    def list(self, name: str | None) -> list[Job]:
        """The jobs, newest first; with `name`, those of exactly that name, upper and lower case alike."""
        found = [self._table[key] for key in sorted(self._table, key=int, reverse=True)]
        if name is None:
            return found
        return [job for job in found if job["settings"].get("name", "Untitled").lower() == name.lower()]

    def run_now(self, job_id: int, request: Mapping[str, Any], **more: Any) -> Run:
        """Start a run; over max_concurrent_runs it is queued, or skipped where queueing is off.

        A token that was used before gives the run it made then.
        """
        token, runs = request.get("idempotency_token"), self._workspace.runs
        check_token(token)
        if (known := runs.by_token(token)) is not None:
            return known
        settings = self.get(job_id)["settings"]
        active = sum(run.job_id == job_id and run.state != "QUEUED" for run in runs.scheduler.active)
        full = active >= settings.get("max_concurrent_runs", 1)
        run = runs.create(
            job_id,
            "JOB_RUN",
            settings.get("name", "Untitled"),
            {key: value for key, value in settings.items() if key != "tasks"},
            run_tasks(settings, request),
            token=token,
            hold=full,
            parameters=run_parameters(settings, request.get("job_parameters") or {}),
            **more,
        )
        queue = request.get("queue") or settings.get("queue") or {"enabled": True}
        if full and (not queue.get("enabled") or settings.get("max_concurrent_runs") == 0):
            runs.scheduler.skip(run, endings.TOO_MANY_RUNS)
        runs.scheduler.when_ended(run, self._run_ended)
        return run

    def run_for_task(self, payload: Mapping[str, Any], parent: TaskRun) -> Run:
        """The run a run_job_task asks for; ApiError when the jobs nest too deep."""
        depth, above = 1, self._workspace.runs.get(parent.run_id)[0]
        while above.parent_run_id is not None:
            depth, above = depth + 1, self._workspace.runs.get(above.parent_run_id)[0]
        if depth > _DEEPEST:
            raise bad(f"Run Job tasks may be nested at most {_DEEPEST} levels deep.")
        job_id = int(payload["job_id"])
        return self.run_now(job_id, payload, trigger="RUN_JOB_TASK", parent_run_id=parent.run_id)

    def repair(self, run_id: int, request: Mapping[str, Any]) -> int:
        """Run tasks of an ended run again -> repair id."""
        runs = self._workspace.runs
        run, task = runs.get(run_id)
        if task is not None:
            raise bad(f"Run {run_id} is a task run; repair run {run.run_id} instead.")
        repair_id = repair(self._workspace, run, request)
        runs.start_again(run)
        runs.scheduler.when_ended(run, self._run_ended)
        return repair_id

    def resume(self) -> None:
        """Watch the active runs of jobs again after a restart, and start what may now start."""
        runs = [run for run in self._workspace.runs.scheduler.active if run.run_type == "JOB_RUN"]
        for run in runs:
            self._workspace.runs.scheduler.when_ended(run, self._run_ended)
        for job_id in {run.job_id for run in runs}:
            self._start_waiting(job_id)

    def _run_ended(self, ended: Run) -> None:
        """End the clusters that were the run's own, and let the job's oldest queued run start."""
        for cluster_id in ended.job_cluster_ids.values():
            self._workspace.clusters.terminate(cluster_id, "JOB_FINISHED")
        self._start_waiting(ended.job_id)

    def _start_waiting(self, job_id: int) -> None:
        """Start the job's oldest queued runs as far as max_concurrent_runs allows."""
        active = [run for run in self._workspace.runs.scheduler.active if run.job_id == job_id]
        queued = sorted((run for run in active if run.state == "QUEUED"), key=lambda run: run.run_id)
        for run in queued:
            started = sum(other.state != "QUEUED" for other in active)
            if started < run.settings.get("max_concurrent_runs", 1):
                self._workspace.runs.scheduler.release(run)


def _create(call: Call) -> Json:
    return {"job_id": call.workspace.jobs.create(call.body)}


def _get(call: Call) -> Json:
    job = call.workspace.jobs.get(call.number("job_id"))
    return _page(call, job, call.query.get("page_token"))


def _page(call: Call, job: Job, token: str | None) -> Job:
    """The job with one page of its tasks and other arrays."""
    settings = dict(job["settings"])
    tokens = cut(settings, _ARRAYS, token)
    return {**_view(call, job, settings), **tokens, "has_more": "next_page_token" in tokens}


def _list(call: Call) -> Json:
    found = call.workspace.jobs.list(call.query.get("name"))
    size = page_size(call.query.get("limit"), _DEFAULT_JOBS, _MOST_JOBS)
    jobs, tokens = page(found, size, call.query.get("page_token") or call.query.get("offset"))
    views = [_item(call, job, expand=call.flag("expand_tasks")) for job in jobs]
    return {**({"jobs": views} if views else {}), **tokens, "has_more": "next_page_token" in tokens}


def _item(call: Call, job: Job, *, expand: bool) -> Job:
    if not expand:
        return _view(call, job, {key: value for key, value in job["settings"].items() if key != "tasks"})
    view = _page(call, job, None)
    view.pop("next_page_token", None)  # has_more tells; the pages are those of jobs/get
    return view


def _view(call: Call, job: Job, settings: Mapping[str, Any]) -> Job:
    user = call.workspace.user
    return {**job, "creator_user_name": user, "run_as_user_name": user, "settings": shown(settings, user)}


def _reset(call: Call) -> Json:
    call.workspace.jobs.reset(call.number("job_id"), call.body.get("new_settings") or {})
    return {}


def _update(call: Call) -> Json:
    removed = call.body.get("fields_to_remove") or []
    call.workspace.jobs.update(call.number("job_id"), call.body.get("new_settings") or {}, removed)
    return {}


def _delete(call: Call) -> Json:
    call.workspace.jobs.delete(call.number("job_id"))
    return {}


def _repair(call: Call) -> Json:
    return {"repair_id": call.workspace.jobs.repair(call.number("run_id"), call.body)}


def _run_now(call: Call) -> Json:
    run = call.workspace.jobs.run_now(call.number("job_id"), call.body)
    return {"run_id": run.run_id, "number_in_job": run.number_in_job}


_CALLS = (
    ("POST", "create", _create),
    ("GET", "get", _get),
    ("GET", "list", _list),
    ("POST", "reset", _reset),
    ("POST", "update", _update),
    ("POST", "delete", _delete),
    ("POST", "run-now", _run_now),
    ("POST", "runs/repair", _repair),
)

ROUTES: Routes = tuple(
    (method, f"/api/{version}/jobs/{name}", handler)
    for version in VERSIONS
    for method, name, handler in _CALLS
)
