"""Brings notebooks to the workspace: those that are needed and have changed, each in its right form."""

from __future__ import annotations

import base64
import contextvars
import json
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import NotFound

from dara_dagster.config.plan import Plan, TaskPlan
from dara_dagster.errors import FileError, UnreachableError
from dara_dagster.tasks.files import LocalFile, Stamp, find_files, stamp_of
from dara_dagster.workspace.calls import API_ERRORS, api, explain, listed, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.volumes import upload_to_volume
from dara_dagster.workspace.user_home import plan_at_home, task_at_home

__all__ = ["FileSync", "upload_to_volume"]

logger = logging.getLogger(__name__)

_API = "/api/2.0/workspace"
_MANIFEST = ".dara-files.json"

Warn = Callable[[str], None]


@dataclass(frozen=True)
class _Entry:
    """An object of the workspace tree as `workspace/list` tells it."""

    kind: str
    object_id: int
    modified_ms: int


class FileSync:
    """Keeps what tasks need in the project's workspace folder as the local files are. Safe for threads.

    What was uploaded stands in a manifest beside the files: content hash, object id and time of change as
    the workspace tells them. So a file is sent again when its content changed here *or* somebody changed it
    there, and any number of processes and machines share the knowledge. The manifest only saves work: without
    it files are sent once more.
    """

    def __init__(self, ws: Workspace, plan: Plan, warn: Warn = logger.warning) -> None:
        self._ws = ws
        self._plan = plan_at_home(ws, plan)
        self._root = self._plan.workspace_path.rstrip("/")
        self._warn = warn
        self._lock = threading.Lock()
        self._stamps: dict[str, Stamp] = {}
        self._sent: dict[str, str] = {}
        self._refused: dict[str, tuple[str, FileError]] = {}
        self._warned: set[str] = set()

    def ensure(
        self, task: TaskPlan, beside: Collection[TaskPlan] = (), *, warn: Warn = lambda _: None
    ) -> str:
        """Return the path of the task's code in the workspace, which is now what the local file says.

        At the first call the files of `beside`, the other tasks of the run, go along, and what all of these
        may import, `%run` or call; later calls only see whether the task's own file has changed since. A
        fault of the service stops nothing: the files that are still to go are sent when it is over. Another
        file that is refused or too large is left out, with one message, to `warn` too. Raises FileError
        when Databricks refuses the task's own file, UnreachableError and CredentialsError.
        """
        if task.file is None or task.remote_file is None:
            raise FileError(f"Task {task.name} has no file to bring to the workspace")
        task = task_at_home(self._ws, task)
        assert task.file is not None and task.remote_file is not None
        with self._lock:
            if self._stamps.get(task.remote_file) != stamp_of(task.file):
                self._sync([task, *(task_at_home(self._ws, one) for one in beside)], warn=warn)
            if task.remote_file in self._refused:
                raise self._refused[task.remote_file][1]
        return task.remote_file

    def sync(self, tasks: Collection[TaskPlan]) -> int:
        """Upload what `tasks` need and what differs; returns the number of uploads. Raises as `ensure`."""
        tasks = [task_at_home(self._ws, task) for task in tasks]
        with self._lock:
            uploaded = self._sync(tasks)
            for task in tasks:
                if task.remote_file in self._refused:
                    raise self._refused[task.remote_file][1]
            return uploaded

    def sync_all(self) -> int:
        """Upload what differs in the whole folder; returns the number of uploads. Raises as `ensure`."""
        with self._lock:
            return self._sync(self._all_tasks(), everything=True)

    def count_changed(self, tasks: Collection[TaskPlan]) -> int:
        """Return how many files `sync` would upload; uploads none. Raises FileError or CredentialsError."""
        here = [task_at_home(self._ws, task) for task in tasks]
        found = find_files(self._plan, self._root, here)
        with self._as_file_error():
            return len(self._changed(found.files, self._list({file.folder for file in found.files})))

    def _all_tasks(self) -> list[TaskPlan]:
        return [task for workflow in self._plan.workflows for task in workflow.all_tasks()]

    @contextmanager
    def _as_file_error(self) -> Iterator[None]:
        """Turn what the API raises in the block into a FileError with one sentence."""
        try:
            yield
        except API_ERRORS as error:
            raise_if_refused(error)
            message = f"The notebooks cannot be brought to {self._root}: {explain(error)}"
            raise FileError(message) from error

    def _sync(
        self, tasks: Collection[TaskPlan], *, everything: bool = False, warn: Warn = lambda _: None
    ) -> int:
        own = {task.remote_file for task in tasks}
        found = find_files(self._plan, self._root, tasks, everything=everything)
        for line in found.left_out:
            self._tell(f"Left out of the upload: {line}", warn)
        with self._as_file_error():
            uploaded = self._bring(found.files)
        self._stamps.update({file.remote: file.stamp for file in found.files})
        for file in found.files:
            if file.remote in self._refused and file.remote not in own:
                self._tell(f"{self._refused[file.remote][1]}. No task of this run is made of it.", warn)
        return uploaded

    def _tell(self, line: str, warn: Warn) -> None:
        if line not in self._warned:
            self._warned.add(line)
            self._warn(line)
            warn(line)

    def _bring(self, files: Collection[LocalFile]) -> int:
        folders = {file.folder for file in files} | {self._root}
        there = self._list(folders)
        changed = self._changed(files, there)
        if not changed:
            return 0
        for folder in sorted({file.folder for file in changed} | {self._root}):
            if _tree_path(folder) not in there:
                self._make_folder(folder)
        with ThreadPoolExecutor(self._ws.settings.upload_threads, "dara-upload") as pool:
            sending = [
                pool.submit(contextvars.copy_context().run, self._upload, there, file) for file in changed
            ]
        for one in sending:
            one.result()
        self._write_manifest(files, folders, there)
        return len(changed) - sum(file.remote in self._refused for file in changed)

    def _changed(self, files: Iterable[LocalFile], there: Mapping[str, _Entry]) -> list[LocalFile]:
        """Return those to send: not what this process has sent, nor what was refused for good, as it is
        now."""
        manifest = self._read_manifest(there)
        return [
            file
            for file in files
            if self._sent.get(file.remote) != file.digest
            and self._refused.get(file.remote, ("",))[0] != file.digest
            and not _is_current(file, there, manifest)
        ]

    def _list(self, folders: Iterable[str]) -> dict[str, _Entry]:
        """Return what is in these folders (and the folders themselves, where they exist), by path.

        A folder that may not be listed counts as missing: then its files are sent once more.
        """
        found: dict[str, _Entry] = {}
        for folder in folders:
            try:
                entries = api(self._ws, "GET", f"{_API}/list", query={"path": folder}, read=_read_entries)
            except DatabricksError as error:
                raise_if_refused(error)
                continue
            found[_tree_path(folder)] = _Entry("DIRECTORY", 0, 0)
            found.update(entries)
        return found

    def _make_folder(self, folder: str) -> None:
        """Make the folder; where that is refused, the import of a file into it says what is wrong."""
        try:
            api(self._ws, "POST", f"{_API}/mkdirs", body={"path": folder})
        except DatabricksError as error:
            raise_if_refused(error)
            logger.debug("The folder %s cannot be made: %s", folder, explain(error))

    def _upload(self, there: Mapping[str, _Entry], file: LocalFile) -> None:
        present = there.get(_tree_path(file.remote))
        self._refused.pop(file.remote, None)
        try:
            if present is not None and present.kind != file.object_type:  # no import turns one into the other
                with suppress(NotFound):  # another process may be at the same
                    api(self._ws, "POST", f"{_API}/delete", body={"path": file.remote})
            self._import(file.remote, file.content, file.import_options)
        except DatabricksError as error:
            raise_if_refused(error)
            message = f"{file.path} cannot be uploaded to {file.remote}: {explain(error)}"
            self._refused[file.remote] = file.digest, FileError(message)
        else:
            self._sent[file.remote] = file.digest

    def _import(
        self, path: str, content: bytes, options: Mapping[str, str], patience: float | None = None
    ) -> None:
        body = {"path": path, "content": base64.b64encode(content).decode(), "overwrite": True, **options}
        api(self._ws, "POST", f"{_API}/import", body=body, patience=patience)

    def _read_manifest(self, there: Mapping[str, _Entry]) -> Mapping[str, Any]:
        """Return the manifest, {} when there is none that can be read: then everything is sent once more."""
        path = f"{self._root}/{_MANIFEST}"
        if _tree_path(path) not in there:
            return {}

        def read(answer: Mapping[str, Any]) -> bytes:
            return base64.b64decode(answer["content"])

        query = {"path": path, "format": "AUTO"}
        try:
            content = api(self._ws, "GET", f"{_API}/export", query=query, read=read, patience=self._little)
            manifest = json.loads(content)
        except (DatabricksError, UnreachableError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) else {}

    def _write_manifest(
        self, files: Iterable[LocalFile], folders: Iterable[str], before: Mapping[str, _Entry]
    ) -> None:
        """Note what is there now; that it cannot be noted costs the next process some uploads, no more."""
        there = self._list(folders)
        manifest = dict(self._read_manifest(before))
        for file in files:
            entry = there.get(_tree_path(file.remote))
            if entry is not None and file.remote not in self._refused:
                manifest[_tree_path(file.remote)] = [file.digest, entry.object_id, entry.modified_ms]
        content = json.dumps(manifest, indent=0, sort_keys=True).encode()
        try:
            self._import(f"{self._root}/{_MANIFEST}", content, {"format": "AUTO"}, self._little)
        except (*API_ERRORS, UnreachableError) as error:
            logger.debug("The manifest of %s cannot be written: %s", self._root, explain(error))

    @property
    def _little(self) -> float:
        """Return the patience for what only saves work."""
        return min(self._ws.settings.lost_after_seconds, self._ws.settings.side_call_seconds)


def _read_entries(answer: Mapping[str, Any]) -> dict[str, _Entry]:
    return {
        _tree_path(str(item["path"])): _Entry(
            str(item.get("object_type", "")),
            int(item.get("object_id") or 0),
            int(item.get("modified_at") or 0),
        )
        for item in listed(answer, "objects")
    }


def _is_current(file: LocalFile, there: Mapping[str, _Entry], manifest: Mapping[str, Any]) -> bool:
    path = _tree_path(file.remote)
    entry = there.get(path)
    if entry is None:
        return False
    return bool(manifest.get(path) == [file.digest, entry.object_id, entry.modified_ms])


def _tree_path(path: str) -> str:
    """Return the path without /Workspace: /Workspace/x and /x are the same object, and answers mostly have
    /x.

    https://docs.databricks.com/api/workspace/workspace
    """
    return path.removeprefix("/Workspace")
