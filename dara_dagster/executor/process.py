"""Tells whether the process that started a run is still the same and alive, from a tag of the run."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterRun, DagsterRunStatus

__all__ = ["HIDDEN", "PROCESS_TAG", "Owner", "carrier", "is_abandoned", "mark_of", "own_mark", "owner_of"]

HIDDEN = ".dagster/dara_"
"""What the tags of our own bookkeeping begin with: Dagster's UI and GraphQL leave `.dagster/...` out."""
PROCESS_TAG = f"{HIDDEN}process"
_LAUNCHED = (DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING)


@dataclass(frozen=True)
class Owner:
    """The process a run belongs to; `alive` is None when it is on another computer."""

    host: str
    pid: int
    alive: bool | None


def own_mark() -> str:
    """Return the mark of this process: computer, process id, and when it began (ids are used again)."""
    return mark_of(os.getpid())


def mark_of(pid: int) -> str:
    """Return the mark of a process of this computer."""
    return f"{socket.gethostname()}:{pid}:{_began(pid) or ''}"


def owner_of(mark: str) -> Owner:
    """Whose mark it is. Raises ValueError when it is none of ours."""
    host, pid, began = mark.rsplit(":", 2)
    if host != socket.gethostname():
        return Owner(host, int(pid), None)
    return Owner(host, int(pid), _began(int(pid)) == (began or None) and bool(began))


def carrier(run: DagsterRun) -> Owner | None:
    """Return the process that carries the run, None where no tag names one.

    A run that waits in the queue or is being started has no process yet: re-executed in Dagster's UI, it has
    the tags of the run before it.
    """
    mark = run.tags.get(PROCESS_TAG)
    return owner_of(mark) if mark is not None and run.status not in _LAUNCHED else None


def is_abandoned(run: DagsterRun) -> bool:
    """Return whether the process that carried the run is known to have died."""
    owner = carrier(run)
    return owner is not None and owner.alive is False


def _began(pid: int) -> str | None:
    """Return when the process began, as the system writes it; None when there is no such process."""
    if Path("/proc/self/stat").exists():
        try:
            # After the name in brackets, which may hold spaces: field 3 on; field 22 is the start (proc(5)).
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "-".join(answer.stdout.replace(":", ".").split()) or None
