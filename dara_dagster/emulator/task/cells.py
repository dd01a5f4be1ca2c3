"""Turns a notebook file (.py source, .sql source, .ipynb) into cells, each with its place in the file."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

__all__ = ["Cell", "is_notebook", "parse_cells"]

PYTHON_HEADER = "# Databricks notebook source"
SQL_HEADER = "-- Databricks notebook source"
_MAGIC = re.compile(r"%(?P<language>[A-Za-z_]+)[ \t]*(?P<rest>.*)", re.S)
_LANGUAGES = {"py": "python"}


@dataclass(frozen=True)
class Cell:
    """`number` and `line` count from 1; `line` is the file's line of the source's first line (1 in .ipynb:
    the cell's).
    """

    number: int
    language: str
    source: str
    line: int
    own_lines: bool = False
    """Lines are counted within the cell, because the file's own lines mean nothing (.ipynb)."""


def is_notebook(text: str) -> bool:
    """Return whether a file's text is a notebook and not a plain script or SQL file."""
    return text.startswith((PYTHON_HEADER, SQL_HEADER)) or _is_ipynb(text)


def _is_ipynb(text: str) -> bool:
    return text.lstrip().startswith("{") and '"cells"' in text


def parse_cells(text: str) -> list[Cell]:
    """Return the cells of a notebook's text; a file that is no notebook is one Python cell.

    Raises ValueError for an .ipynb that is not JSON.
    """
    text = text.replace("\r\n", "\n")
    if text.startswith(SQL_HEADER):
        return _source_cells(text, "--", "sql")
    if text.startswith(PYTHON_HEADER):
        return _source_cells(text, "#", "python")
    if _is_ipynb(text):
        return _ipynb_cells(text)
    return [Cell(1, "python", text, 1)]


def _source_cells(text: str, comment: str, language: str) -> list[Cell]:
    cells: list[Cell] = []
    block: list[str] = []
    start = 2
    for number, line in enumerate([*text.split("\n")[1:], f"{comment} COMMAND ----------"], 2):
        if line.strip() != f"{comment} COMMAND ----------":
            block.append(line)
            continue
        cell = _source_cell(len(cells) + 1, block, start, comment, language)
        if cell:
            cells.append(cell)
        block, start = [], number + 1
    return cells


def _source_cell(number: int, block: list[str], start: int, comment: str, language: str) -> Cell | None:
    """Return one cell; lines only for the notebook editor (titles) are blanked, so that line numbers stay."""
    title = f"{comment} DBTITLE"
    lines = ["" if line.startswith(title) else line for line in block]
    while lines and not lines[0].strip():
        lines.pop(0)
        start += 1
    if not any(line.strip() for line in lines):
        return None
    magic = f"{comment} MAGIC"
    if lines[0].startswith(magic):
        source = "\n".join(re.sub(rf"^{magic} ?", "", line) for line in lines)
        return _magic_cell(number, source, start, language)
    return Cell(number, language, "\n".join(lines), start)


def _magic_cell(number: int, source: str, line: int, language: str, own_lines: bool = False) -> Cell:
    match = _MAGIC.match(source)
    if not match:
        return Cell(number, language, source, line, own_lines)
    rest = match["rest"]
    stripped = rest.lstrip("\n")
    line += len(rest) - len(stripped)
    name = match["language"].lower()
    return Cell(number, _LANGUAGES.get(name, name), stripped.rstrip(), line, own_lines)


def _ipynb_cells(text: str) -> list[Cell]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"The notebook is not valid JSON: {error}") from None
    language = str(content.get("metadata", {}).get("kernelspec", {}).get("language") or "python").lower()
    cells: list[Cell] = []
    for raw in content.get("cells", []):
        source = raw.get("source", "")
        source = "".join(source) if isinstance(source, list) else source
        if raw.get("cell_type") != "code" or not source.strip():
            continue
        number = len(cells) + 1
        if source.lstrip().startswith("%"):
            cells.append(_magic_cell(number, source.lstrip(), 1, language, own_lines=True))
        else:
            cells.append(Cell(number, language, source, 1, own_lines=True))
    return cells
