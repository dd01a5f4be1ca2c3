"""Reads strict JSON, and keeps for every value its place in the file: its line, and the way to a problem."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from math import isinf
from pathlib import Path
from typing import Any

from dara_dagster.errors import Problem, shortened

KeyPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w-]*\Z")


class Object(dict[str, Any]):
    """A JSON object; `places` gives for each key the offsets of the key and of its value."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, tuple[int, int]] = {}


class Array(list[Any]):
    """A JSON list; `places` gives the offset of each item."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places: list[int] = []


class SyntaxProblem(Exception):
    """The text cannot be read at `offset`."""

    def __init__(self, offset: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.offset, self.message, self.hint = offset, message, hint


class Document:
    """One file of the user: its values, and the way from a value's path to its line.

    `redactions` maps what came from the environment to how it is written in the file; every
    problem passes through it, so that a secret in the environment is never shown.
    """

    def __init__(self, file: Path, text: str = "", value: Any = None) -> None:
        self.file, self.text, self.value = file, text, value
        self.redactions: dict[str, str] = {}

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, path: KeyPath, *, on_key: bool = False) -> int:
        """Return the line of the value at `path` (of its key with `on_key`), or of the nearest value around
        it."""
        node, offset = self.value, len(self.text) - len(self.text.lstrip())
        for depth, part in enumerate(path, 1):
            if isinstance(node, Object) and isinstance(part, str) and part in node.places:
                offset = node.places[part][0 if on_key and depth == len(path) else 1]
                node = node.get(part)
            elif isinstance(node, Array) and isinstance(part, int) and part < len(node):
                offset = node.places[part]
                node = node[part]
            else:
                break
        return self.place(offset)[0] if self.text else 0

    def keys(self, path: KeyPath) -> Collection[str]:
        """Return the keys of the object at `path`; none where there is no object."""
        node = self._at(path)
        return node.keys() if isinstance(node, Object) else ()

    def problem(self, path: KeyPath, message: str, hint: str, *, on_key: bool = False) -> Problem:
        """Return the problem at `path`, with file, line and key, and without values from the environment.

        The value (or its key) is named shortened: it may be a whole SQL statement.
        """
        message, hint = self._redact(message), self._redact(hint)
        for long in map(self._redact, self._texts(path)):
            message, hint = message.replace(long, shortened(long)), hint.replace(long, shortened(long))
        return Problem(self.file, self.line(path, on_key=on_key), key_text(path), message, hint)

    def _texts(self, path: KeyPath) -> Iterator[str]:
        """Yield the last key of the path and the value there, as far as they are texts or numbers."""
        node = self._at(path)
        yield from (str(text) for text in (*path[-1:], node) if isinstance(text, str | int) and text)

    def _at(self, path: KeyPath) -> Any:
        """Return the value at `path`; None where there is none."""
        node = self.value
        for part in path:
            there = (
                part in node
                if isinstance(node, Object)
                else isinstance(node, Array) and part in range(len(node))
            )
            node = node[part] if there else None
        return node

    def _redact(self, text: str) -> str:
        # The longest first: a value may be part of another one.
        for value, written in sorted(self.redactions.items(), key=lambda item: -len(item[0])):
            # A value of a few characters is no secret, and would be found inside other words.
            text = (
                text.replace(value, written) if len(value) > 3 else text.replace(f"'{value}'", f"'{written}'")
            )
        return text


def key_text(path: Sequence[str | int]) -> str:
    """Return a path as people write it: `tasks[3].dependent_on`, `["etl cluster"].num_workers`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def syntax_problem(document: Document, error: SyntaxProblem) -> Problem:
    """Return the problem of a text that cannot be read, with line and column."""
    line, column = document.place(error.offset)
    return Problem(document.file, line, "", f"{error.message} at line {line}, column {column}", error.hint)


def duplicate_key(document: Document, path: KeyPath, offset: int) -> Problem:
    """Return the problem of a key written twice in one object; `offset` is where it stands again."""
    first, again = document.line(path, on_key=True), document.place(offset)[0]
    message = f"the key '{path[-1]}' stands here again, first on line {first}"
    return Problem(document.file, again, key_text(path), message, "Remove one of the two.")


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
    """Read strict JSON; gives the document and the problems: duplicate keys, or the one syntax error."""
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
        """Return path and offset of every key that stands in its object for the second time."""
        if not self._again:
            return []
        paths: dict[int, KeyPath] = {}
        todo: list[tuple[Any, KeyPath]] = [(document.value, ())]
        while todo:
            node, path = todo.pop()
            paths[id(node)] = path
            items = node.items() if isinstance(node, dict) else enumerate(node)
            todo += [(item, (*path, key)) for key, item in items if isinstance(item, Object | Array)]
        # An object lost with its repeated key has no path any more; the outer repetition is reported.
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
        """Return a key with escapes in it, or the problem of what stands here instead."""
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
        """Return what follows an item: the close (False) or a comma and the start of the next item (True)."""
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
