"""Functions that Sail 0.7.2 answers in other types than Spark, or otherwise in rare cases.

- `datediff` and `regexp_count` answer a BIGINT.
- `unix_seconds` cuts moments before 1970 to the next second; `timestamp_seconds` drops fractions.
- `extract(DOW ...)` counts days from 0, and DAYOFWEEK, DOW_ISO and YEAROFWEEK are unknown.
- `hash` takes a decimal for 16 bytes, and refuses NULL.
- `chr` takes more than a byte, and `isnan(NULL)` is NULL.
- `typeof` of a variant is how that is stored.
- Functions of arrays take 0.0 and -0.0 for two values where Spark takes them for one, and the other way
  round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    StringType,
    TimestampType,
)

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.casts import cast_rule
from dara_dagster.emulator.sail.answers.once import fresh
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["FUNCTIONS", "day_part", "search_rule"]


def _call(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    return build.call(name, *(term.expr for term in terms))


def _integer(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Return an INT. With three arguments the functions of dates are others, which answer a BIGINT."""
    plain = _call(build, name, terms)
    return Term(build.cast(plain, "int"), IntegerType()) if len(terms) == 2 else Term(plain, LongType())


def _unix_seconds(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    found = cast_rule(build, Term(terms[0].expr, TimestampType()), LongType(), lenient=False)
    return Term(found, LongType())


def _timestamp_seconds(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    if not isinstance(terms[0].kind, DecimalType | DoubleType | FloatType):
        return Term(build.cast(_call(build, name, terms), "timestamp"), TimestampType())
    micros = build.call("*", build.cast(terms[0].expr, "decimal(28,6)"), build.value(1000000))
    moment = build.call("timestamp_micros", build.cast(micros, "bigint"))
    return Term(build.cast(moment, "timestamp"), TimestampType())


def _moment(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Write a moment: Sail's own has no zone to be written in."""
    return Term(build.cast(_call(build, name, terms), "timestamp"), TimestampType())


def _chr(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    byte = build.call("pmod", terms[0].expr, build.value(256))
    return Term(build.call(name, byte), StringType())


def _hash(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Return a NULL without a type changes no hash, like any other."""
    given = [_hashed(build, name, term) for term in terms]
    return Term(build.call(name, *given), IntegerType() if name == "hash" else LongType())


def _hashed(build: Builder[Any], name: str, term: Term[Any]) -> Any:
    """Return what Spark hashes of a value: of a decimal up to 18 digits its digits as a BIGINT, where Sail
    hashes 16 bytes. Raises NotSupportedLocally for a longer one.
    """
    if isinstance(term.kind, NullType):
        return build.cast(term.expr, "int")
    if not isinstance(term.kind, DecimalType):
        return term.expr
    if term.kind.precision > 18:
        raise NotSupportedLocally(f"{name}() of a decimal of more than 18 digits", "Cast it to STRING.")
    digits = build.cast(term.expr, f"decimal(38,{term.kind.scale})")
    whole = build.call("*", digits, build.value(10**term.kind.scale)) if term.kind.scale else digits
    return build.cast(whole, "bigint")


def day_part(build: Builder[Any], part: str, moment: Any) -> Any:
    """Return the part of a date or timestamp that Sail counts otherwise or does not know; None for any
    other."""
    day = build.cast(moment, "date")
    since_monday = build.call(
        "pmod", build.call("+", build.call("dayofweek", day), build.value(5)), build.value(7)
    )
    if part in ("dow", "dayofweek"):
        return build.call("dayofweek", day)
    if part in ("dow_iso", "dayofweek_iso"):
        return build.call("+", since_monday, build.value(1))
    if part == "yearofweek":  # that of the week's Thursday
        return build.call("year", build.call("date_add", day, build.call("-", build.value(3), since_monday)))
    return None


def _date_part(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    found = day_part(build, (terms[0].text or "").lower(), terms[1].expr) if len(terms) == 2 else None
    return Term(_call(build, name, terms)) if found is None else Term(build.cast(found, "int"), IntegerType())


def _isnan(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    plain = build.call(name, build.cast(terms[0].expr, "double"))
    return Term(build.call("ifnull", plain, build.call("!=", build.value(0), build.value(0))), BooleanType())


def _typeof(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Name a type: of a variant Sail names how it is stored, and an interval has all its fields."""
    plain = _call(build, name, terms)
    kind = terms[0].kind.simpleString() if len(terms) == 1 and terms[0].kind is not None else ""
    shown = kind.replace(_VARIANT, "variant")
    if "variant" in shown or kind.startswith("interval "):
        plain = build.call("if", build.call("isnull", plain), plain, build.value(shown))
    return Term(plain, StringType())


_VARIANT = "struct<value:binary,metadata:binary>"


def _set(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Spell out array_distinct and the like: Spark takes 0.0 and -0.0 for two values, but for one in structs
    and arrays; Sail does the opposite.
    """
    plain = Term(_call(build, name, terms), terms[0].kind if terms else None)
    kinds = [term.kind for term in terms]
    if not all(isinstance(kind, ArrayType) and _holds_doubles(kind) for kind in kinds):
        return plain
    if all(_is_of_doubles(kind) for kind in kinds):
        item = fresh()
        struct = build.call("named_struct", build.value("v"), build.variable(item))
        structs = [build.each(term.expr, item, struct) for term in terms]
        value = build.field(build.variable(item), "v")
        return Term(build.each(build.call(name, *structs), item, value), kinds[0])
    return Term(_without_negative_zero(build, name, terms, plain.expr), plain.kind)


def search_rule(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Spell out array_contains and array_remove, where Sail takes 0.0 and -0.0 for two values."""
    plain = Term(_call(build, name, terms))
    if len(terms) != 2 or not _is_of_doubles(terms[0].kind):
        return plain
    item = fresh()
    values, value = terms[0].expr, terms[1].expr
    if name == "array_contains":
        zero = build.value(0.0)
        values = build.each(values, item, build.call("+", build.variable(item), zero))
        return Term(build.call(name, values, build.call("+", value, zero)), BooleanType())
    is_other = build.call("!=", build.variable(item), value)
    kept = build.keep(
        values, item, build.call("ifnull", is_other, build.call("isnull", build.variable(item)))
    )
    return Term(build.call("if", build.call("isnotnull", value), kept, plain.expr), terms[0].kind)


def _ordered(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Check sort_array and the like, for which 0.0 and -0.0 are equal in Spark, and in Sail two values."""
    plain = Term(_call(build, name, terms))
    if not terms or not isinstance(terms[0].kind, ArrayType) or not _holds_doubles(terms[0].kind):
        return plain
    kind = terms[0].kind.elementType if name in ("array_max", "array_min") else terms[0].kind
    return Term(_without_negative_zero(build, name, terms[:1], plain.expr), kind)


def _without_negative_zero(build: Builder[Any], name: str, terms: Sequence[Term[Any]], plain: Any) -> Any:
    """Return the call, refused when it comes to 0.0 and -0.0 in the same arrays."""
    texts = [build.call("ifnull", build.cast(term.expr, "string"), build.value("")) for term in terms]
    both = [build.call("rlike", build.call("concat", *texts), build.value(zero)) for zero in _ZEROS]
    words = str(NotSupportedLocally(f"{name}() of arrays with both 0.0 and -0.0"))
    fault = build.call("raise_error", build.value(words))
    # A branch in the type of the call: `get` of what fails, of an array of its own result.
    return build.call(
        "if", build.call("and", *both), build.call("if", build.call("isnull", fault), plain, plain), plain
    )


_ZEROS = ("(^|[^0-9.])-0[.]0([^0-9]|$)", "(^|[^-0-9.])0[.]0([^0-9]|$)")


def _is_of_doubles(kind: DataType | None) -> bool:
    return isinstance(kind, ArrayType) and isinstance(kind.elementType, DoubleType | FloatType)


def _holds_doubles(kind: DataType) -> bool:
    text = kind.simpleString()
    return "double" in text or "float" in text


FUNCTIONS = {
    "typeof": _typeof,
    **dict.fromkeys(("array_distinct", "array_union", "array_except", "array_intersect"), _set),
    **dict.fromkeys(("array_contains", "array_remove"), search_rule),
    **dict.fromkeys(("sort_array", "array_max", "array_min"), _ordered),
    **dict.fromkeys(("datediff", "date_diff", "regexp_count"), _integer),
    "unix_seconds": _unix_seconds,
    "timestamp_seconds": _timestamp_seconds,
    **dict.fromkeys(("timestamp_millis", "timestamp_micros"), _moment),
    **dict.fromkeys(("chr", "char"), _chr),
    "isnan": _isnan,
    **dict.fromkeys(("date_part", "datepart"), _date_part),
    **dict.fromkeys(("hash", "xxhash64"), _hash),
}
