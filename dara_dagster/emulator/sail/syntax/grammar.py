"""Patterns of statements, written as the documentation writes them, matched against tokens.

    DROP TABLE quiet=[IF EXISTS] <name> [PURGE]
    SHOW (SCHEMAS | DATABASES) [(IN | FROM) <catalog:word>] [[LIKE] <like:string>]

Capitals are keywords, `[ ]` is optional, `{ }` any number of times, `( | )` a choice, `'='` a symbol,
`label=[ ]` captures what stands there, and `<label:kind>` captures one thing: a name of up to three parts
(the default; `<name>` is `<name:name>`), a word (a name of one part), a quoted name, a string, a number, a
group (brackets; the capture is their inside), a query, or the rest (as few tokens as make the whole fit,
brackets kept whole).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, scan

__all__ = ["Match", "Pattern"]

Captures = dict[str, tuple[int, int]]
_Step = Callable[[Source, int, Captures], Iterator[tuple[int, Captures]]]

_LEXEME = re.compile(
    r"\s*(?:(?P<label>\w+)=(?=[\[(])|<(?P<capture>[\w:]+)>|'(?P<symbol>[^']+)'"
    r"|(?P<mark>[\[\]{}()|])|(?P<word>\w+))"
)
_ENDS = ("]", ")", "}")
_QUERY_WORDS = {"SELECT", "WITH", "VALUES", "TABLE", "FROM"}


class Match:
    """Where a pattern's captures lie. `match["name"]` is the text as written; None when it is not there."""

    def __init__(self, source: Source, captures: Captures) -> None:
        self.source = source
        self._captures = captures

    def __getitem__(self, label: str) -> str | Any:
        span = self._captures.get(label)
        return None if span is None else self.source.slice(*span)

    def span(self, label: str) -> tuple[int, int] | None:
        """Return the range of tokens."""
        return self._captures.get(label)

    def text(self, label: str) -> str:
        """Return the text of a capture; '' when it is not there."""
        return self[label] or ""

    def items(self, label: str) -> list[str]:
        """Return the parts of a captured list."""
        span = self._captures.get(label)
        return [] if span is None else [self.source.slice(*part) for part in self.source.split(*span)]

    def has_query(self, label: str) -> bool:
        """Return whether a subquery stands in a capture."""
        start, end = self._captures.get(label, (0, 0))
        tokens = self.source.tokens
        return any(
            tokens[index].text == "(" and tokens[index + 1].upper in ("SELECT", "WITH")
            for index in range(start, end - 1)
        )

    def edit(self, label: str, text: str) -> Edit:
        """Return the edit that puts another text in place of a capture."""
        start, end = self._captures[label]
        tokens = self.source.tokens
        return Edit(tokens[start].start, tokens[end - 1].end, text)


class Pattern:
    """A compiled pattern; `first` are the keywords with which a statement that fits begins: the pattern's
    first word, or those of the choice that it begins with.
    """

    def __init__(self, text: str) -> None:
        parsed, rest = _parse_choice(_lexemes(text))
        if rest:
            raise ValueError(f"Unbalanced pattern: {text}")
        self._step = parsed
        self._text = text

    @property
    def first(self) -> list[str]:
        start = self._text.split()[0]
        return [start] if start[0].isupper() else re.findall("[A-Z]+", self._text[: self._text.index(")")])

    def match(self, text: str | Source, *, whole: bool = True) -> Match | None:
        """Return the first way in which the text fits, from its start; as a whole unless `whole` is False."""
        source = scan(text) if isinstance(text, str) else text
        end = len(source.tokens)
        while end and source.tokens[end - 1].text == ";":
            end -= 1
        for index, captures in self._step(source, 0, {}):
            if index == end or not whole:
                return Match(source, captures)
        return None


def _lexemes(text: str) -> list[re.Match[str]]:
    return list(_LEXEME.finditer(text))


def _parse_choice(items: list[re.Match[str]]) -> tuple[_Step, list[re.Match[str]]]:
    """Parse alternatives up to a closing mark, which is left to the caller."""
    choices: list[_Step] = []
    steps: list[_Step] = []
    label = ""
    while items and items[0]["mark"] not in _ENDS:
        item, *items = items
        if item["label"]:
            label = item["label"]
            continue
        if item["mark"] == "|":
            choices.append(_sequence(steps))
            steps = []
        elif item["mark"] in _BRACKETS:
            inner, items = _parse_choice(items)
            items = items[1:]
            inner = _labelled(label, inner) if label else inner
            steps.append(_BRACKETS[item["mark"]](inner))
            label = ""
        elif item["capture"]:
            name, _, kind = item["capture"].partition(":")
            steps.append(_labelled(name, _KINDS[kind or "name"], trim=kind == "group"))
        else:
            steps.append(_literal(item["symbol"] or item["word"]))
    choices.append(_sequence(steps))
    return (choices[0] if len(choices) == 1 else _choice(choices)), items


def _literal(word: str) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        if index < len(source.tokens) and source.tokens[index].upper == word:
            yield index + 1, captures

    return step


def _sequence(steps: list[_Step]) -> _Step:
    def step(source: Source, index: int, captures: Captures, left: int = 0) -> Iterator[tuple[int, Captures]]:
        if left == len(steps):
            yield index, captures
            return
        for after, found in steps[left](source, index, captures):
            yield from step(source, after, found, left + 1)

    return step


def _choice(choices: list[_Step]) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        for choice in choices:
            yield from choice(source, index, captures)

    return step


def _optional(inner: _Step) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        yield from inner(source, index, captures)
        yield index, captures

    return step


def _repeated(inner: _Step) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        for after, found in inner(source, index, captures):
            yield from step(source, after, found)
        yield index, captures

    return step


_BRACKETS: dict[str, Callable[[_Step], _Step]] = {"(": lambda inner: inner, "[": _optional, "{": _repeated}


def _labelled(label: str, inner: _Step, *, trim: bool = False) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        for after, found in inner(source, index, captures):
            yield after, {**found, label: (index + 1, after - 1) if trim else (index, after)}

    return step


def _of_kind(*kinds: str) -> _Step:
    def step(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
        if index < len(source.tokens) and source.tokens[index].kind in kinds:
            yield index + 1, captures

    return step


def _name(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
    """Yield a dotted name, the longest first."""
    tokens = source.tokens
    ends: list[int] = []
    while index < len(tokens) and tokens[index].is_name and len(ends) < 3:
        index += 1
        ends.append(index)
        if index >= len(tokens) or tokens[index].text != ".":
            break
        index += 1
    for end in reversed(ends):
        yield end, captures


def _group(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
    if index < len(source.tokens) and source.tokens[index].text == "(" and index in source.closing:
        yield source.closing[index] + 1, captures


def _rest(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
    end = len(source.tokens)
    yield index, captures
    while index < end:
        index = source.closing.get(index, index) + 1
        yield index, captures


def _query(source: Source, index: int, captures: Captures) -> Iterator[tuple[int, Captures]]:
    if index < len(source.tokens):
        token = source.tokens[index]
        if token.upper in _QUERY_WORDS or token.upper == "(":
            yield from _rest(source, index, captures)


_KINDS: dict[str, _Step] = {
    "name": _name,
    "word": _of_kind("word", "quoted"),
    "quoted": _of_kind("quoted"),
    "string": _of_kind("string"),
    "number": _of_kind("number"),
    "group": _group,
    "rest": _rest,
    "query": _query,
}
