"""Rows that many threads insert at once: each thread learns of its own row, and no row spoils another."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dara_dagster.executor.storage import PooledSqliteEventLogStorage
from tests.executor.test_storage import RUN, entry, messages


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PooledSqliteEventLogStorage]:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    yield storage
    storage.dispose()


def test_threads_that_wait_for_a_transaction_are_not_rolled_back_with_it(
    storage: PooledSqliteEventLogStorage,
) -> None:
    storage.store_event(entry("before"))
    waiting = [f"waited {number}" for number in range(20)]
    threads = [threading.Thread(target=storage.store_event, args=(entry(name),)) for name in waiting]
    with pytest.raises(RuntimeError), storage.run_connection(RUN):
        for thread in threads:
            thread.start()
        storage.store_event(entry("rolled back"))
        time.sleep(0.2)
        raise RuntimeError
    for thread in threads:
        thread.join()
    assert sorted(messages(storage)) == sorted(["before", *waiting])


def test_a_row_that_could_not_be_written_is_not_written_later(
    storage: PooledSqliteEventLogStorage, tmp_path: Path
) -> None:
    storage.store_event(entry("before"))
    refuse = "CREATE TRIGGER refuse BEFORE INSERT ON event_logs BEGIN SELECT RAISE(ABORT, 'no room'); END"
    with sqlite3.connect(tmp_path / f"{RUN}.db") as connection:
        connection.execute(refuse)
    with pytest.raises(sqlite3.IntegrityError, match="no room"):
        storage.store_event(entry("refused"))
    with connection:
        connection.execute("DROP TRIGGER refuse")
    connection.close()
    storage.store_event(entry("after"))
    assert messages(storage) == ["before", "after"]


def test_a_row_that_is_refused_does_not_spoil_those_of_other_threads(
    storage: PooledSqliteEventLogStorage, tmp_path: Path
) -> None:
    storage.store_event(entry("before"))
    refuse = (
        "CREATE TRIGGER refuse BEFORE INSERT ON event_logs WHEN NEW.step_key = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    with sqlite3.connect(tmp_path / f"{RUN}.db") as connection:
        connection.execute(refuse)
    connection.close()
    refused: list[str] = []

    def store(name: str) -> None:
        try:
            storage.store_event(entry(name, step_key=name.rstrip("0123456789")))
        except sqlite3.IntegrityError:
            refused.append(name)

    names = [f"{kind}{number}" for number in range(10) for kind in ("good", "bad")]
    threads = [threading.Thread(target=store, args=(name,)) for name in names]
    with storage.run_connection(RUN):
        for thread in threads:
            thread.start()
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    assert sorted(refused) == [f"bad{number}" for number in range(10)]
    assert sorted(messages(storage)) == ["before", *(f"good{number}" for number in range(10))]


def test_a_shard_in_use_is_kept_open(storage: PooledSqliteEventLogStorage) -> None:
    """Closing it for others would let the next nested use wait for the transaction it is nested in."""
    with storage.run_connection(RUN):
        storage.store_event(entry("outer"))
        for number in range(20):
            storage.store_event(entry("other", f"{number:08d}-2222-3333-4444-555555555555"))
        storage.store_event(entry("nested"))
    assert messages(storage) == ["outer", "nested"]
