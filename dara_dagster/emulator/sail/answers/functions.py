"""Functions that Sail 0.7.2 answers in other types than Spark, or otherwise in rare cases.

- `datediff` and `regexp_count` answer a BIGINT.
- `unix_seconds` cuts moments before 1970 to the next second; `timestamp_seconds` drops fractions.
- `hash` refuses NULL, `chr` takes more than a byte, and `isnan(NULL)` is NULL.
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

__all__ = ["FUNCTIONS"]


def _call(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    return build.call(name, *(term.expr for term in terms))


def _integer(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """An INT. With three arguments the functions of dates are others, which answer a BIGINT."""
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
    """Sail's own has no zone to be written in."""
    return Term(build.cast(_call(build, name, terms), "timestamp"), TimestampType())


def _chr(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    byte = build.call("pmod", terms[0].expr, build.value(256))
    return Term(build.call(name, byte), StringType())


def _hash(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """A NULL without a type changes no hash, like any other."""
    given = [build.cast(t.expr, "int") if isinstance(t.kind, NullType) else t.expr for t in terms]
    return Term(build.call(name, *given), IntegerType() if name == "hash" else LongType())


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
    **dict.fromkeys(("hash", "xxhash64"), _hash),
}
