"""Functions that Sail 0.7.2 answers otherwise in some cases, whatever the types: in other words, or refused.

- `left` and `right` of a negative length, `slice` from 0, `json_array_length` of what is no array.
- `conv` of a negative number or of digits that the base does not have: refused when it comes up.
- `split` by an empty text, `regexp_replace` with `$1x`, escapes, or a pattern that matches nothing at all.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from dara_dagster.emulator.sail.answers.builder import Builder, Term
from dara_dagster.emulator.sail.answers.functions import search_rule
from dara_dagster.emulator.sail.answers.once import once
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["REWRITES", "rewritten"]

E = TypeVar("E")
Spelled = Callable[[Builder[Any], str, Sequence[Term[Any]]], Any]
_REFERENCE = re.compile(r"\\(.)|\$(\d)(\d*)|\$", re.S)


def rewritten(build: Builder[E], name: str, terms: Sequence[Term[E]]) -> E | None:
    """Return the call of a function in other words; None when Sail answers it right."""
    if name not in REWRITES:
        return None

    def made(given: list[E]) -> E | None:
        pairs = zip(terms, given, strict=True)
        found: E | None = REWRITES[name](
            build, name, [dataclasses.replace(term, expr=expr) for term, expr in pairs]
        )
        return found

    return once(build, [term.expr for term in terms], made)


def _part(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    """Spell out left(x, n) and right(x, n)."""
    if len(terms) != 2 or (terms[1].literal is not None and terms[1].literal >= 0):
        return None
    length = terms[1].expr
    kept = build.call("if", build.call("<", length, build.value(0)), build.value(0), length)
    return build.call(name, terms[0].expr, kept)


def _slice(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    if len(terms) != 3 or terms[1].literal:
        return None
    words = (
        "[INVALID_PARAMETER_VALUE.START] The value of parameter(s) `start` in `slice` is invalid: "
        "Expects a positive or a negative value for `start`, but got 0. SQLSTATE: 22023"
    )
    values, start, length = (term.expr for term in terms)
    fault = build.cast(build.call("raise_error", build.value(words)), "int")
    return build.call(
        name,
        values,
        build.call("when", build.call("==", start, build.value(0)), fault, start),
        length,
    )


def _substring(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    """Correct a start before the text: the length counts from there."""
    if len(terms) != 3 or terms[1].literal is None or terms[1].literal >= 0:
        return None
    text, start, length = (term.expr for term in terms)
    first = build.call("+", build.call("length", text), start)
    rest = build.call("greatest", build.call("+", length, first), build.value(0))
    early = build.call("left", text, rest)
    return build.call(
        "when", build.call("<", first, build.value(0)), early, build.call(name, text, start, length)
    )


def _array_contains(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    """Return NULL where a NULL of the array could be the value."""
    if len(terms) != 2:
        return None
    values, value = (term.expr for term in terms)
    found = search_rule(build, name, terms).expr
    whole = build.call(
        "==", build.call("size", build.call("array_compact", values)), build.call("size", values)
    )
    known = build.call("and", whole, build.call("isnotnull", value))
    return build.call("when", found, found, known, build.call("!=", build.value(0), build.value(0)))


def _conv(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    if len(terms) != 3:
        return None
    text = build.call("trim", build.cast(terms[0].expr, "string"))
    found = build.call(name, text, *(term.expr for term in terms[1:]))
    is_text = build.call(">", _length(build, text), build.value(0))
    is_left_out = build.call("and", build.call("isnull", found), is_text)
    negative = build.call("startswith", text, build.value("-"))
    return build.call(
        "when",
        negative,
        _refused(build, "conv() of a negative number"),
        is_left_out,
        _refused(build, "conv() of digits that the base does not have"),
        found,
    )


def _length(build: Builder[Any], text: Any) -> Any:
    return build.call("length", text)


def _refused(build: Builder[Any], what: str) -> Any:
    """Return the refusal as text that fails where it is asked for."""
    words = str(NotSupportedLocally(what))
    return build.cast(build.call("raise_error", build.value(words)), "string")


def _json_array_length(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    if len(terms) != 1:
        return None
    text = terms[0].expr
    is_array = build.call("startswith", build.call("ltrim", text), build.value("["))
    return build.call("when", is_array, build.call(name, text))


def _split(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    if len(terms) < 2 or terms[1].text != "":
        return None
    if len(terms) > 2 and (terms[2].literal is None or terms[2].literal > 0):
        raise NotSupportedLocally("split() by an empty text with a limit")
    text = terms[0].expr
    letters = build.call(
        "slice", build.call(name, text, build.value("")), build.value(2), _length(build, text)
    )
    is_empty = build.call("==", text, build.value(""))
    return build.call("when", is_empty, build.call("array", build.value("")), letters)


def _regexp_replace(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    if len(terms) not in (3, 4):
        return None
    text, pattern, replacement = (term.expr for term in terms[:3])
    if terms[2].text and terms[1].text is not None and _matches_nothing(terms[1].text):
        raise NotSupportedLocally("regexp_replace() with a pattern that matches an empty text")
    if terms[2].text is not None:
        known = _java_replacement(terms[2].text)
        replacement = replacement if known == terms[2].text else build.value(known)
    if len(terms) == 3:
        return build.call(name, text, pattern, replacement)
    place = terms[3].literal
    if place is None or place < 1:
        raise NotSupportedLocally("regexp_replace() from a place that is no positive literal")
    before = build.call("substring", text, build.value(1), build.value(place - 1))
    after = build.call(name, build.call("substring", text, build.value(place)), pattern, replacement)
    return after if place == 1 else build.call("concat", before, after)


def _matches_nothing(pattern: str) -> bool:
    """Return whether a pattern finds an empty text, not only at the start: Java finds one more than Sail."""
    try:
        return not pattern.startswith("^") and re.search(pattern, "") is not None
    except re.error:
        return False


def _java_replacement(text: str) -> str:
    """Return `$1` and `\\$` in Rust's syntax instead of Java's."""

    def reference(match: re.Match[str]) -> str:
        if match[1]:
            return "$$" if match[1] == "$" else match[1]
        if match[2]:
            return f"${{{match[2]}}}{match[3]}"
        return "$"

    return _REFERENCE.sub(reference, text) if "\\" in text or re.search(r"\$\d\w", text) else text


def _map_concat(build: Builder[Any], name: str, terms: Sequence[Term[Any]]) -> Any:
    return None if terms else build.cast(build.call("map"), "map<string,string>")


REWRITES: dict[str, Spelled] = {
    "map_concat": _map_concat,
    **dict.fromkeys(("left", "right"), _part),
    "slice": _slice,
    "conv": _conv,
    **dict.fromkeys(("substring", "substr"), _substring),
    "array_contains": _array_contains,
    "json_array_length": _json_array_length,
    "split": _split,
    "regexp_replace": _regexp_replace,
}
