"""What the server knows: one workspace for each bearer token, each with its folder, clock, ids and APIs."""

from __future__ import annotations

import hashlib
import logging
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from dara_dagster.emulator.core.clock import Clock
from dara_dagster.emulator.core.safe_path import remove_link
from dara_dagster.emulator.core.staging import clear_staging, staging
from dara_dagster.emulator.core.store import Store

if TYPE_CHECKING:
    from dara_dagster.emulator.pages.run_page import PageLinks
    from dara_dagster.emulator.runtime.process_pool import Zygote
    from dara_dagster.emulator.runtime.runner import Runner
    from dara_dagster.emulator.server.admin_routes import Control
    from dara_dagster.emulator.services.catalog.routes import Catalog
    from dara_dagster.emulator.services.compute.cluster_routes import Clusters
    from dara_dagster.emulator.services.compute.warehouses import Warehouses
    from dara_dagster.emulator.services.files.routes import Files
    from dara_dagster.emulator.services.jobs.rules import Jobs
    from dara_dagster.emulator.services.lakebase.rules import Lakebase
    from dara_dagster.emulator.services.objects.routes import Objects
    from dara_dagster.emulator.services.runs.rules import Runs
    from dara_dagster.emulator.services.secrets.rules import Secrets
    from dara_dagster.emulator.services.statements.rules import Statements
    from dara_dagster.emulator.services.vector_search.routes import VectorSearch

logger = logging.getLogger(__name__)

WORKSPACE_ID = "7405605519549535"
"""The `?o=` of every link and the X-Databricks-Org-Id of every answer; 16 digits as on the cloud."""


class UnusableStoreError(Exception):
    """What an earlier server kept cannot be read, or not be written on."""

    def __init__(self, file: Path, error: Exception) -> None:
        text = f"{file} cannot be used ({type(error).__name__}: {error})"
        if not isinstance(error, sqlite3.OperationalError):  # that is a full disk, a lock, missing rights
            text += "; move it away to start with an empty workspace"
        super().__init__(text)


class Ids:
    """Rising numbers of 15 digits; taken from the time, so that a restart does not hand one out again."""

    def __init__(self) -> None:
        self._last = 0

    def pass_over(self, number: int) -> None:
        """Go on above a number of an earlier server: the machine's clock may have been set back since."""
        self._last = max(self._last, number)

    def next(self) -> int:
        """A number larger than any before."""
        self._last = max(self._last + 1, int(time.time() * 100_000))
        return self._last


class Workspace:
    """One isolated workspace. The APIs are made on first use; each takes the workspace as its argument."""

    def __init__(self, server: Server, folder: Path, token: str) -> None:
        self.server, self.folder, self.token = server, folder, token
        self.tables = folder / "tables"
        self.files_root = folder / "workspace"  # what stands behind /Workspace
        self.user = "developer@localhost"
        (self.tables / "main" / "default").mkdir(parents=True, exist_ok=True)
        self.files_root.mkdir(parents=True, exist_ok=True)
        self.store = Store(folder / "store.db")
        self.clock = Clock(self.store.table("clock").get("offset_ms", 0))
        self.ids = Ids()

    @property
    def host(self) -> str:
        return self.server.host

    def volume_file(self, path: str) -> Path | None:
        """The local file behind `/Volumes/catalog/schema/volume/...`; None for a path that is not one."""
        parts = [part for part in path.split("/") if part and part != "."]
        if parts[:1] != ["Volumes"] or len(parts) < 4 or ".." in parts:
            return None
        catalog, schema, volume = (name.lower() for name in parts[1:4])
        return self.tables.joinpath(catalog, schema, "_volumes", volume, *parts[4:])

    @cached_property
    def control(self) -> Control:
        from dara_dagster.emulator.server.admin_routes import Control

        return Control(self)

    @cached_property
    def clusters(self) -> Clusters:
        from dara_dagster.emulator.services.compute.cluster_routes import Clusters

        return Clusters(self)

    @cached_property
    def warehouses(self) -> Warehouses:
        from dara_dagster.emulator.services.compute.warehouses import Warehouses

        return Warehouses(self)

    @cached_property
    def objects(self) -> Objects:
        from dara_dagster.emulator.services.objects.routes import Objects

        return Objects(self)

    @cached_property
    def files(self) -> Files:
        from dara_dagster.emulator.services.files.routes import Files

        return Files(self)

    @cached_property
    def catalog(self) -> Catalog:
        from dara_dagster.emulator.services.catalog.routes import Catalog

        return Catalog(self)

    @cached_property
    def lakebase(self) -> Lakebase:
        from dara_dagster.emulator.services.lakebase.rules import Lakebase

        return Lakebase(self)

    @cached_property
    def secrets(self) -> Secrets:
        from dara_dagster.emulator.services.secrets.rules import Secrets

        return Secrets(self)

    @cached_property
    def vector_search(self) -> VectorSearch:
        from dara_dagster.emulator.services.vector_search.routes import VectorSearch

        return VectorSearch(self)

    @cached_property
    def statements(self) -> Statements:
        from dara_dagster.emulator.services.statements.rules import Statements

        return Statements(self)

    @cached_property
    def jobs(self) -> Jobs:
        from dara_dagster.emulator.services.jobs.rules import Jobs

        return Jobs(self)

    @cached_property
    def runs(self) -> Runs:
        from dara_dagster.emulator.services.runs.rules import Runs

        return Runs(self)

    @cached_property
    def pages(self) -> PageLinks:
        from dara_dagster.emulator.pages.run_page import PageLinks

        return PageLinks(self)

    @cached_property
    def runner(self) -> Runner:
        from dara_dagster.emulator.runtime.runner import Runner

        return Runner(self)

    def resume(self) -> None:
        """Go on with what an earlier server left, and delete what it was in the middle of."""
        clear_staging(staging(self.folder))
        for trash in self.tables.glob(".trash-*"):
            shutil.rmtree(trash, ignore_errors=True)
        self.runs.resume()
        self.jobs.resume()

    def erase(self) -> None:
        """Kill what runs and delete all the workspace holds on disk."""
        if "runner" in self.__dict__:
            self.runner.close()
        self.clock.close()
        self.store.close()
        for name in ("tables", "workspace", "runs", "staging"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for file in self.folder.glob("store.db*"):
            file.unlink(missing_ok=True)


class Server:
    """The workspaces of one data folder: a single one behind `token`, or, without it, one for each token."""

    def __init__(self, data: Path, token: str | None = None, engine: tuple[str, ...] = ()) -> None:
        self.data, self.token, self.engine = data, token, engine
        self.host = ""
        self.stop: Callable[[], None] = lambda: None
        self.last_call = time.monotonic()
        self._open: dict[str, Workspace] = {}
        self.url_holders: WeakValueDictionary[str, Workspace] = WeakValueDictionary()  # of presigned URLs

    def workspace(self, token: str) -> Workspace | None:
        """The workspace behind a bearer token; None when the token is not let in."""
        found = self._open.get(token)
        if found is None and (self.token is None or compare_digest(self.token.encode(), token.encode())):
            found = self._open[token] = self._restored(token)
        return found

    def _restored(self, token: str) -> Workspace:
        folder = self._folder(token)
        try:
            found = Workspace(self, folder, token)
            found.resume()
        except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnusableStoreError(folder / "store.db", error) from error
        return found

    def workspaces(self) -> Iterable[Workspace]:
        """Those that were used since the start."""
        return self._open.values()

    @cached_property
    def zygote(self) -> Zygote:
        """The parent of all task processes, started at the first task."""
        from dara_dagster.emulator.runtime.process_pool import Zygote

        return Zygote(self.engine)

    @property
    def busy(self) -> bool:
        """Whether a task process is alive."""
        return "zygote" in self.__dict__ and bool(self.zygote.running)

    def forget(self, workspace: Workspace) -> None:
        """Erase a workspace; the next call with its token starts afresh."""
        self._open.pop(workspace.token, None)
        workspace.erase()

    def end_tasks(self) -> None:
        """Kill every task process; what they were doing is found to be lost at the next start."""
        if "zygote" in self.__dict__:
            self.zygote.close()

    def close(self) -> None:
        """Write every store."""
        for workspace in self._open.values():
            try:
                workspace.store.close()
            except sqlite3.Error as error:
                logger.error("the last changes in %s could not be written: %s", workspace.folder, error)
            remove_link(workspace.folder)
        self._open.clear()

    def _folder(self, token: str) -> Path:
        if self.token is not None:
            return self.data
        return self.data / "workspaces" / hashlib.sha256(token.encode()).hexdigest()[:16]
