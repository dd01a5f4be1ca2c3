"""Functions that Sail 0.7.2 answers wrongly silently: spelled so that it answers as Spark, or refused.

- `weekday` of a Sunday is -1; `date_trunc` of a date is a TIMESTAMP_NTZ.
- `floor(x, n)` and `ceil(x, n)` round a double to the nearest; `rint`, and `bround` of a decimal, round
  halves away from zero.
- `timestampdiff` counts midnights (or full hours, ...) between moments rather than whole days, and
  `timestampadd` takes a day for 24 hours.
- `percentile_approx` interpolates between values, as a double; Spark answers one of the values.
- `max_by(x, y, n)` ignores n; `get_json_object` finds nothing by a path with `*`.
- `to_json` writes six digits of a second where Spark writes three, and ignores ignoreNullFields;
  `from_json` fails on a timestamp with a `T`.
- A window's RANGE of an INTERVAL over dates takes in every row.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.sail.answers.builder import Term
from dara_dagster.emulator.sail.answers.clock import clock_micros, clock_moment
from dara_dagster.emulator.sail.answers.expressions import BUILD as PLAN
from dara_dagster.emulator.sail.answers.function_rewrites import REWRITES
from dara_dagster.emulator.sail.answers.once import once
from dara_dagster.emulator.sail.answers.sql_text import BUILD
from dara_dagster.emulator.sail.functions import sql_lambdas  # noqa: F401  it adds its calls
from dara_dagster.emulator.sail.functions.operators import spell_out_operators
from dara_dagster.emulator.sail.functions.plan_lambdas import LAMBDAS
from dara_dagster.emulator.sail.syntax.calls import Call, Spelling, call, respell
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["correct_call", "correct_text"]

_UNITS = {"YEAR", "YYYY", "YY", "QUARTER", "MONTH", "MM", "MON", "WEEK"}
_TIMES = {"DAY", "DD", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"}
_MICROSECONDS = {"WEEK": 604_800_000_000, "DAY": 86_400_000_000, "HOUR": 3_600_000_000}
_MICROSECONDS |= {"MINUTE": 60_000_000, "SECOND": 1_000_000}
_MONTHS = {"MONTH", "QUARTER", "YEAR"}
_DAYS = {"DAY": 1, "WEEK": 7}
_PERCENTILES = ("approx_percentile", "percentile_approx")
_JSON_MOMENT = "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"
_ANY_MOMENT = "yyyy-MM-dd[' 'HH:mm:ss]['T'HH:mm:ss][.SSSSSS][.SSS][.S][XXX]"


def correct_text(query: str, session: Mapping[str, Spelling] | None = None) -> str:
    """Return the SQL text (a statement or an expression) with such calls replaced, and those of `session`.

    Raises NotSupportedLocally for a call without an equal.
    """
    return respell(spell_out_operators(query), session, _computing_once)


def _computing_once(spelling: Spelling) -> Spelling:
    """Return a spelling that computes a random argument once, but for those of aggregates."""

    def spelled(call: Call) -> str | None:
        if call.name in _PERCENTILES:
            return spelling(call)
        return once(BUILD, call.arguments, lambda given: spelling(call._replace(arguments=given)))

    return spelled


@call("weekday")
def _weekday_text(call: Call) -> str | None:
    return f"pmod(dayofweek({call.arguments[0]}) + 5, 7)" if len(call.arguments) == 1 else None


@call("date_trunc")
def _date_trunc_text(call: Call) -> str | None:
    if len(call.arguments) != 2:
        return None
    unit, value = call.arguments
    if _is_unknown_unit(unit, _UNITS | _TIMES):
        return "CAST(NULL AS TIMESTAMP)"
    return f"date_trunc({unit}, CAST({value} AS TIMESTAMP))"


@call("trunc")
def _trunc_text(call: Call) -> str | None:
    unknown = len(call.arguments) == 2 and _is_unknown_unit(call.arguments[1], _UNITS)
    return "CAST(NULL AS DATE)" if unknown else None


def _is_unknown_unit(text: str, units: set[str]) -> bool:
    """Return whether a unit is written out and none: Spark answers NULL then."""
    tokens = scan(text).tokens
    is_literal = len(tokens) == 1 and tokens[0].kind == "string"
    return is_literal and unquote(text).upper() not in units


@call("rint")
def _half_even_text(call: Call) -> str | None:
    if len(call.arguments) not in (1, 2):
        return None
    value, digits = (*call.arguments, "0")[:2]
    return f"bround(CAST({value} AS DOUBLE), {digits})"


@call("timestampdiff", "datediff", "date_diff")
def _difference_text(call: Call) -> str | None:
    """timestampdiff(HOUR, a, b): whole units; Sail counts how often the clock passes one."""
    unit = call.arguments[0].upper()
    if len(call.arguments) != 3 or unit not in {*_MICROSECONDS, *_MONTHS}:
        return None
    moments = [BUILD.cast(argument, "timestamp") for argument in call.arguments[1:]]
    if unit in _MONTHS:
        start, end = (clock_moment(BUILD, moment) for moment in moments)
        return f"timestampdiff({unit}, {start}, {end})"
    start, end = (clock_micros(BUILD, moment) for moment in moments)
    return f"(({end} - {start}) DIV {_MICROSECONDS[unit]})"


@call("timestampadd", "dateadd", "date_add")
def _sum_text(call: Call) -> str | None:
    """Spell out timestampadd(DAY, n, moment): by the clock on the wall; Sail adds 24 hours."""
    days = _DAYS.get(call.arguments[0].upper()) if len(call.arguments) == 3 else None
    if days is None:
        return None
    amount = f"({call.arguments[1]})" if days == 1 else f"({call.arguments[1]}) * {days}"
    return f"(CAST({call.arguments[2]} AS TIMESTAMP) + make_dt_interval({amount}))"


@call(*_PERCENTILES)
def _percentile_text(call: Call) -> str | None:
    if call.after in ("FILTER", "OVER"):
        raise NotSupportedLocally(f"{call.name}() with FILTER or OVER", "Use percentile().")
    if len(call.arguments) < 2 or scan(call.arguments[0]).tokens[0].upper == "DISTINCT":
        return None
    value, share = call.arguments[:2]
    several = _ARRAY.match(share)

    def one(share: str) -> str:
        place = f"CAST(greatest(ceil({share} * count({value})), 1) AS INT) - 1"
        return f"get(sort_array(collect_list({value})), {place})"

    if several is None:
        return one(share)
    return f"if(count({value}) > 0, array({', '.join(map(one, several.items('shares')))}), NULL)"


_ARRAY = Pattern("ARRAY <shares:group>")


@call("to_json")
def _to_json_text(call: Call) -> str | None:
    if len(call.arguments) == 1:
        return f"to_json({call.arguments[0]}, map('timestampFormat', \"{_JSON_MOMENT}\"))"
    _refuse(call.name, call.arguments)
    return None


@call("from_json")
def _from_json_text(call: Call) -> str | None:
    if len(call.arguments) != 2:
        return None
    text, schema = call.arguments
    return f"from_json(nullif(trim({text}), ''), {schema}, map('timestampFormat', \"{_ANY_MOMENT}\"))"


@call("max_by", "min_by", "get_json_object")
def _checked_text(call: Call) -> None:
    _refuse(call.name, call.arguments)


@call(*REWRITES)
def _spelled_text(call: Call) -> str | None:
    found: str | None = REWRITES[call.name](BUILD, call.name, [_constant(text) for text in call.arguments])
    return found


def _constant(text: str) -> Term[str]:
    """Return an argument with its value when it is a literal."""
    source = scan(text)
    kinds = [token.kind for token in source.tokens]
    if kinds == ["string"]:
        return Term(text, text=unquote(text))
    return Term(text, literal=int(text) if re.fullmatch(r"\s*-?\s*\d+\s*", text) else None)


@call("initcap")
def _initcap_text(call: Call) -> str | None:
    if len(call.arguments) != 1:
        return None
    words = f"split(lower({call.arguments[0]}), ' ')"
    return f"array_join(transform({words}, _w -> concat(upper(left(_w, 1)), substring(_w, 2))), ' ')"


@call("iff")
def _iff_text(call: Call) -> str:
    return f"if({', '.join(call.arguments)})"


@call("charindex")
def _charindex_text(call: Call) -> str:
    return f"locate({', '.join(call.arguments)})"


@call("decode")
def _decode_text(call: Call) -> str | None:
    """Spell out decode(x, k, v, ..., otherwise); with two arguments it is about character sets."""
    if len(call.arguments) < 3:
        return None
    value, *rest = call.arguments
    pairs = zip(rest[::2], rest[1::2], strict=False)
    cases = " ".join(f"WHEN ({value}) <=> ({key}) THEN {then}" for key, then in pairs)
    return f"CASE {cases}{f' ELSE {rest[-1]}' if len(rest) % 2 else ''} END"


def _refuse(name: str, arguments: Sequence[str]) -> None:
    last = arguments[-1] if arguments else ""
    if name in ("max_by", "min_by") and len(arguments) == 3:
        raise NotSupportedLocally(f"{name}() of several values")
    if name == "to_json" and re.search(r"'ignoreNullFields'\s*,\s*'false'", last, re.I):
        raise NotSupportedLocally("The option ignoreNullFields of to_json()")
    if name == "get_json_object" and "*" in last:
        raise NotSupportedLocally(f"The JSON path {unquote(last)}", "Parse the text by from_json().")


def correct_call(message: pb.Expression) -> None:
    """Do the same for an expression of a plan, in place."""
    if message.WhichOneof("expr_type") == "expression_string":
        message.expression_string.expression = correct_text(message.expression_string.expression)
        return
    function = message.unresolved_function
    name = function.function_name.lower()
    build, given = _BUILT.get(name), list(function.arguments)
    if build is not None and name not in _PERCENTILES:
        new = once(PLAN, given, functools.partial(build, name))
    else:
        new = build(name, given) if build is not None else None
    if new is not None:
        message.CopyFrom(new)


def _call(name: str, *arguments: pb.Expression) -> pb.Expression:
    function = pb.Expression.UnresolvedFunction(function_name=name, arguments=arguments)
    return pb.Expression(unresolved_function=function)


def _cast(value: pb.Expression, kind: str) -> pb.Expression:
    return pb.Expression(cast=pb.Expression.Cast(expr=value, type_str=kind))


def _number(value: int) -> pb.Expression:
    return pb.Expression(literal=pb.Expression.Literal(integer=value))


def _text(value: str) -> pb.Expression:
    return pb.Expression(literal=pb.Expression.Literal(string=value))


def _weekday(name: str, given: list[pb.Expression]) -> pb.Expression:
    return _call("pmod", _call("+", _call("dayofweek", *given), _number(5)), _number(7))


def _date_trunc(name: str, given: list[pb.Expression]) -> pb.Expression:
    unit = given[0].literal
    if unit.HasField("string") and unit.string.upper() not in _UNITS | _TIMES:
        return _cast(_NULL, "timestamp")
    return _call(name, given[0], _cast(given[1], "timestamp"))


def _trunc(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    unit = given[1].literal if len(given) == 2 else pb.Expression.Literal()
    known = not unit.HasField("string") or unit.string.upper() in _UNITS
    return None if known else _cast(_NULL, "date")


_NULL = pb.Expression(literal=pb.Expression.Literal(null=pb.DataType(null=pb.DataType.NULL())))


def _half_even(name: str, given: list[pb.Expression]) -> pb.Expression:
    return _call("bround", _cast(given[0], "double"), *(given[1:] or [_number(0)]))


def _difference(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    name = given[0].literal.string.upper() if len(given) == 3 else ""
    if name in _MONTHS:
        moments = (clock_moment(PLAN, _cast(value, "timestamp")) for value in given[1:])
        return _call("timestampdiff", given[0], *moments)
    unit = _MICROSECONDS.get(name)
    if unit is None:
        return None
    start, end = (clock_micros(PLAN, _cast(value, "timestamp")) for value in given[1:])
    length = pb.Expression(literal=pb.Expression.Literal(long=unit))
    return _call("div", _call("-", end, start), length)


def _sum(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    days = _DAYS.get(given[0].literal.string.upper()) if len(given) == 3 else None
    if days is None:
        return None
    amount = given[1] if days == 1 else _call("*", given[1], _number(days))
    return _call("+", _cast(given[2], "timestamp"), _call("make_dt_interval", amount))


def _percentile(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    kind = given[1].literal.WhichOneof("literal_type")
    several = given[1].unresolved_function.function_name == "array"
    if kind == "array" or several:
        literals = [pb.Expression(literal=share) for share in given[1].literal.array.elements]
        shares = list(given[1].unresolved_function.arguments) if several else literals
        found = _call("array", *(_at_share(given[0], share) for share in shares))
        return _call("when", _call(">", _call("count", given[0]), _number(0)), found)
    return _at_share(given[0], given[1]) if kind else None


def _at_share(value: pb.Expression, share: pb.Expression) -> pb.Expression:
    place = _call("ceil", _call("*", share, _call("count", value)))
    place = _call("-", _cast(_call("greatest", place, _number(1)), "int"), _number(1))
    return _call("get", _call("sort_array", _call("collect_list", value)), place)


def _to_json(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    if len(given) == 1:
        return _call(name, *given, _call("map", _text("timestampFormat"), _text(_JSON_MOMENT)))
    pairs = [argument.literal.string for argument in given[1].unresolved_function.arguments]
    _refuse(name, [", ".join(f"'{text}'" for text in pairs)])
    return None


def _from_json(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    if len(given) != 2:
        return None
    text = _call("nullif", _call("trim", given[0]), _text(""))
    return _call(name, text, given[1], _call("map", _text("timestampFormat"), _text(_ANY_MOMENT)))


def _checked(name: str, given: list[pb.Expression]) -> None:
    _refuse(name, [argument.literal.string for argument in given])


_BUILT: dict[str, Callable[[str, list[pb.Expression]], pb.Expression | None]] = {
    "weekday": _weekday,
    "date_trunc": _date_trunc,
    "trunc": _trunc,
    **dict.fromkeys(("timestampdiff", "datediff", "date_diff"), _difference),
    **dict.fromkeys(("timestampadd", "dateadd", "date_add"), _sum),
    "rint": _half_even,
    "from_json": _from_json,
    "to_json": _to_json,
    **dict.fromkeys(_PERCENTILES, _percentile),
    **dict.fromkeys(("max_by", "min_by", "get_json_object"), _checked),
    **LAMBDAS,
}
