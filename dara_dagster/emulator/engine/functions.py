"""Functions that Sail 0.7.2 answers wrongly silently: spelled so that it answers as Spark, or refused.

- `weekday` of a Sunday is -1; `date_trunc` of a date is a TIMESTAMP_NTZ.
- `floor(x, n)` and `ceil(x, n)` round a double to the nearest; `rint`, and `bround` of a decimal, round
  halves away from zero.
- `percentile_approx` interpolates between values, as a double; Spark answers one of the values.
- `max_by(x, y, n)` ignores n; `get_json_object` finds nothing by a path with `*`.
- `to_json` writes six digits of a second where Spark writes three, and ignores ignoreNullFields;
  `from_json` fails on a timestamp with a `T`.
- A window's RANGE of an INTERVAL over dates takes in every row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.lexing import pieces, split_top_level

__all__ = ["correct_call", "correct_text"]

_PERCENTILES = ("approx_percentile", "percentile_approx")
_ROUNDERS = ("ceil", "ceiling", "floor")
_CALL = re.compile(
    r"(?<![\w.`])(weekday|date_trunc|rint|bround|max_by|min_by|get_json_object|to_json|from_json|"
    rf"{'|'.join((*_ROUNDERS, *_PERCENTILES))})\s*\(",
    re.I,
)
_RANGE = re.compile(
    r"\border\s+by\s+((?:(?!\border\s+by\b).)+?)((?:\s+(?:asc|desc))?(?:\s+nulls\s+(?:first|last))?\s+)"
    r"(?=range\b[^)]*\binterval\b)",
    re.I | re.S,
)
_JSON_MOMENT = "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"
_ANY_MOMENT = "yyyy-MM-dd[' 'HH:mm:ss]['T'HH:mm:ss][.SSSSSS][.SSS][.S][XXX]"
_AFTER_AGGREGATE = re.compile(r"\s*(?:filter|over)\b", re.I)


def correct_text(query: str) -> str:
    """The SQL text (a statement or an expression) with such calls replaced.

    Raises NotSupportedLocally for a call without an equal.
    """
    if not (_CALL.search(query) or _RANGE.search(query)):
        return query
    for match in reversed(list(_CALL.finditer(_code(query)))):  # inner calls first: they stand to the right
        code = _code(query)
        end = _closing(code, match.end())
        arguments = split_top_level(query[match.end() : end])
        name = match[1].lower()
        if name in _PERCENTILES and _AFTER_AGGREGATE.match(code[end + 1 :]):
            raise NotSupportedLocally(f"{name}() with FILTER or OVER", "Use percentile().")
        new = _spelled(name, arguments)
        query = query if new is None else query[: match.start()] + new + query[end + 1 :]
    for match in reversed(list(_RANGE.finditer(_code(query)))):
        key = query[slice(*match.span(1))]
        query = f"{query[: match.start()]}ORDER BY CAST({key} AS TIMESTAMP){match[2]}{query[match.end() :]}"
    return query


def _code(query: str) -> str:
    """The text, of the same length, with a neutral letter for each of strings, quoted names and comments."""
    return "".join(piece.text if piece.kind == "code" else "_" * len(piece.text) for piece in pieces(query))


def _closing(code: str, start: int) -> int:
    """Where the bracket that is open at `start` closes; the end of the text when it does not."""
    depth = 1
    for position in range(start, len(code)):
        depth += (code[position] == "(") - (code[position] == ")")
        if depth == 0:
            return position
    return len(code)


def _spelled(name: str, arguments: Sequence[str]) -> str | None:
    """The call in other words; None when Sail answers it as Spark does."""
    first, count = (arguments or [""])[0], len(arguments)
    if name == "weekday" and count == 1:
        return f"pmod(dayofweek({first}) + 5, 7)"
    if name == "date_trunc" and count == 2:
        return f"date_trunc({first}, CAST({arguments[1]} AS TIMESTAMP))"
    if name in _ROUNDERS and count == 2:
        return f"{name}(CAST({first} AS DECIMAL(30, 15)), {arguments[1]})"
    if name in ("rint", "bround") and count in (1, 2):
        return f"bround(CAST({first} AS DOUBLE), {(*arguments, '0')[1]})"
    if name in _PERCENTILES and count > 1 and not re.match(r"(?:array\b|distinct\b)", arguments[1], re.I):
        place = f"CAST(greatest(ceil({arguments[1]} * count({first})), 1) AS INT) - 1"
        return f"get(sort_array(collect_list({first})), {place})"
    if name == "to_json" and count == 1:
        return f"to_json({first}, map('timestampFormat', \"{_JSON_MOMENT}\"))"
    if name == "from_json" and count == 2:
        return f"from_json({first}, {arguments[1]}, map('timestampFormat', \"{_ANY_MOMENT}\"))"
    _refuse(name, count, arguments[-1] if arguments else "")
    return None


def _refuse(name: str, count: int, last: str) -> None:
    if name in ("max_by", "min_by") and count == 3:
        raise NotSupportedLocally(f"{name}() of several values")
    if name == "to_json" and re.search(r"'ignoreNullFields'\s*,\s*'false'", last, re.I):
        raise NotSupportedLocally("The option ignoreNullFields of to_json()")
    if name == "get_json_object" and "*" in last:
        raise NotSupportedLocally(f"The JSON path {last}", "Parse the text by from_json().")


def correct_call(message: pb.Expression) -> None:
    """The same for an expression of a plan, in place."""
    if message.WhichOneof("expr_type") == "expression_string":
        message.expression_string.expression = correct_text(message.expression_string.expression)
        return
    function = message.unresolved_function
    build = _BUILT.get(function.function_name.lower())
    new = build(function.function_name.lower(), list(function.arguments)) if build else None
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
    return _call(name, given[0], _cast(given[1], "timestamp"))


def _rounded(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    return _call(name, _cast(given[0], "decimal(30,15)"), given[1]) if len(given) == 2 else None


def _half_even(name: str, given: list[pb.Expression]) -> pb.Expression:
    return _call("bround", _cast(given[0], "double"), *(given[1:] or [_number(0)]))


def _percentile(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    if given[1].literal.WhichOneof("literal_type") in (None, "array"):
        return None
    place = _call("ceil", _call("*", given[1], _call("count", given[0])))
    place = _call("-", _cast(_call("greatest", place, _number(1)), "int"), _number(1))
    return _call("get", _call("sort_array", _call("collect_list", given[0])), place)


def _to_json(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    if len(given) == 1:
        return _call(name, *given, _call("map", _text("timestampFormat"), _text(_JSON_MOMENT)))
    pairs = [argument.literal.string for argument in given[1].unresolved_function.arguments]
    _refuse(name, len(given), ", ".join(f"'{text}'" for text in pairs))
    return None


def _from_json(name: str, given: list[pb.Expression]) -> pb.Expression | None:
    if len(given) != 2:
        return None
    return _call(name, *given, _call("map", _text("timestampFormat"), _text(_ANY_MOMENT)))


def _checked(name: str, given: list[pb.Expression]) -> None:
    _refuse(name, len(given), given[-1].literal.string if given else "")


_BUILT: dict[str, Callable[[str, list[pb.Expression]], pb.Expression | None]] = {
    "weekday": _weekday,
    "date_trunc": _date_trunc,
    "rint": _half_even,
    "bround": _half_even,
    "from_json": _from_json,
    "to_json": _to_json,
    **dict.fromkeys(_ROUNDERS, _rounded),
    **dict.fromkeys(_PERCENTILES, _percentile),
    **dict.fromkeys(("max_by", "min_by", "get_json_object"), _checked),
}
