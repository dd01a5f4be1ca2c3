"""Finds the saved job that a name stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import API_ERRORS, explain, paged, raise_if_refused
from dara_dagster.workspace.client import Workspace

_PATH = "/api/2.2/jobs/list"
_PAGE_SIZE, _MOST_NAMES = 100, 1000


def find_saved_job(ws: Workspace, name: str, others: Iterable[str] = ()) -> int:
    """Return the id of the saved job of that name (or that id, when `name` is a number and no job's name).

    The service matches names whatever their case; the exact one is preferred. Raises RunError when there
    is none, with the nearest names among the jobs and `others`, or more than one: names are not unique
    (https://docs.databricks.com/api/workspace/jobs).
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
            f"{_nearest(ws, name, others)}"
        )
    if len(ids) > 1:
        listed = ", ".join(map(str, ids))
        raise RunError(
            f"{len(ids)} saved jobs are named {name!r} ({listed}). Give the id instead of the name."
        )
    return ids[0]


def _nearest(ws: Workspace, name: str, others: Iterable[str]) -> str:
    """Return the sentence that names what was probably meant; empty when nothing is near."""
    try:
        known = {*others, *_named(ws, None).values()}
    except API_ERRORS:  # what is wrong has been found out without it
        known = set(others)
    near = get_close_matches(name, sorted(known), n=3)
    return f". Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _named(ws: Workspace, name: str | None) -> dict[int, str]:
    """Return id -> name of the jobs of that name, or of the first thousand of all.

    Not every service respects `name`, so the names are compared again.
    """

    def read(job: Mapping[str, Any]) -> tuple[int, str]:
        return int(job["job_id"]), str((job.get("settings") or {}).get("name", ""))

    if name is None:
        return dict(islice(paged(ws, _PATH, "jobs", {"limit": _PAGE_SIZE}, read), _MOST_NAMES))
    found = paged(ws, _PATH, "jobs", {"name": name, "limit": _PAGE_SIZE}, read)
    return {job_id: spelled for job_id, spelled in found if spelled.casefold() == name.casefold()}
