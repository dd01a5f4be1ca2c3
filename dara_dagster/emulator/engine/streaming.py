"""Structured Streaming as incremental batches: `readStream` remembers its source, each start reads what is
new.

Sail 0.7 has neither Delta nor file streams, and no Auto Loader.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import Aggregate, DataSource, Deduplicate, Join, LogicalPlan
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.functions import col, lit
from pyspark.sql.types import StructField, StructType

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.file_writes import NULL_FOLDER
from dara_dagster.emulator.engine.folders import data_files, expanded, partition_values
from dara_dagster.emulator.engine.reader import parsed_schema, with_partitions
from dara_dagster.emulator.engine.sql.handlers import table_folder
from dara_dagster.emulator.engine.streaming_writer import Batch, StreamSource, StreamWriter

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["DeltaSource", "FileSource", "StreamReader", "stream_sources"]

_Folders = dict[str, str | None]
_Read = Callable[[list[str], StructType], DataFrame]


class _SourceNode(DataSource):
    """The plan node of a stream; for the time of a batch it stands for the rows of the batch."""

    stream: StreamSource
    rows: DataFrame | None = None

    def plan(self, session: Any) -> Any:
        if self.rows is None:
            return super().plan(session)
        relation = self.rows._plan.plan(session)
        relation.common.plan_id = self._plan_id
        return relation


def _nodes(plan: Any) -> Iterator[LogicalPlan]:
    """A plan and all below it; plans name their children differently: _child, left, other, ..."""
    if isinstance(plan, LogicalPlan):
        yield plan
        for child in vars(plan).values():
            for item in child if isinstance(child, list | tuple) else [child]:
                yield from _nodes(item)


def stream_sources(plan: LogicalPlan | None) -> list[StreamSource]:
    """The streams a plan reads, each once."""
    found = {id(node): node.stream for node in _nodes(plan) if isinstance(node, _SourceNode)}
    return list(found.values())


def _is_stateful(plan: LogicalPlan | None) -> bool:
    """Whether rows of a batch depend on those of earlier ones."""

    def keeps_state(node: LogicalPlan) -> bool:
        if isinstance(node, Join):
            return bool(stream_sources(node.left) and stream_sources(node.right))
        return isinstance(node, Aggregate | Deduplicate) and bool(stream_sources(node))

    return any(keeps_state(node) for node in _nodes(plan))


class FileSource(StreamSource):
    """Files of a folder; new ones are those not seen before. `read` reads files by a schema."""

    def __init__(
        self, node: _SourceNode, place: str, glob: str | None, schema: StructType, read: _Read
    ) -> None:
        super().__init__(node, place)
        self._glob = glob
        self._schema = schema
        self._read = read

    def batch(self, seen: Any, everything: bool) -> Batch:
        files = dict(self._files())
        known = set(seen or [])
        new = {file: folders for file, folders in files.items() if everything or file not in known}
        return Batch(len(new), sorted(known | set(files)), {"rows": _rows(new, self._schema, self._read)})

    def _files(self) -> Iterator[tuple[str, _Folders]]:
        for place in expanded(self.place, self.place):
            for file in data_files(place):
                if file.exists() and (self._glob is None or fnmatch.fnmatch(file.name, self._glob)):
                    parts = (part.partition("=") for part in file.relative_to(place).parts[:-1])
                    values = ((name, unquote(value)) for name, equals, value in parts if equals)
                    yield str(file), {name: None if value == NULL_FOLDER else value for name, value in values}


class DeltaSource(StreamSource):
    """A Delta table; new rows are those of files added since the version seen."""

    def __init__(self, node: _SourceNode, folder: str, options: dict[str, str], read: _Read) -> None:
        super().__init__(node, folder)
        self._skips_changes = "true" in (options.get("ignoreChanges"), options.get("skipChangeCommits"))
        self._read = read

    def batch(self, seen: Any, everything: bool) -> Batch:
        now = delta_log.latest_version(self.place)
        if seen is None or everything:
            return Batch(1, now, {"_options": {"versionAsOf": str(now)}})
        files: dict[str, _Folders] = {}
        for version in range(int(seen) + 1, now + 1):
            for add in self._added(delta_log.read_commit(self.place, version)):
                files[f"{self.place}/{unquote(add['path'])}"] = add.get("partitionValues") or {}
        fields = [StructField.fromJson(field) for field in delta_log.read_snapshot(self.place).fields]
        return Batch(len(files), now, {"rows": _rows(files, StructType(fields), self._read)})

    def _added(self, actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        removed = any("remove" in action and action["remove"].get("dataChange", True) for action in actions)
        if removed and self._skips_changes:
            return []
        if removed:
            raise RuntimeError(
                "[DELTA_SOURCE_TABLE_IGNORE_CHANGES] Detected a data update in the source table. To skip "
                "such commits set the option skipChangeCommits to true."
            )
        return [
            action["add"] for action in actions if "add" in action and action["add"].get("dataChange", True)
        ]


def _rows(files: Mapping[str, _Folders], schema: StructType, read: _Read) -> DataFrame | None:
    """The rows of files, each with the values of its partition columns; None without files."""
    groups: dict[tuple[tuple[str, str | None], ...], list[str]] = {}
    for file, folders in files.items():
        groups.setdefault(tuple(folders.items()), []).append(file)
    frames: list[Any] = []
    for values, group in groups.items():
        folders = dict(values)
        frame: Any = read(group, StructType([field for field in schema if field.name not in folders]))
        columns = [
            lit(folders[field.name]).cast(field.dataType).alias(field.name)
            if field.name in folders
            else col(f"`{field.name}`")
            for field in schema
        ]
        frames.append(frame.select(*columns))
    while len(frames) > 1:  # in pairs: a plan may only be so deep
        pairs = zip_longest(frames[::2], frames[1::2])
        frames = [left if right is None else left.union(right) for left, right in pairs]
    return frames[0] if frames else None


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
        place = self._spark.paths.spark(path or self._options.get("path", ""))
        if self._format == "delta":
            return self._delta(place)
        if self._format == "cloudFiles":
            return self._auto_loader(place)
        return self._files(self._format, place, self._options, self._given_schema())

    def _given_schema(self) -> StructType | None:
        return parsed_schema(self._spark, self._schema or "")

    def _load_as(
        self, kind: str, path: str, schema: StructType | str | None, options: dict[str, Any]
    ) -> DataFrame:
        if schema is not None:
            self.schema(schema)
        return self.options(**options).format(kind).load(path)

    def _delta(self, folder: str) -> DataFrame:
        def read(files: list[str], schema: StructType) -> DataFrame:
            return self._spark.read.schema(schema).parquet(*files)

        node = _SourceNode(format="delta", options={}, paths=[folder])
        node.stream = DeltaSource(node, folder, self._options, read)
        return DataFrame(node, self._spark)

    def _files(self, kind: str, place: str, options: dict[str, str], schema: StructType | None) -> DataFrame:
        def read(files: list[str], fields: StructType) -> DataFrame:
            return self._spark.read.format(kind).options(**options).schema(fields).load(files)

        if schema is None:
            schema = self._spark.read.format(kind).options(**options).load(place).schema
        node = _SourceNode(format=kind, schema=schema.json(), options=options, paths=[place])
        whole = with_partitions(schema, partition_values(expanded(place, place)))
        node.rows = read([place], schema)
        node.stream = FileSource(node, place, options.get("pathGlobFilter"), whole, read)
        return DataFrame(node, self._spark)

    def _auto_loader(self, place: str) -> DataFrame:
        """cloudFiles: files of a folder, all columns strings unless types are inferred or hinted."""
        kind = self._options["cloudFiles.format"]
        options = {key: value for key, value in self._options.items() if not key.startswith("cloudFiles.")}
        if self._schema is not None:
            return self._files(kind, place, options, self._given_schema())
        reader = self._spark.read.format(kind).options(**options)
        if self._options.get("cloudFiles.inferColumnTypes", "false") == "true":
            reader = reader.option("inferSchema", "true")
        schema = reader.load(place).schema
        hints = self._options.get("cloudFiles.schemaHints")
        hinted = {f.name: f.dataType for f in self._spark.rows([], hints).schema.fields} if hints else {}
        for field in schema.fields:
            field.dataType = hinted.get(field.name, field.dataType)
        frame: Any = self._files(kind, place, options, schema)
        rescued: DataFrame = frame.withColumn("_rescued_data", lit(None).cast("string"))
        return rescued


_native_writer = DataFrame.writeStream.fget  # type: ignore[attr-defined]
_native_is_streaming = DataFrame.isStreaming.func  # type: ignore[attr-defined]


def _write_stream(frame: DataFrame) -> Any:
    sources = stream_sources(frame._plan)
    return StreamWriter(frame, sources, _is_stateful(frame._plan)) if sources else _native_writer(frame)


def _is_streaming(frame: DataFrame) -> bool:
    return bool(stream_sources(frame._plan)) or _native_is_streaming(frame)


DataFrame.writeStream = property(_write_stream)  # type: ignore[assignment,method-assign]
DataFrame.isStreaming = property(_is_streaming)  # type: ignore[assignment,method-assign]
