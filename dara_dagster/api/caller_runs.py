"""Starts runs on behalf of their callers, each in a process of its own that is handed the caller's token."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus

from dara_dagster.executor.process import PROCESS_TAG, mark_of

__all__ = ["CallerRuns"]


class CallerRuns:
    """The runs that this server carries for callers. They end with it: nobody else has the tokens."""

    def __init__(self, instance: DagsterInstance, log: Path) -> None:
        self._instance, self._log = instance, log
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # Each process holds the reading end: it ends when this one does, however that happens.
        self._reading, self._writing = os.pipe()

    def has(self, run_id: str) -> bool:
        """Return whether the run was started here."""
        with self._lock:
            return run_id in self._processes

    def start(self, run_id: str, token: str) -> None:
        """Start the run, which has been made, and give its process the token."""
        command = [sys.executable, "-m", "dara_dagster.api.caller_process", run_id, str(self._reading)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[self._reading],
                start_new_session=True,
            )
        assert process.stdin is not None
        with self._lock:
            self._processes[run_id] = process
        self._instance.add_run_tags(run_id, {PROCESS_TAG: mark_of(process.pid)})
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(token.encode())
        threading.Thread(
            target=self._see_end, args=[run_id, process], name="dara-caller-run", daemon=True
        ).start()

    def _see_end(self, run_id: str, process: subprocess.Popen[bytes]) -> None:
        """Close a run whose process has left it open."""
        code = process.wait()
        with self._lock:
            del self._processes[run_id]
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        if run.status is DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, "Cancelled before its first step.")
        else:
            self._instance.report_run_failed(run, f"The run's process ended ({code}).")
