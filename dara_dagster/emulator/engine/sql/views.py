"""Views, kept as SQL text in the store so that every task sees them."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from pyspark.errors import AnalysisException
from sqlglot import exp

from dara_dagster.emulator.engine.refusals import NotSupportedLocally
from dara_dagster.emulator.engine.sql.handlers import done, statement
from dara_dagster.emulator.engine.sql.lexing import NAME, split_top_level, unquote
from dara_dagster.emulator.engine.sql.modern import in_known_words

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark
    from dara_dagster.emulator.engine.store import TableName


@statement(
    rf"create\s+(?P<replace>or\s+replace\s+)?view\s+(?P<quiet>if\s+not\s+exists\s+)?{NAME}\s*(?P<columns>\([^)]*\))?\s*"
    r"(?:comment\s+'[^']*'\s*|tblproperties\s*\([^)]*\)\s*)*as\s+(?P<body>.*)"
)
def create_view(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    assert name is not None
    is_table = spark.store.table_folder(name) is not None
    if is_table or (spark.store.view_sql(name) is not None and not match["replace"]):
        if match["quiet"]:
            return done(spark)
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create view {match['name']} because "
            f"{'a table' if is_table else 'a view'} of that name already exists. SQLSTATE: 42P07"
        )
    _put(spark, name, match["body"], match["columns"])
    return done(spark)


@statement(rf"alter\s+view\s+{NAME}\s+as\s+(?P<body>.*)")
def alter_view(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name is None or spark.store.view_sql(name) is None:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_NOT_FOUND] The view {match['name']} cannot be found. SQLSTATE: 42P01"
        )
    _put(spark, name, match["body"], None)
    return done(spark)


def _put(spark: LocalSpark, name: TableName, text: str, columns: str | None) -> None:
    """Keeps a view whose columns are those its SELECT has now, in words every session's Sail parses."""
    if re.search(r"\bread_files\s*\(", text, re.I):
        raise NotSupportedLocally("A view over read_files()")
    body = _qualified(spark, text)

    def parsed(words: str) -> tuple[str, list[str]]:
        return words, spark.plain_sql(words).columns  # a wrong column fails here

    body, own = in_known_words(spark, body, parsed)
    given = [
        re.sub(r"\s+comment\s+'[^']*'$", "", part, flags=re.I)
        for part in split_top_level((columns or "()")[1:-1])
    ]
    if given and len(given) != len(own):
        raise AnalysisException(
            f"[CREATE_VIEW_COLUMN_ARITY_MISMATCH] Cannot create view {name}: {len(given)} columns are named, "
            f"the query has {len(own)}. SQLSTATE: 21S01"
        )
    # A column that its table gets later is not the view's.
    shown = ", ".join(f"`{a}` AS `{unquote(b)}`" for a, b in zip(own, given or own, strict=True))
    spark.store.put_view(name, f"SELECT {shown} FROM ({body}) AS _v")
    spark.registry.ensure([name.quoted])


@statement(rf"drop\s+view\s+(?P<quiet>if\s+exists\s+)?{NAME}")
def drop_view(spark: LocalSpark, match: re.Match[str]) -> DataFrame | None:
    name = spark.registry.resolve(match["name"])
    if name is None or spark.store.view_sql(name) is None:
        return None  # a temporary view
    spark.store.drop_view(name)
    spark.registry.forget(name)
    return done(spark)


def _qualified(spark: LocalSpark, body: str) -> str:
    """The view's SELECT with full table names: it is read under other current schemas."""
    try:
        tree = sqlglot.parse_one(body, read="databricks")
    except sqlglot.errors.ParseError:
        return body
    ctes = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    temporary = {view.name.lower() for view in spark.catalog.listTables() if view.isTemporary}
    missing: dict[int, str] = {}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.catalog:
            continue
        if not table.db and table.name.lower() in ctes:
            continue
        if not table.db and table.name.lower() in temporary:
            raise AnalysisException(
                "[INVALID_TEMP_OBJ_REFERENCE] Cannot create the persistent object: it refers to the "
                f"temporary view {table.name}. SQLSTATE: 42K0F"
            )
        before = f"`{spark.registry.catalog}`." + ("" if table.db else f"`{spark.registry.schema}`.")
        first = table.args["db"] if table.db else table.this
        missing[first.meta["start"]] = before
    # The text stays the user's but for the names: generated SQL may mean something else to Sail.
    for place in sorted(missing, reverse=True):
        body = body[:place] + missing[place] + body[place:]
    return body
