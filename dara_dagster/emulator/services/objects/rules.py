"""The rules of the workspace tree: folders, files and notebooks behind /Workspace, on this disk."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.paths import resolve_inside, split_path
from dara_dagster.emulator.core.staging import prepare_staging
from dara_dagster.emulator.services.objects.formats import Source


@dataclass(frozen=True)
class WorkspaceObject:
    """One object: `path` without /Workspace, `file` its place on this disk, times in epoch milliseconds."""

    path: str
    object_type: str
    object_id: int
    file: Path
    language: str | None = None
    created_at: int = 0
    modified_at: int = 0
    size: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the answer of workspace/get-status, and the item of workspace/list."""
        known: dict[str, Any] = {
            "object_type": self.object_type,
            "path": self.path,
            "object_id": self.object_id,
        }
        known["resource_id"] = str(self.object_id)
        if self.object_type != "DIRECTORY":
            known.update(created_at=self.created_at, modified_at=self.modified_at)
        if self.object_type == "NOTEBOOK":
            known["language"] = self.language
        if self.object_type == "FILE":
            known["size"] = self.size
        return known


class Objects:
    """All workspace objects. Rules and texts: https://docs.databricks.com/api/workspace/workspace.

    Files and folders are what the local tree holds, also those that a task wrote there. A notebook
    `/x/nb` lies there in source form as `nb.py` (`.sql`, `.ipynb`, ...), or as `nb` when an object of that
    name exists; which local files are notebooks, languages and ids are in the store. Paths may begin with
    /Workspace. Bad paths raise ApiError 400 INVALID_PARAMETER_VALUE.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._root = context.files_root
        self._known = context.store.table("objects")
        for home in ("Shared", f"Users/{context.user}"):
            (self._root / home).mkdir(parents=True, exist_ok=True)

    # -- reading ------------------------------------------------------------------------------------

    def find(self, path: str) -> WorkspaceObject | None:
        """Return the object at `path`; None when there is none or no such path can be."""
        try:
            return self._find_segments(_split(path))
        except ApiError:
            return None

    def get(self, path: str) -> WorkspaceObject:
        """Return the object at `path`; ApiError 404 RESOURCE_DOES_NOT_EXIST."""
        found = self._find_segments(_split(path))
        if found is None:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")
        return found

    def list_all(self, path: str) -> list[WorkspaceObject]:
        """Return the objects in a folder by name; of a file or notebook, the object itself."""
        found = self.get(path)
        if found.object_type != "DIRECTORY":
            return [found]
        return sorted(self._list_children(_split(path), found.file), key=lambda child: child.path)

    # -- changing -----------------------------------------------------------------------------------

    def mkdirs(self, path: str) -> None:
        """Make a folder and its parents; one that exists is fine. ApiError 400 when a file is in the way."""
        segments = _split(path)
        for depth in range(1, len(segments) + 1):
            found = self._find_segments(segments[:depth])
            if found is None:
                self._make_room(segments[:depth])
                resolve_inside(self._root, segments[:depth]).mkdir(exist_ok=True)
            elif found.object_type != "DIRECTORY":
                text = f"Cannot create the directory {path}: {found.path} already exists."
                raise ApiError(400, "RESOURCE_ALREADY_EXISTS", text)

    def put(
        self, source: Source, *, overwrite: bool, staged: Path | None = None, conflict: int = 400
    ) -> None:
        """Store an imported notebook or file; `staged`, where given, is moved in place of `source.content`.

        Raises ApiError: 404 without a parent folder, `conflict` RESOURCE_ALREADY_EXISTS when the path is
        taken and not to be overwritten, 400 when it is taken by another type of object.
        """
        segments = _split(source.path)
        self._check_parent(segments)
        before = self._find_segments(segments)
        if before is not None and (not overwrite or before.object_type == "DIRECTORY"):
            raise ApiError(
                conflict, "RESOURCE_ALREADY_EXISTS", f"Path (/{'/'.join(segments)}) already exists."
            )
        if before is not None and before.object_type != source.object_type:
            kinds = f"[{source.object_type}] is different from the existing node type [{before.object_type}]"
            raise invalid(f"Requested node type {kinds}")
        self._make_room(segments)
        target = resolve_inside(self._root, segments)
        if source.object_type == "NOTEBOOK":
            target = target.with_name(self._choose_local_name(segments, source.ending))
        self._place(source.content if staged is None else staged, target)
        if before is not None and before.file != target:
            before.file.unlink(missing_ok=True)
        record = self._known.get(_join(segments)) or self._make_record(source.object_type)
        if source.object_type == "NOTEBOOK":
            record = {**record, "language": source.language, "local": target.name}
        self._known[_join(segments)] = record

    def delete(self, path: str, *, recursive: bool) -> Path:
        """Take an object out of the tree; returns where its files are now, for the caller to delete.

        Raises ApiError: 404 when missing, 400 DIRECTORY_NOT_EMPTY for a folder with content.
        """
        segments = _split(path)
        found = self.get(path)
        if not segments:
            raise invalid("The root folder cannot be deleted.")
        if (
            found.object_type == "DIRECTORY"
            and not recursive
            and any(self._list_children(segments, found.file))
        ):
            text = f"Folder ({found.path}) is not empty"
            raise ApiError(400, "DIRECTORY_NOT_EMPTY", text)
        away = self.prepare_staging() / uuid.uuid4().hex
        found.file.rename(away)
        below = found.path + "/"
        for key in [key for key in self._known if key == found.path or key.startswith(below)]:
            del self._known[key]
        return away

    def prepare_staging(self) -> Path:
        """Return a folder on the same disk for files on their way in or out."""
        return prepare_staging(self._context.folder)

    # -- the machinery ------------------------------------------------------------------------------

    def _find_segments(self, segments: list[str]) -> WorkspaceObject | None:
        return self._find_at(segments, resolve_inside(self._root, segments))

    def _find_at(self, segments: list[str], local: Path) -> WorkspaceObject | None:
        """Return the object of that name; `local` is its file or folder, known to be inside the tree."""
        path = _join(segments)
        record = self._known.get(path)
        if record and record["type"] == "NOTEBOOK":
            notebook = local.with_name(record["local"])
            if notebook.is_file():
                return self._describe(path, "NOTEBOOK", notebook)
            del self._known[path]  # a task removed the file
        if local.is_dir():
            return self._describe(path, "DIRECTORY", local)
        if local.is_file() and self._find_notebook(segments) is None:
            return self._describe(path, "FILE", local)
        return None

    def _describe(self, path: str, object_type: str, local: Path) -> WorkspaceObject:
        record = self._known.get(path)
        if record is None or record["type"] != object_type:
            record = self._known[path] = self._make_record(object_type)
        about = local.stat()
        return WorkspaceObject(
            path=path,
            object_type=object_type,
            object_id=record["id"],
            file=local,
            language=record.get("language"),
            created_at=record["created_at"],
            modified_at=max(int(about.st_mtime * 1000), record["created_at"]),
            size=about.st_size,
        )

    def _make_record(self, object_type: str) -> dict[str, Any]:
        return {
            "type": object_type,
            "id": self._context.ids.next(),
            "created_at": self._context.clock.now_ms(),
        }

    def _list_children(self, segments: list[str], folder: Path) -> Iterator[WorkspaceObject]:
        with os.scandir(folder) as entries:
            found = list(entries)
        for entry in found:
            named = [*segments, self._find_notebook([*segments, entry.name]) or entry.name]
            try:
                child = (
                    self._find_segments(named)
                    if entry.is_symlink()
                    else self._find_at(named, folder / named[-1])
                )
            except (ApiError, FileNotFoundError):
                continue  # a link that leads out, made by a task, or gone meanwhile
            if child is not None:
                yield child

    def _find_notebook(self, segments: list[str]) -> str | None:
        """Return the name of the notebook that lies in the local file of these segments, if another name has
        it."""
        *folder, local = segments
        stem = local.rpartition(".")[0]
        record = self._known.get(_join([*folder, stem])) if stem else None
        return stem if record and record.get("local") == local else None

    def _choose_local_name(self, segments: list[str], ending: str) -> str:
        """Return where a notebook goes: under its name with the ending, or under the bare name if that is
        taken."""
        name = segments[-1]
        wanted = name if name.lower().endswith(ending) else name + ending
        taken = wanted != name and self._find_segments([*segments[:-1], wanted]) is not None
        return name if taken else wanted

    def _make_room(self, segments: list[str]) -> None:
        """Move a notebook out of the local file of an object that is about to be made, to its bare name."""
        name = self._find_notebook(segments) if segments else None
        if name is not None:
            path = _join([*segments[:-1], name])
            local = resolve_inside(self._root, segments)
            local.rename(local.with_name(name))
            self._known[path] = {**self._known[path], "local": name}

    def _check_parent(self, segments: list[str]) -> None:
        parent = self._find_segments(segments[:-1])
        if not segments or parent is None or parent.object_type != "DIRECTORY":
            text = f"The parent folder ({_join(segments[:-1])}) does not exist."
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", text)

    def _place(self, content: bytes | Path, target: Path) -> None:
        """Put a whole file in place, so that a task never reads half of one."""
        if isinstance(content, Path):
            shutil.move(content, target)
            return
        staged = self.prepare_staging() / uuid.uuid4().hex
        staged.write_bytes(content)
        staged.replace(target)


def _split(path: str) -> list[str]:
    segments = split_path(path)
    return segments[1:] if segments and segments[0] == "Workspace" else segments


def _join(segments: list[str]) -> str:
    return "/" + "/".join(segments)
