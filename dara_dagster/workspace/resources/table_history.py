"""Reads from a table's history how many rows its commits wrote, on a warehouse that runs already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import API_ERRORS, TryLater, api, explain, one_try, raise_if_refused
from dara_dagster.workspace.client import Workspace

__all__ = ["Commit", "find_warehouse", "read_history"]

_MOST_COMMITS = 1000
# What counts as a row written, by operation: https://docs.databricks.com/aws/en/tables/history-schema
_ROWS: Mapping[str, tuple[str, ...]] = {
    "MERGE": ("numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted"),
    "UPDATE": ("numUpdatedRows",),
    "DELETE": ("numDeletedRows",),
    "WRITE": ("numOutputRows",),
    "CREATE TABLE AS SELECT": ("numOutputRows",),
    "REPLACE TABLE AS SELECT": ("numOutputRows",),
    "CREATE OR REPLACE TABLE AS SELECT": ("numOutputRows",),
    "COPY INTO": ("numOutputRows",),
    "STREAMING UPDATE": ("numOutputRows",),
}


@dataclass(frozen=True)
class Commit:
    """One version of a table: when it was committed, in seconds since the epoch, and how many rows it wrote
    (None where the history does not tell; 0 for what writes none, as OPTIMIZE).
    """

    version: int
    time: float
    rows: int | None


def find_warehouse(ws: Workspace, names: tuple[str, ...]) -> str | None:
    """The id of a warehouse of one of these names to ask; None where asking would start compute.

    On the local workspace starting one costs nothing, so that any will do. Raises RunError.
    """
    answer = _ask(ws, "GET", "/api/2.0/sql/warehouses", "the warehouses cannot be listed")
    found = answer.get("warehouses") or ()
    own = [each for each in found if each.get("name") in names]
    running = [each for each in own if each.get("state") == "RUNNING"]
    usable = running or (own if ws.kind == "emulator" else [])
    return str(usable[0]["id"]) if usable else None


def read_history(ws: Workspace, warehouse_id: str, table: str) -> tuple[Commit, ...]:
    """The last 1,000 commits of the table `catalog.schema.table`, the newest first. Raises RunError."""
    quoted = ".".join(f"`{part.replace('`', '``')}`" for part in table.split("."))
    body = {
        "warehouse_id": warehouse_id,
        "statement": f"DESCRIBE HISTORY {quoted} LIMIT {_MOST_COMMITS}",
        "wait_timeout": "50s",
        "on_wait_timeout": "CANCEL",
        "row_limit": _MOST_COMMITS,
    }
    what = f"the history of {table} cannot be read"
    answer = _ask(ws, "POST", "/api/2.0/sql/statements", what, body=body)
    status = answer.get("status") or {}
    if status.get("state") != "SUCCEEDED":
        reason = (status.get("error") or {}).get("message") or status.get("state")
        raise RunError(f"{what}: {reason}")
    try:
        columns = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
        rows = (answer.get("result") or {}).get("data_array") or ()
        return tuple(_commit(dict(zip(columns, row, strict=True))) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"the history of {table} has an unexpected form: {error!r}") from error


def _ask(ws: Workspace, method: str, path: str, what: str, **more: Any) -> dict[str, Any]:
    """One call, sent once: nobody waits for minutes to learn how many rows there were."""
    try:
        with one_try():
            return api(ws, method, path, **more)
    except TryLater as error:
        raise RunError(f"{what}: {error}") from error
    except API_ERRORS as error:
        raise_if_refused(error)
        raise RunError(f"{what}: {explain(error)}") from error


def _commit(row: Mapping[str, Any]) -> Commit:
    return Commit(int(row["version"]), _seconds(str(row["timestamp"])), _rows(row))


def _rows(row: Mapping[str, Any]) -> int | None:
    keys = _ROWS.get(str(row.get("operation") or "").upper())
    if keys is None:
        return 0
    given = row.get("operationMetrics") or {}
    metrics = json.loads(given) if isinstance(given, str) else given
    counts = [int(metrics[key]) for key in keys if key in metrics]
    return sum(counts) if counts else None


def _seconds(text: str) -> float:
    """An ISO 8601 time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text.replace(" ", "T").removesuffix("Z"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
