"""Turns the paths of API calls into local files that never lie outside their root."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dara_dagster.emulator.core.errors import ApiError, invalid

_LONGEST_NAME = 250
"""Bytes; file systems allow 255, and a notebook's local file has an ending more."""


def split_path(path: str) -> list[str]:
    """Return the names in an absolute path; repeated and trailing slashes collapse.

    Raises ApiError 400 INVALID_PARAMETER_VALUE for a relative path and for names that no file can have,
    `.` and `..` among them: a path says where it leads.
    """
    if not path.startswith("/"):
        raise invalid(f"Path ({path}) doesn't start with '/'")
    segments = [segment for segment in path.split("/") if segment]
    for segment in segments:
        if segment in (".", "..") or not _is_name(segment):
            raise invalid(f"Path ({path!r}) holds an invalid name: {segment!r}")
    return segments


def resolve_inside(root: Path, segments: Sequence[str]) -> Path:
    """Return the file below `root` that `segments` (from `segments_of`) name; it need not exist.

    Raises ApiError 403 PERMISSION_DENIED when a symbolic link on the way leads outside.
    """
    local = root.joinpath(*segments)
    real_root = os.path.realpath(root)
    real = os.path.realpath(local)
    if real != real_root and not real.startswith(real_root + os.sep):
        raise ApiError(403, "PERMISSION_DENIED", f"Path (/{'/'.join(segments)}) leads out of its root.")
    return local


def _is_name(segment: str) -> bool:
    if any(mark in segment for mark in (os.sep, os.altsep or os.sep)):  # `\\` where that parts names
        return False
    plain = all(ord(char) >= 32 and char != "\x7f" and not "\ud800" <= char <= "\udfff" for char in segment)
    return plain and len(segment.encode()) <= _LONGEST_NAME
