"""What the server holds: one workspace for each bearer token, each in a folder of its own."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from hmac import compare_digest
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.safe_path import remove_link
from dara_dagster.emulator.core.signing import Signer
from dara_dagster.emulator.server.admin_routes import Admin
from dara_dagster.emulator.server.routing import Router

logger = logging.getLogger(__name__)


class UnusableStoreError(Exception):
    """What an earlier server kept cannot be read, or not be written on."""

    def __init__(self, file: Path, error: Exception) -> None:
        text = f"{file} cannot be used ({type(error).__name__}: {error})"
        if not isinstance(error, sqlite3.OperationalError):  # that is a full disk, a lock, missing rights
            text += "; move it away to start with an empty workspace"
        super().__init__(text)


class Workspace(Protocol):
    """What the server needs of a workspace; composition.py builds one."""

    context: Context
    signer: Signer
    admin: Admin
    router: Router

    def erase(self) -> None:
        """Kill what runs and delete all the workspace holds on disk."""


class TaskProcesses(Protocol):
    """The task processes of all workspaces."""

    @property
    def busy(self) -> bool:
        """Return whether a task process is alive."""

    def close(self) -> None:
        """Kill every task process; what they were doing is found to be lost at the next start."""


W = TypeVar("W", bound=Workspace)


class Server(Generic[W]):
    """The workspaces of one data folder: a single one behind `token`, or, without it, one for each token.

    `build(server, folder, token)` opens the workspace in a folder.
    """

    def __init__(
        self,
        data: Path,
        token: str | None,
        processes: TaskProcesses,
        build: Callable[[Server[W], Path, str], W],
    ) -> None:
        self.data, self.token, self.processes, self._build = data, token, processes, build
        self.host = ""
        self.stop: Callable[[], None] = lambda: None
        self.last_call = time.monotonic()
        self._open: dict[str, W] = {}

    def workspace(self, token: str) -> W | None:
        """Return the workspace behind a bearer token; None for a wrong one. UnusableStoreError."""
        found = self._open.get(token)
        if found is None and (self.token is None or compare_digest(self.token.encode(), token.encode())):
            found = self._open[token] = self._restore(token)
        return found

    def find_signer(self, name: str) -> W | None:
        """Return the workspace whose presigned URLs bear that name."""
        return next((one for one in self._open.values() if one.signer.name == name), None)

    def workspaces(self) -> Iterable[W]:
        """Return those that were used since the start."""
        return self._open.values()

    def erase(self, token: str) -> None:
        """Erase a workspace; the next call with its token starts afresh."""
        self._open.pop(token).erase()

    def close(self) -> None:
        """Write every store."""
        for context in (workspace.context for workspace in self._open.values()):
            try:
                context.store.close()
            except sqlite3.Error as error:
                logger.error("the last changes in %s could not be written: %s", context.folder, error)
            remove_link(context.folder)
        self._open.clear()

    def _restore(self, token: str) -> W:
        folder = self._choose_folder(token)
        try:
            return self._build(self, folder, token)
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnusableStoreError(folder / "store.db", error) from error

    def _choose_folder(self, token: str) -> Path:
        if self.token is not None:
            return self.data
        return self.data / "workspaces" / hashlib.sha256(token.encode()).hexdigest()[:16]
