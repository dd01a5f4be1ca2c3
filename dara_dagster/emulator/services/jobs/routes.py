"""The Jobs API on saved jobs (2.2, with 2.1 and 2.0 as other names): requests in, answers out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.core.paging import cut_arrays, page
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.jobs.rules import Job, Jobs
from dara_dagster.emulator.services.runs.routes import in_every_version

_DEFAULT_JOBS, _MOST_JOBS = 20, 100


_ARRAYS = ("tasks", "job_clusters", "parameters", "environments")


def _create(jobs: Jobs, call: Call) -> Json:
    return {"job_id": jobs.create(call.body)}


def _get(jobs: Jobs, call: Call) -> Json:
    job = jobs.get(call.read_number("job_id"))
    return _show_page(jobs, job, call.query.get("page_token"))


def _show_page(jobs: Jobs, job: Job, token: str | None) -> Job:
    """Return the job with one page of its tasks and other arrays."""
    settings = dict(job["settings"])
    tokens = cut_arrays(settings, _ARRAYS, token)
    return {**_show_job(jobs, job, settings), **tokens, "has_more": "next_page_token" in tokens}


def _list(jobs: Jobs, call: Call) -> Json:
    found = jobs.list(call.query.get("name"))
    token, size = call.query.get("page_token") or call.query.get("offset"), call.query.get("limit")
    items, tokens = page(found, token, size, default=_DEFAULT_JOBS, most=_MOST_JOBS)
    views = [_show_item(jobs, job, expand=call.read_flag("expand_tasks")) for job in items]
    return {**({"jobs": views} if views else {}), **tokens, "has_more": "next_page_token" in tokens}


def _show_item(jobs: Jobs, job: Job, *, expand: bool) -> Job:
    if not expand:
        return _show_job(jobs, job, {key: value for key, value in job["settings"].items() if key != "tasks"})
    view = _show_page(jobs, job, None)
    view.pop("next_page_token", None)  # has_more is enough; the pages are those of jobs/get
    return view


def _show_job(jobs: Jobs, job: Job, settings: Mapping[str, Any]) -> Job:
    user = jobs.user
    return {**job, "creator_user_name": user, "run_as_user_name": user, "settings": jobs.show(settings)}


def _reset(jobs: Jobs, call: Call) -> Json:
    jobs.reset(call.read_number("job_id"), call.body.get("new_settings") or {})
    return {}


def _update(jobs: Jobs, call: Call) -> Json:
    removed = call.body.get("fields_to_remove") or []
    jobs.update(call.read_number("job_id"), call.body.get("new_settings") or {}, removed)
    return {}


def _delete(jobs: Jobs, call: Call) -> Json:
    jobs.delete(call.read_number("job_id"))
    return {}


def _repair(jobs: Jobs, call: Call) -> Json:
    return {"repair_id": jobs.repair(call.read_number("run_id"), call.body)}


def _run_now(jobs: Jobs, call: Call) -> Json:
    run = jobs.run_now(call.read_number("job_id"), call.body)
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

_ROUTES = in_every_version(_CALLS)


def routes(jobs: Jobs) -> Routes:
    """Return the routes of one workspace."""
    return bind(jobs, _ROUTES)
