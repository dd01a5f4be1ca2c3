"""Applies the rules to the expressions of one query of SQL text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DayTimeIntervalType,
    IntegerType,
)
from sqlglot import exp

from dara_dagster.emulator.sail.answers.builder import Term
from dara_dagster.emulator.sail.answers.casts import in_type
from dara_dagster.emulator.sail.answers.clock import in_utc_only
from dara_dagster.emulator.sail.answers.functions import day_part
from dara_dagster.emulator.sail.answers.lambdas import with_examples
from dara_dagster.emulator.sail.answers.query_scopes import (
    Columns,
    query_place,
)
from dara_dagster.emulator.sail.answers.rules import (
    AGGREGATES,
    RULES,
    apply_aggregate,
    cast_rule,
    checked_sum,
    needs_size,
    rough,
)
from dara_dagster.emulator.sail.answers.rules import apply as apply_rule
from dara_dagster.emulator.sail.answers.spark_types import widest
from dara_dagster.emulator.sail.answers.sql_nodes import HOLDERS, arguments, children, first_word, quoted
from dara_dagster.emulator.sail.answers.sql_text import BUILD, constant, ddl_type, place_of
from dara_dagster.emulator.sail.answers.subqueries import (
    is_denied,
    is_plain_condition,
    membership,
    needs_null,
)
from dara_dagster.emulator.sail.answers.window_errors import RANKING, refused_window, unordered_window
from dara_dagster.emulator.sail.syntax.column_names import column_name, makes_columns
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan
from dara_dagster.emulator.sail.syntax.tree import Span

__all__ = ["Output", "Query", "Statement"]

_BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.IntDiv: "div",
    exp.DPipe: "||",
}
_CLOCK = {"HOUR": "24", "MINUTE": "60"}
_NAMES = {"iff": "if", "mean": "avg"}


class Output(NamedTuple):
    """A column of a query, or a cell of VALUES, and where it stands without its alias."""

    term: Term[str]
    place: Span | None


class Statement(Protocol):
    """The statement that a query belongs to, with the edits made so far."""

    text: str
    edits: list[Edit]
    outputs: dict[int, list[list[Output]]]

    def rendered(self, place: Span) -> str:
        """Give a part of the text with its edits."""

    def replace(self, place: Span, text: str) -> None:
        """Edit a part of the text."""

    def is_closed(self, query: exp.Expr) -> bool:
        """Return whether a query names no column of the queries around it."""


class Query:
    """One query of a statement, and its expressions."""

    def __init__(self, owner: Statement, node: exp.Expr, columns: Columns) -> None:
        self.owner = owner
        self.node = node
        self.columns = columns
        self._aliases: dict[str, DataType | None] = {}

    def correct(self) -> None:
        matters = self.node.find_ancestor(exp.SetOperation, exp.Insert) is not None
        rows: dict[int, list[Output]] = {}
        for item in self._roots():
            row = item.parent if isinstance(self.node, exp.Values) else self.node
            is_output = item.arg_key == "expressions" and item.parent is row
            typed = is_output and matters
            term = self.term(item.unalias(), typed=typed)
            place = place_of(item.unalias())
            if place is not None and term.expr != self.owner.rendered(place):
                self._edit(item, place, term.expr, is_output)
            if is_output:
                rows.setdefault(id(row), []).append(Output(term, place))
                if isinstance(item, exp.Alias):
                    self._aliases[item.alias.lower()] = term.kind
        for window in self.node.args.get("windows") or []:
            self._part_opposites(window)
        if isinstance(self.node.parent, exp.Subquery) and needs_null(self.node.parent):
            self._let_be_null(self.node.expressions[0])
        if not any(item.is_star for item in self.node.expressions or []):
            self.owner.outputs[id(self.node)] = list(rows.values())

    def _let_be_null(self, item: exp.Expr) -> None:
        """Tell Sail that a scalar subquery may be NULL, as it is without a row."""
        place = place_of(item.unalias())
        if place is not None:
            self.owner.replace(place, f"nullif({self.owner.rendered(place)}, NULL)")

    def _edit(self, item: exp.Expr, place: Span, text: str, is_output: bool) -> None:
        unnamed = is_output and isinstance(self.node, exp.Select) and not isinstance(item, exp.Alias)
        if unnamed and not isinstance(item, exp.Column) and not makes_columns(place.of(self.owner.text)):
            text = f"{text} AS {quoted(column_name(item, place.of(self.owner.text)))}"
        self.owner.replace(place, text)

    def _roots(self) -> Iterator[exp.Expr]:
        """Yield the expressions of the query that belong to no inner query, outermost nodes only."""
        for node in children(self.node):
            yield from self._below(node)

    def _below(self, node: exp.Expr) -> Iterator[exp.Expr]:
        if isinstance(node, exp.Query | exp.Table | exp.CTE | exp.With):
            return
        if isinstance(node, exp.Alias) or (place_of(node) is not None and not isinstance(node, HOLDERS)):
            yield node
            return
        for inner in children(node):
            yield from self._below(inner)

    def term(self, node: exp.Expr, *, typed: bool) -> Term[str]:
        """Return the corrected text of an expression, with its type when `typed`."""
        found = self._read(node)
        if typed and found.kind is None:
            return Term(found.expr, self._ask(node, found.expr), found.literal)
        return found

    def _read(self, node: exp.Expr) -> Term[str]:
        place = place_of(node)
        if place is None:
            return self._plain(node, None)
        if isinstance(node, exp.Paren):
            inner = self.term(node.this, typed=False)
            text = self._within(place, [(node.this, inner)])
            return Term(text, inner.kind, inner.literal, is_checked=inner.is_checked)
        literal = constant(node, place.of(self.owner.text))
        if literal is not None:
            return literal
        if isinstance(node, exp.Cast):
            return self._cast(node, place)
        if isinstance(node, exp.Case):
            return self._case(node, place)
        special = self._special(node, place)
        if special is not None:
            return special
        aggregate = self._aggregate(node, place)
        if aggregate is not None:
            return aggregate
        name, operands = self._called(node, place)
        if name in RULES and all(place_of(operand) is not None for operand in operands):
            return self._ruled(name, node, operands, place)
        return self._plain(node, place)

    def _special(self, node: exp.Expr, place: Span) -> Term[str] | None:
        """Return what depends on where an expression stands, or on more than the types of its operands."""
        member = node.this if isinstance(node, exp.Not) else node
        whole = member is node or place_of(member) is None
        if isinstance(member, exp.In) and member.args.get("query") is not None and whole:
            return self._member(member, negated=member is not node)
        if isinstance(node, exp.Window):
            return self._window(node, place)
        if isinstance(node, exp.Extract) and node.name.upper() in _CLOCK:
            value = self.term(node.expression, typed=True)
            text = self._within(place, [(node.expression, value)])
            if isinstance(value.kind, DayTimeIntervalType):
                return Term(
                    BUILD.cast(BUILD.call("%", text, _CLOCK[node.name.upper()]), "tinyint"), ByteType()
                )
            return Term(text, IntegerType())
        if isinstance(node, exp.Extract) and day_part(BUILD, part := node.name.lower(), ""):
            found = day_part(BUILD, part, self.term(node.expression, typed=False).expr)
            return Term(BUILD.cast(found, "int"), IntegerType())
        return None

    def _window(self, node: exp.Window, place: Span) -> Term[str] | None:
        word = first_word(place.of(self.owner.text))
        if isinstance(node.this.this, exp.Distinct):
            raise refused_window(word)
        if word in RANKING and not (node.args.get("order") or node.args.get("alias")):
            raise unordered_window(word)
        if word in ("collect_list", "collect_set"):
            return Term(BUILD.call("array_compact", self._plain(node, place).expr))
        self._part_opposites(node)
        order, frame = node.args.get("order"), node.args.get("spec")
        bounds = [frame.args.get(key) for key in ("start", "end")] if frame is not None else []
        if frame is None or frame.text("kind") != "RANGE" or order is None or len(order.expressions) != 1:
            return None
        if any(isinstance(bound, exp.Literal) and not bound.is_string for bound in bounds):
            key = order.expressions[0].this
            term, where = self.term(key, typed=True), place_of(key)
            if isinstance(term.kind, DateType) and where is not None:
                self.owner.replace(where, f"unix_date({term.expr})")  # of a date Sail takes in every row
        elif any(isinstance(bound, exp.Interval) and _has_days(bound) for bound in bounds):
            self._range_of_days(order.expressions[0].this)
        return None

    def _range_of_days(self, key: exp.Expr) -> None:
        """Order by a date as a moment without a zone, or by a moment, whose days are even only in UTC."""
        where, inner = place_of(key), key.this if isinstance(key, exp.Cast) else key
        term = self.term(inner, typed=True)
        if where is not None and isinstance(term.kind, DateType):
            self.owner.replace(where, BUILD.cast(term.expr, "timestamp_ntz"))
        elif where is not None:
            text = self.term(key, typed=False).expr
            self.owner.replace(where, in_utc_only(BUILD, text, "A window's RANGE of days"))

    def _part_opposites(self, node: exp.Window) -> None:
        """Hide from Sail that a window has the opposite order of another: it would turn rows around that are
        equal.
        """
        keys = node.args["order"].expressions if node.args.get("order") else []
        if not keys or not keys[0].args.get("desc"):
            return
        others = [other.args.get("order") for other in self.node.root().find_all(exp.Window)]
        if any(order is not None and not order.expressions[0].args.get("desc") for order in others):
            for key in keys:
                place = place_of(key.this)
                if place is not None:
                    self.owner.replace(place, f"nullif({self.term(key.this, typed=False).expr}, NULL)")

    def _member(self, node: exp.In, *, negated: bool) -> Term[str] | None:
        query = node.args["query"].unnest()
        place = query_place(query, self.owner.text)
        if is_plain_condition(node) or place is None or not self.owner.is_closed(query):
            return None
        value = self.term(node.this, typed=False)
        unknown = "true" if is_denied(node) and not negated else "false"
        text = membership(value.expr, self.owner.rendered(place), negated=negated, unknown=unknown)
        return Term(text, BooleanType())

    def _called(self, node: exp.Expr, place: Span) -> tuple[str, list[exp.Expr]]:
        if type(node) in _BINARY:
            return _BINARY[type(node)], [node.this, node.expression]
        if isinstance(node, exp.Neg):
            return "-", [node.this]
        if isinstance(node, exp.Func):
            source = scan(place.of(self.owner.text))
            if len(source.tokens) > 2 and source.tokens[1].text == "(" and 1 in source.closing:
                name, operands = source.tokens[0].text.lower(), arguments(node)
                if len(operands) == len(source.split(2, source.closing[1])):
                    return _NAMES.get(name, name), operands
        return "", []

    def _ruled(self, name: str, node: exp.Expr, operands: list[exp.Expr], place: Span) -> Term[str]:
        terms = [self.term(operand, typed=True) for operand in operands]
        found = apply_rule(BUILD, name, terms)
        assert found is not None
        if found.expr == BUILD.call(name, *(term.expr for term in terms)):
            pairs = list(zip(operands, terms, strict=True))
            return Term(self._within(place, pairs), found.kind, found.literal)
        return found

    def _cast(self, node: exp.Cast, place: Span) -> Term[str]:
        kind = ddl_type(node.to)
        inner = self.term(node.this, typed=kind is not None)
        lenient = isinstance(node, exp.TryCast)
        other = cast_rule(BUILD, inner, kind, lenient=lenient) if kind is not None else None
        return Term(self._within(place, [(node.this, inner)]) if other is None else other, kind)

    def _case(self, node: exp.Case, place: Span) -> Term[str]:
        """Give the values of a CASE one type."""
        values = [branch.args["true"] for branch in node.args["ifs"]]
        values += [node.args["default"]] if node.args.get("default") is not None else []
        conditions = [branch.this for branch in node.args["ifs"]]
        conditions += [node.this] if node.this is not None else []
        parts = [(part, self.term(part, typed=False)) for part in conditions]
        terms = [self.term(value, typed=True) for value in values]
        kind = widest([term.kind for term in terms])
        for value, term in zip(values, terms, strict=True):
            parts.append((value, term if kind is None else Term(in_type(BUILD, term, kind))))
        return Term(self._within(place, parts), kind)

    def _aggregate(self, node: exp.Expr, place: Span) -> Term[str] | None:
        """Correct sum and avg, also with DISTINCT, FILTER and OVER: the cast of the result stands around
        all."""
        call = node
        while isinstance(call, exp.Window | exp.Filter):
            call = call.this
        name = scan(place.of(self.owner.text)).tokens[0].text.lower() if isinstance(call, exp.Func) else ""
        name = _NAMES.get(name, name)
        operand = call.this.expressions[0] if isinstance(call.this, exp.Distinct) else call.this
        if isinstance(call, exp.Anonymous):
            operand = call.expressions[0] if len(call.expressions) == 1 else None
        if name not in AGGREGATES or not isinstance(operand, exp.Expr) or place_of(operand) is None:
            return None
        parts = [(part, self.term(part, typed=False)) for part in self._beside(node, call)]
        term = self.term(operand, typed=True)
        inner, outer, kind = apply_aggregate(name, term.kind)
        parts.append((operand, Term(BUILD.cast(term.expr, inner) if inner else term.expr)))
        text = self._within(place, parts)
        text = BUILD.cast(text, outer) if outer else text
        if needs_size(name, term.kind):
            size = self._within(place, [*parts, (operand, Term(rough(BUILD, term.expr)))])
            return Term(checked_sum(BUILD, text, size, term.kind), kind)
        return Term(text, kind)

    def _beside(self, node: exp.Expr, call: exp.Expr) -> Iterator[exp.Expr]:
        """Yield the expressions of FILTER and OVER."""
        while node is not call:
            for inner in children(node):
                if inner is not node.this:
                    yield from self._below(inner)
            node = node.this

    def _plain(self, node: exp.Expr, place: Span | None) -> Term[str]:
        """Return anything else: only what it holds is corrected."""
        parts = []
        if not isinstance(node, exp.Query):
            for child in children(node):
                parts += [(inner, self.term(inner.unalias(), typed=False)) for inner in self._below(child)]
        if isinstance(node, exp.Predicate):  # Sail would leave out the cast that overflows
            parts = [(inner, _opaque(term)) for inner, term in parts]
        if place is None:
            for inner, term in parts:
                where = place_of(inner.unalias())
                if where is not None and term.expr != self.owner.rendered(where):
                    self.owner.replace(where, term.expr)
            return Term("")
        return Term(self._within(place, parts), self._column(node) if isinstance(node, exp.Column) else None)

    def _within(self, place: Span, parts: Sequence[tuple[exp.Expr, Term[str]]]) -> str:
        """Return the text at a place with the texts of its parts."""
        edits = [edit for edit in self.owner.edits if place.start <= edit.start and edit.end <= place.end]
        for node, term in parts:
            where = place_of(node.unalias())
            if where is not None:
                edits = [e for e in edits if not (where.start <= e.start and e.end <= where.end)]
                edits.append(Edit(*where, term.expr))
        moved = [Edit(edit.start - place.start, edit.end - place.start, edit.text) for edit in edits]
        return apply(place.of(self.owner.text), moved)

    def _column(self, node: exp.Column) -> DataType | None:
        """Return the type of a column, or of an alias before it in the same SELECT."""
        alias = self._aliases.get(node.name.lower()) if not node.table else None
        return self.columns.column([part.name for part in node.parts]) or alias

    def _ask(self, node: exp.Expr, text: str) -> DataType | None:
        return self.columns.ask(with_examples(text, node, self._written))

    def _written(self, call: exp.Expr) -> tuple[str, list[str]]:
        """Return the name of a function and its arguments, corrected but for lambdas."""
        place = place_of(call)
        source = scan(place.of(self.owner.text)) if place is not None else None
        if source is None or 1 not in source.closing:
            return "", []
        given = [source.slice(*part) for part in source.split(2, source.closing[1])]
        operands = arguments(call)
        if len(operands) == len(given):
            for number, operand in enumerate(operands):
                if "->" not in given[number] and place_of(operand) is not None:
                    given[number] = self.term(operand, typed=False).expr
        return source.tokens[0].text.lower(), given


def _has_days(interval: exp.Interval) -> bool:
    kind = constant(interval, "")
    found = kind.kind if kind is not None else None
    return isinstance(found, DayTimeIntervalType) and found.startField == DayTimeIntervalType.DAY


def _opaque(term: Term[str]) -> Term[str]:
    return Term(f"nullif({term.expr}, NULL)", term.kind) if term.is_checked else term
