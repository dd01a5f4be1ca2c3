"""The runs calls of the Jobs API: submits a request, and reads its answers as RunSnapshot and RunOutput."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dara_dagster.errors import RunError, RunGoneError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, listed, pages, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.runs.outcome import Outcome, read_outcome, read_raw_state

logger = logging.getLogger(__name__)

PAGE_SIZE = 25  # the most runs/list takes (SDK jobs.list_runs says < 25; 25 is accepted, 26 refused)
_JOBS = "/api/2.2/jobs"
_ACTIVE: Mapping[str, Any] = {"active_only": True, "limit": PAGE_SIZE}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LEGACY_URL = re.compile(r"#job/(?P<job>\d+)/run/(?P<run>\d+)")
_warned: set[str] = set()


@dataclass(frozen=True)
class RunSnapshot:
    """The state of a run at one moment. Times are epoch milliseconds, durations milliseconds, 0: not known.

    `life_cycle` and `state` are the service's words (`state` may be ""), `outcome` is None while the run is
    active. `task_run_id` is the run id of its task (of the failed one, if any), which has the output.
    """

    run_id: int
    life_cycle: str
    state: str
    outcome: Outcome | None
    message: str
    start_ms: int
    end_ms: int
    queue_ms: int
    setup_ms: int
    execution_ms: int
    total_ms: int
    task_run_id: int | None
    job_id: int | None
    run_name: str
    run_type: str
    url: str

    @property
    def word(self) -> str:
        """Return the one word for how the run stands: its result once it has ended, its state before."""
        return self.outcome.code if self.outcome else (self.state or self.life_cycle)


@dataclass(frozen=True)
class RunOutput:
    """What a task run left behind, "" or None where nothing; `logs` is the end of stdout and stderr."""

    exit_value: str | None = None
    error: str = ""
    error_trace: str = ""
    logs: str = ""
    truncated: bool = False


def attempt_token(root_run_id: str, step_key: str, attempt: int) -> str:
    """Return the idempotency token of one attempt of one step: 64 characters, the most the Jobs API takes."""
    return hashlib.sha256("\0".join((root_run_id, step_key, str(attempt))).encode()).hexdigest()


def submit(ws: Workspace, request: Mapping[str, Any]) -> int:
    """Start the run that `request` describes unless its token has one already; returns its id.

    So an answer that is lost, or has no id in it, is asked for again. A request with a `job_id` runs that
    saved job. Raises RunGoneError when the token's run was deleted,
    CredentialsError, or RunError when Databricks refuses the request.
    """
    path = f"{_JOBS}/run-now" if "job_id" in request else f"{_JOBS}/runs/submit"
    try:
        return api(ws, "POST", path, body=request, read=lambda answer: int(answer["run_id"]))
    except API_ERRORS as error:
        raise_if_refused(error)
        reason = explain(error)
        if _is_deleted_token(reason):
            raise RunGoneError(f"The run of this attempt was deleted: {reason}") from error
        raise RunError(f"Databricks did not take the run: {reason}") from error


def get_snapshot(ws: Workspace, run_id: int) -> RunSnapshot:
    """Read a run, all its tasks included. Raises RunGoneError, CredentialsError or RunError."""
    try:
        return _get(ws, run_id)
    except API_ERRORS as error:
        if _is_gone(error):
            message = f"Run {run_id} was deleted or is older than 60 days: {explain(error)}"
            raise RunGoneError(message) from error
        raise_if_refused(error)
        raise RunError(f"Run {run_id} could not be read: {explain(error)}") from error


def cancel(ws: Workspace, run_id: int) -> None:
    """Ask for the run to be stopped; the service does so a little later. A finished run is left as it is.

    Raises RunGoneError or RunError.
    """
    try:
        api(ws, "POST", f"{_JOBS}/runs/cancel", body={"run_id": run_id})
    except API_ERRORS as error:
        if _is_gone(error):
            raise RunGoneError(f"Run {run_id} cannot be cancelled: {explain(error)}") from error
        raise_if_refused(error)
        raise RunError(f"Run {run_id} could not be cancelled: {explain(error)}") from error


def output(ws: Workspace, seen: RunSnapshot) -> RunOutput:
    """Return what the run's task left: exit value, error, logs. Nothing where its kind has no output.

    Asks for the *task's* run id: the job run's is refused even with one task (databricks-sdk-py#997).
    Raises RunError.
    """
    run_id = seen.task_run_id or get_snapshot(ws, seen.run_id).task_run_id or seen.run_id
    try:
        return api(ws, "GET", f"{_JOBS}/runs/get-output", query={"run_id": run_id}, read=_read_output)
    except API_ERRORS as error:
        if _is_gone(error) or "not supported" in str(error):
            return RunOutput()
        raise RunError(f"The output of run {run_id} could not be read: {explain(error)}") from error


def _read_output(found: Mapping[str, Any]) -> RunOutput:
    notebook = found.get("notebook_output") or {}
    return RunOutput(
        exit_value=notebook.get("result"),
        error=_ANSI.sub("", found.get("error") or ""),
        error_trace=_ANSI.sub("", found.get("error_trace") or ""),
        logs=found.get("logs") or "",
        truncated=bool(notebook.get("truncated") or found.get("logs_truncated")),
    )


def page_url(ws: Workspace, seen: RunSnapshot) -> str:
    """Return the run's page in the form that works for everyone, not for admins only
    (databricks/cli#5142)."""
    if seen.url:
        return seen.url
    return f"{ws.host}/jobs/{seen.job_id}/runs/{seen.run_id}" if seen.job_id else f"{ws.host}/jobs/runs"


def list_active(ws: Workspace) -> Iterator[RunSnapshot]:
    """Yield all active runs of the workspace, newest first, other people's included.

    Not every service respects `active_only`, so what has ended is left out here. Raises CredentialsError or
    RunError.
    """
    for page in active_pages(ws):
        yield from (snapshot for snapshot in page if snapshot.outcome is None)


def active_pages(
    ws: Workspace, run_type: str = "", call: Callable[[Callable[[], Any]], Any] | None = None
) -> Iterator[list[RunSnapshot]]:
    """Yield the pages of the active runs, each by `call` (see `pages`); raises as `list_active` does."""
    query = {**_ACTIVE, **({"run_type": run_type} if run_type else {})}
    with _explained():
        yield from pages(ws, f"{_JOBS}/runs/list", query, _read_list, call)


def list_page(ws: Workspace, page_token: str, run_type: str) -> tuple[list[RunSnapshot], str | None]:
    """Return one page of the active runs, and the token of the next page (None at the end).

    There may be others among them; raises as `list_active` does.
    """
    query = {**_ACTIVE, "run_type": run_type, **({"page_token": page_token} if page_token else {})}

    def read(answer: Mapping[str, Any]) -> tuple[list[RunSnapshot], str | None]:
        return _read_list(answer), answer.get("next_page_token") or None

    with _explained():
        return api(ws, "GET", f"{_JOBS}/runs/list", query=query, read=read)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the API raises in the block into an error for the user."""
    try:
        yield
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"The active runs could not be listed: {explain(error)}") from error


def _read_list(answer: Mapping[str, Any]) -> list[RunSnapshot]:
    return [read_snapshot(run) for run in listed(answer, "runs")]


def read_snapshot(run: Mapping[str, Any]) -> RunSnapshot:
    """Read a run object of runs/get or runs/list. Pure, but for one warning about each unknown state."""
    words, outcome = read_raw_state(run), read_outcome(run)
    for word in words.unknown:
        if word not in _warned:
            _warned.add(word)
            logger.warning("Databricks reports the unknown run state %s; it is taken as still running", word)
    task = _telling_task(run, outcome)
    times = task if task is not None and len(run["tasks"]) == 1 else run
    setup, execution = _number(times, "setup_duration"), _number(times, "execution_duration")
    start, end = _number(run, "start_time"), _number(run, "end_time")
    return RunSnapshot(
        run_id=_number(run, "run_id"),
        life_cycle=words.life_cycle,
        state=words.state,
        outcome=outcome if outcome.ended else None,
        message=outcome.message,
        start_ms=start,
        end_ms=end,
        queue_ms=_number(run, "queue_duration"),
        setup_ms=setup,
        execution_ms=execution,
        total_ms=_number(run, "run_duration") or (end - start if end else 0),
        task_run_id=(_number(task, "run_id") or None) if task else None,
        job_id=_number(run, "job_id") or None,
        run_name=str(run.get("run_name") or ""),
        run_type=str(run.get("run_type") or ""),
        url=modern_url(str(run.get("run_page_url") or "")),
    )


def modern_url(url: str) -> str:
    """Turn `https://host/?o=1#job/2/run/3` into `https://host/jobs/2/runs/3?o=1`; leaves any other form."""
    parts = urlsplit(url)
    found = _LEGACY_URL.search(url)
    if not found or not parts.netloc:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/jobs/{found['job']}/runs/{found['run']}{query}"


def _get(ws: Workspace, run_id: int) -> RunSnapshot:
    """Call runs/get for the run with the tasks of all pages (100 a page)."""
    first, *others = pages(ws, f"{_JOBS}/runs/get", {"run_id": run_id}, _read_run)
    return read_snapshot({**first, "tasks": [task for page in (first, *others) for task in page["tasks"]]})


def _read_run(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer, which has to tell something about a run. KeyError or TypeError otherwise."""
    if "state" not in answer and "status" not in answer:
        raise KeyError("state")
    tasks = listed(answer, "tasks")
    read_snapshot({**answer, "tasks": tasks})
    return {**answer, "tasks": tasks}


def _telling_task(run: Mapping[str, Any], outcome: Outcome) -> Mapping[str, Any] | None:
    """Return the task whose output tells most: the first that failed, else the first; of its attempts the
    last."""
    latest: dict[Any, Mapping[str, Any]] = {}
    for task in run.get("tasks") or ():
        known = latest.get(task.get("task_key"))
        if known is None or _number(task, "attempt_number") >= _number(known, "attempt_number"):
            latest[task.get("task_key")] = task
    if outcome.ended and outcome.verdict != "success":
        for task in latest.values():
            if read_outcome(task).verdict in ("failed", "timed_out", "cancelled"):
                return task
    return next(iter(latest.values()), None)


def _number(thing: Mapping[str, Any], key: str) -> int:
    """Return an integer that may come as a string or not at all."""
    try:
        return int(thing.get(key) or 0)
    except (TypeError, ValueError):
        return 0


def _is_gone(error: BaseException) -> bool:
    """Return whether it is deleted or expired: 400 INVALID_PARAMETER_VALUE or 404, by endpoint and age
    (airflow PR#69174)."""
    code = getattr(error, "error_code", None)
    if code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
        return True
    text = str(error)
    return code == "INVALID_PARAMETER_VALUE" and ("does not exist" in text or "doesn't exist" in text)


def _is_deleted_token(reason: str) -> bool:
    """Decide by the words whether a run with this token was deleted: the code for that is not documented."""
    return "token" in reason.lower() and "deleted" in reason.lower()
