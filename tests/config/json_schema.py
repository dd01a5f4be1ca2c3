"""A JSON Schema validator (draft 2020-12) of the words that our schemas use; any other word is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_IGNORED = {"$schema", "$defs", "title", "description", "default"}
_NUMBER = (int, float)


def fits(value: Any, schema: Any, root: Any) -> bool:
    """Whether the value is one that the schema, a part of `root`, describes."""
    for word, wanted in schema.items():
        if word == "$ref":
            if not fits(value, root["$defs"][wanted.removeprefix("#/$defs/")], root):
                return False
        elif word == "anyOf":
            if not any(fits(value, option, root) for option in wanted):
                return False
        elif word == "oneOf":
            if sum(fits(value, option, root) for option in wanted) != 1:
                return False
        elif word == "not":
            if fits(value, wanted, root):
                return False
        elif word in ("properties", "additionalProperties", "items", "propertyNames"):
            if not all(_fits(inner, within, root) for inner, within in _inside(value, word, schema)):
                return False
        elif word not in _IGNORED and not _WORDS[word](value, wanted):
            return False
    return True


def _fits(value: Any, schema: Any, root: Any) -> bool:
    return schema if isinstance(schema, bool) else fits(value, schema, root)


def _inside(value: Any, word: str, schema: Any) -> list[tuple[Any, Any]]:
    """What is inside of the value, each with the schema that the word gives for it."""
    if word == "items":
        return [(item, schema["items"]) for item in value] if isinstance(value, list) else []
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    if word == "properties":
        return [(item, known[key]) for key, item in value.items() if key in known]
    return [(item, schema[word]) for key, item in value.items() if key not in known]


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "null": type(None),
        "number": _NUMBER,
    }
    return isinstance(value, kinds[kind])


def _number(value: Any) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)


def _equal(value: Any, other: Any) -> bool:
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


_WORDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": lambda value, kind: any(_is(each, value) for each in ([kind] if isinstance(kind, str) else kind)),
    "enum": lambda value, options: any(_equal(value, option) for option in options),
    "const": _equal,
    "required": lambda value, keys: not isinstance(value, dict) or all(key in value for key in keys),
    "pattern": lambda value, text: not isinstance(value, str) or re.search(_python(text), value) is not None,
    "minLength": lambda value, least: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most: not isinstance(value, str) or len(value) <= most,
    "minimum": lambda value, least: not _number(value) or value >= least,
    "maximum": lambda value, most: not _number(value) or value <= most,
    "exclusiveMinimum": lambda value, least: not _number(value) or value > least,
    "minItems": lambda value, least: not isinstance(value, list) or len(value) >= least,
    "maxItems": lambda value, most: not isinstance(value, list) or len(value) <= most,
    "minProperties": lambda value, least: not isinstance(value, dict) or len(value) >= least,
    "maxProperties": lambda value, most: not isinstance(value, dict) or len(value) <= most,
}


def _python(pattern: str) -> str:
    """The pattern as Python has it: `$` is the very end of the text in JSON Schema (ECMA-262)."""
    return re.sub(r"(?<!\\)\$(?=\)|$)", r"\\Z", pattern)
