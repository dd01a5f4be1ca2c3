"""Applies the rules to SQL text: expressions are edited where they stand, like every other rewrite."""

from __future__ import annotations

from pyspark.sql.types import (
    DataType,
    StructType,
)
from sqlglot import exp

from dara_dagster.emulator.sail.answers.functions import FUNCTIONS
from dara_dagster.emulator.sail.answers.query import Output, Query
from dara_dagster.emulator.sail.answers.query_scopes import (
    PLACE,
    Analyse,
    Columns,
    SourceColumns,
    changed_tables,
    queries,
    query_place,
    sides,
)
from dara_dagster.emulator.sail.answers.spark_types import widest
from dara_dagster.emulator.sail.answers.sql_nodes import quoted
from dara_dagster.emulator.sail.answers.sql_text import BUILD, place_of
from dara_dagster.emulator.sail.answers.storing import is_restricted, store_as
from dara_dagster.emulator.sail.answers.subqueries import (
    intersect_all,
)
from dara_dagster.emulator.sail.syntax.column_names import column_name
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan
from dara_dagster.emulator.sail.syntax.tree import Span, clauses, parse, span, visible_ctes
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["Columns", "correct_expression", "correct_sql"]

_SIGNS = {"+", "-", "*", "/", "%", "||", "::"}
_WORDS = {
    *("SUM", "AVG", "MEAN", "ROUND", "BROUND", "FLOOR", "CEIL", "CEILING", "CAST", "TRY_CAST", "CASE", "IF"),
    *(name.upper() for name in FUNCTIONS),
    *("INSERT", "IN", "INTERSECT", "EXTRACT", "COLLECT_LIST", "COLLECT_SET"),
    *("NULLIF", "FORMAT_STRING", "PRINTF", "OVER", "TRY_ADD", "TRY_SUBTRACT", "EXCEPT", "MINUS"),
    *("CONCAT", "CONCAT_WS", "ABS", "NEGATIVE", "MOD", "PMOD", "DIV", "STRING", "BIGINT", "UNION", "IFF"),
}


def correct_sql(text: str, analyse: Analyse) -> str:
    """Return a statement with its expressions spelled so that Sail answers as Spark. `analyse` answers the
    schema of a query.
    """
    source = scan(text)
    has_subquery = source.text.upper().count("SELECT") > 1
    if not (source.symbols & _SIGNS or source.words & _WORDS or has_subquery):
        return text
    tree = parse(text)
    return Corrector(text, analyse).correct(tree) if tree is not None else text


def correct_expression(text: str, columns: Columns) -> str:
    """Return the same for an expression, with an alias or without."""
    source = scan(text)
    if not (source.symbols & _SIGNS or source.words & _WORDS):
        return text
    query = f"SELECT {text}"
    tree = parse(query)
    if not isinstance(tree, exp.Select) or tree.args.get("from_") is not None or "span" not in tree.meta:
        return text
    corrector = Corrector(query, lambda _: StructType())
    corrector.columns_of = lambda select: columns  # type: ignore[method-assign]
    return corrector.correct(tree).removeprefix("SELECT ")


class Corrector:
    """The edits of one statement, made from the innermost query outwards."""

    def __init__(self, text: str, analyse: Analyse) -> None:
        self.text = text
        self.analyse = analyse
        self.edits: list[Edit] = []
        self.outputs: dict[int, list[list[Output]]] = {}

    def correct(self, tree: exp.Expr) -> str:
        for values in tree.find_all(exp.Values):
            Query(self, values, SourceColumns(self.analyse, "")).correct()
        for query in queries(tree):
            if isinstance(query, exp.Select) and "span" in query.meta:
                Query(self, query, self.columns_of(query)).correct()
            elif isinstance(query, exp.Union):
                self._unite(query, list(sides(query)))
            elif isinstance(query, exp.Intersect) and not query.args.get("distinct"):
                self._intersect(query)
            elif isinstance(query, exp.SetOperation):
                self._unite(query, [query.this, query.expression])
        if isinstance(tree, exp.Update | exp.Merge | exp.Insert):
            Query(self, tree, SourceColumns(self.analyse, changed_tables(tree))).correct()
        if isinstance(tree, exp.Insert):
            self._store(tree)
        return apply(self.text, self.edits)

    def _store(self, insert: exp.Insert) -> None:
        """Give the columns of an INSERT the types of the table by Spark's rules, or refuses them."""
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
        """Return a part of the text with the edits made so far."""
        inner = [edit for edit in self.edits if place.start <= edit.start and edit.end <= place.end]
        moved = [Edit(edit.start - place.start, edit.end - place.start, edit.text) for edit in inner]
        return apply(place.of(self.text), moved)

    def replace(self, place: Span, text: str) -> None:
        self.edits = [e for e in self.edits if not (place.start <= e.start and e.end <= place.end)]
        self.edits.append(Edit(*place, text))

    def columns_of(self, select: exp.Select) -> Columns:
        """Return the columns that a SELECT sees."""
        return SourceColumns(self.analyse, self.source_of(select))

    def source_of(self, select: exp.Select) -> str:
        """Return FROM with its joins and lateral views, and before it the WITH queries that it may name."""
        start = select.args.get("from_")
        if start is None or "span" not in start.meta:
            return ""
        after = [place.start for place in clauses(select).values() if place.start > span(start).start]
        closing = [span(select).end, *after]
        tables = self.rendered(Span(span(start).start, min(closing)))
        return " ".join([self._with(select), "SELECT", PLACE, tables])

    def _unite(self, union: exp.SetOperation, found: list[exp.Expr]) -> None:
        """Cast the columns of a UNION's queries to one type: Sail answers the types of the first."""
        found = [side.unnest() if isinstance(side, exp.Subquery) else side for side in found]
        parts = [side for side in found if isinstance(side, exp.Select)]
        known = len(parts) == len(found) and all(id(side) in self.outputs for side in parts)
        if union.args.get("by_name") or not known:
            return
        columns = [[output.term for output in self.outputs[id(side)][0]] for side in parts]
        if len({len(terms) for terms in columns}) != 1 or (
            isinstance(union, exp.Union) and isinstance(union.parent, exp.Union)
        ):
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
        """Return the WITH queries that a query may name."""
        ctes = ", ".join(self.rendered(span(cte)) for cte in visible_ctes(query))
        return f"WITH {ctes} " if ctes else ""

    def is_closed(self, query: exp.Expr) -> bool:
        """Return whether a query names no column of the queries around it."""
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
