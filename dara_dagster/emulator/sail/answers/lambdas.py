"""What the parameters of lambdas stand for: an expression of the same type, by which the server is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pyspark.sql.connect.proto as pb
from sqlglot import exp

from dara_dagster.emulator.sail.answers.expressions import substitute_variables
from dara_dagster.emulator.sail.syntax.tokens import substitute_names

__all__ = ["example_arguments", "with_examples", "with_values"]

_FOLDS = {"aggregate", "reduce"}


def with_examples(text: str, node: exp.Expr, written: Callable[[exp.Expr], tuple[str, list[str]]]) -> str:
    """Return an expression within lambdas, with examples in place of their parameters: the first item of the
    array, and for the place of an item a number. `written` says a function's name and arguments.
    """
    function = node.find_ancestor(exp.Lambda)
    while function is not None:
        if function.parent is not None:
            text = substitute_names(text, dict(_examples(function, *written(function.parent))))
        function = function.find_ancestor(exp.Lambda)
    return text


def _examples(function: exp.Lambda, name: str, given: list[str]) -> Iterator[tuple[str, str]]:
    if not given:
        return
    item = f"get({given[0]}, 0)"
    if name in _FOLDS:
        examples = [f"({given[1]})", item]
    else:
        examples = [item, item if name == "array_sort" else "CAST(0 AS INT)"]
    for variable, example in zip(function.expressions, examples, strict=False):
        yield variable.name.lower(), example


def example_arguments(function: pb.Expression.UnresolvedFunction) -> list[dict[str, pb.Expression]]:
    """Return the same for the lambdas among a function's arguments in a plan: for each, name -> example."""
    item = _call("get", function.arguments[0], pb.Expression(literal=pb.Expression.Literal(integer=0)))
    name, found = function.function_name.lower(), []
    for argument in function.arguments:
        variables = argument.lambda_function.arguments
        if name in _FOLDS:
            examples = [function.arguments[1], item]
        else:
            number = pb.Expression(literal=pb.Expression.Literal(integer=0))
            examples = [item, item if name == "array_sort" else number]
        names = [".".join(variable.name_parts) for variable in variables]
        found.append(dict(zip(names, examples, strict=False)))
    return found


def with_values(expr: pb.Expression, values: Mapping[str, pb.Expression]) -> pb.Expression:
    """Return a copy of an expression with values in place of its variables."""
    copy = pb.Expression()
    copy.CopyFrom(expr)
    substitute_variables(copy, values)
    return copy


def _call(name: str, *arguments: pb.Expression) -> pb.Expression:
    function = pb.Expression.UnresolvedFunction(function_name=name, arguments=arguments)
    return pb.Expression(unresolved_function=function)
