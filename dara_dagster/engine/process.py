"""Tells whether the process that started a run is still the same and alive, from a tag of the run."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PROCESS_TAG", "Owner", "is_abandoned", "mark_of", "own_mark", "owner_of"]

PROCESS_TAG = "dara/process"


@dataclass(frozen=True)
class Owner:
    """The process a run belongs to; `alive` is None when it is on another computer."""

    host: str
    pid: int
    alive: bool | None


def own_mark() -> str:
    """The mark of this process: computer, process id, and when it began (ids are used again)."""
    return mark_of(os.getpid())


def mark_of(pid: int) -> str:
    """The mark of a process of this computer."""
    return f"{socket.gethostname()}:{pid}:{_began(pid) or ''}"


def owner_of(mark: str) -> Owner:
    """Whose mark it is. Raises ValueError when it is none of ours."""
    host, pid, began = mark.rsplit(":", 2)
    if host != socket.gethostname():
        return Owner(host, int(pid), None)
    return Owner(host, int(pid), _began(int(pid)) == (began or None) and bool(began))


def is_abandoned(tags: Mapping[str, str]) -> bool:
    """Whether the process that carried the run with these tags is known to have died."""
    mark = tags.get(PROCESS_TAG)
    return mark is not None and owner_of(mark).alive is False


def _began(pid: int) -> str | None:
    """When the process began, in a word of the system's own; None when there is no such process."""
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
