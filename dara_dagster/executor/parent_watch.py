"""Ends a process when the one that started it is gone, however that ended."""

from __future__ import annotations

import os
import signal
import threading

__all__ = ["end_with"]


def end_with(pipe: int) -> None:
    """Send this process a SIGTERM when the other end of `pipe` (a readable descriptor) is closed.

    Nothing is ever written to the pipe: the system closes its other end when the process that holds it
    ends, also by SIGKILL.
    """

    def wait() -> None:
        os.read(pipe, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="dara-parent-watch", daemon=True).start()
