"""Declares what the parts of a session know of it. `session` puts the parts together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pyspark.sql import SparkSession as PublicSparkSession  # noqa: F401  first: it sets pyspark to connect-only

import pyspark.sql.connect.proto as pb  # isort: skip
from pyspark.sql.connect.session import SparkSession

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.types import StructType

    from dara_dagster.emulator.lake.paths import PathMap
    from dara_dagster.emulator.lake.store import Store, TableName
    from dara_dagster.emulator.sail.registry import Registry
    from dara_dagster.emulator.sail.variable_scopes import Variables

__all__ = ["BaseSession", "WriteOutcome", "Writes"]


@dataclass(frozen=True)
class WriteOutcome:
    """What a write did, in rows. `operation` is empty when it changed nothing."""

    operation: str = ""
    updated: int = 0
    deleted: int = 0
    inserted: int = 0

    @property
    def affected(self) -> int:
        return self.updated + self.deleted + self.inserted


class Writes(Protocol):
    """Measures the writes of a session."""

    @property
    def last(self) -> WriteOutcome:
        """Return the outcome of this thread's latest write."""

    def named(self, operation: str) -> AbstractContextManager[None]:
        """Give writes of this thread a name in DESCRIBE HISTORY."""

    def record(self, name: TableName | None, rows: int | None) -> None:
        """Note that the task wrote a table; the rows of several writes are added up."""


class Requests(Protocol):
    """Sees the requests of a session on their way to the server."""

    @property
    def is_untreated(self) -> bool:
        """Return whether requests of this thread pass as they are."""

    @property
    def latest(self) -> Any:
        """Return this thread's latest request that was treated; None before the first."""

    def untreated(self) -> AbstractContextManager[None]:
        """Let requests of this thread pass as they are."""


class RemembersViews(Protocol):
    """Keeps temporary views."""

    def remember(self, command: pb.Command) -> None:
        """Note a command that made a view."""


class BaseSession(SparkSession):
    """A Spark session on the local workspace's tables, as its parts see it.

    `store` is the catalog on disk, `paths` maps Databricks paths, `registry` knows the current schema,
    `writes` measures writes, `native` runs a statement past all of them.
    """

    store: Store
    paths: PathMap
    interceptor: Requests
    registry: Registry
    temp_views: RemembersViews
    writes: Writes
    variables: Variables
    user: str
    functions: dict[str, str]
    """Temporary ones: name -> definition."""

    def sql(self, sqlQuery: str, args: Any = None, **kwargs: Any) -> DataFrame:
        """Run a statement; in the dialect of Databricks once the session is put together."""
        return self.plain_sql(sqlQuery, args, **kwargs)

    def native(self, query: str) -> DataFrame:
        """Run a statement as Sail understands it: no rewriting, no registration, no lock."""
        with self.interceptor.untreated():
            return SparkSession.sql(self, query)  # type: ignore[return-value]

    def plain_sql(self, query: str, args: Any = None, **frames: Any) -> DataFrame:
        """Run a statement without the dialect; paths, registration and locks still apply."""
        return SparkSession.sql(self, query, args, **frames)  # type: ignore[return-value]

    def schema_of(self, query: str) -> StructType:
        """Return the columns of a query, which is not run."""
        return self.client.schema(pb.Plan(root=pb.Relation(sql=pb.SQL(query=query))))

    def rows(self, rows: Sequence[Sequence[Any]], schema: str) -> DataFrame:
        """Return a DataFrame of rows we made ourselves; `schema` is a DDL string."""
        return self.createDataFrame([tuple(row) for row in rows], schema)  # type: ignore[return-value]

    def setting(self, key: str) -> str:
        """Return a setting in lower case; '' when unset."""
        return str(self.conf.get(key, "") or "").lower()
