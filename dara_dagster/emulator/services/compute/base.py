"""What clusters and warehouses have in common: states that move by the clock, users, an end when idle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from dara_dagster.emulator.core.clock import Timer
from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.lifecycle import Lifecycle, Progress

Record = dict[str, Any]
"""One stored cluster or warehouse; its `state`, and what else only the server knows."""


@dataclass(eq=False)
class _Use:
    """Somebody who runs, or waits to run, on a compute."""

    ready: Callable[[], None]
    lost: Callable[[str], None]
    notified: bool = False


class Compute(ABC):
    """The machinery of one kind of compute; a subclass says what its states and settings are called."""

    lifecycle: ClassVar[Lifecycle]
    startable: ClassVar[tuple[str, ...]]
    ended: ClassVar[str]
    last_used: ClassVar[str]  # the field with the moment from which idleness counts

    def __init__(self, context: Context, table: str) -> None:
        self._context, self._all = context, context.store.table(table)
        self._moving: dict[str, Progress] = {}
        self._uses: dict[str, list[_Use]] = {}
        self._idle: dict[str, Timer] = {}
        for key, record in self._all.items():  # continue where the last server stopped
            self._follow(key, record["state"])
            self._watch_idleness(key)

    # -- what others need of a compute --------------------------------------------------------------

    def state(self, key: str) -> str:
        """Return the state's name; ApiError for an unknown id."""
        return str(self._find(key)["state"])

    def use(self, key: str, ready: Callable[[], None], lost: Callable[[str], None]) -> Callable[[], None]:
        """Start it if it is stopped, and keep it from ending for idleness -> what gives it back.

        The clock calls `ready()` once it runs. `lost(why)` is called instead when it cannot come to run, and
        after `ready` when it ends underneath; nothing is called any more once it was lost or given back.
        """
        state = self.state(key)
        use = _Use(ready, lost)
        self._uses.setdefault(key, []).append(use)
        if key in self._idle:
            self._idle.pop(key).cancel()
        if state == "RUNNING":
            self._release_waiting(key)
        elif state in self.startable:
            self._start(key)
        return partial(self._give_back, key, use)

    # -- for the subclass to say --------------------------------------------------------------------

    @abstractmethod
    def _find(self, key: str) -> Record:
        """Return the record; ApiError for an unknown id."""

    @abstractmethod
    def _start(self, key: str) -> None:
        """Enter the state that leads to RUNNING."""

    @abstractmethod
    def _idle_minutes(self, record: Record) -> int:
        """Return after how many idle minutes it ends; 0 = never."""

    @abstractmethod
    def _end_idle(self, key: str) -> None:
        """End it for having been idle too long."""

    # -- the machinery ------------------------------------------------------------------------------

    def _keep(self, key: str, **values: Any) -> None:
        self._all[key] = {**self._all[key], **values}

    def _enter(self, key: str, state: str, message: str = "") -> None:
        """Take on `state` now and continue from there by the clock."""
        self._arrive(key, state, message)
        self._follow(key, state)

    def _follow(self, key: str, state: str) -> None:
        if key in self._moving:
            self._moving.pop(key).cancel()
        self._moving[key] = self.lifecycle.follow(self._context.clock, state, partial(self._arrive, key))

    def _arrive(self, key: str, state: str, message: str = "") -> None:
        self._keep(key, state=state, state_message=message)
        self._watch_idleness(key)
        if state == "RUNNING":
            self._release_waiting(key)
        elif state == self.ended:
            self._lose(key, f"The compute {key} is {state}.")

    def _forget(self, key: str, why: str) -> None:
        """Take it out for good."""
        for timer in (self._moving.pop(key, None), self._idle.pop(key, None)):
            if timer is not None:
                timer.cancel()
        del self._all[key]
        self._lose(key, why)

    def _release_waiting(self, key: str) -> None:
        """Let those proceed who wait for it to run."""
        for use in self._uses.get(key, ()):
            if not use.notified:
                use.notified = True
                self._context.clock.call_later(0, partial(self._go_ahead, key, use))

    def _go_ahead(self, key: str, use: _Use) -> None:
        if use in self._uses.get(key, ()):
            use.ready()

    def _lose(self, key: str, why: str) -> None:
        """Tell whoever uses it that it is lost: it ends, or restarts."""
        for use in self._uses.pop(key, ()):
            use.lost(why)

    def _give_back(self, key: str, use: _Use) -> None:
        uses = self._uses.get(key, [])
        if use in uses:
            uses.remove(use)
            self._keep(key, **{self.last_used: self._context.clock.now_ms()})
            self._watch_idleness(key)

    def _watch_idleness(self, key: str) -> None:
        """Plan the end of a running compute that nobody uses."""
        if key in self._idle:
            self._idle.pop(key).cancel()
        record = self._all[key]
        minutes = self._idle_minutes(record)
        if record["state"] == "RUNNING" and minutes and not self._uses.get(key):
            due = record[self.last_used] + minutes * 60_000
            self._idle[key] = self._context.clock.call_at(due, partial(self._end_idle, key))
