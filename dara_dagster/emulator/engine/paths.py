"""Turns Databricks paths (/Volumes, dbfs:/, /Workspace, file:/) into paths on this disk, and back."""

from __future__ import annotations

import re
from pathlib import Path

from dara_dagster.emulator.engine.store import Store

__all__ = ["PathMap"]

_VOLUME = re.compile(r"^(?:dbfs:|/dbfs)?/+Volumes/([^/]+)/([^/]+)/([^/]+)(/.*)?$", re.S)
_DBFS = re.compile(r"^(?:dbfs:/+|/dbfs/+)")
_PREFIXES = ("/Volumes/", "//Volumes/", "dbfs:/", "/dbfs/", "/Workspace/", "file:/")
_QUOTED = re.compile(r"""(['"`])((?:dbfs:/|/dbfs/|/Volumes/|/Workspace/|file:/)[^'"`]*)\1""")
# What stands before a quoted place. Any other quoted path is a value, as in WHERE file = '/Volumes/...'.
_PLACE_FOLLOWS = re.compile(
    r"""(?: (?<!distinct\s)\b(?:location|inpath|from|directory|detail|history|vacuum|optimize|list|jar|delta)
      | \bpath['"`]?            # OPTIONS (path '...')
      | \boptions\s*\([^()]*\bpath['"`]?\s*=
      | \b\w+\s*=>             # read_files(path => '...')
      | \bread_\w+\s*\( )\s*\Z""",
    re.I | re.X,
)
_LOOK_BACK = 200
_IN_SHELL = re.compile(r"(?<![\w./])(?:/Volumes|/dbfs|/Workspace)/[\w./-]+")


class PathMap:
    """Where each Databricks path lies on this disk. Paths of no known kind are left alone."""

    def __init__(self, store: Store, workspace: str | Path | None) -> None:
        self._store = store
        self._workspace = str(workspace).rstrip("/") if workspace else None

    def local(self, path: str) -> str:
        """The path on this disk."""
        if path == "/Workspace" and self._workspace:
            return self._workspace
        if not path.startswith(_PREFIXES):
            return path
        if volume := _VOLUME.match(path):
            return str(self._store.volume_folder(*volume.group(1, 2, 3))) + (volume[4] or "")
        if path.startswith("file:/"):
            return self.local("/" + path[len("file:/") :].lstrip("/"))
        if dbfs := _DBFS.match(path):
            return f"{self._store.root}/_dbfs/{path[dbfs.end() :]}"
        if self._workspace and path.startswith("/Workspace/"):
            return self._workspace + path[len("/Workspace") :]
        return path

    def in_sql(self, query: str) -> str:
        """The same statement with the places it names, quoted or back-quoted, on this disk."""

        def mapped(found: re.Match[str]) -> str:
            before = query[max(found.start() - _LOOK_BACK, 0) : found.start()]
            is_place = found[1] == "`" or _PLACE_FOLLOWS.search(before)
            return f"{found[1]}{self.local(found[2])}{found[1]}" if is_place else found[0]

        return _QUOTED.sub(mapped, query)

    def in_shell(self, command: str) -> str:
        """The same shell command with its paths on this disk."""
        return _IN_SHELL.sub(lambda m: self.local(m[0]), command)
