"""USE, SET and statements about the session that need no answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine.server import DEFAULT_SCHEMA
from dara_dagster.emulator.engine.sql.handlers import done, statement
from dara_dagster.emulator.engine.sql.lexing import NAME, unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark


def _use(spark: LocalSpark, catalog: str, schema: str) -> DataFrame:
    if not spark.store.schema_folder(catalog, schema).is_dir():
        raise AnalysisException(
            f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found. SQLSTATE: 42704"
        )
    spark.registry.use(catalog, schema)
    return done(spark)


@statement(r"(?:use|set)\s+catalog\s+(?P<catalog>`[^`]+`|\w+|'[^']+')")
def use_catalog(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    catalog = unquote(match["catalog"]).lower()
    if catalog not in spark.store.catalogs():
        raise AnalysisException(
            f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found. SQLSTATE: 42704"
        )
    spark.store.create_schema(catalog, DEFAULT_SCHEMA)
    return _use(spark, catalog, DEFAULT_SCHEMA)


@statement(r"use\s+(?:schema\s+|database\s+|namespace\s+)?" + NAME)
def use_schema(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    parts = spark.registry.parts(match["name"])
    if len(parts) == 1 and parts[0] in spark.store.catalogs() and not _is_schema(spark, parts[0]):
        return _use(spark, parts[0], DEFAULT_SCHEMA)
    return _use(spark, *spark.registry.resolve_schema(match["name"]))


def _is_schema(spark: LocalSpark, name: str) -> bool:
    return name in spark.store.schemas(spark.registry.catalog)


@statement(r"set\s+(?!var\b|variable\b|time\s+zone\b)(?P<key>[\w.]+)\s*=\s*(?P<value>.*)")
def set_value(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    value = unquote(match["value"])
    spark.conf.set(match["key"], value)
    return spark.rows([(match["key"], value)], "key string, value string")


@statement(r"(?:grant|revoke|deny)\s+.*")
@statement(r"(?:analyze|refresh|cache|uncache|msck\s+repair)\s+(?:lazy\s+)?table\b.*|clear\s+cache.*")
@statement(r"comment\s+on\s+(?:schema|database|catalog|volume)\s+.*")
@statement(r"alter\s+(?:schema|database|catalog|volume)\s+.*")
def nothing_to_do(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Permissions, statistics, caches and comments on containers change nothing about the data."""
    return done(spark)
