"""Reads and writes saved jobs; a job of ours is known by its tags, and a lost answer never makes a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from databricks.sdk.errors import InvalidParameterValue, NotFound

from dara_dagster.errors import DeployError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, listed, paged, pages, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.jobs.settings import PROJECT_TAG, WORKFLOW_TAG

Settings = Mapping[str, Any]

_PATH = "/api/2.2/jobs"
_PAGE_SIZE = 100
_ARRAYS = ("tasks", "job_clusters", "environments", "parameters")


@dataclass(frozen=True)
class SavedJob:
    """A saved job that carries the tags of a project; `created_ms` is a time since 1970."""

    job_id: int
    name: str
    workflow_tag: str
    created_ms: int


def job_url(ws: Workspace, job_id: int) -> str:
    """Return the page of a saved job; "" on the local workspace, which has pages of runs alone."""
    if ws.kind == "emulator":
        return ""
    return f"{ws.host}/jobs/{job_id}"


def list_jobs(ws: Workspace, project_tag: str, *, name: str | None = None) -> list[SavedJob]:
    """Return the saved jobs of a project, oldest first: those that carry its tag, whatever they are called.

    The service has no filter by tag, so all jobs of the workspace are paged through, 100 a call; with
    `name` only those of that name. Raises DeployError or CredentialsError.
    """
    found = [
        SavedJob(job.job_id, job.name, job.tags[WORKFLOW_TAG], job.created_ms)
        for job in _listed(ws, name)
        if job.tags.get(PROJECT_TAG) == project_tag and WORKFLOW_TAG in job.tags
    ]
    return sorted(found, key=lambda job: (job.created_ms, job.job_id))


def same_name_jobs(ws: Workspace, settings: Settings) -> list[int]:
    """Return the ids of jobs that have the name of `settings` but not its tags: somebody else's, it seems.

    Raises as `list_jobs`.
    """
    ours = settings["tags"]
    return [
        job.job_id
        for job in _listed(ws, settings["name"])
        if any(job.tags.get(tag) != ours[tag] for tag in (PROJECT_TAG, WORKFLOW_TAG))
    ]


class _Job(NamedTuple):
    """A job as `jobs/list` shows it."""

    job_id: int
    name: str
    tags: Mapping[str, str]
    created_ms: int


def _listed(ws: Workspace, name: str | None) -> Iterator[_Job]:
    """Yield the jobs of the workspace; with `name` those of that name, in any case, as the service matches
    it.

    Not every service respects `name`, so the names are compared again.
    """
    query: dict[str, Any] = {"limit": _PAGE_SIZE, **({"name": name} if name else {})}
    with explained("The saved jobs cannot be listed"):
        for job in paged(ws, f"{_PATH}/list", "jobs", query, _read_job):
            if name is None or job.name.casefold() == name.casefold():
                yield job


def _read_job(job: Mapping[str, Any]) -> _Job:
    settings = job.get("settings") or {}
    name, tags = str(settings.get("name", "")), dict(settings.get("tags") or {})
    return _Job(int(job["job_id"]), name, tags, int(job.get("created_time") or 0))


def read_settings(ws: Workspace, job_id: int) -> dict[str, Any]:
    """Return all settings of a job, with the arrays of every page (100 entries a page)."""
    settings: dict[str, Any] = {}
    with explained(f"The saved job {job_id} cannot be read"):
        for page in pages(ws, f"{_PATH}/get", {"job_id": job_id}, _read_page):
            more = {name: [*(settings.get(name) or ()), *page[name]] for name in _ARRAYS if page.get(name)}
            settings = {**page, **settings, **more}
    return settings


def _read_page(answer: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(answer["settings"])
    for name in _ARRAYS:
        listed(settings, name)
    return settings


def create_job(ws: Workspace, settings: Settings) -> int:
    """Make the job -> its id; one job, though answers are lost or others make it at the same time.

    `jobs/create` takes no token (SDK 0.162, `jobs.create`): after a fault the job is looked for by its tags
    before the call is made again. Of several the oldest stays. Raises DeployError or UnreachableError.
    """
    with explained(f"The job {settings['name']!r} cannot be created"):
        made = ws.limiter.make(
            lambda: api(
                ws, "POST", f"{_PATH}/create", body=settings, read=lambda answer: int(answer["job_id"])
            ),
            lambda: next((job.job_id for job in _alike(ws, settings)), None),
        )
    return _only_one(ws, settings, made)


def reset_job(ws: Workspace, job_id: int, settings: Settings) -> None:
    """Replace the settings of a job (`jobs/reset`).

    Not `jobs/update`, which keeps tasks, clusters and fields that are no longer wanted; and to send a reset
    twice does no harm.
    """
    with explained(f"The saved job {job_id} cannot be changed"):
        api(ws, "POST", f"{_PATH}/reset", body={"job_id": job_id, "new_settings": settings})


def delete_job(ws: Workspace, job_id: int) -> None:
    """Delete a job; one that is gone already is as good."""
    with explained(f"The saved job {job_id} cannot be deleted"):
        try:
            api(ws, "POST", f"{_PATH}/delete", body={"job_id": job_id})
        except NotFound:
            pass
        except InvalidParameterValue as error:
            if "does not exist" not in str(error):
                raise


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the API raises in the block into a DeployError that begins with `what`."""
    try:
        yield
    except API_ERRORS as error:
        raise_if_refused(error)
        raise DeployError(f"{what}: {explain(error)}") from error


def _alike(ws: Workspace, settings: Settings) -> list[SavedJob]:
    """Return the jobs of the same workflow and name, oldest first."""
    tags = settings["tags"]
    found = list_jobs(ws, tags[PROJECT_TAG], name=settings["name"])
    return [job for job in found if job.workflow_tag == tags[WORKFLOW_TAG]]


def _only_one(ws: Workspace, settings: Settings, made: int) -> int:
    """Return the id of the job that stays: another machine, or our own lost call, may have made one as
    well."""
    alike = _alike(ws, settings)
    if not alike or alike[0].job_id == made:
        return made
    delete_job(ws, made)
    reset_job(ws, alike[0].job_id, settings)
    return alike[0].job_id
