"""Gives a folder a second name where its own has characters that Spark takes for something else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

__all__ = ["make_safe_path", "remove_link"]

# Sail 0.7.2 writes tables under `a b`, `ü` or `50%` to a folder of another name, and reads `[`, `*`, `?` as
# patterns (measured, one character at a time).
_PLAIN = re.compile(r"[A-Za-z0-9_./@+,=:-]+")


def make_safe_path(folder: Path) -> Path:
    """Return `folder` itself when its name is plain, else a link to it in a private folder for temporary
    files.

    The link is the same each time, so paths noted down under it stay right. Raises OSError when there is no
    place for it.
    """
    if _PLAIN.fullmatch(str(folder)):
        return folder
    link = _make_links_folder() / _make_name(folder)
    if not link.is_symlink() or link.readlink() != folder:
        draft = link.with_name(f"{link.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(folder)
        draft.replace(link)
    return link


def remove_link(folder: Path) -> None:
    """Take away what `make_safe_path` made for the folder, once nothing works in it any more."""
    if not _PLAIN.fullmatch(str(folder)):
        with contextlib.suppress(OSError):
            (_make_links_folder() / _make_name(folder)).unlink()


def _make_name(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _make_links_folder() -> Path:
    """Return a folder that nobody else can write to: whoever can, could send the tables elsewhere."""
    temporary = tempfile.gettempdir()
    if not _PLAIN.fullmatch(temporary):
        temporary = "/tmp"  # noqa: S108 - what is made in it is private
    folder = Path(temporary) / f"dara-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
        return folder
    return Path(tempfile.mkdtemp(prefix="dara-", dir=temporary))
