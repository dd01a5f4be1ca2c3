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

from dagster import DagsterInstance

from dara_dagster.workspace.locks import file_lock

__all__ = ["Daemon", "kept_daemon", "other_daemon"]

_STOP_SECONDS = 15.0
_RESTART_SECONDS = 5.0  # doubled each time, to the longest, until one has lived for a while
_LONGEST_RESTART_SECONDS = 300.0
_A_WHILE_SECONDS = 300.0
_SUCCESSION_SECONDS = 5.0
_HEARTBEAT_SECONDS = 60.0


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
        """Tell the daemon to end; runs that it started continue."""
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
        command = [sys.executable, "-m", "dara_dagster.executor.daemon", str(self._reading)]
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


def other_daemon(instance: DagsterInstance, now: float | None = None) -> bool:
    """Return whether a daemon of this history has written a heartbeat lately: that of `dagster dev`, say.

    Heartbeats come every 30 s (docs.dagster.io/deployment/execution/dagster-daemon); a daemon that was killed
    leaves its last.
    """
    last = max((beat.timestamp for beat in instance.get_daemon_heartbeats().values()), default=0.0)
    return (time.time() if now is None else now) - last < _HEARTBEAT_SECONDS


@contextmanager
def kept_daemon(
    instance: DagsterInstance,
    home: Path,
    root: Path,
    workspace_file: Path,
    stop_seconds: float = _STOP_SECONDS,
) -> Iterator[Daemon | None]:
    """Keep the home's daemon running while open; None when another process runs it now, which this one
    succeeds.

    It gets `stop_seconds` to end before it is killed. Two daemons on one home would evaluate every sensor and
    schedule twice.
    """
    begin = partial(Daemon, home, root, workspace_file, stop_seconds)
    with ExitStack() as held:
        daemon = _sole(held, instance, home, begin)
        if daemon is None:
            held.enter_context(_succession(instance, home, begin))
        yield daemon


def _sole(
    held: ExitStack, instance: DagsterInstance, home: Path, begin: Callable[[], Daemon]
) -> Daemon | None:
    """Return the home's daemon, begun and locked until `held` is closed; None when another process has
    one."""
    with ExitStack() as tried:
        try:
            tried.enter_context(file_lock(home / "daemon.lock", timeout=0))
        except TimeoutError:
            return None
        if other_daemon(instance):
            return None
        tried.callback(instance.wipe_daemon_heartbeats)  # the next start need not wait for them to grow old
        daemon = begin()
        tried.callback(daemon.stop)
        held.enter_context(tried.pop_all())
        return daemon


@contextmanager
def _succession(instance: DagsterInstance, home: Path, begin: Callable[[], Daemon]) -> Iterator[None]:
    """While open, begin the daemon as soon as the process that has one is gone."""
    over = threading.Event()

    def wait(held: ExitStack) -> None:
        while not over.wait(_SUCCESSION_SECONDS):
            if _sole(held, instance, home, begin) is not None:
                print("The other daemon has ended: this server runs Dagster's daemon now.", file=sys.stderr)
                return

    with ExitStack() as held:
        waiter = threading.Thread(target=wait, args=[held], name="dara-succession", daemon=True)
        waiter.start()
        try:
            yield
        finally:
            over.set()
            waiter.join()
