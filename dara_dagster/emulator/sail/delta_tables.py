"""`from delta.tables import DeltaTable` in terms of SQL (Sail refuses the messages of Delta's own Connect
plug-in).
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import sys
import types
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.connect.plan import SubqueryAlias

from dara_dagster.emulator.sail.column_sql import column_sql

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["DeltaMergeBuilder", "DeltaOptimizeBuilder", "DeltaTable", "install"]

Condition = Any
Changes = Mapping[str, Any]


class DeltaTable:
    """A table by name or path."""

    def __init__(self, spark: BaseSession, reference: str, alias: str | None = None) -> None:
        self._spark = spark
        self._reference = reference
        self._alias = alias

    @classmethod
    def forName(cls, sparkSession: BaseSession, tableOrViewName: str) -> DeltaTable:
        _ = sparkSession.table(tableOrViewName).schema  # a table that is not there fails here
        return cls(sparkSession, tableOrViewName)

    @classmethod
    def forPath(cls, sparkSession: BaseSession, path: str, hadoopConf: Any = None) -> DeltaTable:
        return cls(sparkSession, f"delta.`{sparkSession.paths.spark(path)}`")

    @classmethod
    def isDeltaTable(cls, sparkSession: BaseSession, identifier: str) -> bool:
        return (Path(sparkSession.paths.spark(identifier)) / "_delta_log").is_dir()

    def alias(self, aliasName: str) -> DeltaTable:
        return DeltaTable(self._spark, self._reference, aliasName)

    def toDF(self) -> DataFrame:
        frame: Any = self._spark.sql(f"SELECT * FROM {self._reference}")
        named: DataFrame = frame.alias(self._alias) if self._alias else frame
        return named

    def merge(self, source: DataFrame, condition: Condition) -> DeltaMergeBuilder:
        return DeltaMergeBuilder(self._spark, self._reference, self._alias, source, condition)

    def delete(self, condition: Condition = None) -> DataFrame:
        return self._spark.sql(f"DELETE FROM {self._reference}{self._where(condition)}")

    def update(self, condition: Condition = None, set: Changes | None = None) -> DataFrame:
        changes = _assignments(set, self._spark)
        return self._spark.sql(f"UPDATE {self._reference} SET {changes}{self._where(condition)}")

    def _where(self, condition: Condition) -> str:
        return "" if condition is None else f" WHERE {column_sql(condition, self._spark.client)}"

    def history(self, limit: int | None = None) -> DataFrame:
        return self._spark.sql(f"DESCRIBE HISTORY {self._reference}" + (f" LIMIT {limit}" if limit else ""))

    def detail(self) -> DataFrame:
        return self._spark.sql(f"DESCRIBE DETAIL {self._reference}")

    def vacuum(self, retentionHours: float | None = None) -> DataFrame:
        retain = "" if retentionHours is None else f" RETAIN {retentionHours} HOURS"
        return self._spark.sql(f"VACUUM {self._reference}{retain}")

    def optimize(self) -> DeltaOptimizeBuilder:
        return DeltaOptimizeBuilder(self._spark, self._reference)

    def restoreToVersion(self, version: int) -> DataFrame:
        return self._spark.sql(f"RESTORE TABLE {self._reference} TO VERSION AS OF {version}")

    def restoreToTimestamp(self, timestamp: str) -> DataFrame:
        return self._spark.sql(f"RESTORE TABLE {self._reference} TO TIMESTAMP AS OF '{timestamp}'")


class DeltaOptimizeBuilder:
    def __init__(self, spark: BaseSession, reference: str) -> None:
        self._spark = spark
        self._reference = reference

    def where(self, partitionFilter: str) -> DeltaOptimizeBuilder:
        return self

    def executeCompaction(self) -> DataFrame:
        return self._spark.sql(f"OPTIMIZE {self._reference}")

    def executeZOrderBy(self, *cols: str) -> DataFrame:
        return self.executeCompaction()


class DeltaMergeBuilder:
    """Collects WHEN clauses; `execute` runs them as one MERGE."""

    def __init__(
        self, spark: BaseSession, reference: str, alias: str | None, source: DataFrame, condition: Condition
    ) -> None:
        self._spark = spark
        self._target = reference + (f" AS {alias}" if alias else "")
        self._source = source
        self._condition = condition
        self._clauses: list[str] = []
        self._evolves = False

    def whenMatchedUpdate(self, condition: Condition = None, set: Changes | None = None) -> DeltaMergeBuilder:
        return self._when("MATCHED", condition, f"UPDATE SET {_assignments(set, self._spark)}")

    def whenMatchedUpdateAll(self, condition: Condition = None) -> DeltaMergeBuilder:
        return self._when("MATCHED", condition, "UPDATE SET *")

    def whenMatchedDelete(self, condition: Condition = None) -> DeltaMergeBuilder:
        return self._when("MATCHED", condition, "DELETE")

    def whenNotMatchedInsert(
        self, condition: Condition = None, values: Changes | None = None
    ) -> DeltaMergeBuilder:
        given = values or {}
        columns = ", ".join(name.split(".")[-1] for name in given)
        sources = ", ".join(column_sql(value, self._spark.client) for value in given.values())
        return self._when("NOT MATCHED", condition, f"INSERT ({columns}) VALUES ({sources})")

    def whenNotMatchedInsertAll(self, condition: Condition = None) -> DeltaMergeBuilder:
        return self._when("NOT MATCHED", condition, "INSERT *")

    def whenNotMatchedBySourceUpdate(
        self, condition: Condition = None, set: Changes | None = None
    ) -> DeltaMergeBuilder:
        return self._when("NOT MATCHED BY SOURCE", condition, f"UPDATE SET {_assignments(set, self._spark)}")

    def whenNotMatchedBySourceDelete(self, condition: Condition = None) -> DeltaMergeBuilder:
        return self._when("NOT MATCHED BY SOURCE", condition, "DELETE")

    def withSchemaEvolution(self) -> DeltaMergeBuilder:
        self._evolves = True
        return self

    def _when(self, case: str, condition: Condition, action: str) -> DeltaMergeBuilder:
        test = "" if condition is None else f" AND ({column_sql(condition, self._spark.client)})"
        self._clauses.append(f"WHEN {case}{test} THEN {action}")
        return self

    def execute(self) -> DataFrame:
        view = f"_merge_source_{uuid.uuid4().hex[:8]}"
        plan = self._source._plan
        alias = f" AS {plan._alias}" if isinstance(plan, SubqueryAlias) else ""
        evolution = "WITH SCHEMA EVOLUTION " if self._evolves else ""
        condition = column_sql(self._condition, self._spark.client)
        self._source.createOrReplaceTempView(view)
        try:
            head = f"MERGE {evolution}INTO {self._target} USING {view}{alias} ON {condition}"
            return self._spark.sql(" ".join([head, *self._clauses]))
        finally:
            self._spark.catalog.dropTempView(view)


def _assignments(changes: Changes | None, spark: BaseSession) -> str:
    return ", ".join(f"{name} = {column_sql(value, spark.client)}" for name, value in (changes or {}).items())


def install() -> None:
    """Make `delta` and `delta.tables` importable."""
    package, tables = types.ModuleType("delta"), types.ModuleType("delta.tables")
    for module in (package, tables):
        module.__dict__.update(DeltaTable=DeltaTable, DeltaMergeBuilder=DeltaMergeBuilder)
    package.__dict__["tables"] = tables
    sys.modules.update({"delta": package, "delta.tables": tables})
