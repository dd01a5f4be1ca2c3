"""Structured Streaming as incremental batches: `readStream` remembers its source, each start reads what is
new.

Sail 0.7 has neither Delta nor file streams, and no Auto Loader.
"""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import DataSource, LogicalPlan
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.functions import lit
from pyspark.sql.types import StructType

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.sql.handlers import table_folder
from dara_dagster.emulator.engine.sql.types import delta_type
from dara_dagster.emulator.engine.streaming_writer import Batch, StreamSource, StreamWriter

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["DeltaSource", "FileSource", "StreamReader", "stream_sources"]


class _SourceNode(DataSource):
    """The plan node of a stream; its paths and options are changed for the time of a batch."""

    stream: StreamSource


def stream_sources(plan: LogicalPlan | None) -> list[StreamSource]:
    """The streams a plan reads, each once."""
    found: dict[int, StreamSource] = {}

    def walk(node: Any) -> None:
        if isinstance(node, _SourceNode):
            found[id(node)] = node.stream
        for child in vars(node).values():  # plans name their children differently: _child, left, other, ...
            for item in child if isinstance(child, list | tuple) else [child]:
                if isinstance(item, LogicalPlan):
                    walk(item)

    walk(plan)
    return list(found.values())


class FileSource(StreamSource):
    """Files of a folder; new ones are those not seen before."""

    def __init__(self, node: _SourceNode, folder: str, options: dict[str, str]) -> None:
        super().__init__(node, folder)
        self._glob = options.get("pathGlobFilter")

    def batch(self, seen: Any, everything: bool) -> Batch:
        files = [str(file) for file in self._files()]
        known = set(seen or [])
        new = [file for file in files if everything or file not in known]
        return Batch(len(new), sorted(known | set(files)), {"_paths": new})

    def _files(self) -> list[Path]:
        place = Path(self.place)
        if place.is_file():
            return [place]
        found: list[Path] = []
        for folder, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
            found += [Path(folder, name) for name in sorted(names) if not name.startswith(("_", "."))]
        return [file for file in found if self._glob is None or fnmatch.fnmatch(file.name, self._glob)]


class DeltaSource(StreamSource):
    """A Delta table; new rows are those of files added since the version seen."""

    def __init__(self, node: _SourceNode, folder: str, options: dict[str, str]) -> None:
        super().__init__(node, folder)
        self._skips_changes = "true" in (options.get("ignoreChanges"), options.get("skipChangeCommits"))

    def batch(self, seen: Any, everything: bool) -> Batch:
        now = delta_log.latest_version(self.place)
        if seen is None or everything:
            return Batch(1, now, {"_options": {"versionAsOf": str(now)}})
        files: list[str] = []
        for version in range(int(seen) + 1, now + 1):
            files += self._added(delta_log.read_commit(self.place, version))
        fields = delta_log.read_snapshot(self.place).fields
        schema = ", ".join(f"`{field['name']}` {delta_type(field['type'])}" for field in fields)
        changes = {
            "_format": "parquet",
            "_paths": files,
            "_schema": schema,
            "_options": {"basePath": self.place},
        }
        return Batch(len(files), now, changes)

    def _added(self, actions: list[dict[str, Any]]) -> list[str]:
        removed = any("remove" in action and action["remove"].get("dataChange", True) for action in actions)
        if removed and self._skips_changes:
            return []
        if removed:
            raise RuntimeError(
                "[DELTA_SOURCE_TABLE_IGNORE_CHANGES] Detected a data update in the source table. To skip "
                "such commits set the option skipChangeCommits to true."
            )
        added = [
            action["add"] for action in actions if "add" in action and action["add"].get("dataChange", True)
        ]
        return [f"{self.place}/{add['path']}" for add in added]


class StreamReader:
    """What `spark.readStream` returns."""

    def __init__(self, spark: LocalSpark) -> None:
        self._spark = spark
        self._format = "delta"
        self._options: dict[str, str] = {}
        self._schema: str | None = None

    def format(self, source: str) -> StreamReader:
        self._format = source
        return self

    def option(self, key: str, value: Any) -> StreamReader:
        self._options[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return self

    def options(self, **options: Any) -> StreamReader:
        for key, value in options.items():
            if value is not None:
                self.option(key, value)
        return self

    def schema(self, schema: StructType | str) -> StreamReader:
        self._schema = schema if isinstance(schema, str) else schema.json()
        return self

    def table(self, tableName: str) -> DataFrame:
        return self._delta(str(table_folder(self._spark, tableName)))

    def csv(self, path: str, schema: StructType | str | None = None, **options: Any) -> DataFrame:
        return self._load_as("csv", path, schema, options)

    def json(self, path: str, schema: StructType | str | None = None, **options: Any) -> DataFrame:
        return self._load_as("json", path, schema, options)

    def parquet(self, path: str, **options: Any) -> DataFrame:
        return self._load_as("parquet", path, None, options)

    def text(self, path: str, **options: Any) -> DataFrame:
        return self._load_as("text", path, None, options)

    def load(self, path: str | None = None) -> DataFrame:
        if self._format == "rate":
            native = SparkSession.readStream.fget(self._spark)  # type: ignore[attr-defined]
            frame: DataFrame = native.format("rate").options(**self._options).load()
            return frame
        place = self._spark.paths.local(path or self._options.get("path", ""))
        if self._format == "delta":
            return self._delta(place)
        if self._format == "cloudFiles":
            return self._auto_loader(place)
        return self._files(self._format, place, self._options, self._schema)

    def _load_as(
        self, kind: str, path: str, schema: StructType | str | None, options: dict[str, Any]
    ) -> DataFrame:
        if schema is not None:
            self.schema(schema)
        return self.options(**options).format(kind).load(path)

    def _delta(self, folder: str) -> DataFrame:
        node = _SourceNode(format="delta", options={}, paths=[folder])
        node.stream = DeltaSource(node, folder, self._options)
        return DataFrame(node, self._spark)

    def _files(self, kind: str, place: str, options: dict[str, str], schema: str | None) -> DataFrame:
        if schema is None:
            schema = self._spark.read.format(kind).options(**options).load(place).schema.json()
        node = _SourceNode(format=kind, schema=schema, options=options, paths=[place])
        node.stream = FileSource(node, place, options)
        return DataFrame(node, self._spark)

    def _auto_loader(self, place: str) -> DataFrame:
        """cloudFiles: files of a folder, all columns strings unless types are inferred or hinted."""
        kind = self._options["cloudFiles.format"]
        options = {key: value for key, value in self._options.items() if not key.startswith("cloudFiles.")}
        if self._schema is not None:
            return self._files(kind, place, options, self._schema)
        reader = self._spark.read.format(kind).options(**options)
        if self._options.get("cloudFiles.inferColumnTypes", "false") == "true":
            reader = reader.option("inferSchema", "true")
        schema = reader.load(place).schema
        hints = self._options.get("cloudFiles.schemaHints")
        hinted = {f.name: f.dataType for f in self._spark.rows([], hints).schema.fields} if hints else {}
        for field in schema.fields:
            field.dataType = hinted.get(field.name, field.dataType)
        frame: Any = self._files(kind, place, options, schema.json())
        rescued: DataFrame = frame.withColumn("_rescued_data", lit(None).cast("string"))
        return rescued


_native_writer = DataFrame.writeStream.fget  # type: ignore[attr-defined]
_native_is_streaming = DataFrame.isStreaming.func  # type: ignore[attr-defined]


def _write_stream(frame: DataFrame) -> Any:
    sources = stream_sources(frame._plan)
    return StreamWriter(frame, sources) if sources else _native_writer(frame)


def _is_streaming(frame: DataFrame) -> bool:
    return bool(stream_sources(frame._plan)) or _native_is_streaming(frame)


DataFrame.writeStream = property(_write_stream)  # type: ignore[assignment,method-assign]
DataFrame.isStreaming = property(_is_streaming)  # type: ignore[assignment,method-assign]
