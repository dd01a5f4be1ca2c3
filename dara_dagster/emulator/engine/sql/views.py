"""Views, kept as SQL text in the store so that every task sees them."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from pyspark.errors import AnalysisException
from sqlglot import exp

from dara_dagster.emulator.engine.sql.handlers import done, statement
from dara_dagster.emulator.engine.sql.lexing import NAME

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark


@statement(
    rf"create\s+(?P<replace>or\s+replace\s+)?view\s+(?P<quiet>if\s+not\s+exists\s+)?{NAME}\s*(?P<columns>\([^)]*\))?\s*"
    r"(?:comment\s+'[^']*'\s*|tblproperties\s*\([^)]*\)\s*)*as\s+(?P<body>.*)"
)
def create_view(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    assert name is not None
    if spark.store.view_sql(name) is not None and not match["replace"]:
        if match["quiet"]:
            return done(spark)
        raise AnalysisException(
            f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create view {match['name']}. SQLSTATE: 42P07"
        )
    body = _qualified(spark, match["body"])
    if match["columns"]:
        names = re.sub(r"\s+comment\s+'[^']*'", "", match["columns"], flags=re.I)
        body = f"SELECT * FROM ({body}) AS _v{names}"
    _ = spark.sql(body).schema  # a wrong column fails here
    spark.store.put_view(name, body)
    spark.registry.ensure([name.quoted])
    return done(spark)


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
        if not table.db:
            table.set("db", exp.to_identifier(spark.registry.schema))
        table.set("catalog", exp.to_identifier(spark.registry.catalog))
    return tree.sql(dialect="databricks")
