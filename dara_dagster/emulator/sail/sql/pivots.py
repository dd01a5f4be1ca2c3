"""PIVOT and UNPIVOT: Sail wants a subquery before them, a column in brackets, and one column of values."""

# ruff: noqa: S608  building SQL is what this file is for
from __future__ import annotations

from typing import TYPE_CHECKING

from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan, unquote

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["spell_out_pivots"]

_SEVERAL = Pattern("'(' <values:group> FOR <name:word> IN <sets:group> ')'")
_ONE = Pattern("'(' <values:word> FOR <name:word> IN <sets:group> ')'")
_SET = Pattern("<columns:group> [[AS] (<alias:word> | <alias:string>)]")
_ALIASED = Pattern("<columns:word> [AS] (<alias:word> | <alias:string>)")
_BEFORE_A_TABLE = {"FROM", "JOIN", "LATERAL"}


def spell_out_pivots(spark: BaseSession, text: str) -> str:
    """Return the statement with its PIVOTs and UNPIVOTs as Sail parses them."""
    while edits := _first_edits(scan(text)):
        text = apply(text, edits)
    return text


def _first_edits(source: Source) -> list[Edit]:
    """Return what has to change about the first that is not yet so."""
    tokens = source.tokens
    for index, token in enumerate(tokens):
        group = index + 1
        if token.upper == "UNPIVOT" and source.slice(group, group + 2).upper().split()[1:] == ["NULLS"]:
            group += 2
        if token.upper not in ("PIVOT", "UNPIVOT") or group not in source.closing:
            continue
        several = _SEVERAL.match(source.slice(group, source.closing[group] + 1))
        if several is not None and len(several.items("values")) < 2:
            several = None
        one = _ONE.match(source.slice(group, source.closing[group] + 1))
        if one is not None and any(_ALIASED.match(text) for text in one.items("sets")):
            several = one
        if token.upper == "UNPIVOT" and several:
            table = source.slice(_before(source, index), index)
            rows = _unpivoted(table, several, keeps_nulls=tokens[index + 1].upper == "INCLUDE")
            return [Edit(tokens[_before(source, index)].start, tokens[source.closing[group]].end, rows)]
        start = _table_before(source, index)
        edits = _bracketed_column(source, group) if token.upper == "PIVOT" else []
        if start is not None:
            place = tokens[start].start, tokens[index - 1].end
            edits.append(Edit(*place, f"(SELECT * FROM {source.slice(start, index)})"))
        if edits:
            return edits
    return []


def _unpivoted(table: str, match: Match, *, keeps_nulls: bool) -> str:
    """Return the rows of an UNPIVOT of several columns at a time, of which Sail makes one column,
    silently."""
    values = match.items("values")
    sets = [
        _SET.match(text if text.lstrip().startswith("(") else _grouped(text)) for text in match.items("sets")
    ]
    structs, used = [], []
    for found in filter(None, sets):
        columns = found.items("columns")
        name = quote(unquote(found["alias"]) if found["alias"] else "_".join(map(unquote, columns)))
        pairs = zip(columns, values, strict=True)
        cells = ", ".join(f"{quote(unquote(b))}, {a}" for a, b in pairs)
        structs.append(f"named_struct('_n', {name}, {cells})")
        used += columns
    names = ", ".join([match["name"], *values])
    view = f"LATERAL VIEW inline(array({', '.join(structs)})) _u AS {names}"
    rows = f"(SELECT * EXCEPT ({', '.join(used)}) FROM {table} {view})"
    known = " OR ".join(f"{value} IS NOT NULL" for value in values)
    return rows if keeps_nulls else f"(SELECT * FROM {rows} WHERE {known})"


def _grouped(text: str) -> str:
    """Return a column of a set of its own, before its alias."""
    tokens = scan(text).tokens
    return f"({tokens[0].text}){text[tokens[0].end :]}"


def _table_before(source: Source, index: int) -> int | None:
    """Return the first token of the table before a PIVOT; None when that is a subquery without a name
    already."""
    start = _before(source, index)
    is_subquery = source.closing.get(start) == index - 1 and start + 1 < len(source.tokens)
    return None if is_subquery and source.tokens[start + 1].upper in ("SELECT", "WITH", "(") else start


def _before(source: Source, index: int) -> int:
    """Return the first token of the table that ends before a token."""
    opening = {close: begin for begin, close in source.closing.items()}
    start, after_comma = index, None
    while start > 0:
        before = source.tokens[start - 1]
        if before.upper == "VALUES":
            return start - 1
        if before.upper in _BEFORE_A_TABLE or start - 1 in source.closing:
            break
        if before.text == "," and after_comma is None:  # of tables, unless they turn out to be of VALUES
            after_comma = start
        start = opening.get(start - 1, start - 1)
    return start if after_comma is None else after_comma


def _bracketed_column(source: Source, group: int) -> list[Edit]:
    tokens = source.tokens
    for index in source.top_level(group + 1, source.closing[group]):
        if tokens[index].upper == "FOR" and tokens[index + 1].is_name and tokens[index + 2].upper == "IN":
            column = tokens[index + 1]
            return [Edit(column.start, column.end, f"({column.text})")]
    return []
