"""The runs part of the Jobs API (2.2, with 2.1 and 2.0 as other names): requests in, answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Any, TypeVar

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.core.paging import cut_arrays
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.runs.records import Run
from dara_dagster.emulator.services.runs.rules import ListFilter, Runs
from dara_dagster.emulator.services.runs.views import (
    has_log,
    list_repairs,
    show_output,
    show_run,
    show_task,
)

H = TypeVar("H")

_VERSIONS = ("2.2", "2.1", "2.0")
"""The paths the Jobs API answers under; older tools ask for older versions."""

_DEFAULT_RUNS, _MOST_RUNS = 20, 25
_ARRAYS = ("tasks", "job_clusters", "job_parameters", "repair_history")


def _submit(runs: Runs, call: Call) -> Json:
    return {"run_id": runs.submit(call.body).run_id}


def _get(runs: Runs, call: Call) -> Json:
    run, task = runs.get(call.read_number("run_id"))
    if task is not None:
        return {**show_run(runs.viewer, run), **show_task(runs.viewer, run, task), "job_run_id": run.run_id}
    return _show_page(runs, run, call.query.get("page_token"), history=call.read_flag("include_history"))


def _show_page(runs: Runs, run: Run, token: str | None, *, history: bool = False) -> dict[str, Any]:
    """Return the run with one page of its tasks and other arrays."""
    view = {**show_run(runs.viewer, run), "tasks": run.tasks}
    if history:
        view["repair_history"] = list_repairs(run)
    tokens = cut_arrays(view, _ARRAYS, token)
    view["tasks"] = [show_task(runs.viewer, run, task) for task in view["tasks"]]
    return {**view, **tokens, "has_more": "next_page_token" in tokens}


async def _get_output(runs: Runs, call: Call) -> Json:
    run, task = runs.get(call.read_number("run_id"))
    if task is None:
        if run.run_type != "WORKFLOW_RUN":
            raise invalid(
                "Retrieving the output of runs with multiple tasks is not supported."
                " Please retrieve the output of each individual task run instead."
            )
        task = run.tasks[-1]
    view = show_output(runs.viewer, run, task)
    if has_log(task):
        log, cut = await asyncio.to_thread(runs.read_log, run.run_id, task.run_id)
        view["logs"] = log.rstrip("\n") + "\n" if log else ""
        view["logs_truncated"] = cut
    return view


def _list(runs: Runs, call: Call) -> Json:
    limit = call.read_number("limit", _DEFAULT_RUNS) or _MOST_RUNS
    if not 0 < limit <= _MOST_RUNS:
        raise invalid(f"Invalid value for limit: {limit}. It must be from 0 to {_MOST_RUNS}.")
    wanted = _read_filter(call)
    before = call.read_number("page_token", 0) or None
    first = 0 if before else max(call.read_number("offset", 0), 0)
    found = list(islice(runs.list(wanted, before), first, first + limit + 1))
    answer: dict[str, Any] = {"has_more": len(found) > limit}
    if found:
        expand = call.read_flag("expand_tasks")
        answer["runs"] = [_show_item(runs, run, expand) for run in found[:limit]]
    if len(found) > limit:
        answer["next_page_token"] = str(found[limit - 1].run_id)
    return answer


def _show_item(runs: Runs, run: Run, expand: bool) -> dict[str, Any]:
    """Return a run as it is listed: only runs/get names what started it."""
    view = _show_page(runs, run, None) if expand else show_run(runs.viewer, run)
    view.pop("next_page_token", None)  # has_more is enough; the pages are those of runs/get
    view.pop("parent_run_id", None)
    return view


def _read_filter(call: Call) -> ListFilter:
    active, completed = call.read_flag("active_only"), call.read_flag("completed_only")
    if active and completed:
        raise invalid("Only one of active_only and completed_only may be true.")
    return ListFilter(
        job_id=call.read_number("job_id") if "job_id" in call.query else None,
        active_only=active,
        completed_only=completed,
        run_type=call.query.get("run_type"),
        start_time_from=call.read_number("start_time_from", 0),
        start_time_to=call.read_number("start_time_to") if "start_time_to" in call.query else None,
    )


def _cancel(runs: Runs, call: Call) -> Json:
    runs.cancel(call.read_number("run_id"))
    return {}


def _cancel_all(runs: Runs, call: Call) -> Json:
    job_id = call.read_number("job_id", 0) or None
    runs.cancel_all(job_id, queued=bool(call.body.get("all_queued_runs")))
    return {}


def _delete(runs: Runs, call: Call) -> Json:
    run, task = runs.get(call.read_number("run_id"))
    if task is not None:
        raise invalid(f"Run {task.run_id} is a task run; delete run {run.run_id} instead.")
    runs.delete(run)
    return {}


_CALLS = (
    ("POST", "runs/submit", _submit),
    ("GET", "runs/get", _get),
    ("GET", "runs/get-output", _get_output),
    ("GET", "runs/list", _list),
    ("POST", "runs/cancel", _cancel),
    ("POST", "runs/cancel-all", _cancel_all),
    ("POST", "runs/delete", _delete),
)


def in_every_version(calls: Iterable[tuple[str, str, H]]) -> tuple[tuple[str, str, H], ...]:
    """Call of the Jobs API (method, path below `jobs/`, handler) as routes of each of its versions."""
    return tuple(
        (method, f"/api/{version}/jobs/{name}", handler)
        for version in _VERSIONS
        for method, name, handler in calls
    )


_ROUTES = in_every_version(_CALLS)


def routes(runs: Runs) -> Routes:
    """Return the routes of one workspace."""
    return bind(runs, _ROUTES)
