"""Runs one SQL statement on a warehouse and gives back its rows."""

from __future__ import annotations

import time
from typing import Any

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.sql import read_statement

__all__ = ["query"]

_PATH = "/api/2.0/sql/statements"
_LOOK_SECONDS = 0.5


def query(ws: Workspace, warehouse_id: str, statement: str) -> list[list[str | None]]:
    """Return the rows of the statement's first result chunk, every value as text; raises RunError when it
    fails."""
    try:
        answer = _answer(ws, warehouse_id, statement)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"{statement.strip()}\ncould not be run: {explain(error)}") from error
    if answer["status"]["state"] != "SUCCEEDED":
        reason = (answer["status"].get("error") or {}).get("message") or answer["status"]["state"]
        raise RunError(f"{statement.strip()}\nfailed: {reason}")
    rows: list[list[str | None]] = answer["rows"]
    return rows


def _answer(ws: Workspace, warehouse_id: str, statement: str) -> dict[str, Any]:
    """Return what the service says at the end of the statement."""
    body = {"warehouse_id": warehouse_id, "statement": statement, "wait_timeout": "50s"}
    answer = api(ws, "POST", _PATH, body=body, read=read_statement)
    while answer["status"]["state"] in ("PENDING", "RUNNING"):
        time.sleep(_LOOK_SECONDS)
        answer = api(ws, "GET", f"{_PATH}/{answer['statement_id']}", read=read_statement)
    return answer
