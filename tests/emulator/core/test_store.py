"""The store by itself."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path

from dara_dagster.emulator.core.store import Store


@dataclass
class Thing:
    name: str
    parts: list[str]


def test_a_store_keeps_what_was_set(tmp_path: Path) -> None:
    file = tmp_path / "new" / "store.db"
    store = Store(file)
    store.table("things")["1"] = Thing("a", ["x"])
    store.table("things")["2"] = {"gone": True}
    store.save("things", "2")
    del store.table("things")["2"]
    store.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dict(Store(file).table("things")) == {"1": {"name": "a", "parts": ["x"]}}


def test_a_saved_item_is_on_disk_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    store.table("runs")["1"] = {"token": "t"}
    store.save("runs", "1")
    store.table("runs")["2"] = {"later": True}
    with sqlite3.connect(tmp_path / "store.db") as other:
        assert other.execute("SELECT key FROM items").fetchall() == [("1",)]
    other.close()
    store.close()
