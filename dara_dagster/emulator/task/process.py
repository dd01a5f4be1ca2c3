"""Leads a task process from its log to its exit: run, result, an end that nothing can hold up."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

from dara_dagster.emulator.task.spec import TaskResult, TaskSpec
from dara_dagster.emulator.task.task import run_task

__all__ = ["run_spec"]


def run_spec(path: str) -> int:
    """Run the task of a spec file; 0 when it succeeded. Standard output and error go to its log from here
    on.
    """
    spec = TaskSpec.read(path)
    _redirect_output(spec.log)
    # fork keeps only the forking thread; the task's main thread is this one.
    threading.current_thread().name = "MainThread"
    try:
        result = run_task(spec)
    except BaseException as error:  # the result file itself could not be written
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        TaskResult(ok=False, error=f"{type(error).__name__}: {error}").write(spec.result)
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0 if result.ok else 1


def _redirect_output(log: str) -> None:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.close(target)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  for the process's life
    sys.stdout = _text_stream(1)
    sys.stderr = _text_stream(2)


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115  for the process's life
    return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)
