"""Brings the notebooks folder to the workspace: only what has changed, each file in its right form."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound

from dara_dagster.errors import FileError
from dara_dagster.remote.calls import API_ERRORS, api, explain, raise_if_refused
from dara_dagster.remote.client import Workspace
from dara_dagster.remote.local_files import LocalFile, Stamp, find_files, stamp_of
from dara_dagster.remote.volumes import upload_to_volume
from dara_dagster.spec.plan import Plan, TaskPlan

__all__ = ["FileSync", "upload_to_volume"]

_API = "/api/2.0/workspace"
_MANIFEST = ".dara-files.json"
_UPLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class _Entry:
    """An object of the workspace tree as `workspace/list` tells it."""

    kind: str
    object_id: int
    modified_ms: int


class FileSync:
    """Keeps the project's folder in the workspace equal to the local notebooks folder. Safe for threads.

    What was uploaded stands in a manifest beside the files: content hash, object id and time of change as
    the workspace tells them. So a file is sent again when its content changed here *or* somebody changed it
    there, and any number of processes and machines share the knowledge.
    """

    def __init__(self, ws: Workspace, plan: Plan) -> None:
        self._ws = ws
        self._plan = plan
        self._root = plan.workspace_path.rstrip("/")
        self._lock = threading.Lock()
        self._stamps: dict[str, Stamp] | None = None

    def ensure(self, task: TaskPlan) -> str:
        """The path of the task's code in the workspace, which is now what the local file says.

        The whole folder goes along at the first call, for a task may import, `%run` or call what is beside
        it; later calls only see whether the task's own file has changed since. Raises FileError.
        """
        if task.file is None or task.remote_file is None:
            raise FileError(f"Task {task.name} has no file to bring to the workspace")
        with self._lock:
            known = (self._stamps or {}).get(task.remote_file)
            if known is None or stamp_of(task.file) != known:
                self._sync()
        return task.remote_file

    def sync_all(self) -> int:
        """Upload what differs; returns the number of uploads. Raises FileError or CredentialsError."""
        with self._lock:
            return self._sync()

    def count_changed(self) -> int:
        """How many files `sync_all` would upload; uploads none. Raises FileError or CredentialsError."""
        files = find_files(self._plan, self._root)
        with self._told():
            return len(self._changed(files, self._list({file.folder for file in files} | {self._root})))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong with the API in the block becomes a sentence."""
        try:
            yield
        except API_ERRORS as error:
            raise_if_refused(error)
            message = f"The notebooks cannot be brought to {self._root}: {explain(error)}"
            raise FileError(message) from error

    def _sync(self) -> int:
        files = find_files(self._plan, self._root)
        with self._told():
            uploaded = self._bring(files)
        self._stamps = {file.remote: file.stamp for file in files}
        return uploaded

    def _bring(self, files: Collection[LocalFile]) -> int:
        folders = {file.folder for file in files} | {self._root}
        there = self._list(folders)
        changed = self._changed(files, there)
        if not changed:
            return 0
        for folder in sorted({file.folder for file in changed} | {self._root}):
            if _tree_path(folder) not in there:
                api(self._ws, "POST", f"{_API}/mkdirs", body={"path": folder})
        with ThreadPoolExecutor(_UPLOADS_AT_ONCE, "dara-upload") as pool:
            list(pool.map(partial(self._upload, there), changed))
        self._write_manifest(files, self._list(folders))
        return len(changed)

    def _changed(self, files: Iterable[LocalFile], there: Mapping[str, _Entry]) -> list[LocalFile]:
        manifest = self._read_manifest(there)
        return [file for file in files if not _is_current(file, there, manifest)]

    def _list(self, folders: Iterable[str]) -> dict[str, _Entry]:
        """What is in these folders (and the folders themselves, where they exist), by path."""
        found: dict[str, _Entry] = {}
        for folder in folders:
            try:
                answer = api(self._ws, "GET", f"{_API}/list", query={"path": folder})
            except NotFound:
                continue
            found[_tree_path(folder)] = _Entry("DIRECTORY", 0, 0)
            for item in answer.get("objects") or ():
                entry = _Entry(
                    item.get("object_type", ""), item.get("object_id") or 0, item.get("modified_at") or 0
                )
                found[_tree_path(item["path"])] = entry
        return found

    def _upload(self, there: Mapping[str, _Entry], file: LocalFile) -> None:
        present = there.get(_tree_path(file.remote))
        if present is not None and present.kind != file.object_type:  # no import turns one into the other
            with suppress(NotFound):  # another process may be at the same
                api(self._ws, "POST", f"{_API}/delete", body={"path": file.remote})
        try:
            self._import(file.remote, file.content, file.import_options)
        except DatabricksError as error:
            raise_if_refused(error)
            raise FileError(f"{file.path} cannot be uploaded to {file.remote}: {explain(error)}") from error

    def _import(self, path: str, content: bytes, options: Mapping[str, str]) -> None:
        body = {"path": path, "content": base64.b64encode(content).decode(), "overwrite": True, **options}
        api(self._ws, "POST", f"{_API}/import", body=body)

    def _read_manifest(self, there: Mapping[str, _Entry]) -> Mapping[str, Any]:
        """The manifest, {} when there is none that can be read: then everything is sent once more."""
        path = f"{self._root}/{_MANIFEST}"
        if _tree_path(path) not in there:
            return {}
        try:
            answer = api(self._ws, "GET", f"{_API}/export", query={"path": path, "format": "AUTO"})
            manifest = json.loads(base64.b64decode(answer.get("content") or ""))
        except (DatabricksError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) else {}

    def _write_manifest(self, files: Iterable[LocalFile], there: Mapping[str, _Entry]) -> None:
        manifest = {}
        for file in files:
            entry = there.get(_tree_path(file.remote))
            if entry is not None:
                manifest[_tree_path(file.remote)] = [file.digest, entry.object_id, entry.modified_ms]
        content = json.dumps(manifest, indent=0, sort_keys=True).encode()
        self._import(f"{self._root}/{_MANIFEST}", content, {"format": "RAW"})


def _is_current(file: LocalFile, there: Mapping[str, _Entry], manifest: Mapping[str, Any]) -> bool:
    path = _tree_path(file.remote)
    entry = there.get(path)
    if entry is None or entry.kind != file.object_type:
        return False
    return bool(manifest.get(path) == [file.digest, entry.object_id, entry.modified_ms])


def _tree_path(path: str) -> str:
    """/Workspace/x and /x are the same object, and answers mostly say /x (databricks-api.md 5.2)."""
    return path.removeprefix("/Workspace")
