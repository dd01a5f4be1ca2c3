"""Publishes workflows as saved Databricks jobs: create, change or nothing, as a comparison says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from dara_dagster.config.plan import ComputePlan, Plan, WorkflowPlan
from dara_dagster.errors import DeployError
from dara_dagster.tasks.job_tasks import mark
from dara_dagster.tasks.kind import IdKind
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.diff import Change, changes_of, edited_there, with_kept
from dara_dagster.workspace.jobs.lookup import find_saved_job
from dara_dagster.workspace.jobs.settings import (
    PROJECT_TAG,
    WORKFLOW_TAG,
    JobPlan,
    PauseStatus,
    job_plan,
    owner_tags,
    workflow_of,
)
from dara_dagster.workspace.jobs.store import (
    SavedJob,
    create_job,
    delete_job,
    job_url,
    list_jobs,
    read_settings,
    reset_job,
    same_name_jobs,
)
from dara_dagster.workspace.locks import file_lock
from dara_dagster.workspace.resources.compute import ensure_compute, read_states
from dara_dagster.workspace.resources.files import FileSync
from dara_dagster.workspace.user_home import plan_at_home

Action = Literal["create", "update", "none", "delete", "left out"]


@dataclass(frozen=True)
class Deployed:
    """What was done with a workflow's saved job, or would be.

    `job_id` is None where there is no job yet. `settings` are what the job has now. `edited` tells that
    `changes` undo what somebody did on Databricks, since the files have not changed. `notes` are lines on
    what a saved job does otherwise than Dagster, or why the workflow is left out.
    """

    workflow: str
    action: Action
    job_id: int | None = None
    url: str = ""
    settings: dict[str, Any] | None = None
    changes: tuple[Change, ...] = ()
    edited: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComputeChange:
    """A cluster or warehouse that is missing (`settings` empty) or has other settings than the files say."""

    compute: ComputePlan
    settings: tuple[str, ...]


class Deployment:
    """One deployment of a plan to a workspace; with `dry_run` it looks and writes nothing.

    `pause` is what schedules and triggers are set to; None leaves those that exist as they are, and makes
    new ones as `new` says.
    """

    def __init__(
        self,
        ws: Workspace,
        plan: Plan,
        *,
        pause: PauseStatus | None = None,
        new: PauseStatus = "UNPAUSED",
        dry_run: bool = False,
    ) -> None:
        self._ws, self._plan = ws, plan_at_home(ws, plan)
        self._pause, self._new, self._dry_run = pause, new, dry_run
        self._workflows = {workflow.name: workflow for workflow in self._plan.workflows}
        self._ids: dict[tuple[IdKind, str], Any] = {}
        self._project_tag = owner_tags(self._plan.identity, "")[PROJECT_TAG]
        self.compute_changes: list[ComputeChange] = []
        self.files = 0

    def chosen(self, names: Collection[str]) -> list[WorkflowPlan]:
        """Return the workflows of those names (all, when there are none) and those they run, these first.

        Raises DeployError for an unknown name.
        """
        ordered: dict[str, WorkflowPlan] = {}

        def add(workflow: WorkflowPlan) -> None:
            for task in workflow.tasks:
                if task.kind == "workflow":
                    add(self._workflows[task.workflow or ""])
            ordered.setdefault(workflow.name, workflow)

        for name in names or self._workflows:
            add(workflow_of(self._plan, name))
        return list(ordered.values())

    def run(self, workflows: Sequence[WorkflowPlan]) -> Iterator[Deployed]:
        """Deploy the workflows in this order and yield each as it is done; what cannot be deployed is left
        out.

        Before the first job is touched all is looked up that could fail: ids of jobs, jobs that share their
        tags, compute, files. Raises DeployError, ComputeError, FileError, RunError or CredentialsError.
        """
        drafts = {workflow.name: job_plan(self._plan, workflow) for workflow in workflows}
        able = [workflow for workflow in workflows if not drafts[workflow.name].refused]
        with ExitStack() as held:
            if not self._dry_run:
                self._lock(held)
            found = {workflow.name: self._job_of(workflow.name) for workflow in workflows}
            self._look_up_ids(able)
            self._send_files(able)
            for workflow in workflows:
                job, draft = found[workflow.name], drafts[workflow.name]
                if draft.refused:
                    yield self._left_out(draft, job)
                else:
                    yield self._deploy(workflow, job)

    def orphaned_jobs(self) -> list[SavedJob]:
        """Return the saved jobs of this project whose workflow it no longer has."""
        known = {owner_tags(self._plan.identity, name)[WORKFLOW_TAG] for name in self._workflows}
        return [job for job in self._jobs if job.workflow_tag not in known]

    def prune(self, orphaned_jobs: Sequence[SavedJob]) -> Iterator[Deployed]:
        """Delete them; their active runs end too."""
        for job in orphaned_jobs:
            if not self._dry_run:
                delete_job(self._ws, job.job_id)
            yield Deployed(job.workflow_tag, "delete", job.job_id, job_url(self._ws, job.job_id))

    @cached_property
    def _jobs(self) -> list[SavedJob]:
        return list_jobs(self._ws, self._project_tag)

    def _lock(self, held: ExitStack) -> None:
        """Make two deployments of one machine take turns; of two machines' new jobs the older one stays."""
        key = hashlib.sha256(f"{self._ws.host}\0{self._plan.identity}".encode()).hexdigest()[:16]
        folder = self._plan.root / ".dara"
        try:
            held.enter_context(
                file_lock(folder / f"deploy-{key}.lock", timeout=self._ws.settings.deploy_lock_seconds)
            )
        except OSError as error:
            raise DeployError(f"Cannot lock in {folder}: {error}. Make the folder writable.") from None

    def _job_of(self, workflow: str) -> SavedJob | None:
        tag = owner_tags(self._plan.identity, workflow)[WORKFLOW_TAG]
        found = [job for job in self._jobs if job.workflow_tag == tag]
        if len(found) > 1:
            ids = ", ".join(str(job.job_id) for job in found)
            raise DeployError(
                f"{len(found)} saved jobs carry the tags of the workflow {workflow!r} of the project "
                f"{self._plan.name!r} ({ids}). Delete all but one, or take the tag {WORKFLOW_TAG} off them."
            )
        if found:
            self._ids["workflow", workflow] = found[0].job_id
        return found[0] if found else None

    def _look_up_ids(self, workflows: Sequence[WorkflowPlan]) -> None:
        """Look up the ids of what the jobs name, making compute match its settings on the way."""
        needed: dict[tuple[IdKind, str], None] = {}

        def note(kind: IdKind, name: str) -> str:
            needed[kind, name] = None
            return mark(kind, name)

        for workflow in workflows:
            job_plan(self._plan, workflow, note)
        for kind, name in sorted(needed, key=lambda one: one[0] != "saved_job"):  # looks before writes
            if kind == "saved_job":
                self._ids[kind, name] = find_saved_job(self._ws, name)
            elif kind != "workflow":
                computes = self._plan.clusters if kind == "cluster" else self._plan.warehouses
                self._ids[kind, name] = self._compute_id(computes[name]) or mark(kind, name)

    def _compute_id(self, compute: ComputePlan) -> str | None:
        if not self._dry_run:
            return ensure_compute(self._ws, compute, lock_dir=self._plan.root / ".dara")
        compute_id, changed = read_states(self._ws, compute)
        if compute_id is None or changed:
            self.compute_changes.append(ComputeChange(compute, tuple(sorted(changed))))
        return compute_id

    def _send_files(self, workflows: Sequence[WorkflowPlan]) -> None:
        tasks = [task for workflow in workflows for task in workflow.all_tasks()]
        if any(task.file is not None for task in tasks):
            files = FileSync(self._ws, self._plan)
            self.files = files.count_changed(tasks) if self._dry_run else files.sync(tasks)

    def _deploy(self, workflow: WorkflowPlan, job: SavedJob | None) -> Deployed:
        now = read_settings(self._ws, job.job_id) if job else None
        wanted = job_plan(
            self._plan, workflow, self._id, pause=self._pause or (_pause_of(now) if now else self._new)
        )
        settings = dict(wanted.settings)
        if job is None or now is None:
            return self._done(
                self._with_note_on_same_name(wanted), "create", self._create(workflow.name, settings)
            )
        changes = changes_of(settings, now)
        if changes and not self._dry_run:
            reset_job(self._ws, job.job_id, with_kept(settings, now))
        edited = edited_there(settings, now, changes)
        return self._done(wanted, "update" if changes else "none", job.job_id, changes, edited=edited)

    def _create(self, workflow: str, settings: Mapping[str, Any]) -> int | None:
        if self._dry_run:
            return None
        job_id = self._ids["workflow", workflow] = create_job(self._ws, settings)
        return job_id

    def _with_note_on_same_name(self, wanted: JobPlan) -> JobPlan:
        """Add a note on jobs of the same name: they are left alone, yet may be ours with their tags taken
        off."""
        others = ", ".join(map(str, same_name_jobs(self._ws, wanted.settings)))
        if not others:
            return wanted
        line = f"without this project's tags, so left alone: saved job {others} of the same name"
        return replace(wanted, notes=(*wanted.notes, line))

    def _id(self, kind: IdKind, name: str) -> Any:
        return self._ids.get((kind, name), mark(kind, name))

    def _done(
        self,
        wanted: JobPlan,
        action: Action,
        job_id: int | None,
        changes: tuple[Change, ...] = (),
        *,
        edited: bool = False,
    ) -> Deployed:
        url = job_url(self._ws, job_id) if job_id else ""
        return Deployed(
            wanted.workflow, action, job_id, url, dict(wanted.settings), changes, edited, wanted.notes
        )

    def _left_out(self, draft: JobPlan, job: SavedJob | None) -> Deployed:
        stays = (f"its saved job {job.job_id} stays as it was",) if job else ()
        url = job_url(self._ws, job.job_id) if job else ""
        notes = (*draft.refused, *stays)
        return Deployed(draft.workflow, "left out", job.job_id if job else None, url, notes=notes)


def ensure_saved_job(ws: Workspace, plan: Plan, workflow: str) -> int:
    """Return the id of the workflow's saved job, which is made, or made to match the files, where needed.

    A schedule or trigger that is new is made paused. Raises as `Deployment.run` does, and DeployError for a
    workflow that cannot be a saved job.
    """
    deployment = Deployment(ws, plan, new="PAUSED")
    done = {each.workflow: each for each in deployment.run(deployment.chosen([workflow]))}[workflow]
    if done.job_id is None or done.action == "left out":
        raise DeployError(f"the workflow {workflow!r} cannot run as one job: {'; '.join(done.notes)}")
    return done.job_id


def _pause_of(now: dict[str, Any] | None) -> PauseStatus:
    """Return what somebody has set the schedule or trigger of the job to; a new one is on."""
    for start in ("schedule", "trigger"):
        if ((now or {}).get(start) or {}).get("pause_status") == "PAUSED":
            return "PAUSED"
    return "UNPAUSED"
