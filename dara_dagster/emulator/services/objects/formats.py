"""Decides what an import is (notebook or file, which language) and turns notebooks into export formats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dara_dagster.emulator.core.errors import ApiError, invalid

MAX_IMPORT_BYTES = 10 * 1024 * 1024

COMMENTS = {"PYTHON": "#", "SQL": "--", "SCALA": "//", "R": "#"}
EXTENSIONS = {"PYTHON": ".py", "SQL": ".sql", "SCALA": ".scala", "R": ".r"}
_LANGUAGES = {extension: language for language, extension in EXTENSIONS.items()}
_FORMATS = ("SOURCE", "AUTO", "RAW", "JUPYTER", "HTML", "DBC", "R_MARKDOWN")
_CELL = "COMMAND ----------"


@dataclass(frozen=True)
class Source:
    """What an import makes. `path` is without the ending that AUTO strips, `ending` the local file's."""

    path: str
    object_type: str
    content: bytes
    language: str | None = None
    ending: str = ""


def read_import(path: str, content: bytes, kind: str, language: str | None) -> Source:
    """Decide by `kind` (the import format) and the content what is imported (https://docs.databricks.com/api/workspace/workspace).

    Raises ApiError 400: MAX_NOTEBOOK_SIZE_EXCEEDED above 10 MB, INVALID_PARAMETER_VALUE for an unknown
    format or language, or content that does not fit the format.
    """
    if len(content) > MAX_IMPORT_BYTES:
        text = f"File size imported is ({len(content)} bytes), exceeded max size ({MAX_IMPORT_BYTES} bytes)"
        raise ApiError(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", text)
    if kind not in _FORMATS:
        raise invalid(f"Unknown import format {kind!r}, expected one of {', '.join(_FORMATS)}.")
    if kind == "SOURCE":
        return _read_source(path, content, language)
    if kind == "AUTO":
        return read_auto(path, content)
    if kind == "RAW":
        return Source(path, "FILE", content)
    if kind == "JUPYTER":
        return _read_jupyter(path, content)
    raise invalid(f"Import format {kind} is not supported by the emulator; use SOURCE, AUTO, RAW or JUPYTER.")


def read_auto(path: str, content: bytes) -> Source:
    """Return a notebook when the content has a notebook's first line and the path its ending, else a file."""
    stem, dot, ending = path.rpartition(".")
    ending = f".{ending.lower()}"
    if dot and ending == ".ipynb":
        return _read_jupyter(stem, content)
    language = _LANGUAGES.get(ending) if dot else None
    if language and _has_header(content, language):
        return Source(stem, "NOTEBOOK", content, language, ending)
    return Source(path, "FILE", content)


def header(language: str) -> str:
    """Return the first line of a notebook in source form."""
    return f"{COMMENTS[language]} Databricks notebook source"


def to_source(notebook: bytes, language: str) -> bytes:
    """Return the source form of a Jupyter notebook: other languages and markdown become MAGIC lines."""
    mark = COMMENTS[language]
    cells = []
    for cell in json.loads(notebook)["cells"]:
        text = "".join(cell.get("source", ""))
        if cell.get("cell_type") == "markdown":
            text = f"%md\n{text}"
        if text.startswith("%"):
            text = "\n".join(f"{mark} MAGIC {line}" for line in text.split("\n"))
        cells.append(text)
    return (header(language) + "\n" + f"\n\n{mark} {_CELL}\n\n".join(cells)).encode()


def to_jupyter(source: bytes, language: str) -> bytes:
    """Return the Jupyter form of a notebook in source form: one cell a cell, MAGIC lines without their
    mark."""
    mark = COMMENTS[language]
    body = source.decode("utf-8", "replace").partition("\n")[2]
    cells = [_make_cell(text.strip("\n"), mark) for text in body.split(f"{mark} {_CELL}")]
    name = language.lower()
    metadata = {"kernelspec": {"name": name, "language": name}, "language_info": {"name": name}}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}, indent=1
    ).encode()


def _make_cell(text: str, mark: str) -> dict[str, Any]:
    lines = text.split("\n")
    if all(line.startswith(f"{mark} MAGIC") for line in lines):
        text = "\n".join(line.removeprefix(f"{mark} MAGIC").removeprefix(" ") for line in lines)
    if text.startswith("%md"):
        return {"cell_type": "markdown", "metadata": {}, "source": text.removeprefix("%md").lstrip()}
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text}


def _read_source(path: str, content: bytes, language: str | None) -> Source:
    if language is None:
        raise invalid("The language field is required for the import format SOURCE.")
    if language not in EXTENSIONS:
        raise invalid(f"Unknown language {language!r}, expected one of {', '.join(EXTENSIONS)}.")
    if not _has_header(content, language):  # the service gives it back on export [SDK integration tests]
        content = f"{header(language)}\n".encode() + content
    return Source(path, "NOTEBOOK", content, language, EXTENSIONS[language])


def _read_jupyter(path: str, content: bytes) -> Source:
    try:
        notebook = json.loads(content)
        to_source(content, "PYTHON")
        language = _read_language(notebook["metadata"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise invalid(f"The notebook {path} is not in Jupyter's format.") from None
    return Source(path, "NOTEBOOK", content, language if language in EXTENSIONS else "PYTHON", ".ipynb")


def _read_language(metadata: Any) -> str:
    named = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    return str(named).upper()


def _has_header(content: bytes, language: str) -> bool:
    first = content.partition(b"\n")[0].rstrip(b"\r")
    return first == header(language).encode()
