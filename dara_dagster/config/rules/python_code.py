"""Reads the Python of notebooks and scripts: whether it parses, and whether a script asks for widgets."""

from __future__ import annotations

import ast
import json
import re
import sys
import warnings
from collections.abc import Iterator
from textwrap import dedent

__all__ = ["notebook_fault", "script_fault"]

_CELL = re.compile(r"^# COMMAND -+[ \t]*$", re.MULTILINE)
# Lines that a notebook takes and Python does not: %magics, !commands, x = !command, and help with `?`.
_MAGIC_LINE = re.compile(r"^([ \t]*)(?:(?:[\w, \t]+=[ \t]*)?[%!].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
# What Python 3.11 and 3.12 have added: a cluster may have them where this Python has not.
_NEWER = re.compile(
    r"^(?:type\s+\w|(?:async\s+)?def\s+\w+\s*\[|class\s+\w+\s*\[|except\s*\*)|\b[fF][rR]?[\"']|\b[rR][fF][\"']"
)
_NEWEST_GRAMMAR = (3, 12)


def script_fault(text: str) -> str | None:
    """Return what is wrong with a script, None when nothing is."""
    if fault := _fault(text):
        return fault
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "dbutils.widgets":
            return f"line {node.lineno} uses dbutils.widgets, which only a notebook has"
    return None


def notebook_fault(text: str, ending: str) -> str | None:
    """Return the first syntax error in the Python cells of a notebook; cells of other languages are passed
    over."""
    for place, source in _ipynb_cells(text) if ending == "ipynb" else _source_cells(text):
        if fault := _fault(source):
            return f"{place}{fault}"
    return None


def _source_cells(text: str) -> Iterator[tuple[str, str]]:
    """Yield each cell with blank lines in front, so that its lines have the file's numbers."""
    begin = 0
    for end in [*(match.start() for match in _CELL.finditer(text)), len(text)]:
        yield "", "\n" * text.count("\n", 0, begin) + text[begin:end]
        begin = end


def _ipynb_cells(text: str) -> Iterator[tuple[str, str]]:
    try:
        notebook = json.loads(text)
        kernel = (notebook.get("metadata") or {}).get("kernelspec") or {}
        cells = list(notebook["cells"]) if kernel.get("language", "python") == "python" else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # reported already
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source") or ""
        source = source if isinstance(source, str) else "".join(map(str, source))
        if not source.lstrip().startswith("%"):
            yield f"cell {number}, ", source


def _fault(source: str) -> str | None:
    error = _error(source)
    if error is None or _error(dedent(_MAGIC_LINE.sub(r"\1pass", source))) is None:
        return None
    line = (error.text or "").strip()
    if sys.version_info < _NEWEST_GRAMMAR and _NEWER.search(line):
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"line {error.lineno or 1} is not valid Python {version}: {error.msg}"


def _error(source: str) -> SyntaxError | None:
    """Return the syntax error; `await` may stand outside of a function, as in a notebook."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "code", "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):  # Python has no place for it, if it is wrong at all
        return None
    return None
