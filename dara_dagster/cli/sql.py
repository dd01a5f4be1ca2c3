"""Runs one SQL statement on a warehouse and gives back its rows."""

from __future__ import annotations

import time
from typing import Any

from dara_dagster.errors import RunError
from dara_dagster.remote.calls import api
from dara_dagster.remote.client import Workspace

__all__ = ["query"]

_PATH = "/api/2.0/sql/statements"
_LOOK_SECONDS = 0.5


def query(ws: Workspace, warehouse_id: str, statement: str) -> list[list[str | None]]:
    """The rows of the statement's first result chunk, every value as text; raises RunError when it fails."""
    body = {"warehouse_id": warehouse_id, "statement": statement, "wait_timeout": "50s"}
    answer: dict[str, Any] = api(ws, "POST", _PATH, body=body)
    while answer["status"]["state"] in ("PENDING", "RUNNING"):
        time.sleep(_LOOK_SECONDS)
        answer = api(ws, "GET", f"{_PATH}/{answer['statement_id']}")
    if answer["status"]["state"] != "SUCCEEDED":
        error = answer["status"].get("error") or {}
        raise RunError(f"{statement.strip()}\nfailed: {error.get('message') or answer['status']['state']}")
    rows: list[list[str | None]] = (answer.get("result") or {}).get("data_array") or []
    return rows
