"""The writing side of a stream: one start runs one batch over what is new since the checkpoint."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import DataSource
    from pyspark.sql.connect.readwriter import DataFrameWriter

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["Batch", "StreamQuery", "StreamSource", "StreamWriter"]

_OWN_OPTIONS = ("checkpointLocation", "path")


@dataclass(frozen=True)
class Batch:
    """`size` files are new (0: nothing to do), `seen` goes to the checkpoint, `changes` are set on the plan
    node.
    """

    size: int
    seen: Any
    changes: dict[str, Any]


class StreamSource(ABC):
    """A source of a stream. `place` identifies it in the checkpoint."""

    def __init__(self, node: DataSource, place: str) -> None:
        self._node = node
        self.place = place

    @abstractmethod
    def batch(self, seen: Any, everything: bool, limited: bool = False) -> Batch:
        """Return what is new since `seen` (None at first), or everything; `limited` by maxFilesPerTrigger."""

    @contextmanager
    def reading(self, batch: Batch) -> Iterator[None]:
        """Let plans that read this source read the batch."""
        before = {name: getattr(self._node, name) for name in batch.changes}
        self._node.__dict__.update(batch.changes)
        try:
            yield
        finally:
            self._node.__dict__.update(before)


class StreamQuery:
    """A query that has already ended."""

    def __init__(self, name: str | None, progress: dict[str, Any]) -> None:
        self.name = name
        self.id = self.runId = uuid.uuid4()
        self.isActive = False
        self.lastProgress = progress
        self.recentProgress = [progress]
        self.status = {"message": "Stopped", "isDataAvailable": False, "isTriggerActive": False}

    def awaitTermination(self, timeout: float | None = None) -> bool:
        return True

    def processAllAvailable(self) -> None:
        """Do nothing: everything was processed at the start."""

    def stop(self) -> None:
        """Do nothing: the query has ended."""

    def exception(self) -> None:
        """Return None: an error is raised at the start."""


class StreamWriter:
    """What `df.writeStream` returns. `stateful` are streams that need the rows of earlier batches;
    `watermarked` tells of an aggregated stream whether it has a watermark, and is None for any other.
    """

    def __init__(
        self, frame: DataFrame, sources: list[StreamSource], stateful: bool, watermarked: bool | None = None
    ) -> None:
        self._stateful = stateful
        self._watermarked = watermarked
        self._once = False
        self._frame = frame
        self._sources = sources
        self._spark = cast("BaseSession", frame.sparkSession)
        self._format = "delta"
        self._mode = "append"
        self._options: dict[str, str] = {}
        self._partitions: list[str] = []
        self._name: str | None = None
        self._each: Callable[[DataFrame, int], None] | None = None

    def format(self, source: str) -> StreamWriter:
        self._format = source
        return self

    def outputMode(self, outputMode: str) -> StreamWriter:
        self._mode = outputMode.lower()
        return self

    def option(self, key: str, value: Any) -> StreamWriter:
        self._options[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return self

    def options(self, **options: Any) -> StreamWriter:
        for key, value in options.items():
            self.option(key, value)
        return self

    def queryName(self, queryName: str) -> StreamWriter:
        self._name = queryName
        return self

    def partitionBy(self, *cols: str) -> StreamWriter:
        self._partitions = list(cols)
        return self

    def clusterBy(self, *cols: str) -> StreamWriter:
        return self

    def trigger(self, **kind: Any) -> StreamWriter:
        """Set the trigger: each reads what is there now; an endless stream would hold the task for ever. With
        `once` it is one batch, whatever maxFilesPerTrigger says
        (https://docs.databricks.com/aws/en/structured-streaming/triggers).
        """
        self._once = bool(kind.get("once"))
        return self

    def foreachBatch(self, func: Callable[[DataFrame, int], None]) -> StreamWriter:
        self._each = func
        return self

    def toTable(self, tableName: str, **options: Any) -> StreamQuery:
        return self._run(lambda frame: self._writer(frame).saveAsTable(tableName))

    def start(self, path: str | None = None, **options: Any) -> StreamQuery:
        if self._each is not None:
            return self._run(lambda frame: None)
        if self._format == "memory":
            return self._run(lambda frame: frame.createOrReplaceTempView(self._name or "memory"))
        if self._format == "console":
            return self._run(lambda frame: frame.show())
        place = path or self._options.get("path")
        return self._run(lambda frame: self._writer(frame).format(self._format).save(place))

    def _writer(self, frame: DataFrame) -> DataFrameWriter:
        options = {key: value for key, value in self._options.items() if key not in _OWN_OPTIONS}
        writer = frame.write.mode("overwrite" if self._mode == "complete" else "append").options(**options)
        return writer.partitionBy(*self._partitions) if self._partitions else writer

    def _run(self, sink: Callable[[DataFrame], None]) -> StreamQuery:
        location = self._options.get("checkpointLocation")
        folder = self._spark.store.root / ".streams" / uuid.uuid4().hex
        checkpoint = Path(self._spark.paths.spark(location)) if location else folder
        self._check_aggregates()
        total = 0
        with self._spark.store.lock(checkpoint):
            state = _read_state(checkpoint)
            while size := self._next_batch(state, checkpoint, sink):
                total += size
                if self._mode == "complete" or self._once:
                    break
        return StreamQuery(self._name, {"batchId": state["batch"] - 1, "numInputRows": total})

    def _check_aggregates(self) -> None:
        """Raise AnalysisException for an aggregated stream in append mode, which gives out final groups only
        (https://spark.apache.org/docs/latest/streaming/apis-on-dataframes-and-datasets.html#output-modes).
        """
        if self._mode != "append" or self._watermarked is None:
            return
        if self._watermarked:
            what = "An aggregation with a watermark in output mode append"
            raise NotSupportedLocally(what, "Use outputMode('complete'), or foreachBatch with a MERGE.")
        raise AnalysisException(
            "[STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION] Invalid streaming output mode: append. This "
            "output mode is not supported for streaming aggregations without watermark on streaming "
            "DataFrames/DataSets. SQLSTATE: 42KDE"
        )

    def _next_batch(self, state: dict[str, Any], checkpoint: Path, sink: Callable[[DataFrame], None]) -> int:
        """Run one batch and notes what it took; its size, 0 when there is nothing new."""
        batches = [
            source.batch(state["sources"].get(source.place), self._mode == "complete", not self._once)
            for source in self._sources
        ]
        size = sum(batch.size for batch in batches)
        if size and state["batch"] and self._stateful and self._mode != "complete":
            raise NotSupportedLocally(
                "A second batch of a stream with an aggregation, a deduplication or a join of streams",
                "Use outputMode('complete'), or foreachBatch with a MERGE.",
            )
        if size:
            self._process(batches, sink, state["batch"])
            state["batch"] += 1
            for source, batch in zip(self._sources, batches, strict=True):
                state["sources"][source.place] = batch.seen
            _write_state(checkpoint, state)
        return size

    def _process(self, batches: list[Batch], sink: Callable[[DataFrame], None], number: int) -> None:
        if any(not batch.size for batch in batches):
            raise NotSupportedLocally("A stream of several sources of which only some have something new")
        contexts = [source.reading(batch) for source, batch in zip(self._sources, batches, strict=True)]
        for context in contexts:
            context.__enter__()
        try:
            if self._each is not None:
                self._each(self._frame, number)
            else:
                with self._spark.writes.named("STREAMING UPDATE"):
                    sink(self._frame)
        finally:
            for context in contexts:
                context.__exit__(None, None, None)


def _read_state(checkpoint: Path) -> dict[str, Any]:
    file = checkpoint / "local_state.json"
    state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"batch": 0, "sources": {}}
    return state


def _write_state(checkpoint: Path, state: dict[str, Any]) -> None:
    checkpoint.mkdir(parents=True, exist_ok=True)
    partial = checkpoint / f".{uuid.uuid4().hex}"
    partial.write_text(json.dumps(state))
    partial.replace(checkpoint / "local_state.json")
