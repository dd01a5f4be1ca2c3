"""Lets only so many runs of a workflow be active at a time, wherever they were started: the others wait."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance

from dara_dagster.executor.process import is_abandoned

__all__ = ["RunLimit"]

# What stands in Dagster's table of slots where a step's name is expected.
_HOLDER = "the whole run"
_LOCK = "run_limits.lock"


@dataclass(frozen=True)
class RunLimit:
    """At most `limit` runs hold a slot of the concurrency pool `pool` at a time.

    The slots are Dagster's own, shown in its UI under Deployment, Concurrency; they need no line in
    dagster.yaml. https://docs.dagster.io/guides/operate/managing-concurrency/concurrency-pools
    """

    pool: str
    limit: int

    def claim(self, instance: DagsterInstance, run_id: str) -> bool:
        """Return whether the run holds a slot now; if not, it keeps its turn for the next call.

        Slots of runs that have ended or died are given free first. True where the storage has no slots.
        """
        storage = instance.event_log_storage
        if not storage.supports_global_concurrency_limits:
            return True
        with _locked(instance):
            if storage.get_concurrency_info(self.pool).slot_count != self.limit:
                storage.set_concurrency_slots(self.pool, self.limit)
            for other in self._others(instance, run_id):
                run = instance.get_run_by_id(other)
                if run is None or run.is_finished or is_abandoned(run):
                    storage.free_concurrency_slots_for_run(other)
            return bool(storage.claim_concurrency_slot(self.pool, run_id, _HOLDER).is_claimed)

    def release(self, instance: DagsterInstance, run_id: str) -> None:
        """Give the run's slot free, or its turn."""
        if instance.event_log_storage.supports_global_concurrency_limits:
            with _locked(instance):
                instance.event_log_storage.free_concurrency_slot_for_step(run_id, _HOLDER)

    def _others(self, instance: DagsterInstance, run_id: str) -> set[str]:
        info = instance.event_log_storage.get_concurrency_info(self.pool)
        waiting = {step.run_id for step in info.pending_steps}
        return ({slot.run_id for slot in info.claimed_slots} | waiting) - {run_id}


@contextmanager
def _locked(instance: DagsterInstance) -> Iterator[None]:
    """Hold the lock of Dagster's home: on SQLite two processes could claim one slot (Dagster 1.13)."""
    if not instance.is_persistent:
        yield
        return
    with Path(instance.root_directory, _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
