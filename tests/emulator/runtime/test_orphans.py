"""How a process of an earlier server is recognised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dara_dagster.emulator.runtime.runner import _read_command


def test_a_process_is_recognised_without_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small containers have no ps: the server did not start any more where a task had been running."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert _read_command(2**22 + 1) == ""
    if Path("/proc/self/cmdline").exists():
        assert "python" in _read_command(os.getpid())
