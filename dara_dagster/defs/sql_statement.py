"""Runs single SQL statements on a warehouse, and asks whether a table is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dagster import DagsterExecutionInterruptedError

from dara_dagster.errors import RunError
from dara_dagster.remote.calls import API_ERRORS, api, explain, raise_if_refused
from dara_dagster.remote.client import Workspace

__all__ = ["run_statement", "table_exists"]

_PATH = "/api/2.0/sql/statements"
_GOING_ON = ("PENDING", "RUNNING")
_MOST_ROWS = 100
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.2, 5.0


def run_statement(
    ws: Workspace,
    warehouse_id: str,
    statement: str,
    parameters: Mapping[str, str],
    *,
    timeout_seconds: float = 0.0,
    stop: threading.Event,
) -> list[Sequence[Any]]:
    """Run `statement` and return its first 100 rows, values as the service's texts; [] when it has none.

    `parameters` fill its `:name` markers. It is cancelled after `timeout_seconds` (0: never) and when
    `stop` is set. Raises RunError when it fails or takes too long, and Dagster's interrupt on `stop`.
    """
    body = {
        "warehouse_id": warehouse_id,
        "statement": statement,
        "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
        "wait_timeout": "0s",
        "row_limit": _MOST_ROWS,
    }
    began, wait = time.monotonic(), _FIRST_LOOK_SECONDS
    answer = _call(ws, "POST", _PATH, body)
    place = f"{_PATH}/{answer['statement_id']}"
    try:
        while answer["status"]["state"] in _GOING_ON:
            if timeout_seconds and time.monotonic() - began > timeout_seconds:
                _call(ws, "POST", f"{place}/cancel", {})
                raise RunError(f"the statement did not end within {timeout_seconds:g} s and was cancelled")
            if stop.wait(wait):
                raise DagsterExecutionInterruptedError
            wait = min(wait * 1.5, _LONGEST_LOOK_SECONDS)
            answer = _call(ws, "GET", place)
    except DagsterExecutionInterruptedError:
        _call(ws, "POST", f"{place}/cancel", {})
        raise
    if answer["status"]["state"] != "SUCCEEDED":
        reason = (answer["status"].get("error") or {}).get("message") or answer["status"]["state"]
        raise RunError(f"the statement failed: {reason}")
    return list((answer.get("result") or {}).get("data_array") or ())


def table_exists(ws: Workspace, table: str) -> bool:
    """Whether Unity Catalog has the table `catalog.schema.table`. Raises RunError when it cannot tell."""
    try:
        api(ws, "GET", f"/api/2.1/unity-catalog/tables/{quote(table.replace('`', ''))}")
    except API_ERRORS as error:
        if (getattr(error, "error_code", "") or "").endswith(("DOES_NOT_EXIST", "NOT_FOUND")):
            return False
        raise_if_refused(error)
        raise RunError(f"the table {table} cannot be looked up: {explain(error)}") from error
    return True


def _call(ws: Workspace, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    try:
        return api(ws, method, path, body=body)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"the warehouse did not take the statement: {explain(error)}") from error
