"""Reads from a table's history how many rows its commits wrote, on a warehouse that runs already."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import (
    API_ERRORS,
    TryLater,
    api,
    explain,
    inner,
    listed,
    one_try,
    raise_if_refused,
)
from dara_dagster.workspace.client import Workspace

__all__ = ["Commit", "find_warehouse", "read_history"]

_T = TypeVar("_T")

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
    """Return the id of a warehouse of one of these names to ask; None where asking would start compute.

    On the local workspace starting one costs nothing, so that any will do. Raises RunError.
    """

    def read(answer: Mapping[str, Any]) -> str | None:
        own = [each for each in listed(answer, "warehouses") if each.get("name") in names]
        running = [each for each in own if each.get("state") == "RUNNING"]
        usable = running or (own if ws.kind == "emulator" else [])
        return str(usable[0]["id"]) if usable else None

    return _ask(ws, "GET", "/api/2.0/sql/warehouses", "the warehouses cannot be listed", read)


def read_history(ws: Workspace, warehouse_id: str, table: str) -> tuple[Commit, ...]:
    """Return the last 1,000 commits of the table `catalog.schema.table`, the newest first. Raises
    RunError."""
    quoted = ".".join(f"`{part.replace('`', '``')}`" for part in table.split("."))
    body = {
        "warehouse_id": warehouse_id,
        "statement": f"DESCRIBE HISTORY {quoted} LIMIT {_MOST_COMMITS}",
        "wait_timeout": "50s",
        "on_wait_timeout": "CANCEL",
        "row_limit": _MOST_COMMITS,
    }
    what = f"the history of {table} cannot be read"
    found = _ask(ws, "POST", "/api/2.0/sql/statements", what, _commits, body=body)
    if isinstance(found, str):
        raise RunError(f"{what}: {found}")
    return found


def _commits(answer: Mapping[str, Any]) -> tuple[Commit, ...] | str:
    """Return the commits in the answer to the statement; the reason where it did not succeed."""
    status = inner(answer, "status")
    if status["state"] != "SUCCEEDED":
        return str(inner(status, "error").get("message") or status["state"])
    columns = [column["name"] for column in answer["manifest"]["schema"]["columns"]]
    rows = inner(answer, "result").get("data_array") or ()
    return tuple(_commit(dict(zip(columns, row, strict=True))) for row in rows)


def _ask(
    ws: Workspace,
    method: str,
    path: str,
    what: str,
    read: Callable[[dict[str, Any]], _T],
    body: Mapping[str, Any] | None = None,
) -> _T:
    """Make one call, sent once: nobody waits for minutes to learn how many rows there were."""
    try:
        with one_try():
            return api(ws, method, path, body=body, read=read)
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
    """Return an ISO 8601 time in seconds since the epoch; without an offset it is UTC."""
    moment = datetime.fromisoformat(text.replace(" ", "T").removesuffix("Z"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
