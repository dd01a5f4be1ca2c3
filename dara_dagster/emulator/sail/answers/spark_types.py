"""Spark's rules (ANSI mode) for the types of expressions.

Source: https://spark.apache.org/docs/4.0.1/sql-ref-ansi-compliance.html, and for decimals
https://docs.databricks.com/en/sql/language-manual/data-types/decimal-type.html.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql.types import (
    ArrayType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    NullType,
    ShortType,
    StringType,
    TimestampNTZType,
    TimestampType,
)

__all__ = ["as_decimal", "decimal_of", "is_integral", "is_numeric", "sail_decimal", "widest"]

_INTEGERS: list[DataType] = [ByteType(), ShortType(), IntegerType(), LongType()]
_DIGITS = dict(zip(("tinyint", "smallint", "int", "bigint"), (3, 5, 10, 20), strict=True))
_MOMENTS: list[DataType] = [DateType(), TimestampNTZType(), TimestampType()]
_MOST = 38


def is_integral(kind: DataType | None) -> bool:
    return kind in _INTEGERS


def is_numeric(kind: DataType | None) -> bool:
    return is_integral(kind) or isinstance(kind, DecimalType | DoubleType | FloatType)


def as_decimal(kind: DataType, literal: int | None = None) -> DecimalType | None:
    """Return the decimal type that an operand is taken for beside a decimal; a literal has just its
    digits."""
    if isinstance(kind, DecimalType):
        return kind
    if literal is not None:
        return DecimalType(len(str(abs(literal))), 0)
    digits = _DIGITS.get(kind.simpleString())
    return DecimalType(digits, 0) if digits else None


def _bounded(precision: int, scale: int) -> DecimalType:
    """Return a type of at most 38 digits: digits behind the point give way, down to six."""
    if precision <= _MOST:
        return DecimalType(precision, scale)
    return DecimalType(_MOST, max(_MOST - (precision - scale), min(scale, 6)))


def decimal_of(operator: str, a: DecimalType, b: DecimalType) -> DecimalType:
    """Return the type of an operator's result in Spark."""
    whole = max(a.precision - a.scale, b.precision - b.scale)
    scale = max(a.scale, b.scale)
    if operator == "*":
        return _bounded(a.precision + b.precision + 1, a.scale + b.scale)
    if operator == "/":
        scale = max(6, a.scale + b.precision + 1)
        return _bounded(a.precision - a.scale + b.scale + scale, scale)
    if operator in ("%", "pmod"):
        return _bounded(min(a.precision - a.scale, b.precision - b.scale) + scale, scale)
    return _bounded(whole + scale + 1, scale)


def sail_decimal(operator: str, a: DecimalType, b: DecimalType) -> DecimalType | None:
    """Return the type of the same result in Sail 0.7.2; None where it is not known."""
    if operator == "*":
        precision, scale = a.precision + b.precision + 1, a.scale + b.scale
    elif operator in ("+", "-"):
        scale = max(a.scale, b.scale)
        precision = max(a.precision - a.scale, b.precision - b.scale) + scale + 1
    else:
        return None
    return DecimalType(min(precision, _MOST), scale)


def widest(kinds: Sequence[DataType | None]) -> DataType | None:
    """Return the type that values of several types take in one column; None where a type is not known."""
    found: DataType | None = NullType()
    for kind in kinds:
        found = _wider(found, kind)
    return found


def _wider(a: DataType | None, b: DataType | None) -> DataType | None:
    if a is None or b is None:
        return None
    if a == b or isinstance(b, NullType):
        return a
    if isinstance(a, NullType):
        return b
    if is_numeric(a) and is_numeric(b):
        return _wider_number(a, b)
    if isinstance(a, ArrayType) and isinstance(b, ArrayType):
        item = _wider(a.elementType, b.elementType)
        return None if item is None else ArrayType(item, a.containsNull or b.containsNull)
    if isinstance(a, MapType) and isinstance(b, MapType):
        key, value = _wider(a.keyType, b.keyType), _wider(a.valueType, b.valueType)
        return MapType(key, value) if key is not None and value is not None else None
    if a in _MOMENTS and b in _MOMENTS:
        return _MOMENTS[max(_MOMENTS.index(a), _MOMENTS.index(b))]
    for text, other in ((a, b), (b, a)):
        if isinstance(text, StringType):
            if is_integral(other):
                return LongType()
            return DoubleType() if is_numeric(other) else other
    return None


def _wider_number(a: DataType, b: DataType) -> DataType:
    if is_integral(a) and is_integral(b):
        return _INTEGERS[max(_INTEGERS.index(a), _INTEGERS.index(b))]
    x, y = as_decimal(a), as_decimal(b)
    if x is None or y is None:  # a double or a float, which holds no integer or decimal in full
        return DoubleType()
    scale = max(x.scale, y.scale)
    return _bounded(max(x.precision - x.scale, y.precision - y.scale) + scale, scale)
