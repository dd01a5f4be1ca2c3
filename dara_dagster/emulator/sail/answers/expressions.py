"""Expressions and relations of DataFrame plans: how they are made, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.sail.syntax.volatile import VOLATILE, is_volatile

__all__ = ["BUILD", "NULL", "aliased", "column", "messages", "projection", "substitute_variables"]


class PlanBuilder:
    """Makes expressions of plans."""

    def call(self, name: str, *arguments: pb.Expression) -> pb.Expression:
        function = pb.Expression.UnresolvedFunction(
            function_name="concat" if name == "||" else name, arguments=arguments
        )
        return pb.Expression(unresolved_function=function)

    def cast(self, expr: pb.Expression, kind: str, *, lenient: bool = False) -> pb.Expression:
        cast = pb.Expression.Cast(expr=expr, type_str=kind)
        if lenient:
            cast.eval_mode = pb.Expression.Cast.EVAL_MODE_TRY
        return pb.Expression(cast=cast)

    def value(self, value: str | int | float) -> pb.Expression:
        literal = pb.Expression.Literal()
        if isinstance(value, str):
            literal.string = value
        elif isinstance(value, float):
            literal.double = value
        else:
            literal.integer = value
        return pb.Expression(literal=literal)

    def variable(self, name: str) -> pb.Expression:
        variable = pb.Expression.UnresolvedNamedLambdaVariable(name_parts=[name])
        return pb.Expression(unresolved_named_lambda_variable=variable)

    def each(self, values: pb.Expression, name: str, body: pb.Expression) -> pb.Expression:
        return self.call("transform", values, self._lambda(name, body))

    def keep(self, values: pb.Expression, name: str, condition: pb.Expression) -> pb.Expression:
        return self.call("filter", values, self._lambda(name, condition))

    def _lambda(self, name: str, body: pb.Expression) -> pb.Expression:
        arguments = [self.variable(name).unresolved_named_lambda_variable]
        return pb.Expression(lambda_function=pb.Expression.LambdaFunction(function=body, arguments=arguments))

    def field(self, struct: pb.Expression, name: str) -> pb.Expression:
        key = self.value(name)
        return pb.Expression(
            unresolved_extract_value=pb.Expression.UnresolvedExtractValue(child=struct, extraction=key)
        )

    def is_volatile(self, expr: pb.Expression) -> bool:
        return not expr.HasField("lambda_function") and any(map(_changes, _all_messages(expr)))

    def uses(self, expr: pb.Expression, name: str) -> int:
        return sum(_is_variable(message, name) for message in _all_messages(expr))

    def put(self, expr: pb.Expression, name: str, value: pb.Expression) -> pb.Expression:
        found = pb.Expression()
        found.CopyFrom(expr)
        substitute_variables(found, {name: value})
        return found


def _changes(message: Any) -> bool:
    """Return whether a message is a call that has another value each time."""
    if isinstance(message, pb.CommonInlineUserDefinedFunction):
        return not message.deterministic
    if not isinstance(message, pb.Expression) or message.WhichOneof("expr_type") != "unresolved_function":
        return isinstance(message, pb.Expression) and is_volatile(message.expression_string.expression)
    return message.unresolved_function.function_name.lower() in VOLATILE


def _is_variable(message: Any, name: str) -> bool:
    is_one = isinstance(message, pb.Expression) and message.HasField("unresolved_named_lambda_variable")
    return is_one and list(message.unresolved_named_lambda_variable.name_parts) == [name]


def _all_messages(message: Any) -> Iterator[Any]:
    yield message
    for inner in messages(message):
        yield from _all_messages(inner)


BUILD = PlanBuilder()
NULL = pb.Expression(literal=pb.Expression.Literal(null=pb.DataType(null=pb.DataType.NULL())))


def column(name: str) -> pb.Expression:
    """Return a column of the input by its name."""
    quoted = "`" + name.replace("`", "``") + "`"
    attribute = pb.Expression.UnresolvedAttribute(unparsed_identifier=quoted)
    return pb.Expression(unresolved_attribute=attribute)


def aliased(expr: pb.Expression, name: str) -> pb.Expression:
    return pb.Expression(alias=pb.Expression.Alias(expr=expr, name=[name]))


def projection(source: pb.Relation, expressions: Sequence[pb.Expression]) -> pb.Relation:
    return pb.Relation(project=pb.Project(input=source, expressions=expressions))


def messages(message: Any) -> Iterator[Any]:
    """Yield the messages directly in a message."""
    for field, value in message.ListFields():
        if field.type != field.TYPE_MESSAGE:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == field.TYPE_MESSAGE:
                yield from value.values()
        elif field.is_repeated:
            yield from value
        else:
            yield value


def substitute_variables(message: pb.Expression, values: Mapping[str, pb.Expression]) -> None:
    """Put values in place of the variables of a lambda, by name."""
    if message.WhichOneof("expr_type") == "unresolved_named_lambda_variable":
        value = values.get(".".join(message.unresolved_named_lambda_variable.name_parts))
        if value is not None:
            message.CopyFrom(value)
        return
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for item in value if field.is_repeated else [value]:
                _substitute_within(item, values)


def _substitute_within(message: object, values: Mapping[str, pb.Expression]) -> None:
    if isinstance(message, pb.Expression):
        substitute_variables(message, values)
    elif hasattr(message, "ListFields"):
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
                for item in value if field.is_repeated else [value]:
                    _substitute_within(item, values)
