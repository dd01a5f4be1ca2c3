"""The very first commands of a project, all at once: each would make Dagster's tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE

_OPEN = """
import pathlib, sys, time
from dagster import DagsterInstance
from dara_dagster.cli.project import open_instance
here = pathlib.Path(sys.argv[1])
print("ready", flush=True)
while not (here / "go").exists():
    time.sleep(0.001)
with open_instance(here / "config") as instance:
    print(instance.get_runs(limit=1))
"""


def test_processes_that_open_a_new_history_at_once_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    command = [sys.executable, "-c", _OPEN, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()

    ends = [process.communicate(timeout=PATIENCE) for process in processes]

    assert [(process.returncode, out) for process, (out, _) in zip(processes, ends, strict=True)] == [
        (0, "[]\n")
    ] * 4, ends
