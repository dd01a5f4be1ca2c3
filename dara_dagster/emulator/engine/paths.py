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
        """The same statement with its quoted and back-quoted paths on this disk."""
        return _QUOTED.sub(lambda m: f"{m[1]}{self.local(m[2])}{m[1]}", query)

    def in_shell(self, command: str) -> str:
        """The same shell command with its paths on this disk."""
        return _IN_SHELL.sub(lambda m: self.local(m[0]), command)
