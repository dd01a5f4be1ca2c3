"""CSV as Spark reads it: columns as text from Sail, then types, nulls, formats and modes by Spark's rules.

Sail 0.7.2 ignores nullValue, dateFormat, timestampFormat, the white space options and the mode, cuts decimals
instead of rounding them, and infers from the first 1,000 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, cast

from pyspark.sql import functions as F
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["CsvRules", "read_csv"]

_OURS = {
    *("nullvalue", "dateformat", "timestampformat", "mode", "inferschema", "columnnameofcorruptrecord"),
    *("ignoreleadingwhitespace", "ignoretrailingwhitespace", "encoding", "charset", "path"),
}
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")
_LONGEST_DECIMAL = 38
Raw = Callable[[StructType | None, Mapping[str, str]], DataFrame]


@dataclass(frozen=True)
class CsvRules:
    """The options that are ours to apply; `plain` are those Sail knows."""

    plain: dict[str, str]
    null_value: str
    date_format: str | None
    timestamp_format: str | None
    mode: str
    infers: bool
    trims_left: bool
    trims_right: bool
    corrupt: str

    @classmethod
    def of(cls, options: Mapping[str, str]) -> CsvRules:
        """Raise NotSupportedLocally for another encoding than UTF-8."""
        given = {key.lower(): value for key, value in options.items()}
        encoding = given.get("encoding") or given.get("charset") or "utf-8"
        if encoding.lower() not in _UTF8:
            raise NotSupportedLocally(f"The CSV encoding {encoding}", "Convert the file to UTF-8.")
        plain = {key: value for key, value in options.items() if key.lower() not in _OURS}
        for key in plain:
            if key.lower() in ("sep", "delimiter") and plain[key] == "\\t":  # as Spark takes it
                plain[key] = "\t"
        if "escape" not in given:
            plain["escape"] = "\\"  # Spark's default; Sail's is to double the quote
        mode = given.get("mode", "PERMISSIVE").upper()
        if mode == "PERMISSIVE":
            plain["allowTruncatedRows"] = "true"
        return cls(
            plain=plain,
            null_value=given.get("nullvalue", ""),
            date_format=given.get("dateformat"),
            timestamp_format=given.get("timestampformat"),
            mode=mode,
            infers=given.get("inferschema", "").lower() == "true",
            trims_left=given.get("ignoreleadingwhitespace", "").lower() == "true",
            trims_right=given.get("ignoretrailingwhitespace", "").lower() == "true",
            corrupt=given.get("columnnameofcorruptrecord", "_corrupt_record"),
        )

    def text(self, name: str) -> Any:
        """Return the column's text as Spark would read it."""
        value = F.col(f"`{name}`")
        value = F.ltrim(value) if self.trims_left else value
        value = F.rtrim(value) if self.trims_right else value
        return F.when(value != F.lit(self.null_value), value) if self.null_value else value

    def typed(self, name: str, kind: DataType) -> Any:
        """Return the column's value; in the mode FAILFAST what has no value fails, else it is null."""
        value, fails = self.text(name), self.mode == "FAILFAST"
        if isinstance(kind, StringType):
            return value
        if isinstance(kind, BooleanType):
            lower = F.lower(value)
            return F.when(lower == "true", True).when(lower == "false", False)
        patterns: dict[Any, str | None] = {DateType: self.date_format, TimestampType: self.timestamp_format}
        pattern = patterns.get(type(kind))
        if pattern:
            moment = F.to_timestamp(value, pattern) if fails else F.try_to_timestamp(value, F.lit(pattern))
            return moment.cast(kind)
        return value.cast(kind) if fails else value.try_cast(kind)


def read_csv(raw: Raw, schema: StructType | None, options: Mapping[str, str]) -> DataFrame:
    """Return the rows of CSV files. `raw` reads them by a schema (None: the header's names) with options Sail
    knows.

    Raises NotSupportedLocally for options without an equal here.
    """
    rules = CsvRules.of(options)
    if schema is not None and rules.corrupt in schema.names:
        raise NotSupportedLocally(f"The CSV column {rules.corrupt} of corrupt records")
    texts = StructType([StructField(name, StringType()) for name in schema.names]) if schema else None
    frame: Any = raw(texts, rules.plain)
    if "" in frame.columns:
        frame = frame.toDF(*[name or f"_c{index}" for index, name in enumerate(frame.columns)])
    fields = schema or (_inferred(frame, rules) if rules.infers else frame.schema)
    if all(isinstance(f.dataType, StringType) for f in fields) and not (
        rules.null_value or rules.trims_left or rules.trims_right
    ):
        return cast(DataFrame, frame)
    if rules.mode == "DROPMALFORMED":
        frame = frame.filter(reduce(lambda a, b: a & b, [_is_well_formed(rules, field) for field in fields]))
    return cast(DataFrame, frame.select(*[rules.typed(f.name, f.dataType).alias(f.name) for f in fields]))


def _is_well_formed(rules: CsvRules, field: StructField) -> Any:
    return rules.text(field.name).isNull() | rules.typed(field.name, field.dataType).isNotNull()


def _inferred(frame: DataFrame, rules: CsvRules) -> StructType:
    """Return the schema Spark's CSVInferSchema finds, from all rows in one pass."""
    names = frame.columns
    if not names:
        return StructType([])
    # Named first: Sail takes two aggregates that differ in a cast only for one.
    tests = {
        key: test for index, name in enumerate(names) for key, test in _tests(rules, name, index).items()
    }
    facts: Any = frame.select(*[test.alias(key) for key, test in tests.items()])
    counts = [(F.max if key.startswith("length") else F.count_if)(key).alias(key) for key in tests]
    found = facts.agg(*counts).first()
    return StructType([StructField(name, _column_type(found, index)) for index, name in enumerate(names)])


def _tests(rules: CsvRules, name: str, index: int) -> dict[str, Any]:
    """Return what is asked of each value of a column; `length` is its length."""
    value = rules.text(name)
    whole = value.rlike(r"^[+-]?[0-9]+$")
    dates = rules.typed(name, DateType()).isNotNull()
    if not rules.date_format:
        dates = dates & value.rlike(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    tests = {
        "any": value.isNotNull(),
        "length": F.length(value),
        "int": whole & value.try_cast("int").isNotNull(),
        "bigint": whole & value.try_cast("bigint").isNotNull(),
        "whole": whole,
        "double": value.try_cast("double").isNotNull(),
        "date": dates,
        "timestamp": rules.typed(name, TimestampType()).isNotNull(),
        "boolean": F.lower(value).isin("true", "false"),
    }
    return {f"{kind}{index}": test for kind, test in tests.items()}


def _column_type(found: Any, index: int) -> DataType:
    total = found[f"any{index}"]
    for kind in ("int", "bigint", "whole", "double", "date", "timestamp", "boolean") if total else ():
        if found[f"{kind}{index}"] == total:
            if kind == "whole":
                digits = found[f"length{index}"]
                kind = f"decimal({digits},0)" if digits <= _LONGEST_DECIMAL else "double"
            return DataType.fromDDL(kind)
    return StringType()
