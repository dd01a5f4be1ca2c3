"""Brings the local files that started a run to a volume before its first task needs them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from dara_dagster.workspace.calls import API_ERRORS
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.volumes import ensure_volume, size_of, upload_to_volume

__all__ = ["Uploads"]


class Uploads:
    """The uploads of one process of a run: each is made once, though many threads ask for it."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def ensure(self, wanted: Mapping[str, str], made: Mapping[str, int]) -> Mapping[str, int]:
        """Bring local files to their places, `{"/Volumes/...": "/local/file"}`; raises FileError.

        `made` are the places and sizes in bytes of what other processes of the run have uploaded: the local
        file may have gone since. Returns those of what was uploaded now. What else stands at a place is
        replaced, however alike it looks: another file of the same size may have had the name before.
        """
        sent = {}
        with self._lock:
            for remote, local in wanted.items():
                if remote in self._done:
                    continue
                if remote not in made or not self._is_there(remote, made[remote]):
                    ensure_volume(self._ws, remote)
                    sent[remote] = upload_to_volume(self._ws, Path(local), remote)
                self._done.add(remote)
        return sent

    def _is_there(self, remote: str, size: int) -> bool:
        try:
            return size_of(self._ws, remote) == size
        except API_ERRORS:
            return False
