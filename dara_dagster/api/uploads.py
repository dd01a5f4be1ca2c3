"""Keeps the files that callers send with a run on this computer, until their run has long ended."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dagster import DagsterInstance

from dara_dagster.api.models import ApiError

__all__ = ["Received", "Uploads", "cannot_keep"]

_CHUNK = 1024 * 1024
_LONGEST_NAME = 255  # bytes, as most file systems have it
# A run can be resumed, which needs its file again.
_KEPT_SECONDS = 7 * 24 * 3600.0
_UNUSED_SECONDS = 24 * 3600.0
_SWEEP_SECONDS = 3600.0


@dataclass(frozen=True)
class Received:
    """A file that has arrived whole but belongs to no run yet."""

    path: Path
    name: str
    size: int
    digest: str

    def discard(self) -> None:
        """Delete it; nothing happens when a run has it."""
        self.path.unlink(missing_ok=True)


class Uploads:
    """The folder of the received files: `<run id>/<name>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._swept = 0.0

    def receive(self, source: BinaryIO, name: str) -> Received:
        """Copy what arrived to our own disk, without holding it in memory.

        Raises ApiError for a name no file can have, and when the disk is full or cannot be written to.
        """
        name = _file_name(name)
        path = self._incoming / uuid.uuid4().hex
        digest, size = hashlib.sha256(), 0
        try:
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("xb") as target:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    size += target.write(chunk)
        except BaseException as error:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise cannot_keep(error) from None
            raise
        return Received(path, name, size, digest.hexdigest())

    def place(self, received: Received, run_id: str) -> Path:
        """Give the file to a run; returns where the run finds it."""
        place = self._folder / run_id / received.name
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        received.path.replace(place)
        return place

    def drop(self, run_id: str) -> None:
        """Delete the files of a run that was not made."""
        shutil.rmtree(self._folder / run_id, ignore_errors=True)

    def sweep(self, instance: DagsterInstance) -> None:
        """Delete the files of runs that ended a week ago or were deleted; looks once an hour at most."""
        now = time.time()
        if now - self._swept < _SWEEP_SECONDS or not self._folder.is_dir():
            return
        self._swept = now
        for path in self._incoming.glob("*"):
            with contextlib.suppress(OSError):  # it has just gone, to its run or with its request
                if now - path.stat().st_mtime > _UNUSED_SECONDS:
                    path.unlink(missing_ok=True)
        for folder in self._folder.iterdir():
            record = instance.get_run_record_by_id(folder.name)
            ended = record.end_time if record is not None else _changed(folder)
            if folder != self._incoming and ended is not None and now - ended > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def cannot_keep(error: OSError) -> ApiError:
    """Return the answer (507) to a file that could not be written down."""
    return ApiError(
        507, f"The server cannot keep the file: {error.strerror or type(error).__name__}.", "file"
    )


def _changed(path: Path) -> float | None:
    """Return when it was written last, None when it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _file_name(name: str) -> str:
    """Return the last part of the name a caller gave: some send the whole path."""
    last = name.replace("\\", "/").rpartition("/")[2].strip()
    if last in ("", ".", "..") or not last.isprintable() or len(last.encode()) > _LONGEST_NAME:
        raise ApiError(
            422, f"{last[:100]!r} cannot be the name of a file. Send the file under another name.", "file"
        )
    return last
