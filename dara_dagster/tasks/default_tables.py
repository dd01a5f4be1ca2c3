"""Puts the project's default catalog and schema at the head of the code that goes out.

A submitted run has no setting for them (docs.databricks.com/api/workspace/jobs/submit), so the code has to
say it: SQL files, notebooks in source form and as `.ipynb`, and the scripts that tasks run. Modules and other
files go as they are, and so does a script that Python cannot parse.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["with_defaults"]

_COMMENTS: Mapping[str, str] = {"PYTHON": "#", "SCALA": "//", "R": "#"}
_TITLE = "Defaults of the project:"


def with_defaults(content: bytes, form: str, catalog: str | None, schema: str | None) -> bytes:
    """`content` with the statements that choose `catalog` and `schema`.

    `form` is SQL, SCRIPT, JUPYTER or the language of a source notebook, whose first line stays first.
    Anything else comes back as it is, and so does everything when there is neither catalog nor schema.
    """
    statements = _statements(catalog, schema)
    if not statements:
        return content
    if form in _COMMENTS:
        return _in_notebook(content, form, statements)
    forms: Mapping[str, Callable[[bytes, Sequence[str]], bytes]] = {
        "SQL": _in_sql,
        "SCRIPT": _in_script,
        "JUPYTER": _in_jupyter,
    }
    return forms[form](content, statements) if form in forms else content


def _statements(catalog: str | None, schema: str | None) -> list[str]:
    words = (("USE CATALOG", catalog), ("USE SCHEMA", schema))
    return [f"{use} `{name.strip('`').replace('`', '``')}`" for use, name in words if name]


def _calls(spark: str, statements: Sequence[str]) -> list[str]:
    """Python that runs them; a text in JSON is one in Python too."""
    return [f"{spark}.sql({json.dumps(statement, ensure_ascii=False)})" for statement in statements]


def _in_sql(content: bytes, statements: Sequence[str]) -> bytes:
    lines = [f"-- {_TITLE}", *(f"{statement};" for statement in statements), ""]
    return "\n".join(lines).encode() + content.removeprefix(b"\xef\xbb\xbf")


def _in_notebook(content: bytes, language: str, statements: Sequence[str]) -> bytes:
    """A first cell; in a notebook of another language it is a Python cell, which has the same session."""
    comment = _COMMENTS[language]
    first, _, rest = content.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    lines = [f"# {_TITLE}", *_calls("spark", statements)]
    if language != "PYTHON":
        lines = [f"{comment} MAGIC {line}" for line in ("%python", *lines)]
    return first + "\n".join(["", *lines, "", f"{comment} COMMAND ----------", ""]).encode() + rest


def _in_jupyter(content: bytes, statements: Sequence[str]) -> bytes:
    try:
        notebook = json.loads(content)
        cells, metadata = list(notebook["cells"]), notebook.get("metadata") or {}
        other = str((metadata.get("kernelspec") or {}).get("language") or "python").lower() != "python"
        lines = [*(["%python"] if other else []), f"# {_TITLE}", *_calls("spark", statements)]
        cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cell["source"] = "\n".join(lines)
        if (notebook.get("nbformat") or 4, notebook.get("nbformat_minor") or 0) >= (4, 5):
            cell["id"] = "project-defaults"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return content  # no notebook: its import says so
    return json.dumps({**notebook, "cells": [cell, *cells]}, ensure_ascii=False).encode()


def _in_script(content: bytes, statements: Sequence[str]) -> bytes:
    """Before the first statement; a docstring and imports from `__future__` must come first.

    Where another file imports the script, nothing is chosen.
    """
    try:
        text = content.decode("utf-8-sig")
        body = ast.parse(text).body
        lines = text.splitlines(keepends=True)
        lines[_first_line(body, len(lines)) :] = [
            f'# {_TITLE}\nif __name__ == "__main__":\n    from pyspark.sql import SparkSession\n\n',
            *(f"    {call}\n" for call in _calls("SparkSession.builder.getOrCreate()", statements)),
            *lines[_first_line(body, len(lines)) :],
        ]
        ast.parse("".join(lines))
    except (ValueError, SyntaxError, RecursionError):
        return content
    return "".join(lines).encode()


def _first_line(body: Sequence[ast.stmt], end: int) -> int:
    """The index of the line of the first statement that need not come first."""
    for index, node in enumerate(body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not is_future and not (index == 0 and is_text):
            decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
            return min([node.lineno, *(one.lineno for one in decorators)]) - 1
    return end
