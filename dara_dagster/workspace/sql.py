"""Runs single SQL statements on a warehouse, and asks whether a table is there."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import NewConnectionError

from dara_dagster.errors import DaraError, RunError
from dara_dagster.workspace.calls import API_ERRORS, TryLater, api, explain, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.watch.monitor import Monitor, Stopped

__all__ = ["run_statement", "table_exists"]

_PATH = "/api/2.0/sql/statements"
_ACTIVE = ("PENDING", "RUNNING")
_SUCCEEDED = ("SUCCEEDED", "CLOSED")  # closed: it had succeeded, and its result was kept long enough
_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|SHOW|DESCRIBE|DESC|EXPLAIN|VALUES)\b", re.I | re.S
)
_MOST_ROWS = 100
_FIRST_POLL_SECONDS = 0.2


def run_statement(
    ws: Workspace,
    monitor: Monitor,
    warehouse_id: str,
    statement: str,
    parameters: Mapping[str, Any],
    *,
    catalog: str | None = None,
    schema: str | None = None,
    timeout_seconds: float = 0.0,
    stop: threading.Event,
) -> list[Sequence[Any]]:
    """Run `statement` once and return its first 100 rows, values as the service's texts; [] for none.

    `parameters` fill its `:name` markers, each with the SQL type of its Python value; `catalog` and `schema`
    are those of names without one (None: the warehouse's own). It is cancelled after `timeout_seconds` (0:
    never) and when `stop` is set. Raises RunError when it fails, takes too long, or when nobody can tell what
    became of it; Stopped once `stop` is set.
    """
    names = {"catalog": catalog, "schema": schema}
    body = {
        "warehouse_id": warehouse_id,
        "statement": statement,
        "parameters": [{"name": name, **_typed(value)} for name, value in parameters.items()],
        "wait_timeout": "0s",
        "row_limit": _MOST_ROWS,
        **{key: name for key, name in names.items() if name},
    }
    deadline = time.monotonic() + timeout_seconds if timeout_seconds else None
    if stop.is_set():
        raise Stopped("stopped before the statement was sent")
    answer = _send(ws, monitor, body)
    place = f"{_PATH}/{answer['statement_id']}"
    try:
        answer = _watch(ws, monitor, place, answer, deadline, stop)
    except Stopped:
        raise Stopped(f"The statement {_how_it_ended(_cancel(ws, monitor, place), place)}") from None
    except DaraError as error:
        end = _how_it_ended(_cancel(ws, monitor, place), place)
        raise RunError(f"the statement cannot be watched: {error} It {end}") from error
    except BaseException:  # whatever ends the watching, the statement must not run on unseen
        _cancel(ws, monitor, place)
        raise
    if _is_active(answer):
        last = _cancel(ws, monitor, place)
        if last is None or last["status"]["state"] not in _SUCCEEDED:
            end = _how_it_ended(last, place)
            raise RunError(
                f"the statement did not end within {timeout_seconds:g} s (timeout_seconds) and {end}"
            )
        return _rows(last)
    return _rows(answer)


def table_exists(ws: Workspace, table: str) -> bool:
    """Return whether Unity Catalog has the table `catalog.schema.table`. Raises RunError when it cannot
    tell."""
    try:
        api(ws, "GET", f"/api/2.1/unity-catalog/tables/{quote(table.replace('`', ''))}")
    except API_ERRORS as error:
        if (getattr(error, "error_code", "") or "").endswith(("DOES_NOT_EXIST", "NOT_FOUND")):
            return False
        raise_if_refused(error)
        raise RunError(f"the table {table} cannot be looked up: {explain(error)}") from error
    return True


def _send(ws: Workspace, monitor: Monitor, body: Mapping[str, Any]) -> dict[str, Any]:
    """Start the statement. One that may change something is not sent again when nobody can tell whether it
    was started: unlike a run, a statement has no token that would make the two one.
    """
    only_reads = _READS.match(str(body["statement"])) is not None

    def send() -> dict[str, Any]:
        try:
            return api(ws, "POST", _PATH, body=body, read=_read_statement)
        except TryLater as error:
            if only_reads or error.throttled or _was_not_sent(error.__cause__):
                raise
            unknown = "it is not known whether the statement was started, so it was not sent again"
            raise RunError(f"{unknown}: {error}") from error

    try:
        return monitor.call(send)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"the warehouse did not take the statement: {explain(error)}") from error


def _read_statement(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with its `rows`; it has to tell the statement's id and state: KeyError or TypeError
    else."""
    status = {**answer["status"], "state": str(answer["status"]["state"])}
    rows = list((answer.get("result") or {}).get("data_array") or ())
    return {**answer, "statement_id": str(answer["statement_id"]), "status": status, "rows": rows}


def _was_not_sent(error: BaseException | None) -> bool:
    """Return whether no connection was made at all."""
    reason = getattr(error.args[0], "reason", None) if error is not None and error.args else None
    return isinstance(reason, NewConnectionError)


def _typed(value: Any) -> dict[str, str]:
    """Return value and SQL type of a parameter (docs.databricks.com/api/workspace/statementexecution)."""
    if value is None:
        return {"type": "VOID"}
    if isinstance(value, bool):
        return {"value": str(value).lower(), "type": "BOOLEAN"}
    if isinstance(value, int):
        kinds = {"INT": 31, "BIGINT": 63}  # LIMIT takes no BIGINT
        fits = [kind for kind, bits in kinds.items() if -(2**bits) <= value < 2**bits]
        return {"value": str(value), "type": fits[0] if fits else "DECIMAL(38,0)"}
    if isinstance(value, float):
        return {"value": repr(value), "type": "DOUBLE"}
    if isinstance(value, datetime):
        return {"value": value.isoformat(sep=" "), "type": "TIMESTAMP"}
    if isinstance(value, date):
        return {"value": value.isoformat(), "type": "DATE"}
    if isinstance(value, Decimal) and value.is_finite():
        scale = max(-int(value.as_tuple().exponent), 0)
        return {"value": f"{value:f}", "type": f"DECIMAL(38,{scale})"}
    is_tree = isinstance(value, list | tuple | Mapping)
    return {"value": json.dumps(value, default=str) if is_tree else str(value), "type": "STRING"}


def _watch(
    ws: Workspace,
    monitor: Monitor,
    place: str,
    answer: dict[str, Any],
    deadline: float | None,
    stop: threading.Event,
) -> dict[str, Any]:
    """Poll until the statement has ended or the deadline is there; returns the last answer."""
    wait = _FIRST_POLL_SECONDS
    while _is_active(answer):
        left = wait if deadline is None else min(wait, deadline - time.monotonic())
        if left <= 0:
            break
        if stop.wait(left):
            raise Stopped
        wait = min(wait * 1.5, ws.settings.statement_poll_longest_seconds)
        answer = _read(ws, monitor, place, stop=stop)
    return answer


def _read(ws: Workspace, monitor: Monitor, place: str, **how: Any) -> dict[str, Any]:
    try:
        return monitor.call(lambda: api(ws, "GET", place, read=_read_statement), **how)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"{explain(error)}.") from error


def _cancel(ws: Workspace, monitor: Monitor, place: str) -> dict[str, Any] | None:
    """Cancel the statement and wait for its end; returns the last answer, None when there is none."""
    seconds = ws.settings.statement_cancel_seconds
    quickly: Mapping[str, Any] = {"urgent": True, "patience": seconds}
    until = time.monotonic() + seconds
    try:
        monitor.call(lambda: api(ws, "POST", f"{place}/cancel", body={}), **quickly)
        while _is_active(answer := _read(ws, monitor, place, **quickly)) and time.monotonic() < until:
            time.sleep(_FIRST_POLL_SECONDS)
    except (DaraError, *API_ERRORS):
        return None
    return answer


def _how_it_ended(answer: dict[str, Any] | None, place: str) -> str:
    if answer is None or _is_active(answer):
        return f"could not be cancelled: {place.rpartition('/')[2]} may still be running on the warehouse."
    return "was cancelled."


def _is_active(answer: Mapping[str, Any]) -> bool:
    return answer["status"]["state"] in _ACTIVE


def _rows(answer: Mapping[str, Any]) -> list[Sequence[Any]]:
    status = answer["status"]
    if status["state"] not in _SUCCEEDED:
        reason = (status.get("error") or {}).get("message") or status["state"]
        raise RunError(f"the statement failed: {reason}")
    rows: list[Sequence[Any]] = answer["rows"]
    return rows
