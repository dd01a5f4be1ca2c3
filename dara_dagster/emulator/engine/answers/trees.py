"""Applies the rules to SQL text: expressions are edited where they stand, like every other rewrite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pyspark.sql.types import (
    BooleanType,
    ByteType,
    DataType,
    DayTimeIntervalType,
    IntegerType,
    StructType,
)
from sqlglot import exp

from dara_dagster.emulator.engine.answers.builder import Term
from dara_dagster.emulator.engine.answers.casts import in_type
from dara_dagster.emulator.engine.answers.functions import FUNCTIONS
from dara_dagster.emulator.engine.answers.queries import (
    PLACE,
    Analyse,
    Columns,
    SourceColumns,
    changed_tables,
    queries,
    query_place,
    sides,
)
from dara_dagster.emulator.engine.answers.rules import AGGREGATES, RULES, apply_aggregate, cast_rule
from dara_dagster.emulator.engine.answers.rules import apply as apply_rule
from dara_dagster.emulator.engine.answers.spark_types import widest
from dara_dagster.emulator.engine.answers.sql_nodes import HOLDERS, arguments, children, first_word, quoted
from dara_dagster.emulator.engine.answers.sql_text import BUILD, constant, ddl_type, place_of
from dara_dagster.emulator.engine.answers.storing import is_restricted, store_as
from dara_dagster.emulator.engine.answers.subqueries import (
    intersect_all,
    is_denied,
    is_plain_condition,
    membership,
    needs_null,
)
from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.names import column_name, makes_columns
from dara_dagster.emulator.engine.sql.syntax import Edit, apply, scan
from dara_dagster.emulator.engine.sql.tree import Span, clauses, parse, span, visible_ctes

__all__ = ["Columns", "correct_expression", "correct_sql"]

_SIGNS = {"+", "-", "*", "/", "%", "||", "::"}
_WORDS = {
    *("SUM", "AVG", "MEAN", "ROUND", "BROUND", "FLOOR", "CEIL", "CEILING", "CAST", "TRY_CAST", "CASE", "IF"),
    *(name.upper() for name in FUNCTIONS),
    *("INSERT", "IN", "INTERSECT", "EXTRACT", "COLLECT_LIST", "COLLECT_SET"),
    *("CONCAT", "CONCAT_WS", "ABS", "NEGATIVE", "MOD", "PMOD", "DIV", "STRING", "BIGINT", "UNION", "IFF"),
}
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


def correct_sql(text: str, analyse: Analyse) -> str:
    """A statement with its expressions spelled so that Sail answers as Spark. `analyse` answers the schema
    of a query.
    """
    source = scan(text)
    has_subquery = source.text.upper().count("SELECT") > 1
    if not (source.symbols & _SIGNS or source.words & _WORDS or has_subquery):
        return text
    tree = parse(text)
    return _Corrector(text, analyse).correct(tree) if tree is not None else text


def correct_expression(text: str, columns: Columns) -> str:
    """The same for an expression, with an alias or without."""
    source = scan(text)
    if not (source.symbols & _SIGNS or source.words & _WORDS):
        return text
    query = f"SELECT {text}"
    tree = parse(query)
    if not isinstance(tree, exp.Select) or tree.args.get("from_") is not None or "span" not in tree.meta:
        return text
    corrector = _Corrector(query, lambda _: StructType())
    corrector.columns_of = lambda select: columns  # type: ignore[method-assign]
    return corrector.correct(tree).removeprefix("SELECT ")


class _Output(NamedTuple):
    """A column of a query, or a cell of VALUES, and where it stands without its alias."""

    term: Term[str]
    place: Span | None


class _Corrector:
    """The edits of one statement, made from the innermost query outwards."""

    def __init__(self, text: str, analyse: Analyse) -> None:
        self.text = text
        self.analyse = analyse
        self.edits: list[Edit] = []
        self.outputs: dict[int, list[list[_Output]]] = {}

    def correct(self, tree: exp.Expr) -> str:
        for values in tree.find_all(exp.Values):
            _Query(self, values, SourceColumns(self.analyse, "")).correct()
        for query in queries(tree):
            if isinstance(query, exp.Select) and "span" in query.meta:
                _Query(self, query, self.columns_of(query)).correct()
            elif isinstance(query, exp.Union):
                self._unite(query)
            elif isinstance(query, exp.Intersect) and not query.args.get("distinct"):
                self._intersect(query)
        if isinstance(tree, exp.Update | exp.Merge | exp.Insert):
            _Query(self, tree, SourceColumns(self.analyse, changed_tables(tree))).correct()
        if isinstance(tree, exp.Insert):
            self._store(tree)
        return apply(self.text, self.edits)

    def _store(self, insert: exp.Insert) -> None:
        """Gives the columns of an INSERT the types of the table by Spark's rules, or refuses them."""
        target, named = insert.this, []
        if isinstance(target, exp.Schema):
            target, named = target.this, [column.name.lower() for column in target.expressions]
        rows = [row for side in sides(insert.expression) for row in self.outputs.get(id(side), [])]
        if not any(is_restricted(output.term.kind) for row in rows for output in row):
            return
        if insert.args.get("by_name"):
            return
        table = target.sql("databricks")
        fields = self.analyse(f"TABLE {table}").fields
        if named:
            fields = [field for name in named for field in fields if field.name.lower() == name]
        for row in rows:
            for output, field in zip(row, fields, strict=False):
                stored = store_as(BUILD, output.term, field, table)
                if stored != output.term.expr and output.place is not None:
                    self.replace(output.place, stored)

    def rendered(self, place: Span) -> str:
        """A part of the text with the edits made so far."""
        inner = [edit for edit in self.edits if place.start <= edit.start and edit.end <= place.end]
        moved = [Edit(edit.start - place.start, edit.end - place.start, edit.text) for edit in inner]
        return apply(place.of(self.text), moved)

    def replace(self, place: Span, text: str) -> None:
        self.edits = [e for e in self.edits if not (place.start <= e.start and e.end <= place.end)]
        self.edits.append(Edit(*place, text))

    def columns_of(self, select: exp.Select) -> Columns:
        """The columns that a SELECT sees."""
        return SourceColumns(self.analyse, self.source_of(select))

    def source_of(self, select: exp.Select) -> str:
        """FROM with its joins and lateral views, and before it the WITH queries that it may name."""
        start = select.args.get("from_")
        if start is None or "span" not in start.meta:
            return ""
        after = [place.start for place in clauses(select).values() if place.start > span(start).start]
        closing = [span(select).end, *after]
        tables = self.rendered(Span(span(start).start, min(closing)))
        return " ".join([self._with(select), "SELECT", PLACE, tables])

    def _unite(self, union: exp.Union) -> None:
        """Casts the columns of a UNION's queries to one type: Sail answers the types of the first."""
        found = list(sides(union))
        parts = [side for side in found if isinstance(side, exp.Select)]
        known = len(parts) == len(found) and all(id(side) in self.outputs for side in parts)
        if union.args.get("by_name") or not known:
            return
        columns = [[output.term for output in self.outputs[id(side)][0]] for side in parts]
        if len({len(terms) for terms in columns}) != 1 or isinstance(union.parent, exp.Union):
            return
        for number, terms in enumerate(zip(*columns, strict=True)):
            kind = widest([term.kind for term in terms])
            if kind is None or all(term.kind == kind for term in terms):
                continue
            for side, term in zip(parts, terms, strict=True):
                if term.kind != kind:
                    self._cast_output(side, number, kind)

    def _intersect(self, query: exp.Intersect) -> None:
        left, right = (query_place(side, self.text) for side in (query.this, query.expression))
        if left is None or right is None:
            raise NotSupportedLocally("INTERSECT ALL of such queries")
        texts = self.rendered(left), self.rendered(right)
        names = self.analyse(self._with(query) + texts[0]).names
        self.replace(Span(left.start, right.end), intersect_all(*texts, names, quoted))

    def _with(self, query: exp.Expr) -> str:
        """The WITH queries that a query may name."""
        ctes = ", ".join(self.rendered(span(cte)) for cte in visible_ctes(query))
        return f"WITH {ctes} " if ctes else ""

    def is_closed(self, query: exp.Expr) -> bool:
        """Whether a query names no column of the queries around it."""
        place = query_place(query, self.text)
        try:
            return place is not None and bool(self.analyse(self._with(query) + self.rendered(place)).names)
        except Exception:
            return False

    def _cast_output(self, side: exp.Select, number: int, kind: DataType) -> None:
        item = side.expressions[number]
        place = place_of(item.unalias())
        if place is not None:
            name = (
                "" if isinstance(item, exp.Alias) else f" AS {quoted(column_name(item, place.of(self.text)))}"
            )
            self.replace(place, f"CAST({self.rendered(place)} AS {kind.simpleString()}){name}")


class _Query:
    """One query of a statement, and its expressions."""

    def __init__(self, owner: _Corrector, node: exp.Expr, columns: Columns) -> None:
        self.owner = owner
        self.node = node
        self.columns = columns
        self._aliases: dict[str, DataType | None] = {}

    def correct(self) -> None:
        matters = self.node.find_ancestor(exp.Union, exp.Insert) is not None
        rows: dict[int, list[_Output]] = {}
        for item in self._roots():
            row = item.parent if isinstance(self.node, exp.Values) else self.node
            is_output = item.arg_key == "expressions" and item.parent is row
            typed = is_output and matters
            term = self.term(item.unalias(), typed=typed)
            place = place_of(item.unalias())
            if place is not None and term.expr != self.owner.rendered(place):
                self._edit(item, place, term.expr, is_output)
            if is_output:
                rows.setdefault(id(row), []).append(_Output(term, place))
                if isinstance(item, exp.Alias):
                    self._aliases[item.alias.lower()] = term.kind
        if isinstance(self.node.parent, exp.Subquery) and needs_null(self.node.parent):
            self._let_be_null(self.node.expressions[0])
        if not any(item.is_star for item in self.node.expressions or []):
            self.owner.outputs[id(self.node)] = list(rows.values())

    def _let_be_null(self, item: exp.Expr) -> None:
        """Tells Sail that a scalar subquery may be NULL, as it is without a row."""
        place = place_of(item.unalias())
        if place is not None:
            self.owner.replace(place, f"nullif({self.owner.rendered(place)}, NULL)")

    def _edit(self, item: exp.Expr, place: Span, text: str, is_output: bool) -> None:
        unnamed = is_output and isinstance(self.node, exp.Select) and not isinstance(item, exp.Alias)
        if unnamed and not isinstance(item, exp.Column) and not makes_columns(place.of(self.owner.text)):
            text = f"{text} AS {quoted(column_name(item, place.of(self.owner.text)))}"
        self.owner.replace(place, text)

    def _roots(self) -> Iterator[exp.Expr]:
        """The expressions of the query that belong to no inner query, outermost nodes only."""
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
        """The corrected text of an expression, with its type when `typed`."""
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
            return Term(self._within(place, [(node.this, inner)]), inner.kind, inner.literal)
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
        """What depends on where an expression stands, or on more than the types of its operands."""
        member = node.this if isinstance(node, exp.Not) else node
        whole = member is node or place_of(member) is None
        if isinstance(member, exp.In) and member.args.get("query") is not None and whole:
            return self._member(member, negated=member is not node)
        if isinstance(node, exp.Window) and first_word(place.of(self.owner.text)) in (
            "collect_list",
            "collect_set",
        ):
            return Term(BUILD.call("array_compact", self._plain(node, place).expr))
        if isinstance(node, exp.Extract) and node.name.upper() in _CLOCK:
            value = self.term(node.expression, typed=True)
            text = self._within(place, [(node.expression, value)])
            if isinstance(value.kind, DayTimeIntervalType):
                return Term(
                    BUILD.cast(BUILD.call("%", text, _CLOCK[node.name.upper()]), "tinyint"), ByteType()
                )
            return Term(text, IntegerType())
        return None

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
        """CASE: its values in one type."""
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
        """sum and avg, also with DISTINCT, FILTER and OVER: the cast of the result stands around all."""
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
        return Term(BUILD.cast(text, outer) if outer else text, kind)

    def _beside(self, node: exp.Expr, call: exp.Expr) -> Iterator[exp.Expr]:
        """The expressions of FILTER and OVER."""
        while node is not call:
            for inner in children(node):
                if inner is not node.this:
                    yield from self._below(inner)
            node = node.this

    def _plain(self, node: exp.Expr, place: Span | None) -> Term[str]:
        """Anything else: only what it holds is corrected."""
        parts = []
        if not isinstance(node, exp.Query):
            for child in children(node):
                parts += [(inner, self.term(inner.unalias(), typed=False)) for inner in self._below(child)]
        if place is None:
            for inner, term in parts:
                where = place_of(inner.unalias())
                if where is not None and term.expr != self.owner.rendered(where):
                    self.owner.replace(where, term.expr)
            return Term("")
        return Term(self._within(place, parts), self._column(node) if isinstance(node, exp.Column) else None)

    def _within(self, place: Span, parts: Sequence[tuple[exp.Expr, Term[str]]]) -> str:
        """The text at a place with the texts of its parts."""
        edits = [edit for edit in self.owner.edits if place.start <= edit.start and edit.end <= place.end]
        for node, term in parts:
            where = place_of(node.unalias())
            if where is not None:
                edits = [e for e in edits if not (where.start <= e.start and e.end <= where.end)]
                edits.append(Edit(*where, term.expr))
        moved = [Edit(edit.start - place.start, edit.end - place.start, edit.text) for edit in edits]
        return apply(place.of(self.owner.text), moved)

    def _column(self, node: exp.Column) -> DataType | None:
        """The type of a column, or of an alias before it in the same SELECT."""
        alias = self._aliases.get(node.name.lower()) if not node.table else None
        return self.columns.column([part.name for part in node.parts]) or alias

    def _ask(self, node: exp.Expr, text: str) -> DataType | None:
        return None if node.find_ancestor(exp.Lambda) is not None else self.columns.ask(text)
