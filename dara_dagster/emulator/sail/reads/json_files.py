"""JSON as Spark reads it: columns in the order of the alphabet, inferred from all rows, and modes and formats
by from_json, which knows them where Sail 0.7.2's reader does not.
"""

from __future__ import annotations

import bz2
import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.types import ArrayType, DataType, MapType, NullType, StringType, StructField, StructType

from dara_dagster.emulator.lake.folders import data_files

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["read_json"]

Source = Callable[..., DataFrame]
_EVERY_ROW = str(2**31 - 1)  # Sail's default is 1,000
_BY_LINE = ("mode", "dateformat", "timestampformat", "columnnameofcorruptrecord", "primitivesasstring")
_UNPACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".bz2": bz2.decompress}
_FOR_PARSER = ("dateformat", "timestampformat", "timezone")


def read_json(
    spark: BaseSession,
    source: Source,
    paths: Sequence[str],
    schema: StructType | None,
    options: Mapping[str, str],
) -> DataFrame:
    """Return the rows of JSON files; `source(format, paths, schema, options)` is Sail's own read."""
    given = {key.lower(): value for key, value in options.items()}
    plain = {k: v for k, v in options.items() if k.lower() not in (*_BY_LINE, "multiline", "path")}
    whole_files = given.get("multiline", "").lower() == "true"
    lines = list(_lines(spark, paths)) if whole_files else None
    if schema is None:
        schema = _inferred(source, paths, lines, plain, given)
    corrupt = given.get("columnnameofcorruptrecord", "_corrupt_record")
    by_line = any(key in given for key in _BY_LINE) and given.get("mode", "").upper() != "FAILFAST"
    if lines is not None:
        return _parsed(_with_folders(spark, lines), schema, options, corrupt)
    if by_line or corrupt in schema.names:
        return _parsed(source("text", paths, None, {}), schema, options, corrupt)
    return source("json", paths, schema, plain)


def _lines(spark: BaseSession, paths: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each object of the files as a line, with the partition values of its file; a file is one object,
    an array of objects, or several in a row.
    """
    decoder = json.JSONDecoder()
    for place in (spark.paths.spark(path).removeprefix("file:") for path in paths):
        for file in data_files(place):
            pairs = (part.partition("=") for part in file.relative_to(place).parts[:-1])
            folders = {name: unquote(value) for name, equals, value in pairs if equals}
            text = _content(file).strip()
            while text:
                try:
                    content, end = decoder.raw_decode(text)
                except json.JSONDecodeError as error:
                    raise AnalysisException(
                        f"[MALFORMED_RECORD_IN_PARSING] {file} is no JSON: {error}"
                    ) from None
                text = text[end:].lstrip()
                for item in content if isinstance(content, list) else [content]:
                    yield json.dumps(item, ensure_ascii=False), folders


def _content(file: Path) -> str:
    """Return the file's text. Raises AnalysisException when there is no such file."""
    try:
        packed = file.read_bytes()
    except FileNotFoundError:
        raise AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {file}. SQLSTATE: 42K03") from None
    return _UNPACK.get(file.suffix, bytes)(packed).decode("utf-8-sig")


def _with_folders(spark: BaseSession, lines: Sequence[tuple[str, dict[str, str]]]) -> DataFrame:
    """Return the lines as the text source gives them: `value` and the partition columns."""
    names = list(dict.fromkeys(name for _, folders in lines for name in folders))
    rows = [(line, *(folders.get(name) for name in names)) for line, folders in lines]
    return spark.rows(rows, ", ".join(f"`{name}` string" for name in ("value", *names)))


def _inferred(
    source: Source,
    paths: Sequence[str],
    lines: Sequence[tuple[str, dict[str, str]]] | None,
    plain: Mapping[str, str],
    given: Mapping[str, str],
) -> StructType:
    options = {**plain, "schemaInferMaxRecords": _EVERY_ROW}
    if lines is None:
        found = source("json", paths, None, options).schema
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "lines.json")
            file.write_text("".join(f"{line}\n" for line, _ in lines), encoding="utf-8")
            found = source("json", [str(file)], None, options).schema
    as_text = given.get("primitivesasstring", "").lower() == "true"
    ordered = _ordered(found, as_text)
    return ordered if isinstance(ordered, StructType) else StructType([])


def _ordered(kind: DataType, as_text: bool) -> DataType | None:
    """Return the type as Spark infers it: fields of structs sorted by name, text for what was always null;
    None for a struct without fields, which Spark leaves out.
    """
    if isinstance(kind, StructType):
        found = [(field.name, _ordered(field.dataType, as_text)) for field in kind.fields]
        fields = [StructField(name, inner) for name, inner in sorted(found, key=lambda f: f[0]) if inner]
        return StructType(fields) if fields else None
    if isinstance(kind, ArrayType):
        inner = _ordered(kind.elementType, as_text)
        return ArrayType(inner) if inner else None
    if isinstance(kind, MapType):
        inner = _ordered(kind.valueType, as_text)
        return MapType(kind.keyType, inner) if inner else None
    return StringType() if as_text or isinstance(kind, NullType) else kind


def _parsed(lines: DataFrame, schema: StructType, options: Mapping[str, str], corrupt: str) -> DataFrame:
    given = {key.lower(): value for key, value in options.items()}
    for_parser = {key: value for key, value in options.items() if key.lower() in _FOR_PARSER}
    data = StructType([field for field in schema.fields if field.name not in (corrupt, *lines.columns[1:])])
    parsed: Any = lines.filter(F.trim("value") != "").withColumn(
        "_row", F.from_json("value", data, for_parser)
    )
    broken = _is_broken(data)
    if given.get("mode", "").upper() == "DROPMALFORMED":
        parsed = parsed.filter(~broken)
    columns: list[Any] = [
        F.when(broken, F.col("value")).alias(corrupt)
        if field.name == corrupt
        else F.col(f"_row.`{field.name}`" if field.name in data.names else f"`{field.name}`").alias(
            field.name
        )
        for field in schema.fields
    ]
    folders = [F.col(f"`{name}`") for name in lines.columns[1:] if name not in schema.names]
    return cast(DataFrame, parsed.select(*columns, *folders))


def _is_broken(data: StructType) -> Any:
    """Return whether a line is no JSON object, or has a field that does not fit its type."""
    broken: Any = F.json_object_keys("value").isNull()
    for name in data.names:
        path = f"$['{name}']" if not name.isidentifier() else f"$.{name}"
        broken = broken | (F.col(f"_row.`{name}`").isNull() & F.get_json_object("value", path).isNotNull())
    return broken
