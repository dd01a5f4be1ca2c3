"""round, bround, floor and ceil: Spark rounds decimals and the shortest decimal text of doubles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql.types import DataType, DecimalType, DoubleType, FloatType, LongType

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.spark_types import as_decimal, is_integral

__all__ = ["bround_rule", "floor_rule", "round_rule"]

_FINE = "decimal(38,18)"


def round_rule(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct round(x) and round(x, n)."""
    x, places = terms[0], _places(terms)
    plain = build.call(name, *(term.expr for term in terms))
    if isinstance(x.kind, DecimalType) and places is not None:
        kind = _rounded(x.kind, places)
        return Term(build.cast(plain, kind.simpleString()), kind)
    if not isinstance(x.kind, DoubleType | FloatType):
        return Term(plain, x.kind)
    wide, digits = _wide(build, x), [term.expr for term in terms[1:]]
    rounded = build.call(name, _shortest(build, wide), *digits)
    return _binary(build, x, rounded, build.call(name, wide, *digits))


def bround_rule(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct bround(x) and bround(x, n): halves go to the even neighbour."""
    x, places = terms[0], _places(terms)
    plain = build.call(name, *(term.expr for term in terms))
    if places is None or x.kind is None:
        return Term(plain)
    if isinstance(x.kind, DecimalType):
        kind = _rounded(x.kind, places)
        return Term(build.cast(_half_even(build, x.expr, places), kind.simpleString()), kind)
    if is_integral(x.kind):
        return Term(plain, x.kind)
    wide = _wide(build, x)
    rounded = _half_even(build, _shortest(build, wide), places)
    return _binary(build, x, rounded, build.call(name, wide, build.value(places)))


def floor_rule(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct floor(x), ceil(x), and both with a number of places, which return decimals."""
    x, places = terms[0], _places(terms)
    arguments = [term.expr for term in terms]
    if len(terms) == 1:
        return Term(build.call(name, *arguments), _whole(x.kind))
    exact = as_decimal(x.kind, x.literal) if x.kind is not None else None
    if x.kind is None or places is None:
        return Term(build.call(name, build.cast(x.expr, "decimal(30,15)"), *arguments[1:]))
    source = exact or DecimalType(30, 15)
    kind = _rounded(source if x.literal is None else DecimalType(10, 0), places)
    plain = build.call(name, build.cast(x.expr, f"decimal(38,{source.scale})"), *arguments[1:])
    return Term(build.cast(plain, kind.simpleString()), kind)


def _whole(kind: DataType | None) -> DataType | None:
    """Return the type of floor(x) and ceil(x)."""
    if isinstance(kind, DecimalType) and kind.scale > 0:
        return DecimalType(kind.precision - kind.scale + 1, 0)
    return LongType() if kind is not None else None


def _places(terms: Sequence[Term[Any]]) -> int | None:
    return terms[1].literal if len(terms) > 1 else 0


def _rounded(kind: DecimalType, places: int) -> DecimalType:
    """Return the type of a decimal rounded to a number of places (one whole digit more for the carry)."""
    whole = kind.precision - kind.scale + 1
    if places < 0:
        return DecimalType(min(38, max(whole, -places + 1)), 0)
    scale = min(kind.scale, places)
    return DecimalType(min(38, whole + scale), scale)


def _wide(build: Builder[Any], x: Term[Any]) -> Any:
    return build.cast(x.expr, "double") if isinstance(x.kind, FloatType) else x.expr


def _shortest(build: Builder[Any], x: Any) -> Any:
    """Return the decimal that a double is written as; NULL when that is very large or very small."""
    return build.cast(build.cast(x, "string"), _FINE, lenient=True)


def _binary(build: Builder[Any], x: Term[Any], rounded: Any, otherwise: Any) -> Term[Any]:
    found = build.call("coalesce", build.cast(rounded, "double"), otherwise)
    return Term(build.cast(found, "float") if isinstance(x.kind, FloatType) else found, x.kind)


def _half_even(build: Builder[Any], x: Any, places: int) -> Any:
    """Round a decimal up, and a tie that gave an odd last digit one back."""
    call, value = build.call, build.value
    up = call("round", x, value(places))
    unit = build.cast(value(_unit(places)), "decimal(38,18)")
    distance = call("abs", call("-", up, x))
    tie = call("==", call("+", distance, distance), unit)
    odd = call("==", call("%", call("abs", up), call("+", unit, unit)), unit)
    back = call("-", up, call("*", build.cast(call("sign", x), "decimal(1,0)"), unit))
    return call("if", call("and", tie, odd), back, up)


def _unit(places: int) -> str:
    """Return ten to the power of -places, as text."""
    return f"1{'0' * -places}" if places <= 0 else f"0.{'0' * (places - 1)}1"
