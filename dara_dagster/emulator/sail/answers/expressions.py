"""Expressions and relations of DataFrame plans: how they are made, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyspark.sql.connect.proto as pb

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
