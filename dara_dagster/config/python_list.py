"""Reads the older dependency.py, whose one assignment is a literal list; the file is parsed and never run."""

from __future__ import annotations

import ast
import warnings
from math import isinf
from pathlib import Path
from typing import Any

from dara_dagster.config.json_source import (
    Array,
    Document,
    KeyPath,
    Object,
    SyntaxProblem,
    duplicate_key,
    syntax_problem,
)
from dara_dagster.errors import Problem

_ONE_LIST = "Leave only one list in it, such as dependency = [{...}, {...}]; the file is read, never run."
_LITERAL = "Write it out as text, number, list or {...}; the file is read, never run."


def parse_python(file: Path, text: str) -> tuple[Document, list[Problem]]:
    """Give the document and the problems: repeated keys, or the one thing that is not literal."""
    document = Document(file, text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of backslashes, on standard error: the text is read all the same
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        reason, column = getattr(error, "msg", error), getattr(error, "offset", None) or 1
        message = f"the file is not Python: {reason} at line {line}, column {column}"
        return document, [Problem(file, line, "", message, "Correct it, or write dependency.json instead.")]
    reader = _Literals(text)
    try:
        document.value = reader.value(reader.assigned(tree), ())
    except SyntaxProblem as error:
        return document, [syntax_problem(document, error)]
    return document, [duplicate_key(document, path, offset) for path, offset in reader.again]


class _Literals:
    """Turns literal nodes into values with their places; `again` collects repeated keys."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.again: list[tuple[KeyPath, int]] = []

    def assigned(self, tree: ast.Module) -> ast.expr:
        """Return the value of the file's one assignment; a docstring may stand before it."""
        values: list[ast.expr] = []
        for index, statement in enumerate(tree.body):
            is_docstring = (
                index == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            )
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                values.append(statement.value)
            elif not is_docstring:
                raise SyntaxProblem(self._offset(statement), "something else than an assignment", _ONE_LIST)
        if len(values) != 1:
            at = self._offset(values[1]) if values else 0
            raise SyntaxProblem(at, f"{len(values)} assignments instead of one", _ONE_LIST)
        return values[0]

    def value(self, node: ast.expr, path: KeyPath) -> Any:
        """Return the value of a literal node; raises SyntaxProblem for anything that would have to be run."""
        if isinstance(node, ast.Dict):
            return self._object(node, path)
        if isinstance(node, ast.List | ast.Tuple):
            found = Array()
            for index, item in enumerate(node.elts):
                found.places.append(self._offset(item))
                found.append(self.value(item, (*path, index)))
            return found
        sign = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        inner = node.operand if isinstance(node, ast.UnaryOp) and sign else node
        if isinstance(inner, ast.Constant) and (
            inner.value is None or isinstance(inner.value, str | int | float)
        ):
            self._check(inner)
            return -inner.value if sign and isinstance(inner.value, int | float) else inner.value
        raise SyntaxProblem(self._offset(node), "a value that is not a literal", _LITERAL)

    def _check(self, node: ast.Constant) -> None:
        """Refuse what JSON cannot hold either: it could be neither sent nor shown."""
        value = node.value
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise SyntaxProblem(self._offset(node), "text with a wrong escape", "Write a backslash as \\\\.")
        if (isinstance(value, float) and isinf(value)) or (
            isinstance(value, int) and value.bit_length() > 1024
        ):
            raise SyntaxProblem(
                self._offset(node), "a number that is too large", "Write it as text, in quotes."
            )

    def _object(self, node: ast.Dict, path: KeyPath) -> Object:
        found = Object()
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            if not (isinstance(key_node, ast.Constant) and isinstance(key_node.value, str)):
                raise SyntaxProblem(self._offset(key_node or value_node), "a key that is not text", _LITERAL)
            key = key_node.value
            value = self.value(value_node, (*path, key))
            if key in found:
                self.again.append(((*path, key), self._offset(key_node)))
            else:
                found[key] = value
                found.places[key] = (self._offset(key_node), self._offset(value_node))
        return found

    def _offset(self, node: ast.stmt | ast.expr) -> int:
        line = self._lines[node.lineno - 1]
        # ast counts columns in bytes.
        return self._starts[node.lineno - 1] + len(line.encode()[: node.col_offset].decode(errors="replace"))
