"""The names of columns without an alias: those of the user's words, whatever Sail is asked instead."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from dara_dagster.emulator.sail.syntax.tokens import Edit, Token, apply, scan, unquote
from dara_dagster.emulator.sail.syntax.tree import selects, span

__all__ = ["column_name", "corrected_with_names", "makes_columns"]

_MANY_COLUMNS = {"EXPLODE", "POSEXPLODE", "INLINE", "EXPLODE_OUTER", "POSEXPLODE_OUTER", "INLINE_OUTER"}
_MANY_COLUMNS |= {"STACK", "JSON_TUPLE", "IDENTIFIER"}


def corrected_with_names(text: str, correct: Callable[[str], str]) -> str:
    """Return the corrected statement; a column whose expression changes is named as it would have been."""
    corrected = correct(text)
    if corrected == text:
        return text
    edits = []
    for select in selects(text):
        for item in select.expressions:
            place = span(item)
            written = place.of(text)
            if isinstance(item, exp.Alias | exp.Aliases | exp.Star | exp.Column) or makes_columns(written):
                continue
            if correct(written) != written:
                name = column_name(item, written).replace("`", "``")
                edits.append(Edit(place.end, place.end, f" AS `{name}`"))
    return correct(apply(text, edits)) if edits else corrected


def makes_columns(written: str) -> bool:
    """Return whether an expression makes columns of its own names, so that one alias would not do:
    explode()."""
    return bool(scan(written).words & _MANY_COLUMNS)


def column_name(item: exp.Expr, written: str) -> str:
    """Return the name that Spark gives a column without an alias.

    A path's last field, as of `raw:a.b`; else the expression, strings without quotes.
    """
    inner = item.this if isinstance(item, exp.Cast) else item
    if isinstance(inner, exp.Column):
        return inner.name
    if isinstance(inner, exp.JSONExtract) and ":" in scan(written).symbols:
        return unquote(
            [token for token in scan(written.split("::")[0]).tokens if token.kind != "symbol"][-1].text
        )
    tokens, out = scan(written).tokens, ""
    for index, token in enumerate(tokens):
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        out += _shown(token, after)
        if token.text == "," or (token.text not in "([." and after and after not in "()[].,"):
            out += " "
    return f"({out})" if isinstance(item, exp.Binary) else out


def _shown(token: Token, after: str) -> str:
    if token.kind == "string":
        return unquote(token.text)
    return token.text.lower() if token.kind == "word" and after == "(" else token.text
