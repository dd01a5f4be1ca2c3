"""What the texts in the files look like, as regular expressions that JSON Schema and Python read alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import WithJsonSchema

# A `${name}` that is filled in: its value cannot be known from the text around it.
REFERENCE = {"type": "string", "pattern": r"(^|[^$])\$\{[^{}]*\}"}
# `${context.name}`, which is filled in while a step pipeline runs.
PLACEHOLDER = re.compile(r"\$\{context\.([^}]+)\}")
CONTROL = r"\x00-\x1f\x7f"
TABLE_PART = rf"[^\s./`{CONTROL}]{{1,255}}"
# How something in a Python module is named: module:Name.
OBJECT = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
NUMBER_LENGTH = 100  # characters of a number written as text

_SPACE = r"[ \t\r\n]*"
_ZEROS = r"(\.0+)?"
_EXPONENT = r"([eE][+-]?[0-9]{1,2})?"
_DECIMAL = rf"([0-9]+(\.[0-9]*)?|\.[0-9]+){_EXPONENT}"
_NOTHING = rf"(0+(\.0*)?|\.0+){_EXPONENT}"
_TRUTHS = ("true", "false", "t", "f", "yes", "no", "y", "n", "on", "off", "1", "0")

WHOLE_TEXT = re.compile(rf"{_SPACE}[+-]?[0-9]+{_ZEROS}{_SPACE}\Z")
DECIMAL_TEXT = re.compile(rf"{_SPACE}[+-]?{_DECIMAL}{_SPACE}\Z")

# The schemas of a key that says something, as text or whatever it is, and of one that says nothing.
TEXT, NULL = {"type": "string"}, {"type": "null"}


def saying(*keys: str, **others: Any) -> dict[str, Any]:
    """Return the schema of an object in which all of `keys` are texts, and `others` are as given."""
    return {"required": list(keys), "properties": {**dict.fromkeys(keys, TEXT), **others}}


def whole_text(low: int | None, high: int | None) -> dict[str, Any]:
    """Return the schema of a whole number as text, from `low` (None, 0 or 1) to `high` (None: no limit)."""
    if high is not None:
        digits = rf"\+?0*{_up_to(high)}" if low else rf"(\+?0*({_up_to(high)}|0)|-0+)"
    else:
        digits = {None: "[+-]?[0-9]+", 0: r"(\+?[0-9]+|-0+)", 1: r"\+?0*[1-9][0-9]*"}[low]
    return _text(f"^{_SPACE}{digits}{_ZEROS}{_SPACE}$", NUMBER_LENGTH)


def _up_to(high: int) -> str:
    """Return the pattern of the whole numbers from 1 to `high`, without zeros before them."""
    digits = str(high)
    choices = [f"[1-9][0-9]{{0,{len(digits) - 2}}}"] if len(digits) > 1 else []
    for place, digit in enumerate(digits):  # what is equal to `high` up to here and less at this digit
        least = 0 if place else 1
        if int(digit) > least:
            rest = len(digits) - place - 1
            choices.append(f"{digits[:place]}[{least}-{int(digit) - 1}][0-9]{{{rest}}}")
    return f"({'|'.join([*choices, digits])})"


def decimal_text(
    *, least: float | None = None, more_than: float | None = None, most: float | None = None
) -> dict[str, Any]:
    """Return the schema of a number as text: any, from 0 on (`least`), or above 0 (`more_than`), up to
    `most`.

    What has an exponent is held against `most` by the loader only.
    """
    number = rf"[+-]?{_DECIMAL}"
    if more_than is not None:
        number = rf"\+?(?=[0-9.]*[1-9]){_DECIMAL}"
    elif least is not None:
        number = rf"(\+?{_DECIMAL}|-{_NOTHING})"
    if most is not None:
        high = int(most)
        number = rf"(?={_SPACE}[+-]?(.*[eE]|0*({_up_to(high)}?(\.|{_SPACE}$)))){number}"
    return _text(f"^{_SPACE}{number}{_SPACE}$", NUMBER_LENGTH)


def truth_text() -> dict[str, Any]:
    """Return the schema of true or false as text."""
    return any_case(_TRUTHS)


def any_case(words: Iterable[str]) -> dict[str, Any]:
    """Return the schema of one of the words, in capitals or not."""
    written = ("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in words)
    return _text(f"^({'|'.join(written)})$")


def text_schema(pattern: str, longest: int | None = None) -> WithJsonSchema:
    """Return the schema of a key whose text fits the pattern, or holds a reference."""
    return WithJsonSchema({"anyOf": [_text(pattern, longest), REFERENCE]})


def _text(pattern: str, longest: int | None = None) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern} | ({"maxLength": longest} if longest else {})
