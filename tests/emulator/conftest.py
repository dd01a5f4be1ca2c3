"""A server whose tasks are run by a stub of the engine: plain Python, so it starts at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Emulator, start_emulator

STUB_ENGINE = ("--engine", sys.executable, str(Path(__file__).with_name("stub_engine.py")))


@pytest.fixture(scope="session")
def stub_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The session's server with the stub engine, in open mode."""
    running = start_emulator(tmp_path_factory.mktemp("stub"), *STUB_ENGINE)
    yield running
    assert running.stop() == 0
