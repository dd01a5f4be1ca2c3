"""Lists the files of a local folder or of a folder in a volume, page by page and only for so long."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dara_dagster.errors import FileError
from dara_dagster.remote.calls import API_ERRORS, TryLater, api, explain, one_try, raise_if_refused
from dara_dagster.remote.client import Workspace

__all__ = ["Arrival", "Listing", "list_folder", "list_volume"]

_MOST_QUEUED = 500


@dataclass(frozen=True)
class Arrival:
    """A file as a listing shows it; `time_ms` is when it was last changed, in epoch milliseconds."""

    path: str
    size: int
    time_ms: int


@dataclass(frozen=True)
class Listing:
    """The files found, and where to go on: empty when everything was seen from the start."""

    files: tuple[Arrival, ...]
    queue: tuple[tuple[str, str], ...] = ()


def list_folder(folder: Path, patterns: Sequence[str], *, recursive: bool) -> Listing:
    """Return the files under a local folder whose names fit one of `patterns`. Raises FileError."""
    try:
        return Listing(tuple(_walk(folder, patterns, recursive)))
    except OSError as error:
        raise FileError(f"The folder {folder} cannot be listed: {error.strerror or error}") from error


def _walk(folder: Path, patterns: Sequence[str], recursive: bool) -> Iterator[Arrival]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if recursive:
                    yield from _walk(Path(entry.path), patterns, recursive)
            elif _fits(entry.name, patterns) and entry.is_file():
                try:
                    about = entry.stat()
                except FileNotFoundError:  # renamed since the folder was read: the next look finds it
                    continue
                yield Arrival(entry.path, about.st_size, about.st_mtime_ns // 1_000_000)


def list_volume(
    ws: Workspace,
    folder: str,
    patterns: Sequence[str],
    *,
    recursive: bool,
    queue: Sequence[tuple[str, str]] = (),
    seconds: float,
) -> Listing:
    """Return the files of a folder in a volume, found within `seconds`; `queue` is where to go on from.

    Raises FileError when a folder cannot be listed.
    """
    waiting = list(queue) or [(folder.rstrip("/"), "")]
    files: list[Arrival] = []
    deadline = time.monotonic() + seconds
    while waiting and (time.monotonic() < deadline or not files):
        place, token = waiting.pop(0)
        page = _page(ws, place, token)
        for item in page.get("contents") or ():
            if item.get("is_directory"):
                if recursive:
                    waiting.append((str(item["path"]), ""))
            elif _fits(item["name"], patterns):
                size, changed = int(item.get("file_size") or 0), int(item.get("last_modified") or 0)
                files.append(Arrival(str(item["path"]), size, changed))
        if page.get("next_page_token"):
            waiting.insert(0, (place, str(page["next_page_token"])))
    return Listing(tuple(files), tuple(waiting) if len(waiting) <= _MOST_QUEUED else ())


def _page(ws: Workspace, folder: str, token: str) -> dict[str, Any]:
    query = {"page_size": 1000, **({"page_token": token} if token else {})}
    try:
        with one_try():  # the sensor's next tick is the next try
            return api(ws, "GET", f"/api/2.0/fs/directories{quote(folder)}", query=query)
    except (TryLater, *API_ERRORS) as error:
        raise_if_refused(error)
        raise FileError(f"The folder {folder} cannot be listed: {explain(error)}") from error


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
