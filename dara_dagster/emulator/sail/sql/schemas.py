"""CREATE and DROP of catalogs, schemas and volumes: folders of the store."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.server import DEFAULT_SCHEMA
from dara_dagster.emulator.sail.sql.handlers import done, statement
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.tokens import unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession


@statement("CREATE CATALOG quiet=[IF NOT EXISTS] <name:word> <options:rest>")
def create_catalog(spark: BaseSession, match: Match) -> DataFrame:
    name = unquote(match["name"]).lower()
    spark.store.create_schema(name, DEFAULT_SCHEMA)
    spark.registry.add_schema(name, DEFAULT_SCHEMA)
    return done(spark)


@statement("CREATE (SCHEMA | DATABASE) quiet=[IF NOT EXISTS] <name> <options:rest>")
def create_schema(spark: BaseSession, match: Match) -> DataFrame:
    catalog, schema = (part.lower() for part in spark.registry.resolve_schema(match["name"]))
    if catalog not in spark.store.catalogs():
        raise AnalysisException(
            f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found. SQLSTATE: 42704"
        )
    if schema in spark.store.schemas(catalog) and not match["quiet"]:
        raise AnalysisException(
            f"[SCHEMA_ALREADY_EXISTS] Cannot create schema `{schema}` because it already exists. "
            "SQLSTATE: 42P06"
        )
    spark.store.create_schema(catalog, schema)
    spark.registry.add_schema(catalog, schema)
    return done(spark)


@statement("DROP (SCHEMA | DATABASE) quiet=[IF EXISTS] <name> [cascade=(CASCADE) | RESTRICT]")
def drop_schema(spark: BaseSession, match: Match) -> DataFrame:
    catalog, schema = (part.lower() for part in spark.registry.resolve_schema(match["name"]))
    if schema not in spark.store.schemas(catalog):
        if match["quiet"]:
            return done(spark)
        raise AnalysisException(f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found.")
    full = spark.store.tables(catalog, schema) or spark.store.views(catalog, schema)
    if full and not match["cascade"]:
        raise AnalysisException(
            f"[SCHEMA_NOT_EMPTY] Cannot drop a schema `{catalog}`.`{schema}` because it contains objects. "
            "Use DROP SCHEMA ... CASCADE to drop the schema and all its objects. SQLSTATE: 2BP01"
        )
    spark.registry.drop_schema(catalog, schema)
    spark.store.drop_schema(catalog, schema)
    return done(spark)


@statement("DROP CATALOG quiet=[IF EXISTS] <name:word> [CASCADE | RESTRICT]")
def drop_catalog(spark: BaseSession, match: Match) -> DataFrame:
    catalog = unquote(match["name"])
    for schema in spark.store.schemas(catalog):
        spark.registry.drop_schema(catalog, schema)
        spark.store.drop_schema(catalog, schema)
    shutil.rmtree(spark.store.root / catalog, ignore_errors=True)
    return done(spark)


@statement("CREATE [EXTERNAL] VOLUME quiet=[IF NOT EXISTS] <name> <options:rest>")
def create_volume(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name:
        spark.store.volume_folder(*name.lower).mkdir(parents=True, exist_ok=True)
    return done(spark)


@statement("DROP VOLUME quiet=[IF EXISTS] <name>")
def drop_volume(spark: BaseSession, match: Match) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name:
        shutil.rmtree(spark.store.volume_folder(*name.lower), ignore_errors=True)
    return done(spark)
