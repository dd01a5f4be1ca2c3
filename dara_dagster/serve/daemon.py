"""Keeps Dagster's daemon running beside the server: schedules, sensors, and the queue of runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from dara_dagster.remote.locks import file_lock

__all__ = ["Daemon", "kept_daemon"]

_STOP_SECONDS = 15.0
_RESTART_SECONDS = 5.0  # doubled each time, to the longest, until one has lived for a while
_LONGEST_RESTART_SECONDS = 300.0
_A_WHILE_SECONDS = 300.0
_SUCCESSION_SECONDS = 5.0


class Daemon:
    """One daemon process, started again when it ends without being asked to."""

    def __init__(
        self, home: Path, root: Path, workspace_file: Path, stop_seconds: float = _STOP_SECONDS
    ) -> None:
        self._stop_seconds = stop_seconds
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

    def begin_stop(self) -> None:
        """Tell the daemon to end; runs that it started go on."""
        self._stopping.set()
        self.process.terminate()

    def stop(self) -> None:
        """End the daemon, and wait until it has ended."""
        self.begin_stop()
        self._watcher.join(self._stop_seconds)
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
        pause = _RESTART_SECONDS
        while True:
            began = time.monotonic()
            code = self.process.wait()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _A_WHILE_SECONDS:
                pause = _RESTART_SECONDS
            print(
                f"Dagster's daemon ended ({code}), see {self.log}; it is started again in {pause:g} s.",
                file=sys.stderr,
            )
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_RESTART_SECONDS)
            try:
                self.process = self._start()
            except OSError as error:  # no memory or no disk now: the next look finds the old one ended
                print(f"Dagster's daemon cannot be started: {error.strerror}.", file=sys.stderr)
            if self._stopping.is_set():  # stop() has ended the one before
                self.process.terminate()


@contextmanager
def kept_daemon(
    home: Path, root: Path, workspace_file: Path, stop_seconds: float = _STOP_SECONDS
) -> Iterator[Daemon | None]:
    """While open, the home's daemon runs; None when another server runs it now, which this one succeeds.

    It gets `stop_seconds` to end before it is killed. Two daemons on one home would look at every sensor and
    schedule twice.
    """
    begin = partial(Daemon, home, root, workspace_file, stop_seconds)
    with ExitStack() as held:
        daemon = _sole(held, home, begin)
        if daemon is None:
            held.enter_context(_succession(home, begin))
        yield daemon


def _sole(held: ExitStack, home: Path, begin: Callable[[], Daemon]) -> Daemon | None:
    """The home's daemon, begun and locked until `held` is closed; None when another server has the lock."""
    try:
        held.enter_context(file_lock(home / "daemon.lock", timeout=0))
    except TimeoutError:
        return None
    daemon = begin()
    held.callback(daemon.stop)
    return daemon


@contextmanager
def _succession(home: Path, begin: Callable[[], Daemon]) -> Iterator[None]:
    """While open, begins the daemon as soon as the server that has one is gone."""
    over = threading.Event()

    def wait(held: ExitStack) -> None:
        while not over.wait(_SUCCESSION_SECONDS):
            if _sole(held, home, begin) is not None:
                print("The other server has ended: this one runs Dagster's daemon now.", file=sys.stderr)
                return

    with ExitStack() as held:
        waiter = threading.Thread(target=wait, args=[held], name="dara-succession", daemon=True)
        waiter.start()
        try:
            yield
        finally:
            over.set()
            waiter.join()
