"""Runs one SQL statement: bind, spell calls as Sail knows them, look for a handler, else Sail itself."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.sail.answers.sql_corrections import correct_sql
from dara_dagster.emulator.sail.functions.corrections import correct_text
from dara_dagster.emulator.sail.functions.zone_names import format_with_zone
from dara_dagster.emulator.sail.sql import (
    alter,
    context,
    describe,
    dml,
    ingest,
    maintenance,
    schemas,
    show,
    tables,
    user_functions,
    variables,
    views,
)
from dara_dagster.emulator.sail.sql.handlers import Handlers, done
from dara_dagster.emulator.sail.sql.queries import in_known_words
from dara_dagster.emulator.sail.sql.script_runner import run_script_text
from dara_dagster.emulator.sail.sql.unsupported_statements import refuse_unsupported
from dara_dagster.emulator.sail.sql.user_functions import call_functions
from dara_dagster.emulator.sail.syntax.calls import Call, Spelling
from dara_dagster.emulator.sail.syntax.column_names import corrected_with_names
from dara_dagster.emulator.sail.syntax.literals import bind, quote
from dara_dagster.emulator.sail.syntax.scripts import is_script
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["run_sql"]

# A statement goes to the first handler that fits.
_HANDLERS = Handlers(
    maintenance,
    tables,
    ingest,
    variables,
    dml,
    user_functions,
    context,
    schemas,
    views,
    alter,
    describe,
    show,
)
_QUERIES = {"SELECT", "WITH", "VALUES", "TABLE", "FROM", "("}
_COMMANDS = {"CREATE", "DROP", "ALTER"}


def run_sql(spark: BaseSession, query: str, args: Any, frames: Mapping[str, Any]) -> DataFrame:
    """Return what `spark.sql` does. `args` are values of `:name` or `?` markers, `frames` DataFrames for
    `{name}`.

    Raises the server's exceptions, and NotSupportedLocally for what neither Sail nor we can do.
    """
    text = query
    if args:
        bound = bind(text, args, strict=False)
        text, args = (text, args) if bound is None else (bound, None)
    if is_script(scan(text)):
        return run_script_text(spark, text)
    known = session_functions(spark)
    text = corrected_with_names(text, lambda words: correct_text(call_functions(spark, words), known))
    if args or frames or scan(text).is_broken:
        return spark.plain_sql(correct_sql(text, spark.schema_of), args, **frames)
    for match, handle in _HANDLERS.fitting(scan(text)):
        answer = handle(spark, match)
        if answer is not None:
            return answer
    refuse_unsupported(text)
    return _run_natively(spark, text)


def session_functions(spark: BaseSession) -> dict[str, Spelling]:
    """Return who and where we are, which Sail does not know, as literals."""
    registry = spark.registry
    user, catalog, schema = (quote(text) for text in (spark.user, registry.catalog, registry.schema))
    known = {"current_user": user, "session_user": user, "user": user, "current_catalog": catalog}
    known |= {"current_schema": schema, "current_database": schema}
    spellings: dict[str, Spelling] = {
        name: functools.partial(_constant, text) for name, text in known.items()
    }
    zone = functools.partial(spark.conf.get, "spark.sql.session.timeZone")
    return {
        **spellings,
        "identifier": functools.partial(_identifier, spark),
        "date_format": functools.partial(format_with_zone, zone),
    }


def _identifier(spark: BaseSession, call: Call) -> str | None:
    """Return the name that IDENTIFIER('main' || '.t') or IDENTIFIER(variable) stands for."""
    if len(call.arguments) != 1:
        return None
    tokens = scan(call.arguments[0]).tokens
    if [token.kind for token in tokens] == ["string"]:
        return unquote(tokens[0].text)
    return str(spark.sql(f"SELECT ({call.arguments[0]}) AS _name").collect()[0][0])


def _constant(text: str, call: Call) -> str | None:
    return None if call.arguments else text


def _run_natively(spark: BaseSession, text: str) -> DataFrame:
    answer = in_known_words(spark, text, lambda words: _analysed(spark, words))
    first = scan(text).tokens[0].upper if scan(text).tokens else ""
    return done(spark) if first in _COMMANDS else dml.result(spark, first, answer)


def _analysed(spark: BaseSession, text: str) -> DataFrame:
    frame = spark.plain_sql(text)
    if scan(text).tokens and scan(text).tokens[0].upper in _QUERIES:
        # Sail resolves lazily; on Databricks a wrong column fails here, not at the first action.
        _ = frame.schema
    return frame
