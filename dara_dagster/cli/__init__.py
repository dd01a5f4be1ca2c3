"""The `dara` command: parse, call, print, exit code."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any, NoReturn

from dara_dagster.cli.exit_codes import INTERRUPTED

__all__ = ["main"]

_AGAIN_SECONDS = 0.05


def main() -> None:
    """Run the `dara` script; Ctrl-C ends it with a short message, also while it is being loaded."""
    sys.unraisablehook = _keep_interrupt
    try:
        from dara_dagster.cli.app import main as call

        call()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is ending
        print("Interrupted.", file=sys.stderr)
        _end_interrupted()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _end_interrupted()
        raise


def _end_interrupted() -> NoReturn:
    """End at once: Python would end itself by SIGINT where the interrupt came inside of an `exec`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def _keep_interrupt(lost: Any) -> None:
    """Repeat an interrupt that came in a destructor or a callback, where Python drops it with a traceback."""
    if lost.exc_type is KeyboardInterrupt:
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), signal.SIGINT))  # here it is lost too
        again.daemon = True
        again.start()
    elif issubclass(lost.exc_type, Exception):  # else: what ends a server, which looks for itself
        sys.__unraisablehook__(lost)
