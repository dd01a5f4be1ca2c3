"""Corrects writes of plain files (CSV, JSON, Parquet) in which Sail silently differs from Spark."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import CachedRelation
from pyspark.sql.functions import col, date_format, lit, when
from pyspark.sql.types import DataType, DateType, StructField, TimestampType

from dara_dagster.emulator.lake.folders import NULL_FOLDER
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["WrittenFiles", "prepare_files"]

_NAMED = ("csv", "json", "parquet", "text", "avro", "orc")
# Options that Sail 0.7.2 takes and ignores, each with what it does instead.
_IGNORED = {
    "csv": {"encoding": "utf-8", "escapequotes": "true", "linesep": "\n", "quoteall": "false"},
    "json": {"encoding": "utf-8", "ignorenullfields": "true", "linesep": "\n"},
    "text": {"linesep": "\n"},
}


class WrittenFiles:
    """Gives the files of a write Spark's names (part-00000-...), and the folder its _SUCCESS.

    Source: https://spark.apache.org/docs/4.0.1/cloud-integration.html
    """

    def __init__(self, command: pb.Command) -> None:
        write = command.write_operation
        kind = write.source.lower()
        is_files = command.HasField("write_operation") and kind in _NAMED and "://" not in write.path
        self._folder = Path(write.path) if is_files and write.path else None
        self._before = set(self._files())

    def _files(self) -> Iterator[Path]:
        if self._folder is not None and self._folder.is_dir():
            yield from (path for path in self._folder.rglob("*") if path.is_file())

    def rename(self) -> None:
        """Rename what has been written since."""
        if self._folder is None or not self._folder.is_dir():
            return
        job = uuid.uuid4()
        new = sorted(path for path in self._files() if path not in self._before)
        places = itertools.count()
        for path in new:
            if not path.name.startswith(("_", ".", "part-")):
                suffix = path.name[path.name.index(".") :] if "." in path.name else ""
                path.rename(path.with_name(f"part-{next(places):05}-{job}-c000{suffix}"))
        (self._folder / "_SUCCESS").touch()


def prepare_files(spark: BaseSession, write: pb.WriteOperation, mode: str) -> None:
    """Change a write of plain files in place so that Sail does what Spark would; `mode` is the
    partitionOverwriteMode.

    Raises NotSupportedLocally for what Sail 0.7.2 would ignore: options, and the mode `dynamic`, without
    which the other partitions are lost.
    """
    kind = write.source.lower()
    if kind in ("", "delta"):
        return
    if kind == "xml":
        raise NotSupportedLocally("The format xml")
    replaces = write.mode == pb.WriteOperation.SAVE_MODE_OVERWRITE
    if replaces and write.partitioning_columns and mode == "dynamic":
        hint = "Write a Delta table, or a partition to its folder."
        raise NotSupportedLocally(f"partitionOverwriteMode=dynamic for files ({kind})", hint)
    for key, value in write.options.items():
        default = _IGNORED.get(kind, {}).get(key.lower())
        if default is not None and value.lower() != default:
            raise NotSupportedLocally(f"The option `{key}` of a {kind} write")
    if kind in ("csv", "json"):
        _format_moments(spark, write)
    if write.partitioning_columns:
        _name_partitions(spark, write)


def _format_moments(spark: BaseSession, write: pb.WriteOperation) -> None:
    """Apply dateFormat and timestampFormat to the columns, which Sail ignores."""
    given = {key.lower(): value for key, value in write.options.items()}
    formats: dict[type[DataType], str | None] = {
        DateType: given.get("dateformat"),
        TimestampType: given.get("timestampformat"),
    }
    if not any(formats.values()):
        return
    frame: Any = DataFrame(CachedRelation(write.input), spark)

    def written(field: StructField) -> Any:
        pattern = formats.get(type(field.dataType))
        value = col(f"`{field.name}`")
        return date_format(value, pattern).alias(field.name) if pattern else value

    write.input.CopyFrom(frame.select(*map(written, frame.schema))._plan.plan(spark.client))


def _name_partitions(spark: BaseSession, write: pb.WriteOperation) -> None:
    """Make the partition columns of a file write the names of their folders, in place.

    Sail 0.7.2 writes a null into the folder of its type's zero (`day=1970-01-01`, `n=0`, `s=`); Spark writes
    it, and the empty text, into `__HIVE_DEFAULT_PARTITION__`. Sail also minds the case of the names.
    """
    frame: Any = DataFrame(CachedRelation(write.input), spark)
    wanted = [name.lower() for name in write.partitioning_columns]
    names = {name.lower(): name for name in frame.columns}
    write.partitioning_columns[:] = [names.get(name.lower(), name) for name in write.partitioning_columns]

    def folder_name(name: str) -> Any:
        text = col(f"`{name}`").cast("string")
        return when(text != "", text).otherwise(lit(NULL_FOLDER)).alias(name)

    columns = [folder_name(n) if n.lower() in wanted else col(f"`{n}`") for n in frame.columns]
    write.input.CopyFrom(frame.select(*columns)._plan.plan(spark.client))
