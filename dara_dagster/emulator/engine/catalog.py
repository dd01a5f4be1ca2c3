"""`spark.catalog`: the current schema is the registry's, tables are the store's, caches do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pyspark.sql.connect.catalog import Catalog

if TYPE_CHECKING:
    from pyspark.sql.catalog import Table

    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["LocalCatalog"]


class LocalCatalog(Catalog):
    """Where Sail's in-memory catalog would answer for this session only, or lacks the call."""

    @property
    def _spark(self) -> LocalSpark:
        return cast("LocalSpark", self._sparkSession)

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
        return super().listTables(dbName, pattern)

    def refreshTable(self, tableName: str) -> None:
        """Every query reads the newest version already."""

    def refreshByPath(self, path: str) -> None:
        """As refreshTable."""

    def recoverPartitions(self, tableName: str) -> None:
        """Delta knows its partitions."""

    def clearCache(self) -> None:
        """Nothing is cached."""

    def cacheTable(self, tableName: str, storageLevel: Any = None) -> None:
        """Nothing is cached."""

    def uncacheTable(self, tableName: str) -> None:
        """Nothing is cached."""

    def isCached(self, tableName: str) -> bool:
        return False
