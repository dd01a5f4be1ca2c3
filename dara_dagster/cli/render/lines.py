"""The one place that wraps lines: to the width of the terminal, to 80 columns where there is none."""

from __future__ import annotations

import logging
import shutil
import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["WrappedLog", "say", "tell", "wrapped"]


def wrapped(text: str, width: int | None = None) -> str:
    """Return `text`, its lines broken at spaces to fit into `width` columns (None: those of the terminal).

    Further lines of it are indented by two more than the first. A word alone, as a path or a URL, is never
    broken.
    """
    columns = width or shutil.get_terminal_size((80, 24)).columns
    return "\n".join(_broken(line, columns) for line in text.split("\n"))


def say(text: str, *, err: bool = False, bold: bool = False) -> None:
    """Print text for people, wrapped; with `err` on stderr."""
    click.secho(wrapped(text), err=err, bold=bold or None)


def tell(console: Console, text: str, *, style: str = "") -> None:
    """Print text for people on that console, wrapped."""
    console.print(wrapped(text, console.width), soft_wrap=True, markup=False, highlight=False, style=style)


class WrappedLog(logging.Handler):
    """Prints the warnings of the library on stderr, wrapped."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage(), err=True)


def _broken(line: str, columns: int) -> str:
    if len(line) <= columns:
        return line
    content = line.lstrip(" ")
    indent = " " * (len(line) - len(content))
    pieces = textwrap.wrap(
        content,
        columns,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(pieces)
