"""Calls of functions in other words: `@call("weekday")` says how Sail has to be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dara_dagster.emulator.sail.syntax.tokens import Source, scan

__all__ = ["Call", "Spelling", "call", "respell"]


class Call(NamedTuple):
    """One call: `name` in lower case, its arguments as text, the word that follows it (OVER, FILTER), and
    all bare words `around` it in the statement.
    """

    name: str
    arguments: list[str]
    after: str
    around: frozenset[str]


Spelling = Callable[[Call], str | None]
_SPELLINGS: dict[str, Spelling] = {}


def call(*names: str) -> Callable[[Spelling], Spelling]:
    """Mark a function that answers a call's text in other words; None leaves the call as it is.

    It may raise NotSupportedLocally for a call without an equal.
    """

    def add(spelling: Spelling) -> Spelling:
        _SPELLINGS.update(dict.fromkeys(names, spelling))
        return spelling

    return add


def respell(
    text: str,
    more: Mapping[str, Spelling] | None = None,
    around: Callable[[Spelling], Spelling] = lambda spelling: spelling,
) -> str:
    """Return the text with its calls in the words that Sail knows. `more` are spellings for this text alone;
    each is used as `around` gives it.
    """
    source = scan(text)
    spellings = {**_SPELLINGS, **(more or {})}
    if not any(word.lower() in spellings for word in source.words):
        return text
    spellings = {name: around(spelling) for name, spelling in spellings.items()}
    head = source.tokens[0].start
    tail = source.tokens[-1].end
    return text[:head] + _render(source, 0, len(source.tokens), spellings) + text[tail:]


def _render(source: Source, start: int, end: int, spellings: Mapping[str, Spelling]) -> str:
    """Return the text of the tokens from `start` to before `end`, its calls respelled, inner ones first."""
    tokens = source.tokens
    out, position, index = "", tokens[start].start, start
    while index < end:
        spelling = _spelling_at(source, index, spellings)
        if spelling is not None:
            close = source.closing[index + 1]
            arguments = [_render(source, a, b, spellings) for a, b in source.split(index + 2, close)]
            after = tokens[close + 1].upper if close + 1 < len(tokens) else ""
            new = spelling(Call(tokens[index].upper.lower(), arguments, after, source.words))
            if new is not None:
                out += source.text[position : tokens[index].start] + new
                position, index = tokens[close].end, close + 1
                continue
        index += 1
    return out + source.text[position : max(position, tokens[end - 1].end)]


def _spelling_at(source: Source, index: int, spellings: Mapping[str, Spelling]) -> Spelling | None:
    """Return the spelling for the call that begins with a token, if one does."""
    token = source.tokens[index]
    if token.kind != "word" or source.closing.get(index + 1) is None:
        return None
    if source.tokens[index + 1].text != "(" or (index and source.tokens[index - 1].text == "."):
        return None
    return spellings.get(token.upper.lower())
