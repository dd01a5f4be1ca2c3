"""Saved jobs: create, reset, update, delete, get, list and run-now (2.2, with 2.1 and 2.0 as other names)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.services.jobs.repairs import repair
from dara_dagster.emulator.services.jobs.settings import (
    check_job,
    make_run_parameters,
    make_run_tasks,
    show_settings,
    update_settings,
)
from dara_dagster.emulator.services.runs import outcomes
from dara_dagster.emulator.services.runs.records import Run, TaskRun
from dara_dagster.emulator.services.runs.rules import Runs
from dara_dagster.emulator.services.runs.task_settings import check_token

Job = dict[str, Any]
"""One stored job: job_id, settings as sent, created_time."""


_DEEPEST = 3  # run_job_task may nest three levels (product documentation, Run Job)


class JobClusters(Protocol):
    """What jobs need of clusters."""

    def fill_defaults(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a cluster with the service's defaults."""

    def terminate(self, cluster_id: str, code: str) -> None:
        """End a cluster for the reason `code`."""


class Jobs:
    """The saved jobs of a workspace; schedules do not fire.

    https://docs.databricks.com/api/workspace/jobs
    """

    def __init__(self, context: Context, runs: Runs, clusters: JobClusters) -> None:
        self._context, self._runs, self._clusters, self.user = context, runs, clusters, context.user
        self._table = context.store.table("jobs")

    def create(self, settings: Mapping[str, Any]) -> int:
        """Save a job -> job_id. Names may repeat."""
        job_id = self._context.ids.next()
        job = {
            "job_id": job_id,
            "settings": check_job(settings),
            "created_time": self._context.clock.now_ms(),
        }
        self._table[str(job_id)] = job
        self._context.store.save("jobs", str(job_id))
        return job_id

    def find(self, job_id: int) -> Job | None:
        """Return the job; None when there is none."""
        found: Job | None = self._table.get(str(job_id))
        return found

    def get(self, job_id: int) -> Job:
        """Return the job; ApiError 400 whose text the SDK turns into ResourceDoesNotExist."""
        job = self.find(job_id)
        if job is None:
            raise invalid(f"Job {job_id} does not exist.")
        return job

    def show(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings as a read shows them."""
        return show_settings(settings, self.user, self._clusters.fill_defaults)

    def reset(self, job_id: int, settings: Mapping[str, Any]) -> None:
        """Replace all settings; run_as stays when it is left out (a quirk of the service)."""
        job = self.get(job_id)
        kept = {key: job["settings"][key] for key in ("run_as",) if key in job["settings"]}
        self._table[str(job_id)] = {**job, "settings": {**kept, **check_job(settings)}}

    def update(self, job_id: int, settings: Mapping[str, Any], removed: list[str]) -> None:
        """Change some settings and take out others."""
        job = self.get(job_id)
        self._table[str(job_id)] = {
            **job,
            "settings": check_job(update_settings(job["settings"], settings, removed)),
        }

    def delete(self, job_id: int) -> None:
        """Forget the job; its runs stay, the active ones are cancelled."""
        self.get(job_id)
        del self._table[str(job_id)]
        self._runs.cancel_all(job_id, queued=False)

    def list(self, name: str | None) -> list[Job]:
        """Return the jobs, newest first; with `name`, those of exactly that name, upper and lower case
        alike."""
        found = [self._table[key] for key in sorted(self._table, key=int, reverse=True)]
        if name is None:
            return found
        return [job for job in found if job["settings"].get("name", "Untitled").lower() == name.lower()]

    def run_now(self, job_id: int, request: Mapping[str, Any], **more: Any) -> Run:
        """Start a run; over max_concurrent_runs it is queued, or skipped where queueing is off.

        A token that was used before gives the run it made then.
        """
        token, runs = request.get("idempotency_token"), self._runs
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
            make_run_tasks(settings, request),
            token=token,
            hold=full,
            parameters=make_run_parameters(settings, request.get("job_parameters") or {}),
            **more,
        )
        queue = request.get("queue") or settings.get("queue") or {"enabled": True}
        if full and (not queue.get("enabled") or settings.get("max_concurrent_runs") == 0):
            runs.scheduler.skip(run, outcomes.TOO_MANY_RUNS)
        runs.scheduler.when_ended(run, self._run_ended)
        return run

    def run_for_task(self, payload: Mapping[str, Any], parent: TaskRun) -> Run:
        """Return the run a run_job_task asks for; ApiError when the jobs nest too deep."""
        depth, above = 1, self._runs.get(parent.run_id)[0]
        while above.parent_run_id is not None:
            depth, above = depth + 1, self._runs.get(above.parent_run_id)[0]
        if depth > _DEEPEST:
            raise invalid(f"Run Job tasks may be nested at most {_DEEPEST} levels deep.")
        job_id = int(payload["job_id"])
        return self.run_now(job_id, payload, trigger="RUN_JOB_TASK", parent_run_id=parent.run_id)

    def repair(self, run_id: int, request: Mapping[str, Any]) -> int:
        """Run tasks of an ended run again -> repair id."""
        runs = self._runs
        run, task = runs.get(run_id)
        if task is not None:
            raise invalid(f"Run {run_id} is a task run; repair run {run.run_id} instead.")
        job = self.find(run.job_id)
        repair_id = repair(self._context, run, (job["settings"].get("tasks") or ()) if job else (), request)
        runs.start_again(run)
        runs.scheduler.when_ended(run, self._run_ended)
        return repair_id

    def resume(self) -> None:
        """Watch the active runs of jobs again after a restart, and start what may now start."""
        runs = [run for run in self._runs.scheduler.active if run.run_type == "JOB_RUN"]
        for run in runs:
            self._runs.scheduler.when_ended(run, self._run_ended)
        for job_id in {run.job_id for run in runs}:
            self._start_waiting(job_id)

    def _run_ended(self, ended: Run) -> None:
        """End the clusters that were the run's own, and let the job's oldest queued run start."""
        for cluster_id in ended.job_cluster_ids.values():
            self._clusters.terminate(cluster_id, "JOB_FINISHED")
        self._start_waiting(ended.job_id)

    def _start_waiting(self, job_id: int) -> None:
        """Start the job's oldest queued runs as far as max_concurrent_runs allows."""
        active = [run for run in self._runs.scheduler.active if run.job_id == job_id]
        queued = sorted((run for run in active if run.state == "QUEUED"), key=lambda run: run.run_id)
        for run in queued:
            started = sum(other.state != "QUEUED" for other in active)
            if started < run.settings.get("max_concurrent_runs", 1):
                self._runs.scheduler.release(run)
