"""Finds the saved job that a name stands for."""

from __future__ import annotations

from typing import Any

from dara_dagster.errors import RunError
from dara_dagster.remote.calls import API_ERRORS, api, explain, raise_if_refused
from dara_dagster.remote.client import Workspace

_PATH = "/api/2.2/jobs/list"


def find_saved_job(ws: Workspace, name: str) -> int:
    """The id of the saved job of that name (or that id, when `name` is a number and no job's name).

    The service matches names whatever their case; the exact one is preferred. Raises RunError when there
    is none, or more than one: names are not unique (databricks-api.md 2.7).
    """
    try:
        found = _named(ws, name)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"The job {name!r} cannot be looked up: {explain(error)}") from error
    exact = {job_id for job_id, spelled in found.items() if spelled == name}
    ids = sorted(exact or found)
    if not ids and name.isdecimal():
        return int(name)
    if not ids:
        raise RunError(
            f"There is no saved job {name!r} in {ws.host}, or it may not be seen with these credentials"
        )
    if len(ids) > 1:
        listed = ", ".join(map(str, ids))
        raise RunError(
            f"{len(ids)} saved jobs are named {name!r} ({listed}). Give the id instead of the name."
        )
    return ids[0]


def _named(ws: Workspace, name: str) -> dict[int, str]:
    query: dict[str, Any] = {"name": name, "limit": 100}
    found: dict[int, str] = {}
    while True:
        page = api(ws, "GET", _PATH, query=query)
        for job in page.get("jobs") or ():
            found[int(job["job_id"])] = str((job.get("settings") or {}).get("name", ""))
        if not page.get("next_page_token"):
            return found
        query["page_token"] = page["next_page_token"]
