"""Finds the places on a disk that a statement names."""

from __future__ import annotations

from dara_dagster.emulator.lake.paths import PREFIXES, PathMap
from dara_dagster.emulator.sail.syntax.tokens import Edit, Source, apply, scan, unquote

__all__ = ["with_local_places"]

# What stands before a place that a statement names. Any other string is a value: WHERE file = '/Volumes/...'.
_BEFORE_A_PLACE = {
    *("LOCATION", "INPATH", "FROM", "DIRECTORY", "DETAIL", "HISTORY", "VACUUM", "OPTIMIZE", "LIST", "JAR"),
    *("DELTA", "PATH", "=>"),
}


def with_local_places(query: str, paths: PathMap) -> str:
    """Give the statement with the places it names, quoted or back-quoted, on this disk."""
    source, edits = scan(query), []
    for index, token in enumerate(source.tokens):
        if token.kind not in ("string", "quoted") or not token.text[1:].startswith(("/", *PREFIXES)):
            continue
        if token.kind == "quoted" or _is_place(source, index):
            quote = token.text[0]
            edits.append(Edit(token.start, token.end, quote + paths.spark(token.text[1:-1]) + quote))
    return apply(query, edits)


def _is_place(source: Source, index: int) -> bool:
    """Return whether a string names a place on a disk, by what stands before it."""
    before = [unquote(token.text).upper() for token in source.tokens[max(index - 2, 0) : index]]
    if not before:
        return False
    if before[-1] == "=":
        around = [begin for begin, end in source.closing.items() if begin < index < end]
        return before[0] == "PATH" and bool(around) and source.tokens[max(around) - 1].upper == "OPTIONS"
    if before[-1] == "(":
        return len(before) > 1 and before[-2].startswith("READ_")
    return before[-1] in _BEFORE_A_PLACE and before != ["DISTINCT", "FROM"]
