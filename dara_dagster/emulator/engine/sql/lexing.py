"""Cuts SQL text into code, strings, quoted names and comments, and answers questions about the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

__all__ = [
    "NAME",
    "Piece",
    "named",
    "pieces",
    "replace_in_code",
    "split_statements",
    "split_top_level",
    "strip_comments",
    "unquote",
]

_PART = r"(?:`[^`]+`|[A-Za-z_]\w*)"
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART}){{0,2}}"


def named(group: str) -> str:
    """The pattern of a table, view, schema or volume name (1 to 3 parts) as a named group."""
    return rf"(?P<{group}>{_DOTTED})"


NAME = named("name")

_PIECE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*(?!\+).*?(?:\*/|\Z))"""
    r"""|(?P<string>'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*")"""
    r"""|(?P<name>`(?:``|[^`])*`)"""
    r"""|(?P<code>[^-/'"`]+|.)""",
    re.S,
)


class Piece(NamedTuple):
    """A stretch of SQL; `kind` is comment, string, name or code."""

    kind: str
    text: str


class Statement(NamedTuple):
    """One statement of a script; `line` counts from 1."""

    text: str
    line: int


def pieces(query: str) -> Iterator[Piece]:
    for match in _PIECE.finditer(query):
        yield Piece(match.lastgroup or "code", match[0])


def strip_comments(query: str) -> str:
    """The statement without comments (hints stay) and without a closing semicolon."""
    text = "".join(" " if piece.kind == "comment" else piece.text for piece in pieces(query))
    return text.strip().rstrip(";").rstrip()


def replace_in_code(query: str, replace: Callable[[str], str]) -> str:
    """The same text with `replace` applied to its code, never to strings, quoted names or comments."""
    return "".join(replace(piece.text) if piece.kind == "code" else piece.text for piece in pieces(query))


def split_statements(script: str) -> list[Statement]:
    """The statements of a script, split at semicolons; those that are only comments are left out."""
    statements, current, line, start = [], "", 1, 1

    def finish() -> None:
        if strip_comments(current):
            blank = len(current) - len(current.lstrip())
            statements.append(Statement(current.strip(), start + current[:blank].count("\n")))

    for piece in pieces(script):
        if piece.kind != "code":
            current += piece.text
            line += piece.text.count("\n")
            continue
        for index, part in enumerate(piece.text.split(";")):
            if index:
                finish()
                current, start = "", line
            current += part
            line += part.count("\n")
    finish()
    return statements


def split_top_level(text: str, brackets: str = "()[]") -> list[str]:
    """The parts of a list, split at commas that stand outside brackets and strings (types also need `<>`)."""
    opening, closing = brackets[::2], brackets[1::2]
    parts, depth = [""], 0
    for piece in pieces(text):
        if piece.kind != "code":
            parts[-1] += piece.text
            continue
        for character in piece.text:
            depth += (character in opening) - (character in closing)
            if character == "," and depth == 0:
                parts.append("")
            else:
                parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def unquote(text: str) -> str:
    """A name without back quotes, or a string literal's content."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "`'\"":
        body = text[1:-1].replace(text[0] * 2, text[0])
        return body if text[0] == "`" else re.sub(r"\\(.)", r"\1", body)
    return text
