"""Turns an exception into the one line and the traceback a user should read: their cells and files, not our
frames.
"""

from __future__ import annotations

import linecache
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

import pyspark

__all__ = ["SourceMap", "error_line", "error_trace"]

_OURS = f"{Path(__file__).parents[1]}{os.sep}"
_HIDDEN = (_OURS, f"{Path(pyspark.__file__).parent}{os.sep}", "<frozen ")
_HIDDEN_PARTS = (f"{os.sep}grpc{os.sep}",)
_LINE_LIMIT = 2000
Result = TypeVar("Result")


@dataclass
class SourceMap:
    """What the code objects of a task are: their file as the user knows it, and the cell a line lies in.

    Code of a cell is compiled under `key` = the user's path, or path and cell where lines count within cells.
    """

    cells: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, path: str, source: str, line: int, cell: str) -> None:
        """Make `source`, whose first line is `line` of `key`, findable for tracebacks."""
        self.shown[key] = path
        self.cells.setdefault(key, []).append((line, cell))
        known = linecache.cache.get(key)
        lines = list(known[2]) if known and len(known) == 4 else []
        new = [f"{text}\n" for text in source.splitlines()]
        lines += ["\n"] * (line - 1 + len(new) - len(lines))
        lines[line - 1 : line - 1 + len(new)] = new
        # Without a time of change linecache never looks for the file on disk.
        linecache.cache[key] = (sum(map(len, lines)), None, lines, key)

    def cell(self, key: str, line: int) -> str:
        """Return the cell in which a line lies, '' for plain files."""
        before = [cell for first, cell in self.cells.get(key, []) if first <= line]
        return before[-1] if before else ""

    def at_line(self, key: str, line: int, action: Callable[[], Result]) -> Result:
        """Call `action` so that a traceback of what it raises shows this line of the source."""
        code = compile("\n" * (line - 1) + "result = action()", key, "exec", dont_inherit=True)
        names: dict[str, Any] = {"action": action}
        exec(code, names)  # noqa: S102  our own words
        return cast("Result", names["result"])

    def path(self, key: str) -> str:
        return self.shown.get(key, key)


def error_line(error: BaseException) -> str:
    """Return `ValueError: text`, on one line."""
    if isinstance(error, SyntaxError):
        return _syntax_line(error, None)
    text = str(error).strip()
    first = next((line for line in text.splitlines() if line.strip()), "").strip()
    name = type(error).__name__
    return (f"{name}: {first}" if first else name)[:_LINE_LIMIT]


def _syntax_line(error: SyntaxError, sources: SourceMap | None) -> str:
    where = f" (line {error.lineno})" if error.lineno else ""
    if sources and error.filename and error.lineno:
        cell = sources.cell(error.filename, error.lineno)
        name = Path(sources.path(error.filename)).name
        where = f" ({name}, line {error.lineno}{', ' + cell if cell else ''})"
    return f"{type(error).__name__}: {error.msg}{where}"


def error_trace(error: BaseException, sources: SourceMap) -> str:
    """Return a traceback of the user's frames, with cell numbers, and the error's full text at the end."""
    out: list[str] = []
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for index, link in enumerate(reversed(chain)):
        if index:
            out.append("\nThe above exception led to this one:\n\n")
        # Where a user's text does not parse, the frames are those of whoever parsed it.
        unparsed = isinstance(link, SyntaxError) and link.filename in sources.shown
        frames = _frames(link.__traceback__, sources) if not unparsed else []
        if frames:
            out.append("Traceback (most recent call last):\n")
            out += frames
        out += _message(link, sources)
    return "".join(out)


def _frames(trace: TracebackType | None, sources: SourceMap) -> list[str]:
    shown = []
    for frame in traceback.extract_tb(trace):
        hidden = frame.filename.startswith(_HIDDEN) or any(part in frame.filename for part in _HIDDEN_PARTS)
        if hidden and frame.filename not in sources.shown:
            continue
        shown.append(_frame(sources, frame.filename, frame.lineno or 0, frame.name, frame.line or ""))
    return shown


def _frame(sources: SourceMap, key: str, line: int, function: str, source: str) -> str:
    cell = sources.cell(key, line)
    place = cell if function == "<module>" else f"{function} ({cell})" if cell else function
    text = f'  File "{sources.path(key)}", line {line}, in {place or function}\n'
    return text + (f"    {source.strip()}\n" if source.strip() else "")


def _message(error: BaseException, sources: SourceMap) -> list[str]:
    if isinstance(error, SyntaxError) and error.filename in sources.shown:
        frame = _frame(sources, error.filename, error.lineno or 0, "<module>", (error.text or "").rstrip())
        return [frame, _syntax_line(error, sources) + "\n"]
    notes = [f"{note}\n" for note in getattr(error, "__notes__", ())]
    text = str(error).rstrip()
    return [f"{type(error).__name__}: {text}\n" if text else f"{type(error).__name__}\n", *notes]
