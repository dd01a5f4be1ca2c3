"""A fork server that runs the tasks of all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.task.task_processes import Tasks


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """A fork server for all tests that run tasks; every task is a process of its own."""
    running = Tasks(tmp_path_factory.mktemp("tasks"))
    yield running
    assert running.stop() == 0
