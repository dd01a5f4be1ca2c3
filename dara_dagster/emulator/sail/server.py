"""Starts the in-process Sail server (Spark Connect) that executes everything a task asks of Spark."""

from __future__ import annotations

import os

from pysail.spark import SparkConnectServer  # type: ignore[import-untyped]

from dara_dagster.emulator.lake.store import Store

__all__ = ["DEFAULT_CATALOG", "DEFAULT_SCHEMA", "SparkServer"]

DEFAULT_CATALOG = "main"
DEFAULT_SCHEMA = "default"
# Sail drops a session that was idle for 900 s, temporary views included. A task's session lives as long as
# the task, whatever it does between two queries. In seconds: ten years.
_SESSION_TIMEOUT = "315360000"


class SparkServer:
    """One server, alone in its process. Its catalogs live in memory; sessions fill them from the store.

    Stop every session before the server: a client whose server is gone retries (measured: 614 s in its exit
    hook with the default policy).
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        store.create_schema(DEFAULT_CATALOG, DEFAULT_SCHEMA)
        self._configure()
        self._server = SparkConnectServer(port=0)
        self._server.start()
        self.url = f"sc://localhost:{self._server.listening_address[1]}"
        os.environ["SPARK_REMOTE"] = self.url  # so that SparkSession.builder works in the user's code

    def _configure(self) -> None:
        """Set Sail's settings in the environment, which it reads when the server starts."""
        catalogs = ",".join(
            f'{{name="{name}", type="memory", initial_database=["_init"]}}' for name in self.store.catalogs()
        )
        os.environ["SAIL_CATALOG__LIST"] = f"[{catalogs}]"
        os.environ["SAIL_CATALOG__DEFAULT_CATALOG"] = DEFAULT_CATALOG
        os.environ["SAIL_CATALOG__DEFAULT_DATABASE"] = '["_init"]'
        os.environ["SAIL_EXECUTION__CHECKPOINT__PATH"] = f"file://{self.store.root}/.checkpoints"
        os.environ["SAIL_SPARK__SESSION_TIMEOUT_SECS"] = _SESSION_TIMEOUT
        os.environ.setdefault("RUST_LOG", "error")

    def stop(self) -> None:
        self._server.stop()
