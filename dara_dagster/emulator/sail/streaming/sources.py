"""Structured Streaming as incremental batches: `readStream` remembers its source, each start reads what is
new.

Sail 0.7 has neither Delta nor file streams, and no Auto Loader.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import Aggregate, DataSource, Deduplicate, Join, LogicalPlan, WithWatermark
from pyspark.sql.connect.session import SparkSession
from pyspark.sql.connect.streaming.readwriter import DataStreamWriter
from pyspark.sql.functions import col, lit
from pyspark.sql.types import StructField, StructType

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.lake.column_mapping import PHYSICAL
from dara_dagster.emulator.lake.folders import NULL_FOLDER, data_files, expanded, partition_values
from dara_dagster.emulator.sail.reads.reader import parsed_schema, with_partitions
from dara_dagster.emulator.sail.sql.handlers import table_folder
from dara_dagster.emulator.sail.sql.maintenance import epoch_ms
from dara_dagster.emulator.sail.streaming.writer import Batch, StreamSource, StreamWriter
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

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
    """Yield a plan and all below it; plans name their children differently: _child, left, other, ..."""
    if isinstance(plan, LogicalPlan):
        yield plan
        for child in vars(plan).values():
            for item in child if isinstance(child, list | tuple) else [child]:
                yield from _nodes(item)


def stream_sources(plan: LogicalPlan | None) -> list[StreamSource]:
    """Return the streams a plan reads, each once."""
    found = {id(node): node.stream for node in _nodes(plan) if isinstance(node, _SourceNode)}
    return list(found.values())


def _is_stateful(plan: LogicalPlan | None) -> bool:
    """Return whether rows of a batch depend on those of earlier ones."""

    def keeps_state(node: LogicalPlan) -> bool:
        if isinstance(node, Join):
            return bool(stream_sources(node.left) and stream_sources(node.right))
        return isinstance(node, Aggregate | Deduplicate) and bool(stream_sources(node))

    return any(keeps_state(node) for node in _nodes(plan))


def _is_watermarked(plan: LogicalPlan | None) -> bool | None:
    """Return whether an aggregated stream has a watermark, which makes groups final; None if none is
    aggregated."""
    aggregates = [node for node in _nodes(plan) if isinstance(node, Aggregate) and stream_sources(node)]
    if not aggregates:
        return None
    return all(any(isinstance(below, WithWatermark) for below in _nodes(node)) for node in aggregates)


def _plan_watermark(node: Any, session: Any) -> Any:
    """Return the plan of withWatermark, which Sail lacks: all rows, since it drops only rows that come after
    others.

    Rows of one batch are never late (https://spark.apache.org/docs/latest/streaming/: a watermark is of the
    batches before).
    """
    plan = node._create_proto_relation()
    plan.filter.input.CopyFrom(node._child.plan(session))
    plan.filter.condition.literal.boolean = True
    return plan


class FileSource(StreamSource):
    """Files of a folder; new ones are those not seen before. `read` reads files by a schema."""

    def __init__(
        self,
        node: _SourceNode,
        place: str,
        glob: str | None,
        schema: StructType,
        read: _Read,
        most: int | None = None,
    ) -> None:
        super().__init__(node, place)
        self._most = most
        self._glob = glob
        self._schema = schema
        self._read = read

    def batch(self, seen: Any, everything: bool, limited: bool = False) -> Batch:
        files = dict(self._files())
        known = set(seen or [])
        new = {file: folders for file, folders in files.items() if everything or file not in known}
        if limited and self._most is not None and not everything:
            oldest = sorted(new, key=lambda file: (Path(file).stat().st_mtime, file))[: self._most]
            new = {file: new[file] for file in oldest}
        return Batch(len(new), sorted(known | set(new)), {"rows": _rows(new, self._schema, self._read)})

    def _files(self) -> Iterator[tuple[str, _Folders]]:
        for place in expanded(self.place, self.place):
            for file in data_files(place):
                if file.exists() and (self._glob is None or fnmatch.fnmatch(file.name, self._glob)):
                    parts = (part.partition("=") for part in file.relative_to(place).parts[:-1])
                    values = ((name, unquote(value)) for name, equals, value in parts if equals)
                    yield str(file), {name: None if value == NULL_FOLDER else value for name, value in values}


class DeltaSource(StreamSource):
    """A Delta table: at first its rows (or those since `startingVersion`), then those of files added later.

    https://docs.databricks.com/aws/en/structured-streaming/delta-lake. What was seen is a version; or a
    version and how many files of it were taken, `first` when they are all those that the table had then.
    """

    def __init__(self, node: _SourceNode, folder: str, options: dict[str, str], read: _Read) -> None:
        super().__init__(node, folder)
        given = {key.lower(): value for key, value in options.items()}
        skips = ("ignorechanges", "skipchangecommits")
        self._skips_changes = any(given.get(key, "").lower() == "true" for key in skips)
        self._most = files_per_trigger(given)
        self._start = _starting_version(Path(folder), given)
        self._read = read
        if given.get("readchangefeed", given.get("readchangedata", "")).lower() == "true":
            raise NotSupportedLocally("The change data feed (readChangeFeed)")
        for key in ("maxbytespertrigger", "ignoredeletes"):
            if key in given and not (key == "ignoredeletes" and given[key].lower() == "false"):
                raise NotSupportedLocally(f"The option {key} of a Delta stream")

    def batch(self, seen: Any, everything: bool, limited: bool = False) -> Batch:
        now = delta_log.latest_version(self.place)
        most = self._most if limited else None
        if everything or (seen is None and self._start is None and most is None):
            return Batch(1, now, {"_options": {"versionAsOf": str(now)}})
        files: dict[str, _Folders] = {}
        for version, first, index, add in self._pending(seen, now):
            files[f"{self.place}/{unquote(add['path'])}"] = add.get("partitionValues") or {}
            if most is not None and len(files) >= most:
                seen = {"version": version, "first": first, "taken": index + 1}
                break
        else:
            seen = now
        fields = [StructField.fromJson(field) for field in delta_log.read_snapshot(self.place).fields]
        return Batch(len(files), seen, {"rows": _rows(files, StructType(fields), self._read)})

    def _pending(self, seen: Any, now: int) -> Iterator[tuple[int, bool, int, dict[str, Any]]]:
        """Yield the files not yet seen: (version, whether of the table as it was then, place in it, file)."""
        at = seen if isinstance(seen, dict) else None
        after = now if seen is None else int(at["version"] if at else seen)
        if seen is None and self._start is not None:
            after = self._start - 1
        elif seen is None or (at and at["first"]):
            adds = sorted(delta_log.read_snapshot(self.place, after).files.values(), key=_age)
            for index, add in list(enumerate(adds))[at["taken"] if at else 0 :]:
                yield after, True, index, add
        elif at:
            added = self._added(delta_log.read_commit(self.place, after))
            for index, add in list(enumerate(added))[at["taken"] :]:
                yield after, False, index, add
        for version in range(after + 1, now + 1):
            for index, add in enumerate(self._added(delta_log.read_commit(self.place, version))):
                yield version, False, index, add

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


def _age(add: Mapping[str, Any]) -> tuple[int, str]:
    return int(add.get("modificationTime") or 0), str(add["path"])


def _starting_version(folder: Path, given: Mapping[str, str]) -> int | None:
    """Return the first version to read by `startingVersion` or `startingTimestamp`; None without them."""
    version, moment = given.get("startingversion"), given.get("startingtimestamp")
    if version and moment:
        raise AnalysisException(
            "[DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET] Please provide startingVersion or "
            "startingTimestamp, not both."
        )
    if version is not None:
        if version.lower() == "latest":
            return delta_log.latest_version(folder) + 1
        if int(version) not in range(delta_log.latest_version(folder) + 1):
            raise AnalysisException(f"[DELTA_VERSION_NOT_FOUND] The table has no version {version}.")
        return int(version)
    if moment is None:
        return None
    later = [one.version for one in delta_log.history(folder) if one.timestamp >= epoch_ms(moment)]
    if not later:
        raise AnalysisException(
            f"[DELTA_TIMESTAMP_GREATER_THAN_COMMIT] startingTimestamp {moment} is after the last commit of "
            "the table."
        )
    return min(later)


def files_per_trigger(given: Mapping[str, str]) -> int | None:
    """Return `maxFilesPerTrigger` of a source, its options in lower case; None when a batch takes all
    files."""
    text = given.get("maxfilespertrigger", given.get("cloudfiles.maxfilespertrigger"))
    if text is None:
        return None
    if not text.isdigit() or int(text) < 1:
        raise AnalysisException(
            f"Invalid value '{text}' for option 'maxFilesPerTrigger', must be a positive integer"
        )
    return int(text)


def _rows(files: Mapping[str, _Folders], schema: StructType, read: _Read) -> DataFrame | None:
    """Return the rows of files, each with the values of its partition columns; None without files."""
    groups: dict[tuple[tuple[str, str | None], ...], list[str]] = {}
    for file, folders in files.items():
        groups.setdefault(tuple(folders.items()), []).append(file)
    stored = {field.name: (field.metadata or {}).get(PHYSICAL, field.name) for field in schema}
    frames: list[Any] = []
    for values, group in groups.items():
        folders = dict(values)
        inside = [field for field in schema if stored[field.name] not in folders]
        frame: Any = read(group, StructType([StructField(stored[f.name], f.dataType) for f in inside]))
        columns = [
            lit(folders[stored[field.name]]).cast(field.dataType).alias(field.name)
            if stored[field.name] in folders
            else col(f"`{stored[field.name]}`").alias(field.name)
            for field in schema
        ]
        frames.append(frame.select(*columns))
    while len(frames) > 1:  # in pairs: a plan may only be so deep
        pairs = zip_longest(frames[::2], frames[1::2])
        frames = [left if right is None else left.union(right) for left, right in pairs]
    return frames[0] if frames else None


class StreamReader:
    """What `spark.readStream` returns."""

    def __init__(self, spark: BaseSession) -> None:
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

    def _lower(self) -> dict[str, str]:
        return {key.lower(): value for key, value in self._options.items()}

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
        node.stream = FileSource(
            node, place, options.get("pathGlobFilter"), whole, read, files_per_trigger(self._lower())
        )
        return DataFrame(node, self._spark)

    def _auto_loader(self, place: str) -> DataFrame:
        """Read cloudFiles: files of a folder, all columns strings unless types are inferred or hinted."""
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


class _EngineWriter(DataStreamWriter):
    """Writes what the engine itself streams: the source rate."""

    def foreachBatch(self, func: Any) -> Any:
        raise NotSupportedLocally("foreachBatch of a stream of the source rate")

    def foreach(self, f: Any) -> Any:
        raise NotSupportedLocally("foreach of a stream of the source rate")


def _write_stream(frame: DataFrame) -> Any:
    sources = stream_sources(frame._plan)
    if not sources:
        return (
            _EngineWriter(frame._plan, frame._session)
            if _native_is_streaming(frame)
            else _native_writer(frame)
        )
    return StreamWriter(frame, sources, _is_stateful(frame._plan), _is_watermarked(frame._plan))


def _is_streaming(frame: DataFrame) -> bool:
    return bool(stream_sources(frame._plan)) or _native_is_streaming(frame)


WithWatermark.plan = _plan_watermark  # type: ignore[method-assign,assignment]
DataFrame.writeStream = property(_write_stream)  # type: ignore[assignment,method-assign]
DataFrame.isStreaming = property(_is_streaming)  # type: ignore[assignment,method-assign]
