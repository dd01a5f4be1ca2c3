"""SQL text as tokens, each with its place in the text: what every rewrite reads and by which it edits.

Strings, quoted names and hints are one token each and comments are none, so no rewrite can touch their
inside. The tokenizer is sqlglot's for Databricks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token as GlotToken
from sqlglot.tokenizer_core import TokenType

__all__ = [
    "Edit",
    "Source",
    "Statement",
    "Token",
    "apply",
    "scan",
    "split_list",
    "split_statements",
    "substitute_names",
    "unquote",
]

_QUOTED = {TokenType.IDENTIFIER}
_STRINGS = {TokenType.STRING, TokenType.RAW_STRING, TokenType.NATIONAL_STRING, TokenType.HEX_STRING}
_OPENING, _CLOSING = "([{", ")]}"


class _Tokenizer(Databricks.Tokenizer):
    """Cuts every statement; sqlglot's own keeps the rest of SHOW, OPTIMIZE and the like as one string."""

    COMMANDS = set()  # noqa: RUF012
    COMMAND_PREFIX_TOKENS = set()  # noqa: RUF012


class Token(NamedTuple):
    """`kind` is word, quoted (a name), string, number, hint or symbol; `upper` compares without case.

    `upper` is empty for what only looks like a word: quoted names and strings are never keywords.
    """

    kind: str
    text: str
    upper: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")


class Edit(NamedTuple):
    """Replaces the characters from `start` to before `end`."""

    start: int
    end: int
    text: str


class Statement(NamedTuple):
    """One statement of a script; `line` counts from 1."""

    text: str
    line: int


class Source:
    """A text and its tokens. A text that cannot be cut (a quote without end) has none and `is_broken`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_broken = False
        self.raw: list[GlotToken] = []
        try:
            self.raw = _Tokenizer(dialect=Databricks()).tokenize(text)
        except TokenError:
            self.is_broken = True
        self.tokens = list(_tokens(text, self.raw))

    @functools.cached_property
    def words(self) -> frozenset[str]:
        """Return the bare words in upper case: what decides quickly that a rewrite has nothing to do."""
        return frozenset(token.upper for token in self.tokens if token.kind == "word")

    @functools.cached_property
    def symbols(self) -> frozenset[str]:
        """Return what is neither a word nor a value: brackets and operators."""
        return frozenset(token.text for token in self.tokens if token.kind == "symbol")

    @functools.cached_property
    def closing(self) -> dict[int, int]:
        """Return the token that closes each bracket, by the one that opens it. Unbalanced ones are left
        out."""
        pairs, stack = {}, []
        for index, token in enumerate(self.tokens):
            if token.kind == "symbol" and token.text in _OPENING:
                stack.append(index)
            elif token.kind == "symbol" and token.text in _CLOSING and stack:
                pairs[stack.pop()] = index
        return pairs

    def slice(self, start: int, end: int) -> str:
        """Return the text of the tokens from `start` to before `end`, as written."""
        part = self.tokens[start:end]
        return self.text[part[0].start : part[-1].end] if part else ""

    def split(self, start: int, end: int, separator: str = ",") -> list[tuple[int, int]]:
        """Return the ranges of a list's parts: tokens between separators outside brackets; empty parts left
        out."""
        parts, begin, index = [], start, start
        while index < end:
            token = self.tokens[index]
            if token.kind == "symbol" and token.text == separator:
                parts.append((begin, index))
                begin = index + 1
            index = self.closing.get(index, index) + 1
        return [(a, b) for a, b in [*parts, (begin, end)] if a < b]

    def top_level(self, start: int, end: int) -> Iterator[int]:
        """Yield the tokens outside brackets that stand in the range."""
        index = start
        while index < end:
            yield index
            index = self.closing.get(index, index) + 1


def _tokens(text: str, raw: Iterable[GlotToken]) -> Iterator[Token]:
    """Yield our tokens: sqlglot's without doubles (`10L` is three to it), keywords of two words as two."""
    last = -1
    for token in raw:
        start, end = token.start, token.end + 1
        if start <= last:
            continue
        last = token.end
        written = text[start:end]
        if token.token_type in _QUOTED:
            yield Token("quoted", written, "", start, end)
        elif token.token_type in _STRINGS:
            yield Token("string", written, "", start, end)
        elif token.token_type == TokenType.NUMBER:
            yield Token("number", written, "", start, end)
        elif token.token_type == TokenType.HINT:
            yield Token("hint", written, "", start, end)
        elif written[:1].isalnum() or written[:1] == "_":
            for part in re.finditer(r"\S+", written):
                yield Token("word", part[0], part[0].upper(), start + part.start(), start + part.end())
        else:
            yield Token("symbol", written, written, start, end)


@functools.lru_cache(maxsize=256)
def scan(text: str) -> Source:
    """Return the text as tokens."""
    return Source(text)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with the edits done. Of edits that overlap the first that begins is done."""
    out, position = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if edit.start >= position:
            out += [text[position : edit.start], edit.text]
            position = edit.end
    return "".join([*out, text[position:]])


def split_statements(script: str) -> list[Statement]:
    """Return the statements of a script, without the semicolons; those that are only comments are left
    out."""
    source = scan(script)
    if source.is_broken:
        return [Statement(script.strip(), 1 + _leading_lines(script))] if script.strip() else []
    statements, start = [], 0
    ends = [*(source.tokens[index].start for index in _separators(source)), len(script)]
    for end in ends:
        text = script[start:end]
        if any(start <= token.start < end for token in source.tokens):
            line = 1 + script[:start].count("\n") + _leading_lines(text)
            statements.append(Statement(text.strip(), line))
        start = end + 1
    return statements


_OPENING_WORDS = {"IF", "WHILE", "LOOP", "REPEAT", "FOR"}
_BEFORE_A_STATEMENT = {";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "ATOMIC", ":"}


def _separators(source: Source) -> Iterator[int]:
    """Yield the semicolons between statements, not those within a BEGIN ... END."""
    depth, start = 0, 0
    for index, token in enumerate(source.tokens):
        before = source.tokens[index - 1] if index else None
        leads = index == start or (before is not None and before.text.upper() in _BEFORE_A_STATEMENT)
        closes = before is not None and before.upper == "END"
        if token.text == ";" and token.kind == "symbol" and depth == 0:
            yield index
            start = index + 1
        elif token.upper == "BEGIN":
            depth += bool(depth) or leads
        elif token.upper == "END":
            depth -= bool(depth)
        elif depth and not closes:
            depth += token.upper == "CASE" or (leads and token.upper in _OPENING_WORDS)


def split_list(text: str) -> list[str]:
    """Return the parts of a list, split at commas outside brackets; those of types (`map<string,int>`)
    count."""
    source, depth, start, parts = scan(text), 0, 0, []
    for index in source.top_level(0, len(source.tokens)):
        token = source.tokens[index]
        depth += {"<": 1, ">": -1}.get(token.text, 0) if token.kind == "symbol" else 0
        if token.kind == "symbol" and token.text == "," and depth <= 0:
            parts.append(text[start : token.start])
            start = token.end
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _leading_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")


def unquote(text: str) -> str:
    """Return a name without back quotes, or a string literal's content."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "`'\"":
        body = text[1:-1].replace(text[0] * 2, text[0])
        return body if text[0] == "`" else re.sub(r"\\(.)", r"\1", body)
    return text


def substitute_names(text: str, values: Mapping[str, str]) -> str:
    """Give the text with values in place of the names, which are in lower case."""
    source, edits = scan(text), []
    for index, token in enumerate(source.tokens):
        name = unquote(token.text).lower()
        is_field = index and source.tokens[index - 1].text == "."
        if token.is_name and name in values and not is_field:
            edits.append(Edit(token.start, token.end, values[name]))
    return apply(text, edits)
