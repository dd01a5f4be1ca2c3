"""The `spark` of a task: a Spark Connect session whose plans, writes and SQL we treat."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession as PublicSparkSession  # noqa: F401  first: it sets pyspark to connect-only

import pyspark.sql.connect.proto as pb  # isort: skip
from pyspark.sql.connect.client.core import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.session import SparkSession

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.sail import show_text
from dara_dagster.emulator.sail.base_session import BaseSession
from dara_dagster.emulator.sail.catalog import LocalCatalog
from dara_dagster.emulator.sail.functions import udf_results
from dara_dagster.emulator.sail.interceptor import PlanInterceptor
from dara_dagster.emulator.sail.reads.reader import LocalReader
from dara_dagster.emulator.sail.registry import Registry
from dara_dagster.emulator.sail.server import DEFAULT_CATALOG, DEFAULT_SCHEMA, SparkServer
from dara_dagster.emulator.sail.spark_errors import give_condition, speak_spark
from dara_dagster.emulator.sail.sql.dispatch import run_sql
from dara_dagster.emulator.sail.temp_views import TempViews
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally
from dara_dagster.emulator.sail.variable_scopes import Variables
from dara_dagster.emulator.sail.writes.guard import WriteGuard

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.streaming.sources import StreamReader

__all__ = ["LocalSpark", "open_session"]

_SETTINGS = {
    "spark.sql.sources.default": "delta",  # Sail's own default is parquet
    "spark.sql.session.timeZone": "UTC",
}
# pyspark's default tries a dead server again for about ten minutes.
_RETRIES = DefaultPolicy(max_retries=4)


class LocalSpark(BaseSession):
    """Puts the parts of a session together; `writes` guards and measures writes."""

    temp_views: TempViews
    writes: WriteGuard

    def begin(self, server: SparkServer, paths: PathMap, interceptor: PlanInterceptor, user: str) -> None:
        """Finish the construction (pyspark owns `__init__`)."""
        self.store = server.store
        self.paths = paths
        self.interceptor = interceptor
        self.user = user
        self.client.set_retry_policies([_RETRIES])
        for key, value in {**_SETTINGS, "spark.sql.warehouse.dir": f"{self.store.root}/_warehouse"}.items():
            self.conf.set(key, value)
        self.registry = Registry(self.store, self.native)
        self.registry.use(DEFAULT_CATALOG, DEFAULT_SCHEMA)
        self.writes = WriteGuard(self)
        self.temp_views = TempViews(self)
        interceptor.ensure = self.registry.ensure
        interceptor.refresh = self.temp_views.refresh
        interceptor.analyse = lambda relation: self.client.schema(pb.Plan(root=relation))
        self.variables = Variables()
        self.functions = {}
        speak_spark(self)
        execute = self.client.execute_command

        def guarded(command: Any, *args: Any, **kwargs: Any) -> Any:
            answer = self.writes.execute(command, lambda: execute(command, *args, **kwargs))
            self._own_checkpoint(answer[1])
            return answer

        self.client.execute_command = guarded  # type: ignore[method-assign]

    def _own_checkpoint(self, properties: dict[str, Any]) -> None:
        """Give the frame of a checkpoint to this session: pyspark gives it to the active one, which in a
        process of several sessions is the first, whose server knows nothing of it.
        """
        frame = properties.get("checkpoint_command_result")
        if frame is not None:
            frame._session = frame._plan._spark_session = self

    def sql(self, sqlQuery: str, args: Any = None, **kwargs: Any) -> DataFrame:
        try:
            return run_sql(self, sqlQuery, args, kwargs)
        except PySparkException as error:
            give_condition(error, sqlQuery)
            raise

    @functools.cached_property
    def catalog(self) -> LocalCatalog:
        return LocalCatalog(self)

    @property
    def read(self) -> LocalReader:
        return LocalReader(self)

    @property
    def readStream(self) -> StreamReader:  # type: ignore[override]
        from dara_dagster.emulator.sail.streaming.sources import StreamReader

        return StreamReader(self)

    def addArtifacts(
        self, *path: str, pyfile: bool = False, archive: bool = False, file: bool = False
    ) -> None:
        """Make Python files importable (functions run in this process); other artifacts have no place to
        go.
        """
        if not pyfile:
            raise NotSupportedLocally("addArtifact of anything but Python files")
        for place in path:
            local = Path(self.paths.local(place)).absolute()
            sys.path.insert(0, str(local.parent if local.suffix == ".py" else local))

    addArtifact = addArtifacts

    def stop(self) -> None:
        """Do nothing: the session belongs to the task, as on Databricks; `close` ends it."""

    def close(self) -> None:
        super().stop()


def open_session(server: SparkServer, paths: PathMap, user: str) -> LocalSpark:
    """Return a new session, made the default one, so that `SparkSession.builder.getOrCreate()` returns it in
    every thread.
    """
    show_text.install()
    udf_results.install()
    channel = DefaultChannelBuilder(server.url)
    interceptor = PlanInterceptor(paths, user)
    channel.add_interceptor(interceptor)
    spark = LocalSpark(connection=channel)
    spark.begin(server, paths, interceptor, user)
    SparkSession._set_default_and_active_session(spark)
    return spark
