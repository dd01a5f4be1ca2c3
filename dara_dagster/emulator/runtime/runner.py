"""Runs code for the workspace: writes the spec a task process reads, and reads the result it leaves."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.safe_path import make_safe_path
from dara_dagster.emulator.runtime.process_pool import ProcessPool, TaskProcess
from dara_dagster.emulator.task.spec import TaskResult as TaskResult

LOG_LIMIT = 5_000_000
"""Bytes of output that runs/get-output shows, the last ones (SDK, RunOutput.logs)."""


class Runner:
    """Starts task processes for one workspace and reports their ends; event loop's thread only.

    `secrets()` -> the values that a task may read, by scope and key.
    ."""

    def __init__(
        self, context: Context, pool: ProcessPool, secrets: Callable[[], dict[str, dict[str, bytes]]]
    ) -> None:
        self._context, self._pool, self._secrets = context, pool, secrets
        self._processes: dict[int, TaskProcess] = {}

    @property
    def count(self) -> int:
        """Return how many task processes were started and have not ended."""
        return len(self._processes)

    def launch(
        self,
        spec: Mapping[str, Any],
        *,
        started: Callable[[int], None],
        ended: Callable[[TaskResult], None],
        nested: bool = False,
    ) -> None:
        """Run `spec`: the engine's task spec, with kind, path, file or text, parameters, run_id, job_run_id.

        What is the same for every task of the workspace is filled in. `started(pid)` is called when the
        process is there (places are limited, it may wait), `ended(result)` exactly once.
        """
        run_id = spec["run_id"]
        folder = self.task_folder(spec["job_run_id"], run_id)
        folder.mkdir(parents=True, exist_ok=True)
        full = {**self._fill_common(folder), **spec}
        spec_file = folder / "spec.json"
        _write_private(spec_file, full)

        def on_end(status: int | None, reason: str) -> None:
            self._processes.pop(run_id, None)
            self.clean_up(spec["job_run_id"], run_id)
            result = _read_result(_find_result_file(folder), status, reason)
            if result.lost and not result.code:
                result.code = process.code
            ended(result)

        process = TaskProcess(str(spec_file), started, on_end)
        self._processes[run_id] = process
        self._pool.start(process, nested=nested)

    def stop(self, run_id: int) -> None:
        """End the process of that task run and its group; `ended` follows when it is gone."""
        if (process := self._processes.get(run_id)) is not None:
            self._pool.stop(process)

    def clean_up(self, job_run_id: int, run_id: int) -> None:
        """Delete the files that hold the token and the secrets."""
        for name in ("spec.json", "secrets.json"):
            (self.task_folder(job_run_id, run_id) / name).unlink(missing_ok=True)

    def close(self) -> None:
        """End all processes of the workspace without waiting."""
        for process in list(self._processes.values()):
            process.started, process.ended = _ignore_start, _ignore_end
            self._pool.end_now(process)
        self._processes.clear()

    def task_folder(self, job_run_id: int, run_id: int) -> Path:
        """Return where a task run's spec, log and result are."""
        return self._context.folder / "runs" / str(job_run_id) / str(run_id)

    def result(self, job_run_id: int, run_id: int) -> TaskResult:
        """Return what an ended task run left behind."""
        return _read_result(
            _find_result_file(self.task_folder(job_run_id, run_id)), None, "The result is gone."
        )

    def log(self, job_run_id: int, run_id: int) -> tuple[str, bool]:
        """Return the last 5 MB a task wrote to stdout and stderr, and whether something before was left
        out."""
        file = self.task_folder(job_run_id, run_id) / "log.txt"
        try:
            size = file.stat().st_size
            with file.open("rb") as log:
                log.seek(max(size - LOG_LIMIT, 0))
                return log.read().decode("utf-8", "replace"), size > LOG_LIMIT
        except FileNotFoundError:
            return "", False

    def _fill_common(self, folder: Path) -> dict[str, Any]:
        context = self._context
        plain = make_safe_path(context.folder)
        return {
            "path": "",
            "file": None,
            "text": None,
            "parameters": {},
            "tables": str(plain / context.tables.name),
            "workspace": str(plain / context.files_root.name),
            "run_dir": str(folder.parent),
            "task_key": "",
            "job_id": 0,
            "user": context.user,
            "catalog": None,
            "schema": None,
            "cluster_id": None,
            "secrets": self._write_secrets(folder),
            "env": {},
            "host": context.host,
            "token": context.token,
            "log": str(folder / "log.txt"),
            "result": str(_find_result_file(folder)),
            "row_limit": 10_000,
        }

    def _write_secrets(self, folder: Path) -> str | None:
        secrets = self._secrets()
        if not secrets:
            return None
        encoded = {
            scope: {key: base64.b64encode(value).decode() for key, value in values.items()}
            for scope, values in secrets.items()
        }
        _write_private(folder / "secrets.json", encoded)
        return str(folder / "secrets.json")


def end_orphan(pid: int) -> None:
    """Kill the group of a task process that a dead server left behind, if that is still what `pid` is."""
    if "dara_dagster.emulator.task" in _read_command(pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _read_command(pid: int) -> str:
    """Return how a process was started; "" when there is none, or it cannot be found out."""
    if Path("/proc/self/cmdline").exists():  # small containers have no ps
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        return ""
    with contextlib.suppress(OSError):
        asked = ["ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return ""


def _find_result_file(folder: Path) -> Path:
    return folder / "result.json"


def _read_result(file: Path, status: int | None, reason: str) -> TaskResult:
    try:
        found = json.loads(file.read_text())
        return TaskResult(**{one.name: found[one.name] for one in fields(TaskResult) if one.name in found})
    except FileNotFoundError:
        if status is None:
            return TaskResult(ok=False, lost=reason)
        how = f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
        return TaskResult(ok=False, lost=f"The Python process {how} before the task was finished.")
    except (OSError, ValueError, TypeError) as error:
        return TaskResult(ok=False, lost=f"The result of the task cannot be read: {error}")


def _write_private(file: Path, content: Any) -> None:
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        json.dump(content, out)


def _ignore_start(_pid: int) -> None:
    """Do nothing: the workspace is gone."""


def _ignore_end(_status: int | None, _reason: str) -> None:
    """Do nothing: the workspace is gone."""
