"""Query syntax that Sail lacks, spelled in the older way it parses."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from dara_dagster.emulator.sail.answers.sql_corrections import correct_sql
from dara_dagster.emulator.sail.sql.information_schema import replace_information_schema
from dara_dagster.emulator.sail.sql.ingest import replace_read_files
from dara_dagster.emulator.sail.sql.pipes import spell_out_pipes
from dara_dagster.emulator.sail.sql.pivots import spell_out_pivots
from dara_dagster.emulator.sail.sql.recursion import run_recursions
from dara_dagster.emulator.sail.sql.variables import with_variables
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan
from dara_dagster.emulator.sail.syntax.tree import Span, clauses, parse, selects, span, visible_ctes
from dara_dagster.emulator.sail.syntax.volatile import is_volatile
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["columns_of_source", "in_known_words", "spell_out"]

Answer = TypeVar("Answer")
_Rewrite = Callable[["BaseSession", str], str]

_MISSING = re.compile(r"ObjectName\(\[([^\]]*)\]\) is missing from the schema")
_PART = re.compile(r'Identifier\("([^"]*)"\)')
_DUPLICATE = "duplicate unqualified field name"
_MOST_ALIASES = 100
_OUTER_CLAUSES = ("order", "limit", "offset", "sort", "cluster", "distribute")
# Aggregates that are plain functions to sqlglot.
_AGGREGATES = {
    *("any", "bitmap_construct_agg", "bitmap_or_agg", "bool_and", "bool_or", "collect_list", "collect_set"),
    *("count_min_sketch", "every", "grouping", "grouping_id", "histogram_numeric", "kurtosis", "listagg"),
    *("percentile", "regr_intercept", "regr_slope", "some", "std", "string_agg", "try_avg", "try_sum"),
}


def in_known_words(spark: BaseSession, text: str, attempt: Callable[[str], Answer]) -> Answer:
    """Return what `attempt` answers for the statement in words that Sail knows.

    A name that Sail then misses may be an alias of the same SELECT (`1 AS a, a + 1 AS b`) or a variable: as
    in Spark a column comes first, so these are put in only for what is no column.
    """
    text = correct_sql(spell_out(spark, text), spark.schema_of)
    for _ in range(_MOST_ALIASES):
        try:
            return attempt(text)
        except Exception as error:
            words = str(getattr(error, "sail_message", error))
            if _DUPLICATE in words and (named := _with_own_names(text)) != text:
                text = named
                continue
            missing = _MISSING.search(words)
            name = _PART.findall(missing[1]) if missing else []
            newer = _with_alias(spark, text, name[0].lower()) if len(name) == 1 else text
            if newer == text and name:
                has_column = functools.partial(_sees, spark, text, name[-1].lower())
                newer = with_variables(spark, text, name, has_column)
            if newer == text:
                raise
        text = newer
    return attempt(text)


def spell_out(spark: BaseSession, text: str) -> str:
    """Return the statement without newer syntax; untouched when it has none."""
    for words, rewrite in _REWRITES:
        if words <= scan(text).words | scan(text).symbols:
            text = rewrite(spark, text)
    return text


def _each_select(change: Callable[[BaseSession, str, exp.Select], list[Edit]]) -> _Rewrite:
    """Return a rewrite of a statement by one of its SELECTs, the innermost first, until none has changes
    left."""

    def rewrite(spark: BaseSession, text: str) -> str:
        while True:
            edits = next(filter(None, (change(spark, text, select) for select in selects(text))), [])
            if not edits:
                return text
            text = apply(text, edits)

    return rewrite


def _group_by_all(spark: BaseSession, text: str, select: exp.Select) -> list[Edit]:
    """Rewrite GROUP BY ALL: by all columns that are no aggregates."""
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return []
    keys = [
        span(item.unalias()).of(text)
        for item in select.expressions
        if not (_aggregates(item) or isinstance(item.unalias(), exp.Literal))
    ]
    return [Edit(*clauses(select)["group"], f"GROUP BY {', '.join(keys)}" if keys else "")]


def _aggregates(item: exp.Expr) -> bool:
    plain = (node.name.lower() in _AGGREGATES for node in item.find_all(exp.Anonymous))
    return item.find(exp.AggFunc) is not None or any(plain)


def _order_by_all(spark: BaseSession, text: str, select: exp.Select) -> list[Edit]:
    """Rewrite ORDER BY ALL [DESC] [NULLS LAST]: by each column in turn."""
    place = clauses(select).get("order")
    source = scan(place.of(text)) if place else None
    if place is None or source is None or [token.upper for token in source.tokens[2:3]] != ["ALL"]:
        return []
    how = place.of(text)[source.tokens[2].end :]
    count = len(select.expressions)
    if any(item.is_star for item in select.expressions):
        plain = _within(text, span(select), [Edit(*place, "")])
        count = len(_columns(spark, text, select, plain))
    keys = ", ".join(f"{number}{how}" for number in range(1, count + 1))
    return [Edit(*place, f"ORDER BY {keys}")]


def _columns(spark: BaseSession, text: str, select: exp.Select, query: str) -> list[str]:
    """Return the names of a query's columns, asked of Sail, with the WITH queries that the SELECT may
    name."""
    ctes = ", ".join(span(cte).of(text) for cte in visible_ctes(select))
    return list(spark.sql(f"{'WITH ' + ctes if ctes else ''} {query}").columns)


def _source_of(text: str, select: exp.Select) -> str:
    """Return FROM and its joins, as written."""
    start = select.args.get("from_")
    if start is None:
        return ""
    after = [place.start for place in clauses(select).values() if place.start > span(start).start]
    return text[span(start).start : min([*after, span(select).end])]


def _star_except(spark: BaseSession, text: str, select: exp.Select) -> list[Edit]:
    """Rewrite `* EXCEPT (a)` as the list of the other columns."""
    edits = []
    for item in select.expressions:
        star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
        if not (isinstance(star, exp.Star) and star.args.get("except_")):
            continue
        table = f"{item.table}." if isinstance(item, exp.Column) else ""
        left_out = {column.name.lower() for column in star.args["except_"]}
        names = _columns(spark, text, select, f"SELECT {table}* {_source_of(text, select)}")
        kept = [f"{table}{_quoted(name)}" for name in names if name.lower() not in left_out]
        edits.append(Edit(*span(item), ", ".join(kept)))
    return edits


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _qualify(spark: BaseSession, text: str, select: exp.Select) -> list[Edit]:
    """Rewrite QUALIFY: the condition becomes a column of a subquery, and a WHERE outside of it."""
    places = clauses(select)
    if "qualify" not in places:
        return []
    condition = places["qualify"].of(text)[len("QUALIFY") :]
    whole, columns = span(select), select.expressions[0].meta["projections"]
    outside = sorted(places[key] for key in _OUTER_CLAUSES if key in places)
    inner = [
        Edit(columns.start, columns.start, ""),
        Edit(columns.end, columns.end, f", ({condition}) AS _qualify"),
        Edit(*places["qualify"], ""),
        *(Edit(*place, "") for place in outside),
    ]
    if select.args.get("distinct"):
        inner.append(Edit(whole.start, columns.start, "SELECT "))
    query = _within(text, whole, inner)
    names = list(_names(select)) or _columns(spark, text, select, query)[:-1]
    head = f"SELECT {'DISTINCT ' if select.args.get('distinct') else ''}{', '.join(map(_quoted, names))}"
    tail = " ".join(place.of(text) for place in outside)
    return [Edit(*whole, f"{head} FROM ({query}) AS _q WHERE _qualify {tail}")]


def _within(text: str, whole: Span, edits: list[Edit]) -> str:
    """Return a part of the text with edits done."""
    moved = [Edit(edit.start - whole.start, edit.end - whole.start, edit.text) for edit in edits]
    return apply(whole.of(text), moved)


def _names(select: exp.Select) -> Iterator[str]:
    """Yield the names of the columns; none when only Sail knows one of them."""
    names = [item.alias_or_name for item in select.expressions]
    if all(isinstance(item, exp.Alias | exp.Column) and not item.is_star for item in select.expressions):
        yield from names


def _with_alias(spark: BaseSession, text: str, missing: str) -> str:
    """Return the statement with the expression in place of the alias that Sail misses, if there is one."""
    for select in selects(text):
        edits: list[Edit] = []
        meaning = ""
        for item in select.expressions:
            if meaning:
                edits += [
                    Edit(column.this.meta["start"], column.this.meta["end"] + 1, f"({meaning})")
                    for column in item.find_all(exp.Column)
                    if not column.table and column.name.lower() == missing and "start" in column.this.meta
                ]
            if isinstance(item, exp.Alias) and item.alias.lower() == missing:
                meaning = span(item.this).of(text)
        if edits and not _has_column(spark, text, select, missing):
            if is_volatile(meaning):
                hint = "Put it into a subquery."
                raise NotSupportedLocally(f"The alias {missing} of a random value in the same SELECT", hint)
            return apply(text, edits)
    return text


def _with_own_names(text: str) -> str:
    """Name by their places the columns of an INSERT whose query has several of one name."""
    tree = parse(text)
    query = tree.expression if isinstance(tree, exp.Insert) and not tree.args.get("by_name") else None
    select = query.unnest() if isinstance(query, exp.Query) else None
    source = select.args.get("from_") if isinstance(select, exp.Select) else None
    derived = source.this if source is not None else None
    if not isinstance(derived, exp.Subquery) or derived.alias or "span" not in source.meta:  # type: ignore[union-attr]
        return text
    inner = derived.unnest()
    count = len(inner.named_selects) if isinstance(inner, exp.Query) else 0
    columns = ", ".join(f"_c{place}" for place in range(count))
    end = span(source).end  # type: ignore[arg-type]
    return apply(text, [Edit(end, end, f" AS _rows({columns})")])


def _has_column(spark: BaseSession, text: str, select: exp.Select, name: str) -> bool:
    """Return whether the tables of a SELECT have a column; False where only the query around it could
    tell."""
    return name in map(str.lower, columns_of_source(spark, text, select))


def _sees(spark: BaseSession, text: str, name: str, select: exp.Select) -> bool:
    """Return whether the tables of a SELECT have the column `name`, where it may be a variable."""
    spark.variables.no_columns.add(name)
    try:
        return _has_column(spark, text, select, name)
    finally:
        spark.variables.no_columns.discard(name)


def columns_of_source(spark: BaseSession, text: str, select: exp.Select, table: str = "") -> list[str]:
    """Return the columns of a SELECT's tables, or of one of them; none where only the query around it could
    tell."""
    source = _source_of(text, select)
    star = f"`{table}`.*" if table else "*"
    try:
        return _columns(spark, text, select, f"SELECT {star} {source}") if source else []
    except Exception:
        return []


_REWRITES: list[tuple[frozenset[str], _Rewrite]] = [
    (frozenset({"WITH", "RECURSIVE"}), run_recursions),
    (frozenset({"READ_FILES"}), replace_read_files),
    (frozenset({"INFORMATION_SCHEMA"}), replace_information_schema),
    (frozenset({"|>"}), spell_out_pipes),
    (frozenset({"PIVOT"}), spell_out_pivots),
    (frozenset({"UNPIVOT"}), spell_out_pivots),
    (frozenset({"EXCEPT", "*"}), _each_select(_star_except)),
    (frozenset({"GROUP", "ALL"}), _each_select(_group_by_all)),
    (frozenset({"ORDER", "ALL"}), _each_select(_order_by_all)),
    (frozenset({"QUALIFY"}), _each_select(_qualify)),
]
