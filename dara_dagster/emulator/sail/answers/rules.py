"""How to spell an operator or a function, by the types of its operands, so that Sail 0.7.2 answers as Spark.

- Integers overflow silently: they are computed in a wider type and cast back, which fails.
- Decimals get types of their own making, quotients lose digits, and means are cut rather than rounded.
- `round` of a double works on the binary value, and `bround` of a decimal on a double.
- A date less a date is a number, hours added to a date are lost, and a day is always 24 hours.
- Branches of IF and CASE of several types have the type of the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pyspark.sql.types import (
    ByteType,
    DataType,
    DateType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    ShortType,
    StringType,
    TimestampNTZType,
    TimestampType,
    YearMonthIntervalType,
)

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.casts import cast_rule, in_type, text_of
from dara_dagster.emulator.sail.answers.clock import between, later
from dara_dagster.emulator.sail.answers.functions import FUNCTIONS
from dara_dagster.emulator.sail.answers.once import once_of_terms
from dara_dagster.emulator.sail.answers.rounding import bround_rule, floor_rule, round_rule
from dara_dagster.emulator.sail.answers.spark_types import (
    as_decimal,
    decimal_of,
    is_integral,
    is_numeric,
    sail_decimal,
    widest,
)

__all__ = [
    "AGGREGATES",
    "COMPARISONS",
    "RULES",
    "apply",
    "apply_aggregate",
    "cast_rule",
    "checked_sum",
    "needs_size",
    "rough",
]

E = TypeVar("E")
Rule = Callable[[Builder[Any], str, Sequence[Term[Any]]], Term[Any]]

_WIDE = {"tinyint": "bigint", "smallint": "bigint", "int": "bigint", "bigint": "decimal(20,0)"}
# Sail compares with the exact value and leaves out the cast that would overflow.
COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "<=>", "in", "between", "isnotnull", "isnull"}
_SPEC = re.compile(r"%(\d+\$)?[-#+ 0,(]*\d*(?:\.(\d+))?([a-zA-Z%])")
_OVERFLOWING = ("+", "-", "*")


def apply(build: Builder[E], name: str, terms: Sequence[Term[E]]) -> Term[E] | None:
    """Return the call of a function or operator, spelled right, with its type; None when no rule knows it."""
    rule = RULES.get(name)
    return once_of_terms(build, terms, lambda given: rule(build, name, given)) if rule else None


def _arithmetic(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    plain = build.call(name, *(term.expr for term in terms))
    if len(terms) != 2:
        return Term(plain)
    a, b = terms
    if is_numeric(a.kind) and is_numeric(b.kind) and a.kind is not None and b.kind is not None:
        if isinstance(a.kind, DecimalType) or isinstance(b.kind, DecimalType):
            return _decimals(build, name, a, b)
        if is_integral(a.kind) and is_integral(b.kind):
            return _integers(build, name, a, b)
        if isinstance(a.kind, FloatType) and isinstance(b.kind, FloatType):
            return Term(plain, DoubleType() if name == "/" else FloatType())
        return _doubles(build, name, a, b)
    moment = _moments(build, name, a, b)
    return moment or Term(plain)


def _doubles(build: Builder[Any], name: str, a: Term[Any], b: Term[Any]) -> Term[Any]:
    """Take a float beside another number for a double."""
    mixed = any(isinstance(term.kind, FloatType) for term in (a, b))
    x, y = (build.cast(term.expr, "double") if mixed else term.expr for term in (a, b))
    return Term(build.call(name, x, y), DoubleType())


def _integers(build: Builder[Any], name: str, a: Term[Any], b: Term[Any]) -> Term[Any]:
    plain = build.call(name, a.expr, b.expr)
    kind = widest([a.kind, b.kind])
    if name == "/":
        return Term(plain, DoubleType())
    if name == "div":
        return Term(plain, LongType())
    small = isinstance(kind, ByteType | ShortType)
    if name not in _OVERFLOWING or kind is None or (not small and _fits(name, a.literal, b.literal)):
        return Term(plain, kind)
    text = kind.simpleString()
    x, y = (build.cast(term.expr, _WIDE[text]) for term in (a, b))
    return Term(build.cast(build.call(name, x, y), text), kind, is_checked=True)


def _fits(name: str, a: int | None, b: int | None) -> bool:
    """Return whether an operation on two literals is far from overflowing."""
    return a is not None and b is not None and max(abs(a), abs(b)) < 2**15 and name in _OVERFLOWING


def _decimals(build: Builder[Any], name: str, a: Term[Any], b: Term[Any]) -> Term[Any]:
    plain = build.call(name, a.expr, b.expr)
    if a.kind is None or b.kind is None or name == "div":
        return Term(plain, LongType() if name == "div" else None)
    x, y = (as_decimal(t.kind, None if isinstance(t.kind, ByteType) else t.literal) for t in (a, b) if t.kind)
    if x is None or y is None:
        return _doubles(build, name, a, b)
    kind = decimal_of(name, x, y)
    if name == "/":
        scale = max(x.scale, kind.scale - 3)  # Sail answers four digits more, cut; the cast rounds the last
        dividend = DecimalType(min(38, x.precision - x.scale + scale), min(scale, 37))
        divisor = b.expr if b.literal is None else build.cast(b.expr, y.simpleString())
        exact = build.call("/", build.cast(a.expr, dividend.simpleString()), divisor)
        return Term(build.cast(exact, kind.simpleString()), kind)
    own_a, own_b = as_decimal(a.kind), as_decimal(b.kind)
    given = sail_decimal(name, own_a, own_b) if own_a and own_b else None
    if given == kind:
        return Term(_in_38_digits(build, plain, kind), kind)
    return Term(build.cast(plain, kind.simpleString()), kind)


def _in_38_digits(build: Builder[Any], x: Any, kind: DecimalType) -> Any:
    """Return a decimal that fails when it has more than 38 digits: Sail allows up to 1.7E38."""
    if kind.precision < 38:
        return x
    text = kind.simpleString()
    most = build.cast(build.value(f"{'9' * (38 - kind.scale)}.{'9' * kind.scale}".strip(".")), text)
    words = (
        "[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION] The result cannot be represented as "
        f"Decimal(38, {kind.scale}). SQLSTATE: 22003"
    )
    fault = build.cast(build.call("raise_error", build.value(words)), text)
    return build.call("when", build.call(">", build.call("abs", x), most), fault, x)


def needs_size(name: str, kind: DataType | None) -> bool:
    """Return whether a sum may have more than 38 digits."""
    return name == "sum" and isinstance(kind, DecimalType) and kind.precision > 28


def rough(build: Builder[E], operand: E) -> E:
    """Return a decimal as a double plus nothing: Sail takes aggregates that differ in a cast only for one."""
    return build.call("+", build.cast(operand, "double"), build.value(0.0))


def checked_sum(build: Builder[E], found: E, size: E, kind: DataType | None) -> E:
    """Return a sum of decimals that fails when it has more than 38 digits; `size` is the same sum of doubles,
    which is right where Sail's own begins anew at 1.7E38.
    """
    assert isinstance(kind, DecimalType)
    words = (
        "[ARITHMETIC_OVERFLOW] Overflow in sum of decimals. Use 'try_sum' to tolerate overflow and return "
        "NULL instead. SQLSTATE: 22003"
    )
    text = DecimalType(38, kind.scale).simpleString()
    fault = build.cast(build.call("raise_error", build.value(words)), text)
    most = build.value(float(f"1.5e{38 - kind.scale}"))
    checked: E = _in_38_digits(build, found, DecimalType(38, kind.scale))
    return build.call("when", build.call(">", build.call("abs", size), most), fault, checked)


def _moments(build: Builder[Any], name: str, a: Term[Any], b: Term[Any]) -> Term[Any] | None:
    plain = build.call(name, a.expr, b.expr)
    if isinstance(a.kind, DayTimeIntervalType | YearMonthIntervalType) and name == "+":
        a, b = b, a
    if name == "-" and {type(a.kind), type(b.kind)} == {DateType, TimestampType}:
        x, y = (build.cast(term.expr, "timestamp") for term in (a, b))
        return Term(between(build, x, y), DayTimeIntervalType())
    if isinstance(a.kind, DateType):
        if isinstance(b.kind, DateType) and name == "-":
            days = build.call("make_dt_interval", build.call("datediff", a.expr, b.expr))
            return Term(build.cast(days, "interval day"), DayTimeIntervalType(0, 0))
        if isinstance(b.kind, DayTimeIntervalType) and b.kind.endField != DayTimeIntervalType.DAY:
            return Term(later(build, name, build.cast(a.expr, "timestamp"), b.expr), TimestampType())
        if isinstance(b.kind, DayTimeIntervalType | YearMonthIntervalType) or is_integral(b.kind):
            return Term(plain, DateType())
    if isinstance(a.kind, TimestampType) and isinstance(b.kind, DayTimeIntervalType):
        return Term(later(build, name, a.expr, b.expr), a.kind)
    if isinstance(a.kind, TimestampType | TimestampNTZType):
        if isinstance(b.kind, DayTimeIntervalType | YearMonthIntervalType):
            return Term(plain, a.kind)
        if isinstance(b.kind, type(a.kind)) and name == "-":
            is_zoned = isinstance(a.kind, TimestampType)
            return Term(between(build, a.expr, b.expr) if is_zoned else plain, DayTimeIntervalType())
    return None


def _remainder(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct mod(a, b) and pmod(a, b)."""
    found = _arithmetic(build, "%" if name == "mod" else name, terms)
    plain = build.call(name, *(term.expr for term in terms))
    return Term(plain, found.kind) if is_integral(found.kind) else found


def _negative(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct -a and abs(a), which overflow for the least integer."""
    (a,) = terms
    kind = a.kind.simpleString() if a.kind is not None and is_integral(a.kind) else ""
    if not kind or a.literal is not None:
        literal = -a.literal if a.literal is not None and name in ("-", "negative") else None
        return Term(build.call(name, a.expr), a.kind, literal)
    wide = build.call(name, build.cast(a.expr, _WIDE[kind]))
    return Term(build.cast(wide, kind), a.kind)


def _same(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Type functions by their first operand."""
    return Term(build.call(name, *(term.expr for term in terms)), terms[0].kind if terms else None)


def _together(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Type functions by the widest type of their operands, which Sail knows."""
    return Term(build.call(name, *(term.expr for term in terms)), widest([term.kind for term in terms]))


def unify(build: Builder[E], branches: Sequence[Term[E]]) -> tuple[list[E], DataType | None]:
    """Return the branches of a CASE or IF in one type."""
    kind = widest([branch.kind for branch in branches])
    if kind is None:
        return [branch.expr for branch in branches], None
    return [in_type(build, branch, kind) for branch in branches], kind


def _nullif(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Return the first operand in its own type; compared as by `=`."""
    plain = build.call(name, *(term.expr for term in terms))
    if (
        len(terms) != 2
        or isinstance(terms[1].kind, NullType)
        or terms[0].kind == terms[1].kind == StringType()
    ):
        return Term(plain, terms[0].kind if terms else None)
    same = build.call(
        "coalesce",
        build.call("==", terms[0].expr, terms[1].expr),
        build.call("==", build.value(1), build.value(0)),
    )
    return Term(build.call("when", build.call("not", same), terms[0].expr), terms[0].kind)


def _if(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    if len(terms) != 3:
        return Term(build.call(name, *(term.expr for term in terms)))
    branches, kind = unify(build, terms[1:])
    return Term(build.call(name, terms[0].expr, *branches), kind)


def _when(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct CASE as a function: conditions and values by turns, and a last value."""
    places = [i for i in range(len(terms)) if i % 2 or i == len(terms) - 1]
    branches, kind = unify(build, [terms[i] for i in places])
    arguments = [term.expr for term in terms]
    for place, branch in zip(places, branches, strict=True):
        arguments[place] = branch
    return Term(build.call(name, *arguments), kind)


def _concat(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct functions that write their operands as text."""
    kinds = [term.kind for term in terms]
    text = any(isinstance(kind, StringType) for kind in kinds) or name == "concat_ws"
    return Term(build.call(name, *(text_of(build, term) for term in terms)), StringType() if text else None)


def _try(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct try_add and try_subtract of a moment, which Sail takes for one without a zone."""
    if len(terms) == 2 and isinstance(terms[0].kind, TimestampType):
        return _arithmetic(build, "+" if name == "try_add" else "-", terms)
    return Term(build.call(name, *(term.expr for term in terms)))


def _format(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    """Correct format_string: Java rounds the decimal that a double is written as, Sail the binary value."""
    given = [term.expr for term in terms]
    specs = [spec for spec in _SPEC.finditer(terms[0].text or "") if spec[3] not in ("%", "n")]
    if not any(spec[1] for spec in specs):
        for place, spec in enumerate(specs, 1):
            if (
                spec[3] == "f"
                and place < len(terms)
                and isinstance(terms[place].kind, DoubleType | FloatType)
            ):
                digits = int(spec[2] or 6)
                number = Term(build.value(digits), IntegerType(), digits)
                given[place] = round_rule(build, "round", [terms[place], number]).expr
    return Term(build.call(name, *given), StringType())


def _fixed(kind: DataType) -> Rule:
    def rule(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
        return Term(build.call(name, *(term.expr for term in terms)), kind)

    return rule


def _difference(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Term[Any]:
    return _negative(build, name, terms) if len(terms) == 1 else _arithmetic(build, name, terms)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("+", "*", "/", "%", "div"), _arithmetic),
    "-": _difference,
    **dict.fromkeys(("mod", "pmod"), _remainder),
    **dict.fromkeys(("negative", "abs"), _negative),
    **dict.fromkeys(("first", "last", "max", "min", "any_value", "lag", "lead", "positive"), _same),
    **dict.fromkeys(("coalesce", "ifnull", "nvl", "greatest", "least"), _together),
    "nullif": _nullif,
    "if": _if,
    "when": _when,
    "round": round_rule,
    "bround": bround_rule,
    **dict.fromkeys(("ceil", "ceiling", "floor"), floor_rule),
    **dict.fromkeys(("concat", "||", "concat_ws"), _concat),
    **dict.fromkeys(("count", "approx_count_distinct", "count_if"), _fixed(LongType())),
    **FUNCTIONS,
    **dict.fromkeys(("try_add", "try_subtract"), _try),
    **dict.fromkeys(("format_string", "printf"), _format),
    **dict.fromkeys(
        ("length", "year", "month", "day", "hour", "size", "row_number", "rank", "dense_rank"),
        _fixed(IntegerType()),
    ),
    **dict.fromkeys(("upper", "lower", "trim", "substring"), _fixed(StringType())),
}


def _sum(kind: DataType) -> tuple[str | None, str | None, DataType | None]:
    if isinstance(kind, LongType):
        return "decimal(20,0)", "bigint", kind
    if isinstance(kind, StringType):
        return "double", None, DoubleType()
    if isinstance(kind, DecimalType):
        return None, None, DecimalType(min(38, kind.precision + 10), kind.scale)
    return None, None, LongType() if is_integral(kind) else DoubleType() if is_numeric(kind) else None


def _avg(kind: DataType) -> tuple[str | None, str | None, DataType | None]:
    if isinstance(kind, StringType):
        return "double", None, DoubleType()
    if isinstance(kind, DecimalType):  # Sail cuts where Spark rounds: one digit more, which the cast rounds
        mean = DecimalType(min(38, kind.precision + 4), min(38, kind.scale + 4))
        if kind.precision >= 38 or kind.scale + 5 > 37:
            return None, None, mean
        finer = DecimalType(kind.precision + 1, kind.scale + 1)
        return finer.simpleString(), mean.simpleString(), mean
    return None, None, DoubleType() if is_numeric(kind) else None


# For an aggregate and the type of its operand: the type to cast that to, the type to cast the result to
# (None: no cast), and the type of the result.
AGGREGATES: dict[str, Callable[[DataType], tuple[str | None, str | None, DataType | None]]] = {
    "sum": _sum,
    "avg": _avg,
    "mean": _avg,
}


def apply_aggregate(name: str, kind: DataType | None) -> tuple[str | None, str | None, DataType | None]:
    """Return what AGGREGATES says; nothing to do where the type is not known."""
    return AGGREGATES[name](kind) if kind is not None and name in AGGREGATES else (None, None, None)
