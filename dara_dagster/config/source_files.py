"""Reads one file of the user into a document: strict JSON, or the older dependency.py."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from dara_dagster.config.json_source import Document, Object, parse_json
from dara_dagster.config.python_list import parse_python
from dara_dagster.config.validation import kind_of
from dara_dagster.errors import Problem


def read_document(file: Path) -> tuple[Document | None, list[Problem]]:
    """Return the file's document, or None: with no problem when there is no such file, else with what is
    wrong."""
    if not os.path.lexists(file):
        return None, []
    try:
        text = file.read_bytes().removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        return None, [Problem(file, 0, "", message, "Make it a file that you may read.")]
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 text (byte {error.start + 1})"
        return None, [Problem(file, 0, "", message, "Save it as UTF-8.")]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    document, problems = parse_python(file, text) if file.suffix == ".py" else parse_json(file, text)
    if problems and document.value is None:
        return None, problems
    return document, problems


def read_object(file: Path) -> tuple[Document, list[Problem]]:
    """Read a file as `read_document` does that holds an object; a missing or wrong file gives an empty
    one."""
    document, problems = read_document(file)
    if document and isinstance(document.value, Object):
        return document, problems
    if document:
        message = f"the file should hold an object, it holds {kind_of(document.value)}"
        problems = [*problems, document.problem((), message, "Write { ... }.")]
    return Document(file, "", Object()), problems
