"""The option `--html FILE`, and writing what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dara_dagster.cli.render.lines import say
from dara_dagster.errors import FileError

__all__ = ["html_option", "write_page"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def html_option(command: _Command) -> _Command:
    """Add `--html FILE`; refuses at once a file that cannot be written, before anything runs for it."""
    return click.option(
        "--html",
        "page",
        metavar="FILE",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=lambda _context, _option, given: _checked(given),
        help="Write a web page with the charts.",
    )(command)


def write_page(page: Path, html: str, *, quiet: bool) -> None:
    """Write the page and say so, with `quiet` on stderr. Raises FileError when it cannot be written."""
    try:
        page.write_text(html, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{page} cannot be written: {error.strerror or error}.") from None
    say(f"Written: {page}", err=quiet)


def _checked(page: Path | None) -> Path | None:
    if page is not None and not page.parent.is_dir():
        raise FileError(f"{page} cannot be written: there is no folder {page.parent}.")
    return page
