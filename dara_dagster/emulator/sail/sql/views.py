"""Views, kept as SQL text in the store so that every task sees them."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.sql.handlers import done, statement
from dara_dagster.emulator.sail.sql.queries import in_known_words
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan, unquote
from dara_dagster.emulator.sail.syntax.tree import tables_in
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.lake.store import TableName
    from dara_dagster.emulator.sail.base_session import BaseSession


@statement(
    "CREATE replace=[OR REPLACE] VIEW quiet=[IF NOT EXISTS] <name> [<columns:group>] "
    "{ COMMENT <comment:string> | TBLPROPERTIES <pairs:group> } AS <body:rest>"
)
def create_view(spark: BaseSession, match: Match) -> DataFrame:
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
    # A column may have a comment: its name is the first token.
    given = [scan(column).tokens[0].text for column in match.items("columns")]
    _put(spark, name, match["body"], given)
    return done(spark)


@statement("ALTER VIEW <name> AS <body:rest>")
def alter_view(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name is None or spark.store.view_sql(name) is None:
        raise AnalysisException(
            f"[TABLE_OR_VIEW_NOT_FOUND] The view {match['name']} cannot be found. SQLSTATE: 42P01"
        )
    _put(spark, name, match["body"], [])
    return done(spark)


def _put(spark: BaseSession, name: TableName, text: str, given: list[str]) -> None:
    """Keep a view whose columns are those its SELECT has now, in words every session's Sail parses."""
    if "READ_FILES" in scan(text).words:
        raise NotSupportedLocally("A view over read_files()")
    if "RECURSIVE" in scan(text).words:
        raise NotSupportedLocally("A view over WITH RECURSIVE")
    body = _qualified(spark, text)

    def parsed(words: str) -> tuple[str, list[str]]:
        return words, spark.plain_sql(words).columns  # a wrong column fails here

    body, own = in_known_words(spark, body, parsed)
    if given and len(given) != len(own):
        raise AnalysisException(
            f"[CREATE_VIEW_COLUMN_ARITY_MISMATCH] Cannot create view {name}: {len(given)} columns are named, "
            f"the query has {len(own)}. SQLSTATE: 21S01"
        )
    # A column that its table gets later is not the view's.
    shown = ", ".join(f"`{a}` AS `{unquote(b)}`" for a, b in zip(own, given or own, strict=True))
    spark.store.put_view(name, f"SELECT {shown} FROM ({body}\n) AS _v")
    spark.registry.ensure([name.quoted])


@statement("DROP VIEW quiet=[IF EXISTS] <name>")
def drop_view(spark: BaseSession, match: Match) -> DataFrame | None:
    name = spark.registry.resolve(match["name"])
    if name is None or spark.store.view_sql(name) is None:
        return None  # a temporary view
    spark.store.drop_view(name)
    spark.registry.forget(name)
    return done(spark)


def _qualified(spark: BaseSession, body: str) -> str:
    """Return the view's SELECT with full table names: it is read under other current schemas."""
    temporary = {view.name.lower() for view in spark.catalog.listTables() if view.isTemporary}
    edits = []
    for table in tables_in(body):
        if len(table.parts) > 2:
            continue
        if len(table.parts) == 1 and table.parts[0].lower() in temporary:
            raise AnalysisException(
                "[INVALID_TEMP_OBJ_REFERENCE] Cannot create the persistent object: it refers to the "
                f"temporary view {table.parts[0]}. SQLSTATE: 42K0F"
            )
        before = f"`{spark.registry.catalog}`."
        if len(table.parts) == 1:
            before += f"`{spark.registry.schema}`."
        edits.append(Edit(table.start, table.start, before))
    return apply(body, edits)
