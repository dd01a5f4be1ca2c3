"""CREATE and DROP of catalogs, schemas and volumes: folders of the store."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine.server import DEFAULT_SCHEMA
from dara_dagster.emulator.engine.sql.handlers import done, statement
from dara_dagster.emulator.engine.sql.lexing import NAME, unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

_NOT_EXISTS = r"(?P<quiet>if\s+not\s+exists\s+)?"
_EXISTS = r"(?P<quiet>if\s+exists\s+)?"


@statement(rf"create\s+catalog\s+{_NOT_EXISTS}(?P<name>`[^`]+`|\w+)(?:\s.*)?")
def create_catalog(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = unquote(match["name"]).lower()
    spark.store.create_schema(name, DEFAULT_SCHEMA)
    spark.registry.add_schema(name, DEFAULT_SCHEMA)
    return done(spark)


@statement(rf"create\s+(?:schema|database)\s+{_NOT_EXISTS}{NAME}(?:\s.*)?")
def create_schema(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
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


@statement(rf"drop\s+(?:schema|database)\s+{_EXISTS}{NAME}(?P<cascade>\s+cascade|\s+restrict)?")
def drop_schema(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog, schema = (part.lower() for part in spark.registry.resolve_schema(match["name"]))
    if schema not in spark.store.schemas(catalog):
        if match["quiet"]:
            return done(spark)
        raise AnalysisException(f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found.")
    full = spark.store.tables(catalog, schema) or spark.store.views(catalog, schema)
    if full and (match["cascade"] or "").strip().lower() != "cascade":
        raise AnalysisException(
            f"[SCHEMA_NOT_EMPTY] Cannot drop a schema `{catalog}`.`{schema}` because it contains objects. "
            "Use DROP SCHEMA ... CASCADE to drop the schema and all its objects. SQLSTATE: 2BP01"
        )
    spark.registry.drop_schema(catalog, schema)
    spark.store.drop_schema(catalog, schema)
    return done(spark)


@statement(rf"drop\s+catalog\s+{_EXISTS}(?P<name>`[^`]+`|\w+)(?:\s+cascade|\s+restrict)?")
def drop_catalog(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog = unquote(match["name"])
    for schema in spark.store.schemas(catalog):
        spark.registry.drop_schema(catalog, schema)
        spark.store.drop_schema(catalog, schema)
    shutil.rmtree(spark.store.root / catalog, ignore_errors=True)
    return done(spark)


@statement(rf"create\s+(?:external\s+)?volume\s+{_NOT_EXISTS}{NAME}(?:\s.*)?")
def create_volume(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name:
        spark.store.volume_folder(*name.lower).mkdir(parents=True, exist_ok=True)
    return done(spark)


@statement(rf"drop\s+volume\s+{_EXISTS}{NAME}")
def drop_volume(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    name = spark.registry.resolve(match["name"])
    if name:
        shutil.rmtree(spark.store.volume_folder(*name.lower), ignore_errors=True)
    return done(spark)
