"""Commands in processes of their own, forked from one that has the imports done.

A start costs 0.1 s of CPU time instead of 3. Otherwise the process is as `python -m` makes it: with a folder,
an environment, signals and a session of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dara_dagster.cli import main
from tests.support.waiting import PATIENCE, until

__all__ = ["Forked"]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.loaded"])


class Forked:
    """`dara ARGUMENTS` (or another `main`) in `folder`; has the methods of subprocess.Popen that tests need.

    What it writes on stdout and stderr goes to files; with `log`, all of it there.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        arguments: Sequence[str],
        *,
        log: Path | None = None,
        main: Callable[[], object] = main,
    ) -> None:
        if log is None:
            files = Path(tempfile.mkdtemp(prefix="forked-"))
            weakref.finalize(self, shutil.rmtree, files, ignore_errors=True)
            self._files = [files / "out", files / "err"]
        else:
            self._files = [log]
        for file in self._files:
            file.touch()
        target = (main, folder, dict(environ), self._files[0], self._files[-1], tuple(arguments))
        self.process = _FORKS.Process(target=_run, args=target)
        self.process.start()
        assert self.process.pid is not None
        self.pid: int = self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    @property
    def text(self) -> str:
        """What it has written so far."""
        return "".join(file.read_text() for file in self._files)

    def poll(self) -> int | None:
        """Its exit code, None while it goes on."""
        return self.process.exitcode

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait for its end; returns its exit code. Raises subprocess.TimeoutExpired, with what it wrote."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("dara", timeout, self.text)
        return self.process.exitcode

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Wait for its end; returns what it has written on stdout and on stderr."""
        self.wait(timeout)
        return self._files[0].read_text(), self._files[-1].read_text()

    def first_line(self) -> str:
        """Wait for its first line. Raises AssertionError if it ends without one."""
        until(lambda: self.poll() is not None or "\n" in self._files[0].read_text(), lambda: self.text)
        line, end, _ = self._files[0].read_text().partition("\n")
        assert end, self.text
        return line

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        self.send_signal(signal.SIGKILL)
        self.wait()


def _run(
    main: Callable[[], object],
    folder: Path,
    environ: Mapping[str, str],
    out: Path,
    err: Path,
    arguments: Sequence[str],
) -> None:
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    searched = [str(folder), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:0] = searched
    for number, file in ((1, out), (2, err)):
        target = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(target, number)
        os.close(target)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", 1)
    sys.argv = ["dara", *arguments]
    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
