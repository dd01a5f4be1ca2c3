"""The rules of files on volumes: /Volumes/<catalog>/<schema>/<volume>/... as a folder of the local tree."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.paths import resolve_inside, split_path
from dara_dagster.emulator.core.signing import Signer
from dara_dagster.emulator.core.staging import prepare_staging


class Files:
    """All volumes' files. Rules, codes and reasons: https://docs.databricks.com/api/workspace/files.

    Every operation takes an absolute path and does blocking file work, so call it in a thread; none
    touches the store. Raises ApiError: 400 INVALID_PARAMETER_VALUE for a path that is none, 404 NOT_FOUND
    for a missing volume, file or folder.
    """

    def __init__(self, context: Context, signer: Signer) -> None:
        self._tables, self._folder = context.tables, context.folder
        self.signer = signer

    def prepare_staging(self) -> Path:
        """Return a folder on the volumes' disk where uploads wait until they are whole."""
        return prepare_staging(self._folder)

    # -- files --------------------------------------------------------------------------------------

    def read(self, path: str) -> tuple[Path, os.stat_result]:
        """Return the local file at `path` and what is known of it."""
        file = self._find_local(path)
        with contextlib.suppress(OSError):
            if file.is_file():
                return file, file.stat()
        raise ApiError(404, "NOT_FOUND", "The file being accessed is not found.", "FILES_API_FILE_NOT_FOUND")

    def check_writable(self, path: str, *, overwrite: bool) -> Path:
        """Return the local file that an upload to `path` would make; ApiError 409 where one is not
        allowed."""
        file = self._find_local(path, at_least=5)
        if file.is_dir():
            raise _refuse_write(f"A directory exists at {path}.", "FILES_API_DIRECTORY_ALREADY_EXISTS")
        if file.exists() and not overwrite:
            raise _refuse_write("The file being created already exists.", "FILES_API_FILE_ALREADY_EXISTS")
        return file

    def place(self, staged: Path, path: str, *, overwrite: bool) -> None:
        """Move a whole file to `path`, making folders above. Of two without `overwrite` one wins."""
        file = self.check_writable(path, overwrite=overwrite)
        self._make_folder(file.parent, path)
        if overwrite:
            staged.replace(file)
            return
        try:
            os.link(staged, file)  # fails where the file exists, in one step
        except FileExistsError:
            raise _refuse_write(
                "The file being created already exists.", "FILES_API_FILE_ALREADY_EXISTS"
            ) from None

    def delete(self, path: str) -> None:
        """Delete a file."""
        self.read(path)[0].unlink(missing_ok=True)

    # -- folders ------------------------------------------------------------------------------------

    def directory(self, path: str) -> Path:
        """Return the local folder at `path`."""
        folder = self._find_local(path)
        if not folder.is_dir():
            text = "The directory being accessed is not found."
            raise ApiError(404, "NOT_FOUND", text, "FILES_API_DIRECTORY_IS_NOT_FOUND")
        return folder

    def make_directory(self, path: str) -> None:
        """Make a folder and those above; one that exists is fine, a file in the way is a conflict."""
        self._make_folder(self._find_local(path), path)

    def delete_directory(self, path: str) -> None:
        """Delete an empty folder; ApiError 400 for one that is not, or that is the volume itself."""
        folder = self.directory(path)
        if len(split_path(path)) <= 4:
            raise invalid(f"The volume {path} cannot be deleted as a directory.")
        try:
            folder.rmdir()
        except OSError:
            text = "The directory is not empty."
            reason = "FILES_API_DIRECTORY_IS_NOT_EMPTY"
            raise ApiError(400, "INVALID_PARAMETER_VALUE", text, reason) from None

    def list_all(self, path: str, size: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of a folder's entries by name, and the token of the next one.

        The token is the last name given, so that entries which come or go meanwhile move no other.
        """
        folder, base = self.directory(path), "/" + "/".join(split_path(path))
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if after is None or entry.name > after)
        shown = [
            entry for name in names[:size] if (entry := self._show_entry(folder / name, f"{base}/{name}"))
        ]
        return shown, names[size - 1] if len(names) > size else None

    def _show_entry(self, local: Path, path: str) -> dict[str, Any] | None:
        """Return one entry of a list; None for what has gone meanwhile and for links that lead out."""
        try:
            about = local.lstat()
            if stat.S_ISLNK(about.st_mode):
                about = self._find_local(path).stat()
        except (OSError, ApiError):
            return None
        known = {"path": path, "name": local.name, "last_modified": int(about.st_mtime * 1000)}
        if stat.S_ISDIR(about.st_mode):
            return {**known, "is_directory": True}
        return {**known, "is_directory": False, "file_size": about.st_size}

    # -- the machinery ------------------------------------------------------------------------------

    def _find_local(self, path: str, at_least: int = 4) -> Path:
        """Return the local file of `/Volumes/c/s/v/...`, inside its existing volume; `at_least` names are
        needed."""
        segments = split_path(path)
        if len(segments) < at_least or segments[0] != "Volumes":
            text = f"Invalid path: {path}. Expected /Volumes/<catalog>/<schema>/<volume>/<path>."
            raise ApiError(400, "INVALID_PARAMETER_VALUE", text, "FILES_API_INVALID_PATH")
        catalog, schema, volume = (name.lower() for name in segments[1:4])
        root = resolve_inside(self._tables, [catalog, schema, "_volumes", volume])
        if not root.is_dir():
            text = f"Volume '{catalog}.{schema}.{volume}' does not exist."
            raise ApiError(404, "NOT_FOUND", text, "FILES_API_VOLUME_IS_NOT_FOUND")
        return resolve_inside(root, segments[4:])

    def _make_folder(self, folder: Path, path: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            text = f"A file exists where {path} needs a directory."
            raise _refuse_write(text, "FILES_API_FILE_ALREADY_EXISTS") from None


def _refuse_write(text: str, reason: str) -> ApiError:
    return ApiError(409, "ALREADY_EXISTS", text, reason)
