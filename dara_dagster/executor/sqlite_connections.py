"""Keeps one open SQLite connection for each shard of the event log, safe for threads and for fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

__all__ = ["SqliteConnections"]

# A process that runs a job needs two shards, one that shows runs to people touches many for a moment.
_KEPT = 16


@dataclass
class _Shard:
    connection: Connection
    plain: sqlite3.Connection
    file_id: tuple[int, int] | None
    users: int = 0
    retired: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


class SqliteConnections:
    """The open connections of one storage, the least recently used closed beyond a small number.

    `open_engine(shard, is_new)` makes the engine of a shard and its tables; `is_new` says that the file
    was not there. `insert_statement` is the SQL text that inserts a row.
    """

    def __init__(self, open_engine: Callable[[str, bool], Engine], insert_statement: str) -> None:
        self._open_engine = open_engine
        self._insert_statement = insert_statement
        self._shards: OrderedDict[str, _Shard] = OrderedDict()
        self._lock = threading.Lock()
        # At exit too: nobody disposes of an instance that was got in passing.
        weakref.finalize(self, _close_all, self._shards)
        _all.add(self)

    @contextmanager
    def use(self, name: str, path: str) -> Iterator[Connection]:
        """Give the connection of a shard, in a transaction that commits at the end or rolls back on an error.

        Nested use by the same thread joins the transaction of the outer one.
        """
        with self._borrowed(name, path) as shard:
            if shard.connection.in_transaction():
                yield shard.connection
            else:
                with shard.connection.begin():
                    yield shard.connection

    def insert(self, name: str, path: str, row: Sequence[object]) -> None:
        """Insert one row as `use` would, past SQLAlchemy, which costs more than SQLite itself."""
        with self._borrowed(name, path) as shard:
            joins = shard.connection.in_transaction()
            with nullcontext() if joins else _autocommit(shard.plain):
                shard.plain.execute(self._insert_statement, row)

    def close(self) -> None:
        """Close every connection, those in use when their users are done; the next use opens a new one."""
        with self._lock:
            for name in list(self._shards):
                self._retire(name)

    def forget(self) -> None:
        """In a forked child: SQLite forbids to use or even close the parent's connections there."""
        _inherited.extend(shard.connection for shard in self._shards.values())
        self._shards.clear()
        self._lock = threading.Lock()

    @contextmanager
    def _borrowed(self, name: str, path: str) -> Iterator[_Shard]:
        with self._lock:
            shard = self._find(name, path)
            shard.users += 1
        try:
            with shard.lock:
                yield shard
        finally:
            with self._lock:
                shard.users -= 1
                if shard.retired and not shard.users:
                    shard.connection.close()

    def _find(self, name: str, path: str) -> _Shard:
        file_id = _file_id(path)
        shard = self._shards.get(name)
        if shard is None or shard.file_id != file_id:
            # Another file than the one open here: another process wiped the log.
            self._retire(name)
            # Not one in use: a second connection would wait for the transaction that its user is in.
            idle = [name for name, shard in self._shards.items() if not shard.users]
            for other in idle[: max(0, len(self._shards) - _KEPT + 1)]:
                self._retire(other)
            shard = self._shards[name] = self._open(name, path, is_new=file_id is None)
        self._shards.move_to_end(name)
        return shard

    def _open(self, name: str, path: str, *, is_new: bool) -> _Shard:
        connection = self._open_engine(name, is_new).connect()
        # NORMAL in WAL mode: a commit survives the death of the process, and a power cut cannot corrupt
        # the file (https://sqlite.org/pragma.html#pragma_synchronous).
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(text(f"PRAGMA {pragma}"))
        connection.rollback()
        plain = connection.connection.driver_connection
        assert isinstance(plain, sqlite3.Connection)
        return _Shard(connection, plain, _file_id(path))

    def _retire(self, name: str) -> None:
        shard = self._shards.pop(name, None)
        if shard is not None:
            shard.retired = True
            if not shard.users:
                shard.connection.close()


@contextmanager
def _autocommit(connection: sqlite3.Connection) -> Iterator[None]:
    """Make each statement a transaction of its own: one call instead of BEGIN, statement, COMMIT."""
    before = connection.isolation_level
    connection.isolation_level = None
    try:
        yield
    finally:
        connection.isolation_level = before


def _file_id(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  (once per event: no Path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _close_all(shards: OrderedDict[str, _Shard]) -> None:
    while shards:
        shard = shards.popitem()[1]
        if not shard.users:  # else a thread that nobody could stop may be in the midst of a statement
            shard.connection.close()


# Never used again, only kept from being closed by the garbage collector.
_inherited: list[Connection] = []
_all: weakref.WeakSet[SqliteConnections] = weakref.WeakSet()


def _forget_all() -> None:
    for connections in list(_all):
        connections.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
