"""JSON as Spark reads it: columns in the order of the alphabet, inferred from all rows, and modes and formats
by from_json, which knows them where Sail 0.7.2's reader does not.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pyspark.sql import functions as F
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructField, StructType

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["read_json"]

Source = Callable[..., DataFrame]
_EVERY_ROW = str(2**31 - 1)  # Sail's default is 1,000
_BY_LINE = ("mode", "dateformat", "timestampformat", "columnnameofcorruptrecord", "primitivesasstring")
_FOR_PARSER = ("dateformat", "timestampformat", "timezone")


def read_json(
    spark: LocalSpark,
    source: Source,
    paths: Sequence[str],
    schema: StructType | None,
    options: Mapping[str, str],
) -> DataFrame:
    """The rows of JSON files; `source(format, paths, schema, options)` is Sail's own read."""
    given = {key.lower(): value for key, value in options.items()}
    plain = {k: v for k, v in options.items() if k.lower() not in (*_BY_LINE, "multiline", "path")}
    whole_files = given.get("multiline", "").lower() == "true"
    lines = list(_lines(spark, paths)) if whole_files else None
    if schema is None:
        schema = _inferred(source, paths, lines, plain, given)
    corrupt = given.get("columnnameofcorruptrecord", "_corrupt_record")
    by_line = any(key in given for key in _BY_LINE) and given.get("mode", "").upper() != "FAILFAST"
    if lines is not None:
        return _parsed(spark.rows([(line,) for line in lines], "value string"), schema, options, corrupt)
    if by_line or corrupt in schema.names:
        return _parsed(source("text", paths, None, {}), schema, options, corrupt)
    return source("json", paths, schema, plain)


def _lines(spark: LocalSpark, paths: Sequence[str]) -> Iterator[str]:
    """Each object of the files as a line; a file is one object, an array of objects, or several in a row."""
    decoder = json.JSONDecoder()
    for place in (Path(spark.paths.local(path)) for path in paths):
        files = sorted(f for f in place.rglob("*") if f.is_file()) if place.is_dir() else [place]
        for file in (f for f in files if not f.name.startswith(("_", "."))):
            text = file.read_text(encoding="utf-8-sig").strip()
            while text:
                content, end = decoder.raw_decode(text)
                text = text[end:].lstrip()
                for item in content if isinstance(content, list) else [content]:
                    yield json.dumps(item, ensure_ascii=False)


def _inferred(
    source: Source,
    paths: Sequence[str],
    lines: Sequence[str] | None,
    plain: Mapping[str, str],
    given: Mapping[str, str],
) -> StructType:
    options = {**plain, "schemaInferMaxRecords": _EVERY_ROW}
    if lines is None:
        found = source("json", paths, None, options).schema
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "lines.json")
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            found = source("json", [str(file)], None, options).schema
    as_text = given.get("primitivesasstring", "").lower() == "true"
    ordered = _ordered(found, as_text)
    assert isinstance(ordered, StructType)
    return ordered


def _ordered(kind: DataType, as_text: bool) -> DataType:
    """The type with the fields of every struct sorted by name, as Spark infers them."""
    if isinstance(kind, StructType):
        fields = sorted(kind.fields, key=lambda field: field.name)
        return StructType([StructField(f.name, _ordered(f.dataType, as_text)) for f in fields])
    if isinstance(kind, ArrayType):
        return ArrayType(_ordered(kind.elementType, as_text))
    if isinstance(kind, MapType):
        return MapType(kind.keyType, _ordered(kind.valueType, as_text))
    return StringType() if as_text else kind


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
    return cast(DataFrame, parsed.select(*columns))


def _is_broken(data: StructType) -> Any:
    """Whether a line is no JSON object, or has a field that does not fit its type."""
    broken: Any = F.json_object_keys("value").isNull()
    for name in data.names:
        path = f"$['{name}']" if not name.isidentifier() else f"$.{name}"
        broken = broken | (F.col(f"_row.`{name}`").isNull() & F.get_json_object("value", path).isNotNull())
    return broken
