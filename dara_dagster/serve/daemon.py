"""Keeps Dagster's daemon running beside the server: schedules, sensors, and the queue of runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dara_dagster.remote.locks import file_lock

__all__ = ["Daemon", "kept_daemon"]

_STOP_SECONDS = 15.0
_RESTART_SECONDS = 5.0


class Daemon:
    """One daemon process, started again when it ends without being asked to."""

    def __init__(self, home: Path, root: Path, workspace_file: Path) -> None:
        self.log = home / "daemon.log"
        self._root, self._workspace_file = root, workspace_file
        self._stopping = threading.Event()
        # The daemon holds the reading end: it ends when this process does, however that happens.
        self._reading, self._writing = os.pipe()
        self.log.unlink(missing_ok=True)  # what the runs of an earlier server still write goes there
        self.log.touch(mode=0o600)
        self.process = self._start()
        self._watcher = threading.Thread(target=self._watch, name="dara-daemon", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """End the daemon; runs that it started go on."""
        self._stopping.set()
        self.process.terminate()
        self._watcher.join(_STOP_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._writing)
        os.close(self._reading)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dara_dagster.engine.daemon", str(self._reading)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--workspace", str(self._workspace_file)],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._reading],
                start_new_session=True,
            )

    def _watch(self) -> None:
        while True:
            code = self.process.wait()
            if self._stopping.is_set():
                return
            print(f"Dagster's daemon ended ({code}), see {self.log}; it is started again.", file=sys.stderr)
            if self._stopping.wait(_RESTART_SECONDS):
                return
            self.process = self._start()


@contextmanager
def kept_daemon(home: Path, root: Path, workspace_file: Path) -> Iterator[Daemon | None]:
    """While open, the home's daemon runs; None when another server runs it already.

    Two daemons on one home would look at every sensor and schedule twice.
    """
    try:
        lock = file_lock(home / "daemon.lock", timeout=0)
        lock.__enter__()
    except TimeoutError:
        yield None
        return
    try:
        daemon = Daemon(home, root, workspace_file)
        try:
            yield daemon
        finally:
            daemon.stop()
    finally:
        lock.__exit__(None, None, None)
