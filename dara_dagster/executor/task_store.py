"""Tells where Dagster keeps its history, as which user it is reached, and how far away it is."""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass
from typing import Any

from dagster import DagsterInstance
from sqlalchemy import text
from sqlalchemy.engine import make_url

__all__ = ["TaskStore", "describe_store"]

_OURS = "dara_dagster.executor.postgres"


@dataclass(frozen=True)
class TaskStore:
    """`kind` is SQLite, Postgres or Lakebase, `place` its folder or host and database."""

    kind: str
    place: str
    user: str
    milliseconds: float

    def __str__(self) -> str:
        return f"{self.kind} {self.place}, as {self.user}, round trip {self.milliseconds:.1f} ms"


def describe_store(instance: DagsterInstance) -> TaskStore:
    """Reach the store that holds runs and their events. Raises what its driver raises."""
    storage: Any = instance.run_storage
    url = getattr(storage, "postgres_url", None)
    if url is None:
        return TaskStore("SQLite", instance.root_directory, getpass.getuser(), _round_trip(storage))
    with storage.connect() as connection:
        user, database = connection.execute(text("SELECT current_user, current_database()")).one()
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host") or "localhost"
    kind = "Lakebase" if type(storage).__module__ == _OURS else "Postgres"
    return TaskStore(kind, f"{host}/{database}", str(user), _round_trip(storage))


def _round_trip(storage: Any) -> float:
    """Measure how long the smallest query takes on an open connection, in milliseconds."""
    with storage.connect() as connection:
        connection.execute(text("SELECT 1"))
        began = time.perf_counter()
        connection.execute(text("SELECT 1"))
        return (time.perf_counter() - began) * 1000
