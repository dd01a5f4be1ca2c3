"""The same higher-order functions as `sql_lambdas`, in the plans of DataFrame calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.sail.answers.expressions import substitute_variables

__all__ = ["LAMBDAS"]

Expression = pb.Expression
_FRESH = itertools.count()


def _call(name: str, *arguments: Expression) -> Expression:
    function = Expression.UnresolvedFunction(function_name=name, arguments=arguments)
    return Expression(unresolved_function=function)


def _variable() -> Expression:
    variable = Expression.UnresolvedNamedLambdaVariable(name_parts=[f"_v{next(_FRESH)}"])
    return Expression(unresolved_named_lambda_variable=variable)


def _lambda(body: Expression, *variables: Expression) -> Expression:
    arguments = [variable.unresolved_named_lambda_variable for variable in variables]
    return Expression(lambda_function=Expression.LambdaFunction(function=body, arguments=arguments))


def _field(variable: Expression, name: str) -> Expression:
    key = Expression(literal=Expression.Literal(string=name))
    extraction = Expression.UnresolvedExtractValue(child=variable, extraction=key)
    return Expression(unresolved_extract_value=extraction)


def _body(function: Expression, *values: Expression) -> Expression:
    """Return the body of a lambda with values in place of its parameters."""
    names = [".".join(argument.name_parts) for argument in function.lambda_function.arguments]
    body = Expression()
    body.CopyFrom(function.lambda_function.function)
    substitute_variables(body, dict(zip(names, values, strict=False)))
    return body


def _zip_with(left: Expression, right: Expression, function: Expression) -> Expression:
    item, index = _variable(), _variable()
    body = _body(function, _call("get", left, index), _call("get", right, index))
    return _call("transform", _call("arrays_zip", left, right), _lambda(body, item, index))


def _transform_keys(pairs: Expression, function: Expression) -> Expression:
    return _call("map_from_arrays", _over_entries("transform", pairs, function), _call("map_values", pairs))


def _transform_values(pairs: Expression, function: Expression) -> Expression:
    return _call("map_from_arrays", _call("map_keys", pairs), _over_entries("transform", pairs, function))


def _map_filter(pairs: Expression, function: Expression) -> Expression:
    return _call("map_from_entries", _over_entries("filter", pairs, function))


def _over_entries(name: str, pairs: Expression, function: Expression) -> Expression:
    entry = _variable()
    body = _body(function, _field(entry, "key"), _field(entry, "value"))
    return _call(name, _call("map_entries", pairs), _lambda(body, entry))


def _map_zip_with(left: Expression, right: Expression, function: Expression) -> Expression:
    key = _variable()
    values = [_call("try_element_at", pairs, key) for pairs in (left, right)]
    keys = _call("array_union", _call("map_keys", left), _call("map_keys", right))
    return _call(
        "map_from_arrays", keys, _call("transform", keys, _lambda(_body(function, key, *values), key))
    )


def _map(*pairs: Expression) -> Expression | None:
    """Make values that may be null: explode() of others breaks Sail 0.7.2 off."""
    if not pairs or len(pairs) % 2:
        return None
    yes = Expression(literal=Expression.Literal(boolean=True))
    no = Expression(literal=Expression.Literal(null=pb.DataType(null=pb.DataType.NULL())))
    nullable = [item if index % 2 == 0 else _call("when", yes, item, no) for index, item in enumerate(pairs)]
    wrapped = all(_is_wrapped(item) for item in pairs[1::2])
    return None if wrapped else _call("map", *nullable)


def _is_wrapped(item: Expression) -> bool:
    function = item.unresolved_function
    return function.function_name == "when" and len(function.arguments) == 3


def _initcap(text: Expression) -> Expression:
    """Correct initcap: only blanks separate words."""
    word, blank = _variable(), Expression(literal=Expression.Literal(string=" "))
    one, two = (Expression(literal=Expression.Literal(integer=number)) for number in (1, 2))
    body = _call("concat", _call("upper", _call("left", word, one)), _call("substring", word, two))
    words = _call("split", _call("lower", text), blank)
    return _call("array_join", _call("transform", words, _lambda(body, word)), blank)


def _with(build: Callable[..., Expression | None], count: int | None) -> Callable[..., Expression | None]:
    def built(name: str, given: list[Expression]) -> Expression | None:
        return build(*given) if count in (None, len(given)) else None

    return built


LAMBDAS: dict[str, Callable[[str, list[Expression]], Expression | None]] = {
    "zip_with": _with(_zip_with, 3),
    "transform_keys": _with(_transform_keys, 2),
    "transform_values": _with(_transform_values, 2),
    "map_filter": _with(_map_filter, 2),
    "map_zip_with": _with(_map_zip_with, 3),
    "map": _with(_map, None),
    "initcap": _with(_initcap, 1),
}
