"""Casts that Sail 0.7.2 makes otherwise than Spark.

- Doubles are written as Rust writes them: 10000000.0 and 1e16 rather than 1.0E7 and 1.0E16.
- Moments before 1970 are cut to the next second instead of the one before.
- A moment without a zone is what a clock in UTC shows, whatever the session's zone.
- Booleans and decimals are not cast into each other.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeVar

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    FloatType,
    MapType,
    NullType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.once import once
from dara_dagster.emulator.sail.answers.spark_types import is_integral, is_numeric
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["cast_rule", "in_type", "text_of"]

E = TypeVar("E")
_SECONDS: dict[int | None, int] = {1: 3600, 2: 60}  # of an hour, of a minute
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_FIRST_DIGIT = "^(-?[0-9])([0-9]*)[.]([0-9]*)$"
_SMALL = "^(-?)0[.]0*([1-9])([0-9]*)$"
_ZEROS = "([^.])0+$"


def cast_rule(build: Builder[E], term: Term[E], kind: DataType, *, lenient: bool) -> E | None:
    """Return the cast of an expression to a type in other words; None when Sail makes it right."""

    def made(given: list[E]) -> E | None:
        return _cast_rule(build, dataclasses.replace(term, expr=given[0]), kind, lenient=lenient)

    return once(build, [term.expr], made)


def _cast_rule(build: Builder[E], term: Term[E], kind: DataType, *, lenient: bool) -> E | None:
    if isinstance(kind, StringType) and isinstance(term.kind, DoubleType | FloatType):
        text: E = _as_java(build, term.expr)
        return text
    if isinstance(kind, StringType) and isinstance(term.kind, ArrayType | MapType | StructType):
        nested: E = _nested_text(build, build.cast(term.expr, "string"), term.kind)
        return nested
    if isinstance(term.kind, TimestampType) and isinstance(kind, TimestampNTZType):
        return build.cast(build.cast(term.expr, "string"), "timestamp_ntz", lenient=lenient)
    if isinstance(term.kind, TimestampType) and is_integral(kind):
        micros = build.call("unix_micros", term.expr)
        seconds = build.call("-", micros, build.call("pmod", micros, build.value(1000000)))
        whole = build.call("div", seconds, build.value(1000000))
        return build.cast(whole, kind.simpleString(), lenient=lenient)
    if term.kind == DayTimeIntervalType(0, 0) and is_integral(kind):
        return build.cast(build.call("date_part", build.value("DAY"), term.expr), kind.simpleString())
    if isinstance(term.kind, DoubleType | FloatType) and isinstance(kind, DecimalType):
        name = (
            kind.simpleString()
        )  # of the decimal that the double is written as, unless that has an exponent
        written = build.cast(build.cast(term.expr, "string"), name, lenient=True)
        return build.call("coalesce", written, build.cast(term.expr, name, lenient=lenient))
    if is_integral(kind) and (unit := _SECONDS.get(_only_field(term.kind))):
        units = build.call("div", build.cast(term.expr, "bigint"), build.value(unit))
        return build.cast(units, kind.simpleString(), lenient=lenient)
    if isinstance(term.kind, DecimalType) and isinstance(kind, BooleanType):
        return build.call("!=", term.expr, build.value(0))
    if isinstance(term.kind, BooleanType) and isinstance(kind, DecimalType):
        return build.cast(build.cast(term.expr, "int"), kind.simpleString(), lenient=lenient)
    return None


def _only_field(kind: DataType | None) -> int | None:
    """Return the field of an interval of one."""
    is_single = isinstance(kind, DayTimeIntervalType) and kind.startField == kind.endField
    return kind.startField if is_single else None  # type: ignore[union-attr]


def in_type(build: Builder[E], term: Term[E], kind: DataType) -> E:
    """Return a value among others of a type. Text that is no number fails where it is asked for, and only
    there."""
    if term.kind in (kind, NullType()):
        return term.expr
    name = kind.simpleString()
    if term.text is not None and is_numeric(kind) and not _NUMBER.fullmatch(term.text):
        words = (
            f"[CAST_INVALID_INPUT] The value '{term.text}' of the type \"STRING\" cannot be cast to "
            f'"{name.upper()}" because it is malformed. SQLSTATE: 22018'
        )
        return build.cast(build.call("raise_error", build.value(words)), name)
    return build.cast(term.expr, name)


def text_of(build: Builder[E], term: Term[E]) -> E:
    """Return an operand that is written as text: a double as Java writes it."""
    if not isinstance(term.kind, DoubleType | FloatType):
        return term.expr
    text = once(build, [term.expr], lambda given: _as_java(build, given[0]))
    assert text is not None
    return text


def _nested_text(build: Builder[Any], text: Any, kind: DataType) -> Any:
    """Return an array, map or struct as text, with null where Sail writes NULL; where a text could say that,
    too, it is refused when it comes up.
    """
    if not _holds_text(kind):
        return build.call("replace", text, build.value("NULL"), build.value("null"))
    words = str(NotSupportedLocally("CAST of nested values with text and NULL to STRING", "Use to_json()."))
    fault = build.cast(build.call("raise_error", build.value(words)), "string")
    return build.call("when", build.call("contains", text, build.value("NULL")), fault, text)


def _holds_text(kind: DataType) -> bool:
    if isinstance(kind, ArrayType):
        return _holds_text(kind.elementType)
    if isinstance(kind, MapType):
        return _holds_text(kind.keyType) or _holds_text(kind.valueType)
    if isinstance(kind, StructType):
        return any(_holds_text(field.dataType) for field in kind)
    return isinstance(kind, StringType | BinaryType)


def _as_java(build: Builder[Any], x: Any) -> Any:
    """Return a double as Java writes it: scientific below a thousandth and from ten million on.

    Source: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Double.html#toString(double)
    """
    call, value = build.call, build.value
    text, size = build.cast(x, "string"), call("abs", x)
    digits = call("replace", text, value("-"), value(""))
    large = call(
        "concat",
        _trimmed(build, call("regexp_replace", text, value(_FIRST_DIGIT), value("$1.$2$3"))),
        value("E"),
        build.cast(call("-", call("instr", digits, value(".")), value(2)), "string"),
    )
    small = call(
        "concat",
        _trimmed(build, call("regexp_replace", text, value(_SMALL), value("$1$2.${3}0"))),
        call("if", call(">=", size, value(1e-4)), value("E-4"), value("E-5")),
    )
    whole = call("regexp_replace", text, value("^(-?[0-9])e"), value("$1.0e"))
    plain = call("and", call(">=", size, value(1e-3)), call("<", size, value(1e7)))
    return call(
        "when",
        call("or", plain, call("==", size, value(0.0))),
        text,
        call("contains", text, value("e")),
        call("upper", whole),
        call("contains", text, value("n")),
        call("replace", text, value("inf"), value("Infinity")),
        call("==", text, value("NaN")),
        text,
        call(">=", size, value(1e7)),
        large,
        small,
    )


def _trimmed(build: Builder[Any], text: Any) -> Any:
    """Drop zeros at the end, but for one behind the point."""
    return build.call("regexp_replace", text, build.value(_ZEROS), build.value("$1"))
