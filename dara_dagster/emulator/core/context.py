"""What all services of one workspace share: its folders, its user, its clock, its store and its ids."""

from __future__ import annotations

import time
from pathlib import Path

from dara_dagster.emulator.core.clock import Clock
from dara_dagster.emulator.core.store import Store

WORKSPACE_ID = "7405605519549535"
"""The `?o=` of every link and the X-Databricks-Org-Id of every answer; 16 digits as on the cloud."""


class Ids:
    """Rising numbers of 15 digits; taken from the time, so that a restart does not hand one out again."""

    def __init__(self) -> None:
        self._last = 0

    def pass_over(self, number: int) -> None:
        """Continue above a number of an earlier server: the machine's clock may have been set back since."""
        self._last = max(self._last, number)

    def next(self) -> int:
        """Return a number larger than any before."""
        self._last = max(self._last + 1, int(time.time() * 100_000))
        return self._last


class Context:
    """One workspace without its services. `host` is the server's address, `token` what opens the workspace.

    `tables` holds the catalogs, `files_root` what is behind /Workspace.
    """

    user = "developer@localhost"

    def __init__(self, folder: Path, token: str, host: str = "") -> None:
        self.folder, self.token, self.host = folder, token, host
        self.tables, self.files_root = folder / "tables", folder / "workspace"
        (self.tables / "main" / "default").mkdir(parents=True, exist_ok=True)
        self.files_root.mkdir(parents=True, exist_ok=True)
        self.store = Store(folder / "store.db")
        self.clock = Clock(self.store.table("clock").get("offset_ms", 0))
        self.ids = Ids()

    def advance_clock(self, milliseconds: int) -> int:
        """Skip time -> the new now, in epoch milliseconds."""
        self.clock.advance(milliseconds)
        self.store.table("clock")["offset_ms"] = self.clock.offset_ms
        self.store.save("clock", "offset_ms")  # a clock set back would hold up every timer
        return self.clock.now_ms()
