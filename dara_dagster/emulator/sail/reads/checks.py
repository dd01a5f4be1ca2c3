"""Refuses reads that Sail answers wrongly without an error: files that are not there, options it ignores."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyspark.errors import AnalysisException

from dara_dagster.emulator.sail.syntax.tokens import scan, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

__all__ = ["check_options", "check_places", "check_places_in_sql"]

_FILES = {"csv", "json", "parquet", "text", "binaryfile", "orc", "avro"}
_CHANGE_FEED = ("readchangefeed", "readchangedata")
# Sail 0.7.2 takes these and ignores them.
_IGNORED = {
    "csv": ("enforceschema", "modifiedafter", "modifiedbefore", "nanvalue", "negativeinf", "positiveinf"),
    "json": (
        *("allowbackslashescapinganycharacter", "allowcomments", "allowunquotedfieldnames", "encoding"),
        *("allowunquotedcontrolchars", "dropfieldifallnull", "linesep", "modifiedafter", "modifiedbefore"),
        *("multiline", "prefersdecimal"),
    ),
    "parquet": ("modifiedafter", "modifiedbefore"),
    "text": ("modifiedafter", "modifiedbefore", "wholetext"),
}
_SHOWN = {"csv": "CSV", "json": "JSON"}
_DEFAULTS = {"enforceschema": "true", "encoding": "utf-8"}


def check_options(kind: str, options: Mapping[str, str]) -> None:
    """Raise NotSupportedLocally for the change feed and for options that would be ignored."""
    given = {key.lower(): value for key, value in options.items()}
    if any(given.get(key, "").lower() == "true" for key in _CHANGE_FEED):
        raise NotSupportedLocally("The change data feed (readChangeFeed)")
    for key in _IGNORED.get(kind.lower(), ()):
        default = _DEFAULTS.get(key, "false")
        if given.get(key, default).lower() != default:
            name = next(name for name in options if name.lower() == key)
            raise NotSupportedLocally(f"The {_SHOWN.get(kind.lower(), kind)} option `{name}`")


def check_places(kind: str, places: Iterable[tuple[str, str]]) -> None:
    """Raise AnalysisException for a file or folder that is not there; Sail would find no rows.

    `places` are pairs of the path as the user wrote it and as it is on this disk.
    """
    if kind.lower() not in _FILES:
        return
    for written, local in places:
        if "://" in local or "{" in local:  # another store, or a pattern Python's glob does not know
            continue
        local = local.removeprefix("file:")
        there = glob.glob(local) if glob.has_magic(local) else Path(local).exists()  # noqa: PTH207
        if not there:
            raise AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {written}. SQLSTATE: 42K03")


def check_places_in_sql(text: str) -> None:
    """Do the same for csv.`/path` and the like in a statement whose paths are on this disk already."""
    tokens = scan(text).tokens
    for kind, dot, place in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if kind.upper.lower() in _FILES and dot.text == "." and place.kind == "quoted":
            path = unquote(place.text)
            check_places("csv", [(path, path)])
