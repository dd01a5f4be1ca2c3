"""Applies the rules to the expressions of DataFrame plans, before they are sent."""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyspark.sql.connect.proto as pb
from pyspark.sql.connect.types import proto_schema_to_pyspark_data_type
from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from dara_dagster.emulator.sail.answers.builder import Term
from dara_dagster.emulator.sail.answers.correction_check import (
    has_opposite_windows,
    holds,
    is_loose_decimal,
    may_change,
)
from dara_dagster.emulator.sail.answers.expressions import BUILD, NULL, aliased, messages, projection
from dara_dagster.emulator.sail.answers.function_rewrites import rewritten
from dara_dagster.emulator.sail.answers.lambdas import example_arguments, with_values
from dara_dagster.emulator.sail.answers.rules import (
    AGGREGATES,
    COMPARISONS,
    RULES,
    apply,
    apply_aggregate,
    cast_rule,
    checked_sum,
    needs_size,
    rough,
)
from dara_dagster.emulator.sail.answers.spark_types import is_numeric
from dara_dagster.emulator.sail.answers.sql_corrections import correct_expression
from dara_dagster.emulator.sail.answers.statistics import statistics
from dara_dagster.emulator.sail.answers.unions import correct_set_operation, without_numbers
from dara_dagster.emulator.sail.answers.window_errors import RANKING, refused_window, unordered_window

__all__ = ["PlanCorrector"]

Analyse = Callable[[pb.Relation], StructType]
_KEPT = 64
_LITERALS: dict[str, DataType] = {
    "boolean": BooleanType(),
    "byte": ByteType(),
    "short": ShortType(),
    "integer": IntegerType(),
    "long": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "string": StringType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "timestamp_ntz": TimestampNTZType(),
    "null": NullType(),
}


class Scope:
    """The columns that expressions over a relation see. Its types are asked of the server once."""

    def __init__(self, source: pb.Relation, analyse: Analyse) -> None:
        self._source = source
        self._analyse = analyse
        self._kinds: dict[str, list[DataType]] | None = None
        self._examples: dict[str, pb.Expression] = {}
        self.hides_descending = False
        """Whether Sail must not see that a window has the opposite order of another: it would turn rows
        around that are equal.
        """

    def within(self, examples: dict[str, pb.Expression]) -> Scope:
        """Return the scope of a lambda's body; `examples` are expressions of its parameters' types."""
        inner = copy.copy(self)
        inner._examples = {**self._examples, **examples}
        return inner

    def column(self, expr: pb.Expression) -> DataType | None:
        if self._kinds is None:
            self._kinds = {}
            for field in self._analyse(self._source):
                self._kinds.setdefault(field.name.lower(), []).append(field.dataType)
        name = expr.unresolved_attribute.unparsed_identifier.replace("`", "").lower()
        found = self._kinds.get(name, [])
        return found[0] if len(found) == 1 else self.ask(expr)

    def ask(self, expr: pb.Expression) -> DataType | None:
        """Return the type of any expression; None when the server refuses it."""
        for _ in self._examples:  # those of inner lambdas are made of outer parameters
            if not holds(expr, "unresolved_named_lambda_variable"):
                break
            expr = with_values(expr, self._examples)
        if holds(expr, "unresolved_named_lambda_variable"):
            return None
        try:
            return self._analyse(projection(self._source, [expr])).fields[0].dataType
        except Exception:
            return None


class PlanCorrector:
    """Corrects the expressions of requests in place. `analyse` asks the server for a relation's schema."""

    def __init__(self, analyse: Analyse) -> None:
        self._ask = analyse
        self._known: OrderedDict[bytes, StructType] = OrderedDict()
        self._opposites = False

    def correct(self, request: Any) -> None:
        """Correct the plan of an ExecutePlan or AnalyzePlan request."""
        if getattr(request, "plan", None) is not None and request.plan.HasField("command"):
            self._known.clear()  # tables and views may change
        self._opposites = has_opposite_windows(request)
        for relation in _relations(request):
            self._correct_relation(relation)

    def _schema(self, relation: pb.Relation) -> StructType:
        key = _digest(relation)
        if key not in self._known:
            self._keep(key, self._ask(relation))
        self._known.move_to_end(key)
        return self._known[key]

    def _keep(self, key: bytes, schema: StructType) -> None:
        self._known[key] = schema
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def _correct_relation(self, relation: pb.Relation) -> None:
        kind = relation.WhichOneof("rel_type") or ""
        if kind == "set_op":
            self._correct_set_operation(relation)
        if kind in ("describe", "summary"):
            relation.CopyFrom(statistics(relation, self._schema(getattr(relation, kind).input)))
        if kind in ("set_op", "describe", "summary"):
            return
        node = getattr(relation, kind, None)
        expressions = [e for field in _EXPRESSIONS.get(kind, ()) for e in _listed(getattr(node, field))]
        if kind == "with_columns":
            expressions = [alias.expr for alias in relation.with_columns.aliases]
        changing = [e for e in expressions if may_change(e) or (self._opposites and holds(e, "window"))]
        if not changing or node is None:
            return
        scope = Scope(_source(kind, node), self._schema)
        scope.hides_descending = self._opposites
        renamed, kinds = [], []
        for expr in changing:
            before = pb.Expression()
            before.CopyFrom(expr)
            term = _term(expr, scope, typed=False)
            kinds.append(term.kind)
            expr.CopyFrom(term.expr)
            if kind in ("project", "aggregate") and not _aliased(expr) and expr != before:
                renamed.append((expr, before))
        for (expr, _), name in zip(
            renamed, self._names(_source(kind, node), [e for _, e in renamed]), strict=True
        ):
            if name is not None:
                expr.CopyFrom(aliased(expr, name))
        if kind == "with_columns" and changing == expressions and all(map(is_numeric, kinds)):
            self._note_columns(relation, kinds)

    def _note_columns(self, relation: pb.Relation, kinds: Sequence[DataType | None]) -> None:
        """Note the schema of withColumn() with numbers: each of a chain would be a question of its own."""
        fields = {field.name.lower(): field for field in self._schema(relation.with_columns.input)}
        if len(fields) != len(self._schema(relation.with_columns.input)):
            return
        for alias, kind in zip(relation.with_columns.aliases, kinds, strict=True):
            if kind is not None and len(alias.name) == 1:
                fields[alias.name[0].lower()] = StructField(alias.name[0], kind)
        self._keep(_digest(relation), StructType(list(fields.values())))

    def _names(self, source: pb.Relation, expressions: list[pb.Expression]) -> list[str | None]:
        """Return the names that columns without an alias have; None for those that are none or several."""
        try:
            names = self._schema(projection(source, expressions)).names if expressions else []
        except Exception:
            names = []  # aggregates beside plain columns, or something that the server refuses when it runs
        if len(names) == len(expressions):
            return list(names)
        one_by_one = (
            [self._names(source, [expr]) for expr in expressions] if len(expressions) > 1 else [[None]]
        )
        return [found[0] for found in one_by_one]

    def _correct_set_operation(self, relation: pb.Relation) -> None:
        was_all = relation.set_op.is_all
        correct_set_operation(relation.set_op, self._schema)
        if was_all and not relation.set_op.is_all:
            names = self._schema(relation.set_op.left_input).names[:-1]
            relation.CopyFrom(without_numbers(relation, names))


def _digest(relation: pb.Relation) -> bytes:
    return hashlib.blake2b(relation.SerializeToString(deterministic=True)).digest()


# The fields that hold expressions over the relation's input, by kind of relation; outputs last.
_EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "project": ("expressions",),
    "filter": ("condition",),
    "aggregate": ("grouping_expressions", "aggregate_expressions"),
    "sort": ("order",),
    "join": ("join_condition",),
    "repartition_by_expression": ("partition_exprs",),
}


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, pb.Expression) else list(value)


def _source(kind: str, node: Any) -> pb.Relation:
    """Return the relation whose columns the expressions see."""
    if kind != "join":
        return node.input  # type: ignore[no-any-return]
    both = pb.Join(left=node.left, right=node.right, join_type=pb.Join.JOIN_TYPE_CROSS)
    return pb.Relation(join=both)


def _aliased(expr: pb.Expression) -> bool:
    return expr.WhichOneof("expr_type") in ("alias", "expression_string")


def _relations(message: Any) -> Iterator[pb.Relation]:
    """Yield all relations of a request, inner ones first: their corrected types are what outer ones see."""
    if isinstance(message, pb.LocalRelation | pb.CommonInlineUserDefinedFunction):
        return
    for inner in messages(message):
        yield from _relations(inner)
    if isinstance(message, pb.Relation):
        yield message


def _term(expr: pb.Expression, scope: Scope, *, typed: bool) -> Term[pb.Expression]:
    """Return the corrected expression; with its type when `typed`."""
    kind = expr.WhichOneof("expr_type")
    reader = _READERS.get(kind or "")
    found = reader(expr, scope) if reader else _plain(expr, scope)
    if typed and found.kind is None:
        is_column = found.expr.WhichOneof("expr_type") == "unresolved_attribute"
        return Term(found.expr, scope.column(found.expr) if is_column else scope.ask(found.expr), None)
    return found


def _plain(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    """Return anything else: only what it holds is corrected."""

    def visit(message: Any) -> None:
        for inner in messages(message):
            if isinstance(inner, pb.Expression):
                inner.CopyFrom(_term(inner, scope, typed=False).expr)
            elif not isinstance(inner, pb.Relation):
                visit(inner)

    visit(expr)
    return Term(expr)


def _literal(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    literal = expr.literal
    kind = literal.WhichOneof("literal_type") or ""
    if kind == "decimal":
        if is_loose_decimal(expr):
            whole, _, fraction = literal.decimal.value.lstrip("-").partition(".")
            literal.decimal.precision = max(len((whole + fraction).lstrip("0")), len(fraction), 1)
            literal.decimal.scale = len(fraction)
        return Term(expr, DecimalType(literal.decimal.precision, literal.decimal.scale))
    value = getattr(literal, kind) if kind in ("byte", "short", "integer", "long") else None
    return Term(expr, _LITERALS.get(kind), value, literal.string if kind == "string" else None)


def _alias(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    inner = _term(expr.alias.expr, scope, typed=False)
    expr.alias.expr.CopyFrom(inner.expr)
    return Term(expr, inner.kind)


def _cast(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    cast = expr.cast
    kind = _target(cast)
    inner = _term(cast.expr, scope, typed=kind is not None)
    cast.expr.CopyFrom(inner.expr)
    lenient = cast.eval_mode == pb.Expression.Cast.EVAL_MODE_TRY
    other = cast_rule(BUILD, inner, kind, lenient=lenient) if kind is not None else None
    return Term(expr if other is None else other, kind)


def _target(cast: pb.Expression.Cast) -> DataType | None:
    if not cast.type_str:
        return proto_schema_to_pyspark_data_type(cast.type)
    try:
        return DataType.fromDDL(cast.type_str)
    except Exception:
        return None


def _function(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    return _aggregate(expr, expr.unresolved_function, scope) or _called(expr, scope)


def _called(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    function = expr.unresolved_function
    name = function.function_name.lower()
    typed = name in RULES and not function.is_distinct
    if any(argument.WhichOneof("expr_type") == "lambda_function" for argument in function.arguments):
        scopes = [scope.within(examples) for examples in example_arguments(function)]
    else:
        scopes = [scope] * len(function.arguments)
    pairs = zip(function.arguments, scopes, strict=True)
    terms = [_term(argument, inner, typed=typed) for argument, inner in pairs]
    found = apply(BUILD, name, terms) if typed else None
    spelled = rewritten(BUILD, name, terms)
    if spelled is not None:
        return Term(spelled)
    if found is not None:
        return found
    for argument, term in zip(function.arguments, terms, strict=True):
        is_compared = term.is_checked and name in COMPARISONS
        argument.CopyFrom(BUILD.call("nullif", term.expr, NULL) if is_compared else term.expr)
    return Term(expr)


def _aggregate(
    expr: pb.Expression, function: pb.Expression.UnresolvedFunction, scope: Scope
) -> Term[pb.Expression] | None:
    """Correct a sum or mean in `expr`, which is the function itself or a window over it."""
    name = function.function_name.lower()
    if name not in AGGREGATES or len(function.arguments) != 1:
        return None
    operand = _term(function.arguments[0], scope, typed=True)
    inner, outer, kind = apply_aggregate(name, operand.kind)
    size = pb.Expression()
    if needs_size(name, operand.kind):
        function.arguments[0].CopyFrom(rough(BUILD, operand.expr))
        size.CopyFrom(expr)
    function.arguments[0].CopyFrom(BUILD.cast(operand.expr, inner) if inner else operand.expr)
    found = BUILD.cast(expr, outer) if outer else expr
    if needs_size(name, operand.kind):
        return Term(checked_sum(BUILD, found, size, operand.kind), kind)
    return Term(found, kind)


def _window(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    window = expr.window
    called = window.window_function.unresolved_function
    if called.is_distinct:
        raise refused_window(called.function_name)
    if called.function_name.lower() in RANKING and not window.order_spec:
        raise unordered_window(called.function_name)
    _count_days(window, scope)
    if scope.hides_descending:
        for order in window.order_spec:
            if order.direction == pb.Expression.SortOrder.SORT_DIRECTION_DESCENDING:
                order.child.CopyFrom(BUILD.call("nullif", order.child, NULL))
    for inner in [*window.partition_spec, *(order.child for order in window.order_spec)]:
        inner.CopyFrom(_term(inner, scope, typed=False).expr)
    if window.window_function.WhichOneof("expr_type") == "unresolved_function":
        found = _aggregate(expr, window.window_function.unresolved_function, scope)
        if found is not None:
            return found
    inner = _term(window.window_function, scope, typed=False)
    window.window_function.CopyFrom(inner.expr)
    name = window.window_function.unresolved_function.function_name.lower()
    if name in ("collect_list", "collect_set"):  # Sail keeps nulls, and only here
        return Term(BUILD.call("array_compact", expr))
    return Term(expr, inner.kind)


def _count_days(window: pb.Expression.Window, scope: Scope) -> None:
    """Order a RANGE of a number over dates by the number of the day; of a date Sail takes in every row."""
    frame = window.frame_spec
    bounds = [frame.lower.value.literal, frame.upper.value.literal]
    if frame.frame_type != pb.Expression.Window.WindowFrame.FRAME_TYPE_RANGE or len(window.order_spec) != 1:
        return
    if any(bound.WhichOneof("literal_type") in ("integer", "long") for bound in bounds):
        key = window.order_spec[0].child
        if isinstance(_term(key, scope, typed=True).kind, DateType):
            key.CopyFrom(BUILD.call("unix_date", key))


def _text(expr: pb.Expression, scope: Scope) -> Term[pb.Expression]:
    """Correct SQL text among the expressions, as of expr() and selectExpr()."""
    text = expr.expression_string.expression
    expr.expression_string.expression = correct_expression(text, _TextColumns(scope))
    return Term(expr)


class _TextColumns:
    """The columns of a relation as SQL text names them."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def column(self, names: Sequence[str]) -> DataType | None:
        attribute = pb.Expression.UnresolvedAttribute(unparsed_identifier=".".join(names))
        return self._scope.column(pb.Expression(unresolved_attribute=attribute))

    def ask(self, text: str) -> DataType | None:
        string = pb.Expression.ExpressionString(expression=text)
        return self._scope.ask(pb.Expression(expression_string=string))


_READERS: dict[str, Callable[[pb.Expression, Scope], Term[pb.Expression]]] = {
    "literal": _literal,
    "alias": _alias,
    "cast": _cast,
    "expression_string": _text,
    "unresolved_function": _function,
    "window": _window,
}
