"""USE, SET and statements about the session that need no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.server import DEFAULT_SCHEMA
from dara_dagster.emulator.sail.sql.handlers import done, statement
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.tokens import unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession


def _use(spark: BaseSession, catalog: str, schema: str) -> DataFrame:
    if not spark.store.schema_folder(catalog, schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found. SQLSTATE: 42704"
        )
    spark.registry.use(catalog, schema)
    return done(spark)


@statement("(USE | SET) CATALOG (<catalog:word> | <catalog:string>)")
def use_catalog(spark: BaseSession, match: Match) -> DataFrame:
    catalog = unquote(match["catalog"]).lower()
    if catalog not in spark.store.catalogs():
        raise AnalysisException(
            f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found. SQLSTATE: 42704"
        )
    spark.store.create_schema(catalog, DEFAULT_SCHEMA)
    return _use(spark, catalog, DEFAULT_SCHEMA)


@statement("USE [SCHEMA | DATABASE | NAMESPACE] <name>")
def use_schema(spark: BaseSession, match: Match) -> DataFrame:
    parts = spark.registry.parts(match["name"])
    if len(parts) == 1 and parts[0] in spark.store.catalogs() and not _is_schema(spark, parts[0]):
        return _use(spark, parts[0], DEFAULT_SCHEMA)
    return _use(spark, *spark.registry.resolve_schema(match["name"]))


def _is_schema(spark: BaseSession, name: str) -> bool:
    return name in spark.store.schemas(spark.registry.catalog)


@statement("SET <key:rest> '=' <value:rest>")
def set_value(spark: BaseSession, match: Match) -> DataFrame | None:
    """Set the value, which is all that follows, strings without their quotes."""
    key = match.text("key")
    if not key or " " in key:  # SET VAR x = 1, SET TIME ZONE ...
        return None
    value = unquote(match.text("value"))
    spark.conf.set(key, value)
    return spark.rows([(key, value)], "key string, value string")


@statement("SET <key:rest>")
def show_value(spark: BaseSession, match: Match) -> DataFrame | None:
    """Show the value of one setting; `<undefined>` when it has none."""
    key = match.text("key")
    if "." not in key or " " in key or key.startswith("-"):
        return None
    return spark.rows([(key, spark.conf.get(key, "<undefined>"))], "key string, value string")


@statement("(GRANT | REVOKE | DENY) <what:rest>")
@statement("(ANALYZE | REFRESH | UNCACHE) TABLE <what:rest>")
@statement("CACHE [LAZY] TABLE <what:rest>")
@statement("MSCK REPAIR TABLE <what:rest>")
@statement("CLEAR CACHE <what:rest>")
@statement("COMMENT ON (SCHEMA | DATABASE | CATALOG | VOLUME) <what:rest>")
@statement("ALTER (SCHEMA | DATABASE | CATALOG | VOLUME) <what:rest>")
def nothing_to_do(spark: BaseSession, match: Match) -> DataFrame:
    """Do nothing: permissions, statistics, caches and comments on containers change nothing about the
    data."""
    return done(spark)
