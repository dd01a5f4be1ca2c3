"""`spark.read`: CSV and JSON by Spark's rules, of which Sail has a part; typed partition columns."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from pyspark.errors import AnalysisException
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.plan import DataSource
from pyspark.sql.connect.readwriter import DataFrameReader
from pyspark.sql.functions import col, when
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructField, StructType

from dara_dagster.emulator.lake.folders import (
    NULL_FOLDER,
    expanded,
    folder_type,
    has_data,
    own_files,
    partition_values,
)
from dara_dagster.emulator.sail.reads.csv_files import read_csv
from dara_dagster.emulator.sail.reads.json_files import read_json
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["LocalReader", "parsed_schema", "with_partitions"]

_FILES = ("csv", "json", "parquet", "text", "binaryfile")
_INFERRED = ("csv", "json", "parquet")


class LocalReader(DataFrameReader):
    """What `spark.read` returns."""

    def __init__(self, spark: BaseSession) -> None:
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
        kind = (self._format or self._spark.setting("spark.sql.sources.default")).lower()
        self.format(self._format or kind)
        if kind not in _FILES:
            return super().load(path)
        given = {key.lower(): value for key, value in self._options.items()}
        named = (
            [path] if isinstance(path, str) else list(path or [given[key] for key in given if key == "path"])
        )
        base = given.get("basepath", "").rstrip("/")
        if base and [base] != [place.rstrip("/") for place in named]:
            hint = "Read the whole folder and filter by the partition columns."
            raise NotSupportedLocally("The option basePath with other paths than itself", hint)
        paths = [match for place in named for match in expanded(self._spark.paths.spark(place), place)]
        recursive = given.get("recursivefilelookup", "").lower() == "true"
        folders = {} if recursive else partition_values(map(self._spark.paths.spark, paths))
        if not recursive:
            paths = [file for place in paths for file in own_files(self._spark.paths.spark(place), place)]
        return self._of_kind(kind, given, paths, folders)

    def _of_kind(
        self, kind: str, given: Mapping[str, str], paths: Sequence[str], folders: Mapping[str, set[str]]
    ) -> DataFrame:
        """Return the files' rows; a partition column comes last, in the type of the schema or of its
        values."""
        known = parsed_schema(self._spark, self._schema)
        whole = with_partitions(known or StructType([]), folders)
        types = {field.name: field.dataType for field in whole if field.name in folders}
        if known:
            known = StructType([StructField(f.name, StringType()) if f.name in types else f for f in whole])
        elif kind in _INFERRED and not any(has_data(self._spark.paths.spark(path)) for path in paths):
            raise AnalysisException(
                f"[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for {kind.upper()}. It must be specified "
                "manually. SQLSTATE: 42KD9"
            )
        if not paths:
            return cast(DataFrame, self._spark.createDataFrame([], known or "value string"))
        return _with_types(self._as_read(kind, given, paths, known), types)

    def _as_read(
        self, kind: str, given: Mapping[str, str], paths: Sequence[str], known: StructType | None
    ) -> DataFrame:
        """Return the rows with the names of folders as partition columns."""
        if kind == "csv":
            return read_csv(lambda *how: self._source("csv", paths, *how), known, self._options)
        if kind == "json":
            return read_json(self._spark, self._source, paths, known, self._options)
        if kind == "text" and given.get("wholetext", "").lower() == "true":
            text: Any = self._source("binaryFile", paths, None).withColumn(
                "value", col("content").cast("string")
            )
            return cast(DataFrame, text.select("value", *[f"`{name}`" for name in text.columns[4:-1]]))
        options = {key: value for key, value in self._options.items() if key.lower() != "path"}
        frame = self._source(kind, paths, known, options)
        if kind == "parquet" and not known and not _is_nullable(frame.schema):
            # Sail fills a column that must not be null, and that a file lacks, with zeros.
            return self._source(kind, paths, _nullable(frame.schema), options)
        return frame

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


def with_partitions(schema: StructType, folders: Mapping[str, Collection[str]]) -> StructType:
    """Return the schema with the partition columns at its end, in the type it gives them or that of their
    values."""
    wanted = {field.name.lower(): field.dataType for field in schema}
    lower = [name.lower() for name in folders]
    types = {
        name: wanted.get(name.lower()) or DataType.fromDDL(folder_type(values))
        for name, values in folders.items()
    }
    data = [field for field in schema if field.name.lower() not in lower]
    return StructType([*data, *(StructField(name, kind) for name, kind in types.items())])


def parsed_schema(spark: BaseSession, text: str) -> StructType | None:
    """Return the schema in a DDL string or in JSON; None for ''."""
    if not text:
        return None
    if text.lstrip().startswith("{"):
        return StructType.fromJson(json.loads(text))
    return spark.rows([], text).schema


def _is_nullable(kind: DataType) -> bool:
    return bool(kind == _nullable(kind))


def _nullable(kind: Any) -> Any:
    """Return the type with nulls allowed everywhere, as Spark reads files."""
    if isinstance(kind, StructType):
        return StructType([StructField(f.name, _nullable(f.dataType), True, f.metadata) for f in kind])
    if isinstance(kind, ArrayType):
        return ArrayType(_nullable(kind.elementType))
    if isinstance(kind, MapType):
        return MapType(kind.keyType, _nullable(kind.valueType))
    return kind


def _with_types(frame: DataFrame, types: Mapping[str, DataType]) -> DataFrame:
    """Return the rows with their partition columns, which are folder names so far, in their types and at the
    end."""
    if not types:
        return frame

    def typed(name: str) -> Any:
        value = col(f"`{name}`").cast("string")
        return when(value != NULL_FOLDER, value).cast(types[name]).alias(name)

    data = [col(f"`{name}`") for name in frame.columns if name not in types]
    return cast(DataFrame, frame.select(*data, *[typed(name) for name in types]))
