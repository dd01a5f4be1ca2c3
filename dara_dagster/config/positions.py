"""Reads strict JSON into values that remember where in the file each key and value stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isinf
from pathlib import Path
from typing import Any

from dara_dagster.config.document import (
    Array,
    Document,
    KeyPath,
    Object,
    SyntaxProblem,
    duplicate_key,
    syntax_problem,
)
from dara_dagster.errors import Problem

MAX_DEPTH = 100
_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN_KEY_COLON = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_AFTER_ITEM = re.compile(r"[ \t\n\r]*([,\]}]?)[ \t\n\r]*")
_PLAIN_STRING = re.compile(r'"([^"\\\x00-\x1f]*)"')
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"true|false|null")
_WORDS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


def parse_json(file: Path, text: str) -> tuple[Document, list[Problem]]:
    """Reads strict JSON; gives the document and the problems: duplicate keys, or the one syntax error."""
    document = Document(file, text)
    reader = _Reader(text)
    try:
        document.value = reader.document()
    except SyntaxProblem as error:
        return document, [syntax_problem(document, error)]
    return document, [duplicate_key(document, path, offset) for path, offset in reader.duplicates(document)]


def _skip_space(text: str, index: int) -> int:
    match = _SPACE.match(text, index)
    return match.end() if match else index


class _Reader:
    """A recursive-descent JSON reader that records offsets; about a million values in two seconds."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._again: list[tuple[Object, str, int]] = []

    def document(self) -> Any:
        if not self._text.strip():
            raise SyntaxProblem(0, "the file is empty", "Write {} for a file without content.")
        value, end = self._value(_skip_space(self._text, 0), 0)
        end = _skip_space(self._text, end)
        if end < len(self._text):
            raise SyntaxProblem(
                end, "text after the end of the JSON value", "Remove it, or add what is missing before it."
            )
        return value

    def duplicates(self, document: Document) -> list[tuple[KeyPath, int]]:
        """Path and offset of every key that stands in its object for the second time."""
        if not self._again:
            return []
        paths: dict[int, KeyPath] = {}
        todo: list[tuple[Any, KeyPath]] = [(document.value, ())]
        while todo:
            node, path = todo.pop()
            paths[id(node)] = path
            items = node.items() if isinstance(node, dict) else enumerate(node)
            todo += [(item, (*path, key)) for key, item in items if isinstance(item, Object | Array)]
        # An object lost with its repeated key has no path any more; the outer repetition is told.
        return [((*paths[id(node)], key), at) for node, key, at in self._again if id(node) in paths]

    def _value(self, index: int, depth: int) -> tuple[Any, int]:
        text = self._text
        char = text[index : index + 1]
        if char == '"':
            return self._string(index)
        if char == "{":
            return self._object(index, depth + 1)
        if char == "[":
            return self._array(index, depth + 1)
        if match := _NUMBER.match(text, index):
            return self._number(match), match.end()
        if match := _WORD.match(text, index):
            return _WORDS[match.group()], match.end()
        raise self._unexpected(index)

    def _string(self, index: int) -> tuple[str, int]:
        if match := _PLAIN_STRING.match(self._text, index):
            return match.group(1), match.end()
        match = _STRING.match(self._text, index)
        if not match:
            raise SyntaxProblem(
                index, "text that is not closed", 'Close it with " on the same line (a line break is \\n).'
            )
        try:
            value: str = json.loads(match.group())
            value.encode()
        except (json.JSONDecodeError, UnicodeEncodeError):
            raise SyntaxProblem(index, "text with a wrong escape", "Write a backslash as \\\\.") from None
        return value, match.end()

    def _number(self, match: re.Match[str]) -> int | float:
        try:
            if match.group(1) is None and match.group(2) is None:
                return int(match.group())
            number = float(match.group())
        except ValueError:
            number = float("inf")
        if isinf(number):
            raise SyntaxProblem(match.start(), "a number that is too large", "Write it as text, in quotes.")
        return number

    def _object(self, index: int, depth: int) -> tuple[Object, int]:
        self._check_depth(index, depth)
        text, found = self._text, Object()
        end = _skip_space(text, index + 1)
        if text[end : end + 1] == "}":
            return found, end + 1
        while True:
            key_at = end
            if match := _PLAIN_KEY_COLON.match(text, end):
                key, value_at = match.group(1), match.end()
            else:
                key, value_at = self._key(end)
            value, end = self._value(value_at, depth)
            if key in found:
                self._again.append((found, key, key_at))
            else:
                found[key] = value
                found.places[key] = (key_at, value_at)
            end, more = self._separator(end, "}")
            if not more:
                return found, end

    def _key(self, index: int) -> tuple[str, int]:
        """A key with escapes in it, or the problem of what stands here instead."""
        if not self._text.startswith('"', index):
            raise self._unexpected(index, "a key in double quotes")
        key, end = self._string(index)
        end = _skip_space(self._text, end)
        if not self._text.startswith(":", end):
            raise self._unexpected(end, "':' after the key")
        return key, _skip_space(self._text, end + 1)

    def _array(self, index: int, depth: int) -> tuple[Array, int]:
        self._check_depth(index, depth)
        text, found = self._text, Array()
        end = _skip_space(text, index + 1)
        if text[end : end + 1] == "]":
            return found, end + 1
        while True:
            found.places.append(end)
            value, end = self._value(end, depth)
            found.append(value)
            end, more = self._separator(end, "]")
            if not more:
                return found, end

    def _separator(self, index: int, close: str) -> tuple[int, bool]:
        """What follows an item: the close (False) or a comma and the start of the next item (True)."""
        match = _AFTER_ITEM.match(self._text, index)
        found = match.group(1) if match else ""
        if match is None or (found != close and found != ","):
            raise self._unexpected(match.start(1) if match else index, f"',' or '{close}'")
        if found == close:
            return match.end(1), False
        if self._text.startswith(close, match.end()):
            raise SyntaxProblem(match.start(1), f"a comma before '{close}'", "Remove the comma.")
        return match.end(), True

    def _check_depth(self, index: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise SyntaxProblem(index, f"values nested more than {MAX_DEPTH} deep", "Write it flatter.")

    def _unexpected(self, index: int, wanted: str = "a value") -> SyntaxProblem:
        rest = self._text[index : index + 12].split("\n")[0]
        if not rest:
            missing = "The file was cut off, or a closing bracket is missing."
            return SyntaxProblem(index, f"{wanted} expected, found the end of the line or file", missing)
        if rest.startswith(("//", "#", "/*")):
            return SyntaxProblem(index, "a comment", "Remove it: JSON has no comments.")
        if rest.startswith("'"):
            return SyntaxProblem(index, "text in single quotes", 'Use double quotes: "text".')
        if rest[0] in "\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb":
            return SyntaxProblem(index, f"text in {rest[0]} quotes", 'Use plain double quotes: "text".')
        if not rest[0].isprintable():
            seen = f"the invisible character U+{ord(rest[0]):04X}"
            return SyntaxProblem(
                index, f"{wanted} expected, found {seen}", "Delete it, or type a plain space."
            )
        if rest.startswith(("True", "False", "None")):
            return SyntaxProblem(
                index, f"{wanted} expected, found {rest.split(',')[0]}", "Write true, false or null."
            )
        return SyntaxProblem(
            index,
            f"{wanted} expected, found '{rest[0]}'",
            "Check commas, colons and quotes here and one line above.",
        )
