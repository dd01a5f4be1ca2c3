"""Runs a command and measures the whole process tree: wall time, CPU time, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall and CPU (all its processes), and its peak memory in MB."""

    wall: float
    cpu: float
    seen_files: float
    output: str


def measure(module: str, *arguments: str, home_yaml: str | None = None, timeout: float = 900) -> Cost:
    """Run `python -m module arguments` in a Dagster home of its own and measure it.

    `home_yaml` is the text of its dagster.yaml; None lets the command write ours. Raises
    `RuntimeError` with the end of the command's error output when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="dara-bench-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        if home_yaml is not None:
            (home / "dagster.yaml").write_text(home_yaml)
        command = [sys.executable, "-m", module, *arguments]
        return _run(command, _environ() | {"DAGSTER_HOME": str(home)}, Path(folder, "log"), timeout)


def _environ() -> dict[str, str]:
    """Python keeps what it compiled, as it does for users: some machines for tests switch that off."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environ | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "dara-bench-pycache"))}


def _run(command: Sequence[str], environ: Mapping[str, str], log: Path, timeout: float) -> Cost:
    began, printed = time.monotonic(), log.with_name("output")
    with log.open("w") as errors, printed.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=errors)
        peak = [0.0]
        watcher = threading.Thread(target=_watch_memory, args=(process.pid, peak), daemon=True)
        watcher.start()
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        _, status, used = os.wait4(
            process.pid, 0
        )  # of this process and its children, not of others beside it
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
    wall = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, peak[0], printed.read_text())


def _watch_memory(pid: int, peak: list[float]) -> None:
    """Keep the largest sum of the tree's memory; shared pages are counted once (PSS), where Linux tells."""
    while True:
        total = sum(_pss_mb(member) for member in _tree(pid))
        if not total:
            return
        peak[0] = max(peak[0], total)
        time.sleep(0.25)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _tree(int(child)))]


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
