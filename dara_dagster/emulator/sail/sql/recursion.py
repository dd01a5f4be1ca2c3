"""WITH RECURSIVE: the steps run in sequence, each over the rows of the one before.

https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-qry-select-cte
"""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan, unquote

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["run_recursions"]

_MOST_LEVELS = 100
_MOST_ROWS = 1_000_000


class _Query(NamedTuple):
    """One query of a WITH; `body` are the tokens between its brackets."""

    name: str
    columns: list[str]
    levels: int
    start: int
    body: tuple[int, int]
    end: int


def run_recursions(spark: BaseSession, text: str) -> str:
    """Return the statement reading, in place of each recursive query, a temporary view of its rows."""
    while True:
        source = scan(text)
        words = [index for index, token in enumerate(source.tokens) if token.upper == "RECURSIVE"]
        if not words:
            return text
        before = ""
        edits = [Edit(source.tokens[words[-1]].start, source.tokens[words[-1]].end, "")]
        for query in _queries(source, words[-1] + 1):
            definition = source.slice(query.start, query.end)
            if _names(source, *query.body, query.name):
                view = _rows_view(spark, source, query, f"WITH {before} " if before else "")
                definition = f"{query.name} AS (SELECT * FROM {view})"
                place = source.tokens[query.start].start, source.tokens[query.end - 1].end
                edits.append(Edit(*place, definition))
            before += f"{', ' if before else ''}{definition}"
        text = apply(text, edits)


def _queries(source: Source, index: int) -> list[_Query]:
    tokens, found = source.tokens, []
    while index < len(tokens):
        start, columns, levels = index, [], _MOST_LEVELS
        index += 1
        if tokens[index].text == "(":
            columns = [source.slice(*part) for part in source.split(index + 1, source.closing[index])]
            index = source.closing[index] + 1
        if tokens[index].upper == "MAX":  # MAX RECURSION LEVEL n
            levels = int(tokens[index + 3].text)
            index += 4
        index += tokens[index].upper == "AS"
        end = source.closing[index]
        found.append(_Query(tokens[start].text, columns, levels, start, (index + 1, end), end + 1))
        index = end + 2
        if index > len(tokens) or tokens[index - 1].text != ",":
            break
    return found


def _names(source: Source, start: int, end: int, name: str) -> bool:
    """Return whether a query reads the table of a name."""
    wanted = unquote(name).lower()
    return any(
        token.is_name
        and unquote(token.text).lower() == wanted
        and source.tokens[index - 1].upper in ("FROM", "JOIN", ",")
        for index, token in enumerate(source.tokens[start:end], start)
    )


def _rows_view(spark: BaseSession, source: Source, query: _Query, before: str) -> str:
    parts = _terms(source, query)
    anchors = [part for part in parts if not _names(source, *part, query.name)]
    steps = [part for part in parts if _names(source, *part, query.name)]
    if not anchors:
        raise AnalysisException(
            f"[INVALID_RECURSIVE_CTE] The recursive query {query.name} has no UNION ALL with a query that "
            "does not "
            "name it. SQLSTATE: 42836"
        )
    frame: Any = spark.sql(before + " UNION ALL ".join(source.slice(*part) for part in anchors))
    frame = frame.toDF(*map(unquote, query.columns)) if query.columns else frame
    ddl = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in frame.schema)
    latest = [tuple(row) for row in frame.collect()]
    rows, level = list(latest), 0
    ours = f"_recursive_{uuid.uuid4().hex[:12]}"
    while latest:
        level += 1
        spark.rows(latest, ddl).createOrReplaceTempView(ours)
        latest = [row for part in steps for row in _step(spark, source, part, query, before, ours, frame)]
        if latest and (level > query.levels or len(rows) > _MOST_ROWS):
            raise AnalysisException(
                f"[RECURSION_LEVEL_LIMIT_EXCEEDED] Recursion level limit {query.levels} reached but query "
                "has not "
                "exhausted, try increasing it like 'WITH RECURSIVE t(col) MAX RECURSION LEVEL 200'. "
                "SQLSTATE: 42836"
            )
        rows += latest
    spark.rows(rows, ddl).createOrReplaceTempView(ours)
    return ours


def _terms(source: Source, query: _Query) -> list[tuple[int, int]]:
    """Return the queries that UNION ALL brings together."""
    parts, start = [], query.body[0]
    for index in source.top_level(*query.body):
        if source.tokens[index].upper == "UNION":
            if source.tokens[index + 1].upper != "ALL":
                raise AnalysisException(
                    f"[INVALID_RECURSIVE_CTE] The recursive query {query.name} takes UNION ALL only. "
                    "SQLSTATE: 42836"
                )
            parts.append((start, index))
            start = index + 2
    return [*parts, (start, query.body[1])]


def _step(
    spark: BaseSession,
    source: Source,
    part: tuple[int, int],
    query: _Query,
    before: str,
    view: str,
    frame: Any,
) -> list[tuple[Any, ...]]:
    """Return the rows of a step over those of the level before, in the types of the anchor."""
    source_of = f"{query.name} AS (SELECT * FROM {view})"
    head = f"{before.rstrip()}, {source_of} " if before else f"WITH {source_of} "
    names = [field.name for field in frame.schema]
    step: Any = spark.sql(head + source.slice(*part)).toDF(*names)
    casts = [
        f"CAST(`{field.name}` AS {field.dataType.simpleString()}) AS `{field.name}`" for field in frame.schema
    ]
    return [tuple(row) for row in step.selectExpr(*casts).collect()]
