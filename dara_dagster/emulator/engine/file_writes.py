"""Corrects writes of plain files (CSV, JSON, Parquet) in which Sail silently differs from Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import CachedRelation
from pyspark.sql.functions import col, lit, when

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["NULL_FOLDER", "name_partitions"]

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"


def name_partitions(spark: LocalSpark, write: pb.WriteOperation) -> None:
    """Makes the partition columns of a file write the names of their folders, in place.

    Sail 0.7.2 writes a null into the folder of its type's zero (`day=1970-01-01`, `n=0`, `s=`); Spark writes
    it, and the empty text, into `__HIVE_DEFAULT_PARTITION__`. Sail also minds the case of the names.
    """
    if write.source.lower() in ("", "delta") or not write.partitioning_columns:
        return
    frame: Any = DataFrame(CachedRelation(write.input), spark)
    wanted = [name.lower() for name in write.partitioning_columns]
    names = {name.lower(): name for name in frame.columns}
    write.partitioning_columns[:] = [names.get(name.lower(), name) for name in write.partitioning_columns]

    def folder_name(name: str) -> Any:
        text = col(f"`{name}`").cast("string")
        return when(text != "", text).otherwise(lit(NULL_FOLDER)).alias(name)

    columns = [folder_name(n) if n.lower() in wanted else col(f"`{n}`") for n in frame.columns]
    write.input.CopyFrom(frame.select(*columns)._plan.plan(spark.client))
