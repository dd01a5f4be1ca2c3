"""Takes a server out of the terminal's reach, so that Ctrl-C ends the server and not the runs it launched."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from dara_dagster.executor.parent_watch import end_with

__all__ = ["end_now", "leave_terminal"]

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if sys.platform != "win32" else ()


def end_now(code: int) -> NoReturn:
    """End this process with what it has written, without tidying its memory up.

    Python takes seconds for that with Dagster loaded, on a busy computer more than a Databricks App has.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def leave_terminal() -> int | None:
    """Continue in a child process in a session of its own; returns None there.

    A terminal sends Ctrl-C to all processes of the session's foreground group: to the runs too, since
    Dagster starts them from the server. Here only the first process gets it; it hands it on to the server
    as a SIGTERM, waits for its end and returns its exit code. The server ends also when the first process
    is killed. Call it before threads are started. Where processes cannot be forked nothing happens.
    """
    if sys.platform == "win32":
        return None
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.setsid()
        end_with(reading)
        return None
    os.close(reading)

    def hand_on(_number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    for number in _ASKED_TO_STOP:
        signal.signal(number, hand_on)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code  # ended by a signal, as a shell has it
