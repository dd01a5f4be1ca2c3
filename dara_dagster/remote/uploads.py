"""Brings the local files that started a run to a volume before its first task needs them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path

from dara_dagster.remote.calls import API_ERRORS
from dara_dagster.remote.client import Workspace
from dara_dagster.remote.volumes import ensure_volume, upload_to_volume

__all__ = ["Uploads"]


class Uploads:
    """The uploads of one process of a run; each is made once, and not again where another process made it."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def ensure(self, wanted: Mapping[str, str]) -> None:
        """Bring local files to their places, `{"/Volumes/...": "/local/file"}`. Raises FileError."""
        with self._lock:
            for remote, local in wanted.items():
                if remote not in self._done:
                    if not self._is_there(remote, Path(local)):
                        ensure_volume(self._ws, remote)
                        upload_to_volume(self._ws, Path(local), remote)
                    self._done.add(remote)

    def _is_there(self, remote: str, local: Path) -> bool:
        """Whether a copy of the same size stands there that is not older than the file (to the second)."""
        try:
            about, file = self._ws.client.files.get_metadata(remote), local.stat()
        except (OSError, *API_ERRORS):
            return False
        if about.content_length != file.st_size or not about.last_modified:
            return False
        return parsedate_to_datetime(about.last_modified).timestamp() >= int(file.st_mtime)
