"""Functions that Sail 0.7.2 answers in other types than Spark, or otherwise in rare cases.

- `datediff` and `regexp_count` answer a BIGINT.
- `unix_seconds` cuts moments before 1970 to the next second; `timestamp_seconds` drops fractions.
- `extract(DOW ...)` counts days from 0, and DAYOFWEEK, DOW_ISO and YEAROFWEEK are unknown.
- `hash` takes a decimal for 16 bytes, and refuses NULL.
- `chr` takes more than a byte, and `isnan(NULL)` is NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql.types import (
    BooleanType,
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
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["FUNCTIONS", "day_part"]


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


FUNCTIONS = {
    **dict.fromkeys(("datediff", "date_diff", "regexp_count"), _integer),
    "unix_seconds": _unix_seconds,
    "timestamp_seconds": _timestamp_seconds,
    **dict.fromkeys(("timestamp_millis", "timestamp_micros"), _moment),
    **dict.fromkeys(("chr", "char"), _chr),
    "isnan": _isnan,
    **dict.fromkeys(("date_part", "datepart"), _date_part),
    **dict.fromkeys(("hash", "xxhash64"), _hash),
}
