"""PIVOT and UNPIVOT: Sail wants a subquery before them, and a PIVOT's column in brackets."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from typing import TYPE_CHECKING

from dara_dagster.emulator.engine.sql.syntax import Edit, Source, apply, scan

if TYPE_CHECKING:
    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["spell_out_pivots"]

_BEFORE_A_TABLE = {"FROM", "JOIN", ",", "LATERAL"}


def spell_out_pivots(spark: LocalSpark, text: str) -> str:
    """The statement with its PIVOTs and UNPIVOTs as Sail parses them."""
    while edits := _first_edits(scan(text)):
        text = apply(text, edits)
    return text


def _first_edits(source: Source) -> list[Edit]:
    """What has to change about the first that is not yet so."""
    tokens = source.tokens
    for index, token in enumerate(tokens):
        group = index + 1
        if token.upper == "UNPIVOT" and source.slice(group, group + 2).upper().split()[1:] == ["NULLS"]:
            group += 2
        if token.upper not in ("PIVOT", "UNPIVOT") or group not in source.closing:
            continue
        start = _table_before(source, index)
        edits = _bracketed_column(source, group) if token.upper == "PIVOT" else []
        if start is not None:
            place = tokens[start].start, tokens[index - 1].end
            edits.append(Edit(*place, f"(SELECT * FROM {source.slice(start, index)})"))
        if edits:
            return edits
    return []


def _table_before(source: Source, index: int) -> int | None:
    """The first token of the table before a PIVOT; None when that is a subquery without a name already."""
    opening = {close: begin for begin, close in source.closing.items()}
    start = index
    while start > 0:
        before = source.tokens[start - 1]
        if before.upper in _BEFORE_A_TABLE or start - 1 in source.closing:
            break
        start = opening.get(start - 1, start - 1)
    is_subquery = source.closing.get(start) == index - 1 and start + 1 < len(source.tokens)
    return None if is_subquery and source.tokens[start + 1].upper in ("SELECT", "WITH", "(") else start


def _bracketed_column(source: Source, group: int) -> list[Edit]:
    tokens = source.tokens
    for index in source.top_level(group + 1, source.closing[group]):
        if tokens[index].upper == "FOR" and tokens[index + 1].is_name and tokens[index + 2].upper == "IN":
            column = tokens[index + 1]
            return [Edit(column.start, column.end, f"({column.text})")]
    return []
