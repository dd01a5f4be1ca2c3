"""Turns a name into a lock that processes and threads respect, by locking a file of that name's hash."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

__all__ = ["locked"]

if sys.platform == "win32":
    import msvcrt

    def _acquire(descriptor: int) -> None:
        while True:
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
            except OSError:
                time.sleep(0.05)
else:
    import fcntl

    def _acquire(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


class _Held(threading.local):
    """Depth and descriptor of the locks this thread holds."""

    def __init__(self) -> None:
        self.locks: dict[str, tuple[int, int]] = {}


_held = _Held()


class locked:
    """Context manager: holds the lock `name` of `folder`; waits for as long as another process or thread has
    it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._folder = folder
        self._file = str(folder / digest)

    def __enter__(self) -> None:
        descriptor, depth = _held.locks.get(self._file, (-1, 0))
        if depth == 0:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
            _acquire(descriptor)
        _held.locks[self._file] = (descriptor, depth + 1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descriptor, depth = _held.locks[self._file]
        if depth > 1:
            _held.locks[self._file] = (descriptor, depth - 1)
        else:
            del _held.locks[self._file]
            os.close(descriptor)  # closing gives the lock back
