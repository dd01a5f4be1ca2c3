"""Applies the rules to SQL text: expressions are edited where they stand, like every other rewrite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from pyspark.sql.types import DataType, StructField, StructType
from sqlglot import exp

from dara_dagster.emulator.engine.answers.builder import Term
from dara_dagster.emulator.engine.answers.functions import FUNCTIONS
from dara_dagster.emulator.engine.answers.rules import AGGREGATES, RULES, apply_aggregate, cast_rule
from dara_dagster.emulator.engine.answers.rules import apply as apply_rule
from dara_dagster.emulator.engine.answers.spark_types import widest
from dara_dagster.emulator.engine.answers.sql_text import BUILD, constant, ddl_type, place_of
from dara_dagster.emulator.engine.sql.names import column_name, makes_columns
from dara_dagster.emulator.engine.sql.syntax import Edit, apply, scan
from dara_dagster.emulator.engine.sql.tree import Span, clauses, parse, span, visible_ctes

__all__ = ["Columns", "correct_expression", "correct_sql"]

Analyse = Callable[[str], StructType]
_SIGNS = {"+", "-", "*", "/", "%", "||", "::"}
_WORDS = {
    *("SUM", "AVG", "MEAN", "ROUND", "BROUND", "FLOOR", "CEIL", "CEILING", "CAST", "TRY_CAST", "CASE", "IF"),
    *(name.upper() for name in FUNCTIONS),
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
_PLACE = "\x00"  # where the columns of a question to the server stand
_NAMES = {"iff": "if", "mean": "avg"}


def correct_sql(text: str, analyse: Analyse) -> str:
    """A statement with its expressions spelled so that Sail answers as Spark. `analyse` answers the schema
    of a query.
    """
    source = scan(text)
    if not (source.symbols & _SIGNS or source.words & _WORDS):
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


class _Corrector:
    """The edits of one statement, made from the innermost query outwards."""

    def __init__(self, text: str, analyse: Analyse) -> None:
        self.text = text
        self.analyse = analyse
        self.edits: list[Edit] = []
        self.outputs: dict[int, list[Term[str]]] = {}

    def correct(self, tree: exp.Expr) -> str:
        for values in tree.find_all(exp.Values):
            _Query(self, values, _SourceColumns(self.analyse, "")).correct()
        for query in reversed(list(tree.find_all(exp.Select, exp.SetOperation, bfs=False))):
            if isinstance(query, exp.Select) and "span" in query.meta:
                _Query(self, query, self.columns_of(query)).correct()
            elif isinstance(query, exp.Union):
                self._unite(query)
        if isinstance(tree, exp.Update | exp.Merge | exp.Insert):
            _Query(self, tree, _SourceColumns(self.analyse, _changed_tables(tree))).correct()
        return apply(self.text, self.edits)

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
        return _SourceColumns(self.analyse, self.source_of(select))

    def source_of(self, select: exp.Select) -> str:
        """FROM with its joins and lateral views, and before it the WITH queries that it may name."""
        start = select.args.get("from_")
        if start is None or "span" not in start.meta:
            return ""
        after = [place.start for place in clauses(select).values() if place.start > span(start).start]
        closing = [span(select).end, *after]
        ctes = ", ".join(self.rendered(span(cte)) for cte in visible_ctes(select))
        tables = self.rendered(Span(span(start).start, min(closing)))
        return " ".join([f"WITH {ctes}" if ctes else "", "SELECT", _PLACE, tables])

    def _unite(self, union: exp.Union) -> None:
        """Casts the columns of a UNION's queries to one type: Sail answers the types of the first."""
        queries = list(_sides(union))
        sides = [side for side in queries if isinstance(side, exp.Select)]
        known = len(sides) == len(queries) and all(id(side) in self.outputs for side in sides)
        if union.args.get("by_name") or not known:
            return
        columns = [self.outputs[id(side)] for side in sides]
        if len({len(terms) for terms in columns}) != 1 or isinstance(union.parent, exp.Union):
            return
        for number, terms in enumerate(zip(*columns, strict=True)):
            kind = widest([term.kind for term in terms])
            if kind is None or all(term.kind == kind for term in terms):
                continue
            for side, term in zip(sides, terms, strict=True):
                if term.kind != kind:
                    self._cast_output(side, number, kind)

    def _cast_output(self, side: exp.Select, number: int, kind: DataType) -> None:
        item = side.expressions[number]
        place = place_of(item.unalias())
        if place is not None:
            name = (
                ""
                if isinstance(item, exp.Alias)
                else f" AS {_quoted(column_name(item, place.of(self.text)))}"
            )
            self.replace(place, f"CAST({self.rendered(place)} AS {kind.simpleString()}){name}")


def _sides(query: exp.Expr) -> Iterator[exp.Expr]:
    """The queries that a UNION brings together."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(inner, exp.Union):
        yield from _sides(inner.this)
        yield from _sides(inner.expression)
    else:
        yield inner


def _changed_tables(tree: exp.Expr) -> str:
    """What the expressions of an UPDATE, MERGE or INSERT see, as the query of `_Corrector.source_of`."""
    if isinstance(tree, exp.Insert):
        return ""
    sources = [tree.this, tree.args.get("using")]
    tables = ", ".join(source.sql("databricks") for source in sources if source is not None)
    return " ".join(["SELECT", _PLACE, "FROM", tables])


class Columns(Protocol):
    """The columns that expressions see."""

    def column(self, names: Sequence[str]) -> DataType | None:
        """The type of a column by the parts of its name; None when it is not there, or twice."""

    def ask(self, text: str) -> DataType | None:
        """The type of any expression; None when the server refuses it."""


class _SourceColumns:
    """The columns of a FROM, asked of the server once."""

    def __init__(self, analyse: Analyse, source: str) -> None:
        self._analyse = analyse
        self._source = source
        self._known: dict[str, list[DataType]] | None = None

    def column(self, names: Sequence[str]) -> DataType | None:
        if self._known is None:
            self._known = {}
            for field in self._fields("*") if self._source else []:
                self._known.setdefault(field.name.lower(), []).append(field.dataType)
        found = self._known.get(names[-1].lower(), [])
        return found[0] if found and all(kind == found[0] for kind in found) else None

    def ask(self, text: str) -> DataType | None:
        fields = self._fields(text)
        return fields[0].dataType if fields else None

    def _fields(self, columns: str) -> list[StructField]:
        query = self._source.replace(_PLACE, columns, 1) if self._source else f"SELECT {columns}"
        try:
            return self._analyse(query).fields
        except Exception:
            return []


class _Query:
    """One query of a statement, and its expressions."""

    def __init__(self, owner: _Corrector, node: exp.Expr, columns: Columns) -> None:
        self.owner = owner
        self.node = node
        self.columns = columns
        self._aliases: dict[str, DataType | None] = {}

    def correct(self) -> None:
        in_union = isinstance(self.node, exp.Select) and self.node.find_ancestor(exp.Union) is not None
        outputs = []
        for item in self._roots():
            is_output = item.arg_key == "expressions" and item.parent is self.node
            typed = is_output and in_union
            term = self.term(item.unalias(), typed=typed)
            place = place_of(item.unalias())
            if place is not None and term.expr != self.owner.rendered(place):
                self._edit(item, place, term.expr, is_output)
            if is_output:
                outputs.append(term)
                if isinstance(item, exp.Alias):
                    self._aliases[item.alias.lower()] = term.kind
        if isinstance(self.node, exp.Select) and not any(item.is_star for item in self.node.expressions):
            self.owner.outputs[id(self.node)] = outputs

    def _edit(self, item: exp.Expr, place: Span, text: str, is_output: bool) -> None:
        unnamed = is_output and isinstance(self.node, exp.Select) and not isinstance(item, exp.Alias)
        if unnamed and not (isinstance(item, exp.Column) or makes_columns(place.of(self.owner.text))):
            text = f"{text} AS {_quoted(column_name(item, place.of(self.owner.text)))}"
        self.owner.replace(place, text)

    def _roots(self) -> Iterator[exp.Expr]:
        """The expressions of the query that belong to no inner query, outermost nodes only."""
        for node in _children(self.node):
            yield from self._below(node)

    def _below(self, node: exp.Expr) -> Iterator[exp.Expr]:
        if isinstance(node, exp.Query | exp.Table | exp.CTE | exp.With):
            return
        if isinstance(node, exp.Alias) or (place_of(node) is not None and not isinstance(node, _HOLDERS)):
            yield node
            return
        for inner in _children(node):
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
        aggregate = self._aggregate(node, place)
        if aggregate is not None:
            return aggregate
        name, operands = self._called(node, place)
        if name in RULES and all(place_of(operand) is not None for operand in operands):
            return self._ruled(name, node, operands, place)
        return self._plain(node, place)

    def _called(self, node: exp.Expr, place: Span) -> tuple[str, list[exp.Expr]]:
        if type(node) in _BINARY:
            return _BINARY[type(node)], [node.this, node.expression]
        if isinstance(node, exp.Neg):
            return "-", [node.this]
        if isinstance(node, exp.Func):
            tokens = scan(place.of(self.owner.text)).tokens[:2]
            if len(tokens) == 2 and tokens[1].text == "(":
                name = tokens[0].text.lower()
                return _NAMES.get(name, name), _arguments(node)
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
            cast = kind is not None and term.kind != kind
            parts.append((value, Term(BUILD.cast(term.expr, kind.simpleString())) if cast and kind else term))
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
            for inner in _children(node):
                if inner is not node.this:
                    yield from self._below(inner)
            node = node.this

    def _plain(self, node: exp.Expr, place: Span | None) -> Term[str]:
        """Anything else: only what it holds is corrected."""
        parts = []
        if not isinstance(node, exp.Query):
            for child in _children(node):
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


_HOLDERS = (
    exp.Where,
    exp.Having,
    exp.Group,
    exp.Order,
    exp.Ordered,
    exp.Join,
    exp.From,
    exp.Qualify,
    exp.Lateral,
)


def _children(node: exp.Expr) -> Iterator[exp.Expr]:
    yield from node.iter_expressions()


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """The operands of a function, in the order of the text."""
    found = [child for child in node.iter_expressions() if not isinstance(child, exp.DataType)]
    return sorted(found, key=lambda child: (place_of(child) or Span(0, 0)).start)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
