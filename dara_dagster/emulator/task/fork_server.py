"""Starts task processes: forks a process that has the heavy imports done, on requests that come as JSON
lines.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Serve requests until standard input ends; then ends every task with its process group."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever an import prints must not look like an answer
    # Threads that an import starts would not survive the fork.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    failure = _load_engine()
    server = ForkServer(answers, failure) if hasattr(os, "fork") else SpawnServer(answers, failure)
    server.serve()


def _load_engine() -> str | None:
    """Import what every task needs; the reason when that is not possible."""
    try:
        from dara_dagster.emulator.task import imports_ahead

        imports_ahead.import_all()
    except ImportError as error:
        remedy = "pip install 'dara-dagster[emulator]'"
        return f"The local workspace cannot run tasks: {error}. Install it with: {remedy}"
    return None


class _Answers(ABC):
    """Answers requests: what both kinds of server share."""

    def __init__(self, answers: Any, failure: str | None) -> None:
        self._answers = answers
        self._failure = failure
        self._lock = threading.Lock()

    def _say(self, **answer: Any) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._answers.write(json.dumps(answer) + "\n")

    def _handle(self, line: str) -> None:
        request = json.loads(line)
        spec = request["start"]
        if self._failure:
            self._say(failed=spec, error=self._failure, code="LIBRARY_INSTALLATION_ERROR")
            return
        try:
            pid = self._start(spec)
        except (OSError, ValueError, TypeError) as error:
            self._say(failed=spec, error=f"{type(error).__name__}: {error}")
        else:
            self._say(started=spec, pid=pid)

    @abstractmethod
    def _start(self, spec: str) -> int:
        """Start a task; its process id, which is its process group's too."""


class ForkServer(_Answers):
    """One thread (a fork copies only that), woken by requests and by children that end."""

    def __init__(self, answers: Any, failure: str | None) -> None:
        super().__init__(answers, failure)
        self._children: set[int] = set()
        self._wake_read, self._wake_write = os.pipe()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self._wake_write)
        gc.collect()
        gc.freeze()  # children then share these pages instead of copying them at their first collection
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if 0 in ready:
                    data = os.read(0, 65536)
                    if not data:
                        break
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        if line.strip():
                            self._handle(line.decode())
        self._end_all()

    def _start(self, spec: str) -> int:
        grouped_read, grouped_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(grouped_write)
            _run_child(spec, (grouped_read, self._wake_read, self._wake_write, self._answers.fileno()))
        os.close(grouped_write)
        os.read(grouped_read, 1)  # ends once the child has its group: from now on it can be killed as one
        os.close(grouped_read)
        self._children.add(pid)
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._children.discard(pid)
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # what the task left running in the background
            self._say(exited=pid, status=os.waitstatus_to_exitcode(status))

    def _end_all(self) -> None:
        for pid in self._children:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        for pid in self._children:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def _run_child(spec: str, inherited: tuple[int, ...]) -> Any:
    """Run the child to its end; never returns."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in inherited:
            os.close(descriptor)
        from dara_dagster.emulator.task.process import run_spec

        status = run_spec(spec)
    finally:
        # Nothing of the server's or the user's exit handlers may run or hang here.
        os._exit(status)


class SpawnServer(_Answers):
    """For platforms without fork: a new interpreter a task."""

    def __init__(self, answers: Any, failure: str | None) -> None:
        super().__init__(answers, failure)
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def serve(self) -> None:
        for line in sys.stdin:
            if line.strip():
                self._handle(line)
        for child in list(self._children.values()):
            child.kill()

    def _start(self, spec: str) -> int:
        command = [sys.executable, "-m", "dara_dagster.emulator.task", spec]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        self._children[child.pid] = child
        threading.Thread(target=self._watch, args=(child,), daemon=True).start()
        return child.pid

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        status = child.wait()
        self._children.pop(child.pid, None)
        self._say(exited=child.pid, status=status)
