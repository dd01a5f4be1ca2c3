"""Named tables of JSON values kept in one SQLite file, so that a workspace outlives its server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.3
_AGAIN_SECONDS = 5.0


class Table(MutableMapping[str, Any]):
    """A dictionary whose items are written soon after they are set.

    A value changed in place has to be set again (`table[key] = value`) to be written. Objects that
    are not JSON are written as their `vars()` and come back as dictionaries.
    """

    def __init__(self, store: Store, name: str, items: dict[str, Any]) -> None:
        self._store, self._name, self._items = store, name, items

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._items[key] = value
        self._store.changed(self._name, key)

    def __delitem__(self, key: str) -> None:
        del self._items[key]
        self._store.changed(self._name, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class Store:
    """All tables of a workspace. Everything is in memory; the file is read once and then only written.

    Changes are written together after 0.3 s; `flush()` writes now. Use it from one thread.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Secrets live here: the file is made private before SQLite first opens it.
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(file, isolation_level=None)
        # A killed process loses nothing that was handed to the operating system, so a commit need not
        # wait for the disk; checkpoints do, so that a power cut leaves an older store but a whole one.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS items (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key))"
            " WITHOUT ROWID"
        )
        self._tables: dict[str, Table] = {}
        self._items: dict[str, dict[str, Any]] = {}
        for kind, key, value in self._db.execute("SELECT kind, key, value FROM items"):
            self._items.setdefault(kind, {})[key] = json.loads(value)
        self._dirty: dict[tuple[str, str], None] = {}
        self._planned = self._closed = False

    def table(self, name: str) -> MutableMapping[str, Any]:
        """Return the table of that name, empty when new."""
        if name not in self._tables:
            self._tables[name] = Table(self, name, self._items.setdefault(name, {}))
        return self._tables[name]

    def changed(self, kind: str, key: str) -> None:
        """Note that this item has to be written; nothing is, once the store is closed."""
        if self._closed:
            return
        self._dirty[kind, key] = None
        self._plan_flush(_FLUSH_SECONDS)

    def flush(self) -> None:
        """Write every change made so far; it then survives a kill -9."""
        dirty, self._dirty = self._dirty, {}
        if dirty:
            self._write(list(dirty))

    def save(self, kind: str, key: str) -> None:
        """Write this one item now."""
        if self._dirty.pop((kind, key), False) is None:
            self._write([(kind, key)])

    def close(self) -> None:
        """Write what is left and leave the file alone from now on."""
        self.flush()
        self._closed = True
        self._db.close()

    def _plan_flush(self, seconds: float) -> None:
        if not self._planned:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            loop.call_later(seconds, self._flush_planned)
            self._planned = True

    def _flush_planned(self) -> None:
        self._planned = False
        if self._dirty:  # nothing is left when the store was closed meanwhile
            try:
                self.flush()
            except sqlite3.Error as error:
                logger.error("the workspace could not be saved, it is tried again: %s", error)

    def _write(self, changes: list[tuple[str, str]]) -> None:
        gone = [change for change in changes if change[1] not in self._items[change[0]]]
        kept = [
            (kind, key, json.dumps(self._items[kind][key], default=vars, separators=(",", ":")))
            for kind, key in changes
            if key in self._items[kind]
        ]
        try:
            self._db.execute("BEGIN")
            self._db.executemany("REPLACE INTO items VALUES (?, ?, ?)", kept)
            self._db.executemany("DELETE FROM items WHERE kind = ? AND key = ?", gone)
            self._db.execute("COMMIT")
        except sqlite3.Error:  # a full disk, for one
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                self._db.execute("ROLLBACK")
            self._dirty.update(dict.fromkeys(changes))
            self._plan_flush(_AGAIN_SECONDS)
            raise
