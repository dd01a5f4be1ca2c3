"""Turns Databricks paths (/Volumes, dbfs:/, /Workspace, file:/) into paths on this disk, and back."""

from __future__ import annotations

import re
from pathlib import Path

from dara_dagster.emulator.lake.store import Store

__all__ = ["PREFIXES", "PathMap"]

_VOLUME = re.compile(r"^(?:dbfs:|/dbfs)?/+Volumes/([^/]+)/([^/]+)/([^/]+)(/.*)?$", re.S)
_DBFS = re.compile(r"^(?:dbfs:/+|/dbfs/+)")
PREFIXES = ("/Volumes/", "//Volumes/", "dbfs:/", "/dbfs/", "/Workspace/", "file:/")
_OF_BOTH = ("/", "/tmp")  # noqa: S108  folders that DBFS has and this computer has, too
_IN_SHELL = re.compile(r"(?<![\w./])(?:/Volumes|/dbfs|/Workspace)/[\w./-]+")


class PathMap:
    """Where each Databricks path lies on this disk. Paths of no known kind are left alone."""

    def __init__(self, store: Store, workspace: str | Path | None) -> None:
        self._store = store
        self._workspace = str(workspace).rstrip("/") if workspace else None

    def local(self, path: str) -> str:
        """Return the path on this disk."""
        if path == "/Workspace" and self._workspace:
            return self._workspace
        if not path.startswith(PREFIXES):
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

    def spark(self, path: str) -> str:
        """Return the path on this disk of a path as Spark takes it: one without a scheme lies in DBFS.

        https://docs.databricks.com/aws/en/files/ says so for Spark, SQL and dbutils.fs. Files of this
        computer stay readable: a path that is here and not in DBFS is left alone, and so is a new one in a
        folder that is here.
        """
        if path.startswith(PREFIXES) or not path.startswith("/"):
            return self.local(path)
        dbfs, here = Path(self.dbfs(path)), Path(path)
        if dbfs.exists() or (dbfs.parent.is_dir() and str(here.parent) not in _OF_BOTH):
            return str(dbfs)
        is_here = here.exists() or (here.parent.is_dir() and str(here.parent) not in _OF_BOTH)
        return path if is_here or "*" in path else str(dbfs)

    def dbfs(self, path: str) -> str:
        """Return the path on this disk of a path as dbutils.fs takes it: one without a scheme lies in
        DBFS."""
        if path.startswith(PREFIXES) or path in ("/Volumes", "/Workspace") or not path.startswith("/"):
            return self.local(path)
        return self.local(f"dbfs:{path}")

    def notebook(self, path: str) -> str:
        """Return the path on this disk of a notebook, whose path may begin with /Workspace or without it.

        https://docs.databricks.com/aws/en/notebooks/notebook-workflows
        """
        return self.local(path if path.startswith("/Workspace/") else f"/Workspace{path}")

    def in_shell(self, command: str) -> str:
        """Return the same shell command with its paths on this disk."""
        return _IN_SHELL.sub(lambda m: self.local(m[0]), command)
