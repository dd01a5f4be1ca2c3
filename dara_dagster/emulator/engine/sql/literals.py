"""Turns Python values and parameters into SQL text, so that a statement is complete before we look at it."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dara_dagster.emulator.engine.sql.lexing import pieces, unquote

__all__ = ["UnboundParameter", "bind", "fold_identifiers", "literal", "quote"]

_MARKER = re.compile(r"(?<![:\w)\]]):([A-Za-z_]\w*)")
_IDENTIFIER = re.compile(
    r"""\bIDENTIFIER\s*\(\s*((?:'[^']*'|"[^"]*")(?:\s*\|\|\s*(?:'[^']*'|"[^"]*"))*)\s*\)""", re.I
)


class UnboundParameter(ValueError):
    """A `:name` marker for which no value was given."""

    def __init__(self, name: str) -> None:
        super().__init__(f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {name}. SQLSTATE: 42P02")


def quote(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literal(value: Any) -> str | None:
    """SQL text of a simple value; None when it has no literal form (arrays, columns, ...).

    A mapping {"value": text, "type": SQL type} is a typed parameter of the statements API.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value!r}D" if math.isfinite(value) else f"double('{value}')"
    if isinstance(value, Decimal):
        digits = max(len(value.as_tuple().digits), 1)
        scale = max(-int(value.as_tuple().exponent), 0)
        return f"CAST('{value}' AS DECIMAL({max(digits, scale)},{scale}))"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP'{value.isoformat(sep=' ')}'"
    if isinstance(value, dt.date):
        return f"DATE'{value.isoformat()}'"
    if isinstance(value, Mapping) and set(value) <= {"name", "value", "type"}:
        plain = literal(value.get("value"))
        return f"CAST({plain} AS {value['type']})" if value.get("type") else plain
    return None


def bind(query: str, values: Mapping[str, Any] | Sequence[Any], *, strict: bool = True) -> str | None:
    """The statement with `:name` (mapping) or `?` (sequence) markers replaced by literals.

    None when a value has no literal form. Raises UnboundParameter for a name without value, unless not
    `strict`.
    """
    named = values if isinstance(values, Mapping) else {}
    texts = {name: literal(value) for name, value in named.items()}
    positions = iter([literal(value) for value in values] if not isinstance(values, Mapping) else [])
    if None in texts.values():
        return None

    def named_value(match: re.Match[str]) -> str:
        if match[1] in texts:
            return texts[match[1]] or ""
        if strict:
            raise UnboundParameter(match[1])
        return match[0]

    out, before = [], "code"
    for piece in pieces(query):
        text = piece.text
        if piece.kind == "code":
            # `name`:path is a JSON path, not a marker.
            held = text[:1] if before == "name" and text.startswith(":") else ""
            text = held + _MARKER.sub(named_value, text[len(held) :])
            if not isinstance(values, Mapping):
                text = re.sub(r"\?", lambda _: next(positions, None) or "?", text)
        out.append(text)
        before = piece.kind
    return "".join(out)


def fold_identifiers(query: str) -> str:
    """The statement with IDENTIFIER('main' || '.bronze.t') replaced by the name it stands for."""

    def name(match: re.Match[str]) -> str:
        return "".join(unquote(part) for part in re.findall(r"'[^']*'|\"[^\"]*\"", match[1]))

    return _IDENTIFIER.sub(name, query)
