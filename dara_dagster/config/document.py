"""The values of one file with their places: the way from a value to its line, and to a problem."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
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

    def __init__(self, offset: int, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.offset, self.wrong, self.remedy = offset, wrong, remedy


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
        """Line and column of a character, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, path: KeyPath, *, on_key: bool = False) -> int:
        """Line of the value at `path` (of its key with `on_key`), or of the nearest value around it."""
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
        """The keys of the object at `path`; none where there is no object."""
        node = self._at(path)
        return node.keys() if isinstance(node, Object) else ()

    def problem(self, path: KeyPath, wrong: str, remedy: str, *, on_key: bool = False) -> Problem:
        """The problem at `path`, with file, line and key, and without values from the environment.

        The value (or its key) is named shortened: it may be a whole SQL statement.
        """
        wrong, remedy = self._redact(wrong), self._redact(remedy)
        for long in map(self._redact, self._texts(path)):
            wrong, remedy = wrong.replace(long, shortened(long)), remedy.replace(long, shortened(long))
        return Problem(self.file, self.line(path, on_key=on_key), key_text(path), wrong, remedy)

    def _texts(self, path: KeyPath) -> Iterator[str]:
        """The last key of the path and the value there, as far as they are texts or numbers."""
        node = self._at(path)
        yield from (str(text) for text in (*path[-1:], node) if isinstance(text, str | int) and text)

    def _at(self, path: KeyPath) -> Any:
        """The value at `path`; None where there is none."""
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
    """A path as people write it: `tasks[3].dependent_on`, `["etl cluster"].num_workers`."""
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
    """The problem of a text that cannot be read, with line and column."""
    line, column = document.place(error.offset)
    return Problem(document.file, line, "", f"{error.wrong} at line {line}, column {column}", error.remedy)


def duplicate_key(document: Document, path: KeyPath, offset: int) -> Problem:
    """The problem of a key written twice in one object; `offset` is where it stands again."""
    first, again = document.line(path, on_key=True), document.place(offset)[0]
    wrong = f"the key '{path[-1]}' stands here again, first on line {first}"
    return Problem(document.file, again, key_text(path), wrong, "Remove one of the two.")
