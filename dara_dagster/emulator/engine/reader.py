"""`spark.read`: CSV and JSON by Spark's rules, of which Sail has a part; typed partition columns."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import DataSource
from pyspark.sql.connect.readwriter import DataFrameReader
from pyspark.sql.functions import col, when
from pyspark.sql.types import StructType

from dara_dagster.emulator.engine.csv_reads import read_csv
from dara_dagster.emulator.engine.file_writes import NULL_FOLDER
from dara_dagster.emulator.engine.json_reads import read_json

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["LocalReader"]

_FILES = ("csv", "json", "parquet", "text", "binaryfile")
# In the order of Spark's PartitioningUtils.inferPartitionColumnValue.
_FOLDER_TYPES = (
    ("int", re.compile(r"[+-]?\d{1,9}")),
    ("bigint", re.compile(r"[+-]?\d{1,18}")),
    ("double", re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}")),
    ("timestamp", re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?")),
)


class LocalReader(DataFrameReader):
    """What `spark.read` returns."""

    def __init__(self, spark: LocalSpark) -> None:
        super().__init__(spark)
        self._spark = spark

    def load(
        self, path: Any = None, format: str | None = None, schema: Any = None, **options: Any
    ) -> DataFrame:
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self.options(**options)
        kind = (self._format or "").lower()
        given = {key.lower(): value for key, value in self._options.items()}
        paths = (
            [path] if isinstance(path, str) else list(path or ([given["path"]] if "path" in given else []))
        )
        if kind in _FILES and given.get("recursivefilelookup", "").lower() != "true":
            paths = [file for place in paths for file in self._of_folder(place)]
        known = _parsed_schema(self._spark, self._schema)
        if kind == "csv":
            frame = read_csv(lambda *how: self._source("csv", paths, *how), known, self._options)
        elif kind == "json":
            frame = read_json(self._spark, self._source, paths, known, self._options)
        elif kind == "text" and given.get("wholetext", "").lower() == "true":
            content = self._source("binaryFile", paths, None)
            return cast(DataFrame, content.select(col("content").cast("string").alias("value")))
        else:
            frame = super().load(path)
        typed = {} if known else _partition_types(self._spark.paths.local(place) for place in paths)
        return _with_types(frame, typed) if kind in ("csv", "json", "parquet") else frame

    def _of_folder(self, place: str) -> list[str]:
        """The files of a folder without those of its subfolders, as Spark reads it when these are not
        partitions; Sail would read them too. The place itself when there is nothing to leave out.
        """
        folder = Path(self._spark.paths.local(place))
        if not folder.is_dir():
            return [place]
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(("_", "."))]
        below = [entry.name for entry in entries if entry.is_dir()]
        files = sorted(str(folder / entry.name) for entry in entries if entry.is_file())
        return files if files and below and not any("=" in name for name in below) else [place]

    def _source(
        self,
        kind: str,
        paths: Sequence[str],
        schema: StructType | None,
        options: Mapping[str, str] | None = None,
    ) -> DataFrame:
        fields = schema.json() if schema else ""
        node = DataSource(format=kind, schema=fields, options=dict(options or {}), paths=list(paths))
        return DataFrame(node, self._spark)


def _parsed_schema(spark: LocalSpark, text: str) -> StructType | None:
    """The schema in a DDL string or in JSON; None for ''."""
    if not text:
        return None
    if text.lstrip().startswith("{"):
        return StructType.fromJson(json.loads(text))
    return spark.rows([], text).schema


def _partition_types(places: Iterable[str]) -> dict[str, str]:
    """The type of each column that is a folder's name (`day=2024-01-01`) below the places."""
    values: dict[str, set[str]] = {}
    for place in places:
        for _, folders, _ in os.walk(place):
            for name, equals, value in (folder.partition("=") for folder in folders):
                if equals:
                    values.setdefault(name, set()).add(unquote(value))
    return {name: _folder_type(found - {NULL_FOLDER}) for name, found in values.items()}


def _folder_type(values: set[str]) -> str:
    for kind, pattern in _FOLDER_TYPES:
        if values and all(pattern.fullmatch(value) for value in values):
            return kind
    return "string"


def _with_types(frame: DataFrame, types: Mapping[str, str]) -> DataFrame:
    if not types:
        return frame

    def typed(name: str) -> Any:
        value = col(f"`{name}`")
        if name not in types:
            return value
        return when(value != NULL_FOLDER, value).cast(types[name]).alias(name)

    return cast(DataFrame, frame.select(*[typed(name) for name in frame.columns]))
