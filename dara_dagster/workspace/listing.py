"""Lists the files of a local folder, or of a folder in a volume page by page and only for so long."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from databricks.sdk.errors import BadRequest, NotFound

from dara_dagster.errors import FileError, UnreachableError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, listed, raise_if_refused
from dara_dagster.workspace.client import Workspace

__all__ = ["Arrival", "Listing", "Place", "list_folder", "list_volume"]

_PAGE_SIZE = 1000  # the most the service gives


@dataclass(frozen=True)
class Arrival:
    """A file as a listing shows it; `time_ms` is when it was last changed, in epoch milliseconds."""

    path: str
    size: int
    time_ms: int


class Place(NamedTuple):
    """A page of a folder that is still to be read.

    With `subfolder` its files and the subfolders before that one have been seen already.
    """

    folder: str
    token: str = ""
    subfolder: str = ""


@dataclass(frozen=True)
class Listing:
    """The files found, and where to continue: empty when everything was seen.

    `left_out` are names that are no Unicode text, which no run could be given.
    """

    files: tuple[Arrival, ...]
    queue: tuple[Place, ...] = ()
    left_out: tuple[str, ...] = ()


def list_folder(
    folder: Path, patterns: Sequence[str], *, recursive: bool, follow_links: bool = False
) -> Listing:
    """Return the files under a local folder whose names fit one of `patterns`. Raises FileError.

    Symbolic links in it are passed over, since they may lead to any file of the machine; with
    `follow_links` they are taken for what they lead to. The folder itself may be a link.
    """
    left_out: list[str] = []
    try:
        found = _walk(folder, patterns, recursive, left_out, follow_links)
        return Listing(tuple(found), left_out=tuple(left_out))
    except OSError as error:
        place = os.fsdecode(error.filename or folder)
        raise FileError(f"The folder {place} cannot be listed: {error.strerror or error}") from error


def _walk(
    root: Path, patterns: Sequence[str], recursive: bool, left_out: list[str], follow_links: bool
) -> Iterator[Arrival]:
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [(str(root), frozenset())]
    while waiting:
        folder, above = waiting.pop()
        try:
            about = Path(folder).stat()
            with os.scandir(folder) as found:
                entries = list(found)
        except (FileNotFoundError, NotADirectoryError):
            if not above:
                raise
            continue  # gone since the folder above was read
        here = about.st_dev, about.st_ino
        if here in above:  # a link to a folder above: its files have been seen
            continue
        for entry in entries:
            if entry.is_symlink() and not follow_links:
                continue
            if not _is_text(entry.name):
                left_out.append(ascii(entry.name))
            elif _is_folder(entry):
                if recursive:
                    waiting.append((entry.path, above | {here}))
            elif _fits(entry.name, patterns) and (arrival := _local_file(entry)):
                yield arrival


def _is_text(name: str) -> bool:
    """Return whether the name can be written down: one that is no UTF-8 on disk has lone surrogates here."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself
            return False
        raise


def _local_file(entry: os.DirEntry[str]) -> Arrival | None:
    """Return the file as it is now; None for a link that leads nowhere, a pipe, what has been renamed
    meanwhile."""
    try:
        if not entry.is_file():
            return None
        about = entry.stat()
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT):
            return None
        raise
    return Arrival(entry.path, about.st_size, about.st_mtime_ns // 1_000_000)


def list_volume(
    ws: Workspace,
    folder: str,
    patterns: Sequence[str],
    *,
    recursive: bool,
    queue: Sequence[Place] = (),
    seconds: float,
) -> Listing:
    """Return the files of a folder in a volume, found within `seconds`, those of one new page at least.

    `queue` is where an earlier listing stopped. Subfolders that have gone meanwhile are passed over.
    Raises FileError when a folder cannot be listed.
    """
    root = folder.rstrip("/")
    # A stack. Beside a place is the page that led to it, if it is one subfolder among others.
    waiting: list[tuple[Place, Place | None]] = [(place, None) for place in queue or [Place(root)]]
    files: list[Arrival] = []
    deadline = time.monotonic() + seconds
    while True:
        place, page = _read(ws, waiting.pop()[0], root)
        contents = page.get("contents") or ()
        if page.get("next_page_token") and not place.subfolder:
            waiting.append((Place(place.folder, str(page["next_page_token"])), None))
        if recursive:
            below = sorted(str(item["path"]) for item in contents if item.get("is_directory"))
            waiting += [(Place(path), place) for path in reversed(below) if path >= place.subfolder]
        files += [_remote_file(item) for item in contents if _is_wanted(item, patterns)]
        # A page that is read again only to find the next subfolder is not all that a listing does.
        if not waiting or (time.monotonic() >= deadline and not place.subfolder):
            return Listing(tuple(files), _queue(waiting))


def _read(ws: Workspace, place: Place, root: str) -> tuple[Place, dict[str, Any]]:
    """Read a page, and return its place: the folder's first where the service does not know the token any
    more."""
    query = {"page_size": _PAGE_SIZE, **({"page_token": place.token} if place.token else {})}
    try:
        path = f"/api/2.0/fs/directories{quote(place.folder)}"
        # The sensor's next tick is the next try.
        return place, api(ws, "GET", path, query=query, read=_read_page, patience=0.0)
    except (UnreachableError, *API_ERRORS) as error:
        raise_if_refused(error)
        if isinstance(error, NotFound) and place.folder != root:  # gone since the folder above was read
            return place, {}
        if isinstance(error, BadRequest) and place.token:
            return _read(ws, Place(place.folder), root)
        raise FileError(f"The folder {place.folder} cannot be listed: {explain(error)}") from error


def _read_page(page: dict[str, Any]) -> dict[str, Any]:
    contents = listed(page, "contents")
    for item in contents:
        _remote_file(item)
        str(item["name"])
    return {**page, "contents": contents}


def _queue(waiting: Sequence[tuple[Place, Place | None]]) -> tuple[Place, ...]:
    """Return what is waiting, in few words: of the subfolders on one page only the first is named."""
    queue: list[Place] = []
    for page, group in groupby(waiting, key=lambda each: each[1]):
        places = [place for place, _ in group]
        if page is not None and len(places) > 1:
            places = [page._replace(subfolder=places[-1].folder)]
        queue += places
    return tuple(queue)


def _is_wanted(item: Mapping[str, Any], patterns: Sequence[str]) -> bool:
    return not item.get("is_directory") and _fits(str(item["name"]), patterns)


def _remote_file(item: Mapping[str, Any]) -> Arrival:
    size, changed = int(item.get("file_size") or 0), int(item.get("last_modified") or 0)
    return Arrival(str(item["path"]), size, changed)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
