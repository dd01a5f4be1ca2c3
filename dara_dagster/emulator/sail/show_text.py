"""Prints what show() prints in Spark, of which Sail 0.7.2 differs in blanks and line ends."""

from __future__ import annotations

import re
from typing import Any

from pyspark.sql.connect.dataframe import DataFrame

__all__ = ["install"]

_LEAST = 3  # columns are at least this wide
_show_string = DataFrame._show_string


def install() -> None:
    """Make every show() print so from now on."""
    DataFrame._show_string = _shown  # type: ignore[method-assign]


def _shown(self: DataFrame, n: int = 20, truncate: bool | int = True, vertical: bool = False) -> str:
    text: str = _show_string(self, n, truncate, vertical)
    if re.search(r"only showing top \d+ rows?\n\Z", text):
        text = text[:-1]
    width = max((len(name) for name in self.columns), default=_LEAST) if vertical else _LEAST
    return text if width >= _LEAST else _wider(text, width)


def _wider(text: str, width: int) -> str:
    """Return the names of a vertical table in three places."""
    lines: list[Any] = []
    for line in text.split("\n"):
        if line.startswith("-RECORD "):
            line += "-" * (_LEAST - width)
        elif line.startswith(" "):
            line = line[: 1 + width] + " " * (_LEAST - width) + line[1 + width :]
        lines.append(line)
    return "\n".join(lines)
