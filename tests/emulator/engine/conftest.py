"""One session for all tests of the engine that can share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dara_dagster.emulator.engine import delta_tables
from dara_dagster.emulator.engine.paths import PathMap
from dara_dagster.emulator.engine.python_io import redirect_file_calls
from dara_dagster.emulator.engine.server import SparkServer
from dara_dagster.emulator.engine.session import LocalSpark, open_session
from dara_dagster.emulator.engine.store import Store
from tests.emulator.engine.tasks import Tasks


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSpark]:
    """A session of its own server, with the file functions redirected as in a task."""
    root: Path = tmp_path_factory.mktemp("engine")
    store = Store(root / "tables")
    paths = PathMap(store, root / "workspace")
    server = SparkServer(store)
    session = open_session(server, paths, "ada@example.org")
    delta_tables.install()
    restore = redirect_file_calls(paths)
    yield session
    restore()
    session.close()
    server.stop()


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """A zygote for all tests that run tasks; every task is a process of its own."""
    running = Tasks(tmp_path_factory.mktemp("tasks"))
    yield running
    assert running.stop() == 0
