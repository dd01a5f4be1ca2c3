"""Turns Python values and parameters into SQL text, so that a statement is complete before we rewrite it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan

__all__ = ["UnboundParameter", "bind", "is_marker", "literal", "quote"]


class UnboundParameter(ValueError):
    """A `:name` marker for which no value was given."""

    def __init__(self, name: str) -> None:
        super().__init__(f"[UNBOUND_SQL_PARAMETER] Found the unbound parameter: {name}. SQLSTATE: 42P02")


def quote(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literal(value: Any) -> str | None:
    """Return the SQL text of a simple value; None when it has no literal form (arrays, columns, ...).

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
    """Return the statement with `:name` (mapping) or `?` (sequence) markers replaced by literals.

    None when a value has no literal form. Raises UnboundParameter for a name without value, unless not
    `strict`.
    """
    named = values if isinstance(values, Mapping) else {}
    texts = {name: literal(value) for name, value in named.items()}
    positions = [] if isinstance(values, Mapping) else [literal(value) for value in values]
    if None in texts.values():
        return None
    source, edits = scan(query), []
    marks = iter(positions)
    for index, token in enumerate(source.tokens):
        if is_marker(source, index):
            name = source.tokens[index + 1]
            if name.text in texts:
                edits.append(Edit(token.start, name.end, texts[name.text] or ""))
            elif strict:
                raise UnboundParameter(name.text)
        elif token.text == "?" and token.kind == "symbol":
            text = next(marks, None)
            edits += [Edit(token.start, token.end, text)] if text else []
    return apply(query, edits)


def is_marker(source: Source, index: int) -> bool:
    """Return whether a token is the colon of a `:name`; after a value it is that of a JSON path."""
    tokens = source.tokens
    if tokens[index].text != ":" or index + 1 == len(tokens) or tokens[index + 1].kind != "word":
        return False
    before = tokens[index - 1] if index else None
    touches = before is not None and before.end == tokens[index].start
    is_value = before is not None and (before.is_name or before.text in (")", "]"))
    return tokens[index].end == tokens[index + 1].start and not (touches and is_value)
