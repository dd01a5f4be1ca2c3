"""SQL functions of users: CREATE FUNCTION ... RETURN, and calls of them, which become their bodies.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-create-sql-function
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.answers.once import once
from dara_dagster.emulator.sail.answers.sql_text import BUILD
from dara_dagster.emulator.sail.sql.handlers import done, statement
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["call_functions"]

_DEEPEST = 50
_QUERY = ("SELECT", "WITH", "VALUES", "TABLE", "FROM")
_TRAITS = (
    "{ LANGUAGE SQL | [NOT] DETERMINISTIC | COMMENT <comment:string> | CONTAINS SQL | READS SQL DATA "
    "| SQL SECURITY DEFINER } "
)
_PARAMETER = Pattern("<name:word> <kind:rest> [DEFAULT <default:rest>] [COMMENT <comment:string>]")
_COLUMN = Pattern("<name:word> <kind:rest> [COMMENT <comment:string>]")
_NAMED = Pattern("<name:word> '=>' <value:rest>")


@dataclass(frozen=True)
class _Function:
    """`parameters` are (name, type, default or ''); `columns` those of a table function, (name, type)."""

    name: str
    parameters: Sequence[Sequence[str]]
    kind: str
    columns: Sequence[Sequence[str]]
    body: str


@statement(
    "CREATE replace=[OR REPLACE] temporary=[TEMPORARY | TEMP] FUNCTION quiet=[IF NOT EXISTS] <name> "
    "<parameters:group> [RETURNS (TABLE [<columns:group>] | <kind:rest>)] " + _TRAITS + "RETURN <body:rest>"
)
def create_function(spark: BaseSession, match: Match) -> DataFrame | None:
    if "LANGUAGE" in scan(match.text("kind")).words:
        return None
    name = spark.registry.parts(match["name"])[-1].lower()
    is_table = "TABLE" in _between_returns_and_return(match)
    function = _Function(
        name,
        [_three(found) for found in map(_PARAMETER.match, match.items("parameters")) if found],
        match.text("kind"),
        [(c["name"], c["kind"]) for c in map(_COLUMN.match, match.items("columns")) if c] if is_table else [],
        match["body"],
    )
    if is_table and not match["columns"]:
        raise NotSupportedLocally("A table function without a list of its columns")
    text = json.dumps(dataclasses.asdict(function))
    full = spark.registry.resolve(match["name"])
    assert full is not None
    there = name in spark.functions if match["temporary"] else spark.store.function(full) is not None
    if there and not match["replace"]:
        if match["quiet"]:
            return done(spark)
        raise AnalysisException(
            f"[ROUTINE_ALREADY_EXISTS] Cannot create the routine `{name}` because a routine of that name "
            "already "
            "exists. Choose a different name, drop or replace the existing routine, or add the IF NOT EXISTS "
            "clause. SQLSTATE: 42723"
        )
    if match["temporary"]:
        spark.functions[name] = text
    else:
        spark.store.put_function(full, text)
    return done(spark)


def _between_returns_and_return(match: Match) -> list[str]:
    words = [token.upper for token in match.source.tokens]
    start = words.index("RETURNS") if "RETURNS" in words else 0
    return words[start + 1 : start + 2] if start else []


def _three(found: Match) -> tuple[str, str, str]:
    return unquote(found["name"]).lower(), found["kind"], found.text("default")


@statement("CREATE [OR REPLACE] [TEMPORARY | TEMP] FUNCTION <rest:rest>")
def create_other_function(spark: BaseSession, match: Match) -> DataFrame:
    """Refuse functions in Python or from a class."""
    raise NotSupportedLocally("CREATE FUNCTION in another language than SQL", "Use spark.udf.register().")


@statement("DROP temporary=[TEMPORARY | TEMP] FUNCTION quiet=[IF EXISTS] <name>")
def drop_function(spark: BaseSession, match: Match) -> DataFrame:
    full = spark.registry.resolve(match["name"])
    assert full is not None
    if match["temporary"]:
        there = spark.functions.pop(full.table.lower(), None) is not None
    else:
        there = spark.store.drop_function(full)
    if not there and not match["quiet"]:
        raise AnalysisException(
            f"[ROUTINE_NOT_FOUND] The routine {match['name']} cannot be found. Verify the spelling and "
            "correctness "
            "of the schema and catalog. SQLSTATE: 42883"
        )
    return done(spark)


def call_functions(spark: BaseSession, text: str) -> str:
    """Return the statement with the bodies of users' functions in place of their calls."""
    for _ in range(_DEEPEST):
        source = scan(text)
        if "FUNCTION" in source.words or "(" not in source.symbols:  # DROP FUNCTION f, or no call at all
            return text
        edits = [edit for index in range(len(source.tokens)) if (edit := _call_at(spark, source, index))]
        if not edits:
            return text
        # An inner call becomes its body first: of edits that overlap the last that begins.
        inner = [e for e in edits if not any(e.start < o.start and o.end <= e.end for o in edits)]
        text = apply(text, inner)
    raise AnalysisException("[RECURSIVE_ROUTINE] A function calls itself. SQLSTATE: 42836")


def _call_at(spark: BaseSession, source: Source, index: int) -> Edit | None:
    """Return the edit for the call whose (dotted) name ends with a token."""
    tokens = source.tokens
    if not tokens[index].is_name or index + 1 not in source.closing or tokens[index + 1].text != "(":
        return None
    start = index
    while start > 1 and tokens[start - 1].text == "." and tokens[start - 2].is_name:
        start -= 2
    function = _find(spark, source.slice(start, index + 1))
    if function is None:
        return None
    close = source.closing[index + 1]
    arguments = [source.slice(*part) for part in source.split(index + 2, close)]
    return Edit(tokens[start].start, tokens[close].end, _expanded(function, arguments))


def _find(spark: BaseSession, name: str) -> _Function | None:
    parts = spark.registry.parts(name)
    text = spark.functions.get(parts[0].lower()) if len(parts) == 1 else None
    full = spark.registry.resolve(name)
    text = text or (spark.store.function(full) if full else None)
    return _Function(**json.loads(text)) if text else None


def _expanded(function: _Function, arguments: Sequence[str]) -> str:
    """Return the body with the arguments, in the types of the parameters, in place of their names."""
    values: dict[str, str] = {}
    for position, argument in enumerate(arguments):
        named = _NAMED.match(argument)
        if named:
            values[unquote(named["name"]).lower()] = named["value"]
        elif position < len(function.parameters):
            values[function.parameters[position][0]] = argument
    for name, _, default in function.parameters:
        if default:
            values.setdefault(name, default)
    missing = [name for name, _, _ in function.parameters if name not in values]
    if missing or len(arguments) > len(function.parameters):
        raise AnalysisException(
            f"[WRONG_NUM_ARGS.WITHOUT_SUGGESTION] The `{function.name}` requires {len(function.parameters)} "
            f"parameters but the actual number is {len(arguments)}. SQLSTATE: 42605"
        )
    typed = {name: f"CAST(({values[name]}) AS {kind})" for name, kind, _ in function.parameters}
    body = once(
        BUILD,
        list(typed.values()),
        lambda given: _with_values(function, dict(zip(typed, given, strict=True))),
    )
    if function.columns:
        shown = ", ".join(f"CAST(`{unquote(n)}` AS {kind}) AS `{unquote(n)}`" for n, kind in function.columns)
        names = ", ".join(f"`{unquote(name)}`" for name, _ in function.columns)
        return f"(SELECT {shown} FROM ({body}) AS _f({names}))"
    body = f"({body})"
    return f"CAST({body} AS {function.kind})" if function.kind else body


def _with_values(function: _Function, values: dict[str, str]) -> str:
    source, edits = scan(function.body), []
    tokens = source.tokens
    for index, token in enumerate(tokens):
        name = unquote(token.text).lower()
        qualified = index > 1 and tokens[index - 1].text == "." and tokens[index - 2].is_name
        own = qualified and unquote(tokens[index - 2].text).lower() == function.name
        is_alias = index > 0 and tokens[index - 1].upper == "AS"
        if token.is_name and name in values and (own or not qualified) and not is_alias:
            start = tokens[index - 2].start if own else token.start
            edits.append(Edit(start, token.end, values[name]))
    return apply(function.body, edits)
