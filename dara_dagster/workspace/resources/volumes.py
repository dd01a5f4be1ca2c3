"""Streams local files into volumes and makes sure that they arrived whole."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dara_dagster.errors import FileError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, raise_if_refused, through_sdk
from dara_dagster.workspace.client import Workspace

_FILES = "/api/2.0/fs/files"
_VOLUMES = "/api/2.1/unity-catalog/volumes"
_REPORT_EVERY = 8 * 1024 * 1024
_MOST_REPORTS = 20
# Ten parts are on their way at a time. An object store takes 10,000 parts (S3, the least of the three).
_PART_BYTES, _MOST_PARTS = 10 * 1024 * 1024, 9_000

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the size of the file; after a retry the first may fall back."""


def upload_to_volume(ws: Workspace, local: Path, remote: str, *, progress: Progress | None = None) -> int:
    """Copy `local` to the file `remote` (`/Volumes/...`), replacing what is there; returns its size in bytes.

    The file is never held in memory: below 50 MiB it is one PUT, above the SDK sends parts in parallel
    (SDK FilesExt.upload) of 10 MiB: its own choice, a hundredth of the file, took 440 MB of memory for
    1.2 GB, where this took 220. Raises FileError, also when the copy's size is not the file's, and
    UnreachableError when the service was at fault for too long.
    """

    def send() -> int:
        with _Reported(local, progress) as stream:
            part = max(_PART_BYTES, -(-stream.size // _MOST_PARTS))
            known = inspect.signature(ws.client.files.upload).parameters
            options: dict[str, Any] = (
                {"part_size": part} if "part_size" in known else {}
            )  # an older SDK takes 10 MiB itself
            ws.client.files.upload(remote, stream, overwrite=True, **options)
            return stream.size

    try:
        size = through_sdk(ws, "PUT", f"{_FILES}{remote}", send)
        arrived = size_of(ws, remote)
    except API_ERRORS as error:
        raise_if_refused(error)
        raise FileError(f"{local} cannot be uploaded to {remote}: {explain(error)}") from error
    except OSError as error:
        raise FileError(f"{local} cannot be read: {error.strerror or error}") from error
    if arrived != size:
        raise FileError(f"{remote} has {arrived} bytes after the upload of {local}, which has {size}")
    if progress is not None:
        progress(size, size)
    return size


def size_of(ws: Workspace, remote: str) -> int:
    """Return the size of a file in a volume, in bytes. Raises what is in API_ERRORS, or UnreachableError."""

    def ask() -> int:
        return int(ws.client.files.get_metadata(remote).content_length or 0)

    return through_sdk(ws, "HEAD", f"{_FILES}{remote}", ask)


def ensure_volume(ws: Workspace, remote: str) -> None:
    """Make the volume of `/Volumes/catalog/schema/volume/...` when it is missing.

    What keeps it from being made (no right to, no such schema) is left for the call that needs the volume.
    """
    _, _, catalog, schema, name, *_ = remote.split("/")
    body = {"catalog_name": catalog, "schema_name": schema, "name": name, "volume_type": "MANAGED"}
    try:
        api(ws, "GET", f"{_VOLUMES}/{catalog}.{schema}.{name}")
    except API_ERRORS:
        with suppress(*API_ERRORS):
            api(ws, "POST", _VOLUMES, body=body)


class _Reported(io.FileIO):
    """A file that tells how far it has been read."""

    def __init__(self, path: Path, progress: Progress | None) -> None:
        super().__init__(path, "rb")
        self.size = path.stat().st_size
        self._progress = progress
        self._every = max(_REPORT_EVERY, self.size // _MOST_REPORTS)
        self._next_report = self._every

    def read(self, size: int | None = -1, /) -> Any:
        data = super().read(-1 if size is None else size)
        position = self.tell()
        if self._progress is not None and position >= self._next_report and position < self.size:
            self._progress(position, self.size)
            self._next_report = position + self._every
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        position = super().seek(offset, whence)
        self._next_report = position + self._every
        return position
