"""Runs one SQL statement: bind, look for a handler, else Sail itself, else Sail with the statement
modernised.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.engine.functions import correct_text
from dara_dagster.emulator.engine.sql import dml, modern
from dara_dagster.emulator.engine.sql.handlers import HANDLERS, done
from dara_dagster.emulator.engine.sql.lexing import replace_in_code, strip_comments
from dara_dagster.emulator.engine.sql.literals import bind, fold_identifiers, quote
from dara_dagster.emulator.engine.sql.refused import refuse_unsupported

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["run_sql"]

# Imported for their handlers; a statement goes to the first that fits, so their order is the order of trial.
for _topic in (
    "context",
    "schemas",
    "views",
    "tables",
    "alter",
    "maintenance",
    "describe",
    "show",
    "ingest",
    "dml",
):
    importlib.import_module(f"dara_dagster.emulator.engine.sql.{_topic}")

_SELECT = re.compile(r"^[\s(]*(select|with|values|table|from)\b", re.I)
_COMMAND = re.compile(r"^\s*(create|drop|alter)\b", re.I)
_VERSION = re.compile(r"(?<=[\w`])@v(\d+)\b")
_SESSION_FUNCTION = re.compile(
    r"\b(?P<user>current_user|session_user)\s*\(\s*\)|\b(?P<catalog>current_catalog)\s*\(\s*\)"
    r"|\b(?P<schema>current_schema|current_database)\s*\(\s*\)",
    re.I,
)


def run_sql(spark: LocalSpark, query: str, args: Any, frames: Mapping[str, Any]) -> DataFrame:
    """What `spark.sql` does. `args` are values of `:name` or `?` markers, `frames` DataFrames for `{name}`.

    Raises the server's exceptions, and NotSupportedLocally for what neither Sail nor we can do.
    """
    text = strip_comments(query)
    if args:
        bound = bind(text, args, strict=False)
        text, args = (text, args) if bound is None else (bound, None)
    text = correct_text(_normalise(spark, fold_identifiers(text)))
    if args or frames:
        return spark.plain_sql(text, args, **frames)
    for pattern, handle in HANDLERS:
        match = pattern.match(text)
        answer = handle(spark, match) if match else None
        if answer is not None:
            return answer
    refuse_unsupported(text)
    return _run_natively(spark, text)


def _normalise(spark: LocalSpark, text: str) -> str:
    """Spells out what Sail answers wrongly or cannot parse anywhere: who and where we are, `t@v1`."""

    def value(match: re.Match[str]) -> str:
        if match["user"]:
            return quote(spark.user)
        return quote(spark.registry.catalog if match["catalog"] else spark.registry.schema)

    text = _VERSION.sub(r" VERSION AS OF \1", text)
    return replace_in_code(text, lambda code: _SESSION_FUNCTION.sub(value, code))


def _run_natively(spark: LocalSpark, text: str) -> DataFrame:
    answer = modern.in_known_words(spark, text, lambda words: _analysed(spark, words))
    return done(spark) if _COMMAND.match(text) else dml.result(spark, text, answer)


def _analysed(spark: LocalSpark, text: str) -> DataFrame:
    frame = spark.plain_sql(correct_text(text))  # again: newer syntax spelled out may have brought calls
    if _SELECT.match(text):
        _ = (
            frame.schema
        )  # Sail resolves lazily; on Databricks a wrong column fails here, not at the first action
    return frame
