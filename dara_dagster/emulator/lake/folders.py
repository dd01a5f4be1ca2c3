"""Tells what Spark sees in a folder of files: its own files, and partition columns (`day=2024-01-01`)."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

__all__ = [
    "NULL_FOLDER",
    "data_files",
    "expanded",
    "folder_type",
    "has_data",
    "own_files",
    "partition_values",
]

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
"""Stands for null in the name of a partition's folder."""

_HIDDEN = ("_", ".")
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
# In the order of Spark's PartitioningUtils.inferPartitionColumnValue.
_TYPES = (
    ("int", re.compile(r"[+-]?\d{1,9}")),
    ("bigint", re.compile(r"[+-]?\d{1,18}")),
    ("double", re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}")),
    ("timestamp", re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d+)?")),
)


def expanded(local: str, written: str) -> list[str]:
    """Return the places a pattern like `/day=*` or `/{a,b}.csv` stands for; the path as `written` when it is
    none, or when nothing fits.

    Sail finds no rows in partition folders that are named by a pattern.
    """
    if "://" in local or not (glob.has_magic(local) or "{" in local):
        return [written]
    found = {match for pattern in _alternatives(local) for match in glob.glob(pattern)}  # noqa: PTH207
    visible = sorted(match for match in found if not os.path.basename(match).startswith(_HIDDEN))  # noqa: PTH119
    return visible or [written]


def _alternatives(pattern: str) -> Iterator[str]:
    """Yield the patterns without `{a,b}`, which Python's glob does not know."""
    match = _ALTERNATIVES.search(pattern)
    if match is None:
        yield pattern
        return
    for choice in match[1].split(","):
        yield from _alternatives(pattern[: match.start()] + choice + pattern[match.end() :])


def own_files(local: str, written: str) -> list[str]:
    """Return the files of a folder without those of its subfolders, as Spark reads it when these are not
    partitions (there may be none); Sail would read them too. The place as `written` when there is nothing to
    leave out.
    """
    folder = Path(local)
    if not folder.is_dir():
        return [written]
    entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(_HIDDEN)]
    below = [entry.name for entry in entries if entry.is_dir()]
    files = sorted(str(folder / entry.name) for entry in entries if entry.is_file())
    return files if below and not any("=" in name for name in below) else [written]


def partition_values(places: Iterable[str]) -> dict[str, set[str]]:
    """Return the values of each column that is a folder's name below the places, outermost first."""
    values: dict[str, set[str]] = {}
    for place in places:
        for _, folders, _ in os.walk(place):
            folders[:] = [name for name in folders if "=" in name and not name.startswith(_HIDDEN)]
            for name, _, value in (folder.partition("=") for folder in folders):
                values.setdefault(name, set()).add(unquote(value))
    return values


def folder_type(values: Collection[str]) -> str:
    """Return the type of a partition column, by Spark's rules."""
    named = set(values) - {NULL_FOLDER}
    for kind, pattern in _TYPES:
        if named and all(pattern.fullmatch(value) for value in named):
            return kind
    return "string"


def data_files(place: str) -> Iterator[Path]:
    """Yield the files below a place, sorted, without hidden ones; the place itself when it is a file."""
    if not Path(place).is_dir():
        yield Path(place)
        return
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith(_HIDDEN))


def has_data(place: str) -> bool:
    """Return whether there is a file to read at the place, or no such place."""
    return next(data_files(place), None) is not None
