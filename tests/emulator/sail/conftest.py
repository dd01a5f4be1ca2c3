"""One session for all tests of the engine that can share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dara_dagster.emulator.lake.paths import PathMap
from dara_dagster.emulator.lake.store import Store
from dara_dagster.emulator.sail import delta_tables
from dara_dagster.emulator.sail.server import SparkServer
from dara_dagster.emulator.sail.session import LocalSpark, open_session
from dara_dagster.emulator.task.python_io import redirect_file_calls


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSpark]:
    """A session of its own server, with the file functions redirected as in a task."""
    root: Path = tmp_path_factory.mktemp("sail")
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
