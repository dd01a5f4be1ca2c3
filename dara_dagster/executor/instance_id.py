"""Names one Dagster history apart from all others, for what is left outside of it."""

from __future__ import annotations

import hashlib
import socket
from functools import lru_cache

from dagster import DagsterInstance
from dagster._core.storage.runs import SqliteRunStorage, SqlRunStorage

__all__ = ["instance_id"]


@lru_cache(maxsize=8)
def instance_id(instance: DagsterInstance) -> str:
    """12 hexadecimal digits that stay the same for the instance's history.

    Dagster gives each run storage an id. A history in files can be copied with its folder, so computer and
    path count too; a shared database has one id on all computers.
    """
    storage = instance.run_storage
    parts = []
    if isinstance(storage, SqlRunStorage):
        storage.get_run_storage_id()  # makes it at the first call, and gives back what it made ...
        parts.append(storage.get_run_storage_id())  # ... where another process may have been quicker
    if isinstance(storage, SqliteRunStorage) or not parts:
        parts += [socket.gethostname(), instance.root_directory]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
