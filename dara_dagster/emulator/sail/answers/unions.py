"""UNION and INTERSECT ALL of DataFrame plans.

Sail 0.7.2 answers the types of a union's first side, and takes INTERSECT ALL for a semi join.
"""

from __future__ import annotations

from collections.abc import Callable

import pyspark.sql.connect.proto as pb
from pyspark.sql.types import DataType, StructType

from dara_dagster.emulator.sail.answers.expressions import BUILD, aliased, column, projection
from dara_dagster.emulator.sail.answers.spark_types import widest

__all__ = ["correct_set_operation"]

_Schema = Callable[[pb.Relation], StructType]


def correct_set_operation(operation: pb.SetOperation, schema: _Schema) -> None:
    """Correct a union or intersection in place."""
    if operation.set_op_type == pb.SetOperation.SET_OP_TYPE_UNION:
        if operation.by_name:
            _by_name(operation, schema)
        else:
            _by_position(operation, schema)
    elif operation.set_op_type == pb.SetOperation.SET_OP_TYPE_INTERSECT and operation.is_all:
        for side in (operation.left_input, operation.right_input):
            side.CopyFrom(_numbered(side, schema(side).names))
        operation.is_all = False
    elif not operation.is_all:
        _by_position(operation, schema)


def without_numbers(relation: pb.Relation, names: list[str]) -> pb.Relation:
    """Return the relation without the numbers of its equal rows."""
    return projection(relation, [column(name) for name in names])


def _by_position(operation: pb.SetOperation, schema: _Schema) -> None:
    """Cast both sides to one type a column."""
    sides = (operation.left_input, operation.right_input)
    left, right = (schema(side).fields for side in sides)
    if len(left) != len(right):
        return
    kinds = [widest([a.dataType, b.dataType]) for a, b in zip(left, right, strict=True)]
    for side, fields in zip(sides, (left, right), strict=True):
        if any(kind not in (None, field.dataType) for field, kind in zip(fields, kinds, strict=True)):
            places = [f"_{i}" for i in range(len(fields))]
            numbered = pb.Relation(to_df=pb.ToDF(input=side, column_names=places))
            outputs = [
                aliased(_in_type(column(place), field.dataType, kind), field.name)
                for place, field, kind in zip(places, fields, kinds, strict=True)
            ]
            side.CopyFrom(projection(numbered, outputs))


def _by_name(operation: pb.SetOperation, schema: _Schema) -> None:
    """Give both sides the same columns in the same order and types."""
    sides = (operation.left_input, operation.right_input)
    known = [{field.name.lower(): field for field in schema(side)} for side in sides]
    names = {name: field.name for fields in reversed(known) for name, field in fields.items()}
    order = [*known[0], *(name for name in known[1] if name not in known[0])]
    if any(len(fields) < len(order) for fields in known) and not operation.allow_missing_columns:
        return
    kinds = {name: widest([f[name].dataType for f in known if name in f]) for name in order}
    for side, fields in zip(sides, known, strict=True):
        if any(name not in fields or kinds[name] not in (None, fields[name].dataType) for name in order):
            outputs = []
            for name in order:
                kind = fields[name].dataType if name in fields else None
                value = column(names[name]) if kind else pb.Expression(literal=_NULL)
                outputs.append(aliased(_in_type(value, kind, kinds[name]), names[name]))
            side.CopyFrom(projection(side, outputs))


_NULL = pb.Expression.Literal(null=pb.DataType(null=pb.DataType.NULL()))


def _in_type(value: pb.Expression, given: DataType | None, wanted: DataType | None) -> pb.Expression:
    return value if wanted in (None, given) else BUILD.cast(value, wanted.simpleString() if wanted else "")


def _numbered(side: pb.Relation, names: list[str]) -> pb.Relation:
    """Return the rows with a number for each among its equals: what tells duplicates apart."""
    columns = [column(name) for name in names]
    window = pb.Expression.Window(
        window_function=BUILD.call("row_number"),
        partition_spec=columns,
        order_spec=[
            pb.Expression.SortOrder(
                child=columns[0],
                direction=pb.Expression.SortOrder.SORT_DIRECTION_ASCENDING,
                null_ordering=pb.Expression.SortOrder.SORT_NULLS_FIRST,
            )
        ],
    )
    return projection(side, [*columns, aliased(pb.Expression(window=window), "_number")])
