"""Lets plain Python file calls (open, os, pathlib, shutil, glob, pandas) reach /Volumes and /Workspace."""

from __future__ import annotations

import builtins
import functools
import glob
import io
import os
from collections.abc import Callable
from typing import Any

from dara_dagster.emulator.lake.paths import PathMap

__all__ = ["redirect_file_calls"]

_ONE_PATH = (
    *(
        "access",
        "chdir",
        "chmod",
        "listdir",
        "lstat",
        "mkdir",
        "open",
        "readlink",
        "remove",
        "rmdir",
        "scandir",
    ),
    *("stat", "truncate", "unlink", "utime"),
)
_TWO_PATHS = ("link", "rename", "replace", "symlink")
_KEYWORDS = ("file", "path", "src", "dst")


def redirect_file_calls(paths: PathMap) -> Callable[[], None]:
    """Replace Python's file functions by ones that map their paths; returns a function that puts the old
    ones back.

    Native readers (pyarrow, duckdb) that open files by themselves are not reached; pandas opens in Python.
    """

    def mapped(path: Any) -> Any:
        text = os.fspath(path) if isinstance(path, os.PathLike) else path
        return paths.local(text) if isinstance(text, str) else path

    def redirected(function: Callable[..., Any], count: int) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            places = [mapped(arg) for arg in args[:count]]
            named = {key: mapped(value) if key in _KEYWORDS else value for key, value in kwargs.items()}
            return function(*places, *args[count:], **named)

        return call

    changes: list[tuple[Any, str, Any]] = [
        *((os, name, redirected(getattr(os, name), 1)) for name in _ONE_PATH if hasattr(os, name)),
        *((os, name, redirected(getattr(os, name), 2)) for name in _TWO_PATHS if hasattr(os, name)),
        (io, "open", redirected(io.open, 1)),
        (builtins, "open", redirected(builtins.open, 1)),
    ]
    globber = getattr(glob, "_StringGlobber", None)
    if globber is not None:  # from Python 3.13 on glob keeps its own reference to os.scandir
        changes.append((globber, "scandir", staticmethod(redirected(os.scandir, 1))))
    return _apply(changes)


def _apply(changes: list[tuple[Any, str, Any]]) -> Callable[[], None]:
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in changes]
    for (owner, name, new), (_, _, old) in zip(changes, before, strict=True):
        setattr(owner, name, new)
        # shutil asks these sets what a function of os can do.
        for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if owner is os and old in able:
                able.add(new)

    def restore() -> None:
        for owner, name, old in before:
            setattr(owner, name, old)

    return restore
