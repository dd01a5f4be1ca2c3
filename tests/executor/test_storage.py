"""The event log with its connections kept: the same files as Dagster's, from threads, processes and forks."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterEvent, DagsterEventType, DagsterInstance, asset, materialize
from dagster._core.events import EngineEventData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage

from dara_dagster.executor.home import write_dagster_yaml
from dara_dagster.executor.storage import PooledSqliteEventLogStorage
from tests.support.waiting import PATIENCE

RUN = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PooledSqliteEventLogStorage]:
    storage = PooledSqliteEventLogStorage(str(tmp_path))
    yield storage
    storage.dispose()


def entry(message: str, run_id: str = RUN, step_key: str | None = "a.b[c]") -> EventLogEntry:
    kind = DagsterEventType.ENGINE_EVENT.value
    event = DagsterEvent(
        kind, "job", step_key=step_key, message=message, event_specific_data=EngineEventData()
    )
    return EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=1_700_000_000.25,
        step_key=step_key,
        job_name="job",
        dagster_event=event,
    )


def messages(storage: SqliteEventLogStorage, run_id: str = RUN) -> list[str]:
    logs = storage.get_logs_for_run(run_id)
    return [found.dagster_event.message or "" for found in logs if found.dagster_event]


def rows(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT * FROM event_logs ORDER BY id").fetchall()
    connection.close()
    return found


def test_rows_are_those_of_dagsters_own(tmp_path: Path) -> None:
    for kind in (SqliteEventLogStorage, PooledSqliteEventLogStorage):
        storage = kind(str(tmp_path / kind.__name__))
        storage.store_event(entry("with ünicode, 'quotes' and \n lines"))
        storage.store_event(entry("of no step", step_key=None))
        storage.dispose()
    found = [rows(path) for path in sorted(tmp_path.glob(f"*/{RUN}.db"))]
    assert len(found) == 2
    assert found[0] == found[1] != []


def test_nested_use_joins_the_transaction(storage: PooledSqliteEventLogStorage) -> None:
    with pytest.raises(RuntimeError), storage.run_connection(RUN):
        storage.store_event(entry("rolled back with the rest"))
        raise RuntimeError
    assert messages(storage) == []
    with storage.run_connection(RUN):
        storage.store_event(entry("kept"))
    assert messages(storage) == ["kept"]


def _write(folder: str, kind: type[SqliteEventLogStorage], writer: str) -> None:
    storage = kind(folder)

    def write(name: str) -> None:
        for number in range(40):
            storage.store_event(entry(f"{name} {number}"))

    threads = [threading.Thread(target=write, args=(f"{writer}.{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    storage.dispose()


def test_processes_and_threads_write_in_parallel(
    storage: PooledSqliteEventLogStorage, tmp_path: Path
) -> None:
    """Three processes of four threads, one of them a stock Dagster, while this one writes and reads."""
    spawn = multiprocessing.get_context("spawn")
    kinds = [PooledSqliteEventLogStorage, PooledSqliteEventLogStorage, SqliteEventLogStorage]
    writers = [
        spawn.Process(target=_write, args=(str(tmp_path), kind, str(number)))
        for number, kind in enumerate(kinds)
    ]
    for writer in writers:
        writer.start()
    storage.store_event(entry("here 0"))
    while any(writer.is_alive() for writer in writers):
        messages(storage)
        time.sleep(0.1)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    found = messages(storage)
    for name in ["here", *(f"{process}.{thread}" for process in range(3) for thread in range(4))]:
        own = [line for line in found if line.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(1 if name == "here" else 40)]
    stock = SqliteEventLogStorage(str(tmp_path))
    assert messages(stock) == found


def test_a_forked_child_has_its_own_connection(storage: PooledSqliteEventLogStorage, tmp_path: Path) -> None:
    storage.store_event(entry("before"))
    child = os.fork()
    if child == 0:
        storage.store_event(entry("in the child"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    storage.store_event(entry("after"))
    assert messages(storage) == ["before", "in the child", "after"]
    with sqlite3.connect(tmp_path / f"{RUN}.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _record_and_die(folder: str) -> None:
    PooledSqliteEventLogStorage(folder).store_event(entry("written before the kill"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_is_stored_outlives_a_kill(storage: PooledSqliteEventLogStorage, tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_record_and_die, args=(str(tmp_path),))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert messages(storage) == ["written before the kill"]


def test_a_wipe_is_seen_by_those_who_had_it_open(
    storage: PooledSqliteEventLogStorage, tmp_path: Path
) -> None:
    other = PooledSqliteEventLogStorage(str(tmp_path))
    storage.store_event(entry("old"))
    assert messages(other) == ["old"]
    SqliteEventLogStorage(str(tmp_path)).wipe()
    assert messages(other) == []
    storage.store_event(entry("new"))
    assert messages(storage) == messages(other) == ["new"]
    storage.wipe()
    other.store_event(entry("newer"))
    assert messages(storage) == messages(other) == ["newer"]
    other.dispose()


@pytest.mark.parametrize("watcher_kind", [PooledSqliteEventLogStorage, SqliteEventLogStorage])
def test_watchers_are_notified(
    storage: PooledSqliteEventLogStorage, tmp_path: Path, watcher_kind: type[SqliteEventLogStorage]
) -> None:
    storage.store_event(entry("before anybody looks"))
    watcher = watcher_kind(str(tmp_path))
    seen: list[str] = []
    reported = threading.Event()

    def on_event(event: EventLogEntry, _cursor: str) -> None:
        seen.append(event.dagster_event.message or "" if event.dagster_event else "")
        if seen[-1] == "last":
            reported.set()

    watcher.watch(RUN, None, on_event)
    for message in ("first", "second", "last"):
        storage.store_event(entry(message))
    assert reported.wait(PATIENCE)
    watcher.end_watch(RUN, on_event)
    watcher.dispose()
    assert seen == ["before anybody looks", "first", "second", "last"]


def test_few_files_stay_open(storage: PooledSqliteEventLogStorage, tmp_path: Path) -> None:
    runs = [f"{number:08d}-2222-3333-4444-555555555555" for number in range(24)]
    for run_id in runs:
        storage.store_event(entry("one", run_id))
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert len({name for name in links if name.parent == tmp_path and name.suffix == ".db"}) <= 16
    assert [messages(storage, run_id) for run_id in runs] == [["one"]] * 24


def test_nothing_is_left_open_at_exit(tmp_path: Path) -> None:
    code = (
        "from tests.executor.test_storage import PooledSqliteEventLogStorage, entry, messages\n"
        f"storage = PooledSqliteEventLogStorage({str(tmp_path)!r})\n"
        "storage.store_event(entry('x')); print(messages(storage))\n"
    )
    command = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stdout) == (0, "['x']\n")
    assert "ResourceWarning" not in done.stderr
    assert not list(tmp_path.glob("*.db-wal"))


def test_assets_and_deleted_runs(instance: DagsterInstance) -> None:
    @asset
    def table() -> int:
        return 1

    assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage)
    run_id = materialize([table], instance=instance).run_id
    assert instance.get_latest_materialization_event(AssetKey("table")) is not None
    instance.delete_run(run_id)
    assert instance.all_logs(run_id) == []
    instance.wipe_assets([AssetKey("table")])
    assert instance.get_latest_materialization_event(AssetKey("table")) is None


def test_a_stock_dagster_reads_the_home(instance: DagsterInstance, home: Path, tmp_path: Path) -> None:
    @asset
    def table_2() -> int:
        return 1

    run_id = materialize([table_2], instance=instance).run_id
    stock = SqliteEventLogStorage(str(home / "history" / "runs"))
    assert messages(stock, run_id) == [
        found.dagster_event.message or "" for found in instance.all_logs(run_id) if found.dagster_event
    ]


def test_the_home_is_written_once(tmp_path: Path) -> None:
    home = tmp_path / "a new: 'home'"
    assert write_dagster_yaml(home)
    text = (home / "dagster.yaml").read_text()
    assert not write_dagster_yaml(home)
    assert (home / "dagster.yaml").read_text() == text
    with DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, PooledSqliteEventLogStorage)
        assert not instance.telemetry_enabled
    assert (home / "history" / "runs" / "index.db").exists()


def test_a_yaml_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert not write_dagster_yaml(tmp_path)
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
