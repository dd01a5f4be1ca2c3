"""Runs a measured job without one piece of machinery; arguments: PIECE MODULE and those of the module."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from typing import Any

from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.storage.event_log import SqliteEventLogStorage

from dara_dagster.executor import executor, gc_tuning, scheduler
from dara_dagster.executor.storage import PooledSqliteEventLogStorage
from dara_dagster.workspace.watch.poll_queue import PollQueue

_CLAIM_SECONDS = 0.5


def _storage() -> None:
    for name in ("_connect", "store_event", "wipe", "dispose"):
        setattr(PooledSqliteEventLogStorage, name, getattr(SqliteEventLogStorage, name))


def _plain_insert() -> None:
    setattr(PooledSqliteEventLogStorage, "store_event", SqliteEventLogStorage.store_event)  # noqa: B010


def _gc_tuning() -> None:
    for module in (executor, gc_tuning):
        setattr(module, "tuned_gc", contextlib.nullcontext)  # noqa: B010


def _step_queue() -> None:
    class Plain(scheduler.ReadySteps):
        def __init__(self, plan: Any, *, max_concurrent: int, **options: Any) -> None:
            super().__init__(plan, max_concurrent=max_concurrent, **options)
            self._max_concurrent = max_concurrent

        def take(self) -> list[Any]:
            return list(ActiveExecution.get_steps_to_execute(self))

        def seconds_to_next(self) -> float | None:
            pools = self._instance_concurrency_context
            return _CLAIM_SECONDS if pools and pools.has_pending_claims() else super().seconds_to_next()

    setattr(executor, "ReadySteps", Plain)  # noqa: B010


def _lists() -> None:
    setattr(PollQueue, "_worth_a_list", lambda *_: 0)  # noqa: B010


PIECES: dict[str, Callable[[], None]] = {
    "nothing": lambda: None,
    "storage": _storage,
    "plain insert": _plain_insert,
    "gc_tuning": _gc_tuning,
    "step_queue": _step_queue,
    "lists": _lists,
}

if __name__ == "__main__":
    PIECES[sys.argv[1]]()
    sys.argv = sys.argv[2:]
    sys.exit(importlib.import_module(sys.argv[0]).main())
