"""`spark.catalog`: the current schema is the registry's, tables are the store's, caches do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pyspark.errors import AnalysisException
from pyspark.sql.catalog import Column
from pyspark.sql.connect.catalog import Catalog

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.lake.store import TableName
from dara_dagster.emulator.sail.syntax.type_names import delta_type

if TYPE_CHECKING:
    from pyspark.sql.catalog import Table

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["LocalCatalog"]


class LocalCatalog(Catalog):
    """Where Sail's in-memory catalog would answer for this session only, or lacks the call."""

    @property
    def _spark(self) -> BaseSession:
        return cast("BaseSession", self._sparkSession)

    def currentCatalog(self) -> str:
        return self._spark.registry.catalog

    def setCurrentCatalog(self, catalogName: str) -> None:
        self._spark.sql(f"USE CATALOG `{catalogName}`")

    def currentDatabase(self) -> str:
        return self._spark.registry.schema

    def setCurrentDatabase(self, dbName: str) -> None:
        self._spark.sql(f"USE SCHEMA {dbName}")

    def listTables(self, dbName: str | None = None, pattern: str | None = None) -> list[Table]:
        registry, store = self._spark.registry, self._spark.store
        catalog, schema = registry.resolve_schema(dbName) if dbName else (registry.catalog, registry.schema)
        names = store.tables(catalog, schema) + store.views(catalog, schema)
        registry.ensure([f"`{catalog}`.`{schema}`.`{name}`" for name in names])
        return list(map(self._typed, super().listTables(dbName, pattern)))

    def getTable(self, tableName: str) -> Table:
        return self._typed(super().getTable(tableName))

    def _typed(self, table: Table) -> Table:
        """Correct the table's type: Sail takes every table for an external one, since each has a place."""
        if table.tableType != "EXTERNAL" or table.catalog is None or len(table.namespace or []) != 1:
            return table
        name = TableName(table.catalog, table.namespace[0], table.name)  # type: ignore[index]
        return table if self._spark.store.is_external(name) else table._replace(tableType="MANAGED")

    def listColumns(self, tableName: str, dbName: str | None = None) -> list[Column]:
        name = self._spark.registry.resolve(f"{dbName}.{tableName}" if dbName else tableName)
        folder = self._spark.store.table_folder(name) if name else None
        if folder is None:
            return super().listColumns(tableName, dbName)
        snapshot = delta_log.read_snapshot(folder)
        return [
            Column(
                name=field["name"],
                description=field["metadata"].get("comment"),
                dataType=field["metadata"].get(delta_log.LENGTH_KEY) or delta_type(field["type"]),
                nullable=field["nullable"],
                isPartition=field["name"] in snapshot.partition_columns,
                isBucket=False,
                isCluster=False,
            )
            for field in snapshot.fields
        ]

    def dropTempView(self, viewName: str) -> bool:
        try:
            return super().dropTempView(viewName)
        except AnalysisException as error:
            if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
                raise
            return False

    def refreshTable(self, tableName: str) -> None:
        """Do nothing: every query reads the newest version already."""

    def refreshByPath(self, path: str) -> None:
        """Do nothing, as refreshTable."""

    def recoverPartitions(self, tableName: str) -> None:
        """Do nothing: Delta knows its partitions."""

    def clearCache(self) -> None:
        """Do nothing: there is no cache."""

    def cacheTable(self, tableName: str, storageLevel: Any = None) -> None:
        """Do nothing: there is no cache."""

    def uncacheTable(self, tableName: str) -> None:
        """Do nothing: there is no cache."""

    def isCached(self, tableName: str) -> bool:
        return False
