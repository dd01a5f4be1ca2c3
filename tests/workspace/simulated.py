"""A clock that jumps and a service that answers by it, to count calls and measure lateness."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Sequence

from dara_dagster.config.settings import Settings
from dara_dagster.workspace.runs.jobs_api import PAGE_SIZE, RunSnapshot, read_snapshot
from dara_dagster.workspace.watch.monitor import Monitor
from dara_dagster.workspace.watch.poll_queue import Watch


def look_at(run_id: int, *, ended: bool, run_type: str = "SUBMIT_RUN") -> RunSnapshot:
    state = (
        {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}
        if ended
        else {"life_cycle_state": "RUNNING"}
    )
    return read_snapshot({"run_id": run_id, "run_type": run_type, "state": state})


@dataclasses.dataclass
class Simulation:
    """Runs that last as long as set, from the time they are watched; `fault` may raise.

    Each answer takes `latency` seconds. `submitters` are threads that want one call after another.
    """

    calls_per_second: float = 20.0
    lost_after: float = 900.0
    now: float = 1000.0
    calls: int = 0
    foreign_runs: int = 0
    latency: float = 0.0
    submitters: int = 0
    run_type: str = "SUBMIT_RUN"
    fault: Callable[[float], None] = lambda now: None

    def __post_init__(self) -> None:
        self.begins: dict[int, float] = {}
        self.ends: dict[int, float] = {}
        self.seen: dict[int, float] = {}
        self.looks_at: dict[int, list[float]] = {}
        self.watches: dict[int, Watch] = {}
        self.submitted: list[float] = []
        poll = Settings(calls_per_second=self.calls_per_second, lost_after_seconds=self.lost_after)
        self.monitor = Monitor(self, poll, clock=lambda: self.now, dispatch=self._send)
        self._under_way: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        rate_limiter = self.monitor.rate_limiter
        self._tickets = {rate_limiter.queue("call"): self.now for _ in range(self.submitters)}

    def get_snapshot(self, run_id: int) -> RunSnapshot:
        self.calls += 1
        self.fault(self.now)
        ended = self.now >= self.ends[run_id]
        self.looks_at.setdefault(run_id, []).append(self.now - self.begins[run_id])
        if ended:
            self.seen.setdefault(run_id, self.now)
        return look_at(run_id, ended=ended, run_type=self.run_type)

    def page(self, token: str) -> tuple[Sequence[RunSnapshot], str | None]:
        self.calls += 1
        self.fault(self.now)
        listed = self.run_type == "SUBMIT_RUN"  # the service is asked for these only
        active = [run_id for run_id, end in self.ends.items() if listed and self.now < end]
        active += range(-self.foreign_runs, 0)
        first = int(token or 0)
        rest = str(first + PAGE_SIZE) if len(active) > first + PAGE_SIZE else None
        return [look_at(run_id, ended=False) for run_id in active[first : first + PAGE_SIZE]], rest

    def start(self, duration: float, usual: Sequence[float] = ()) -> int:
        run_id = len(self.ends) + 1
        self.begins[run_id], self.ends[run_id] = self.now, self.now + duration
        self.watches[run_id] = self.monitor.enlist(run_id, usual)
        return run_id

    def run(self, until: float = float("inf")) -> None:
        """Let time pass until nothing is watched (or until the time given)."""
        while self.now < until:
            wait = self.monitor.pump()
            moments = [self.now + max(wait, 1e-6)] if wait is not None else []
            moments += [self._under_way[0][0]] if self._under_way else []
            if not moments:
                return
            self.now = min([*moments, *self._tickets.values()])
            while self._under_way and self._under_way[0][0] <= self.now:
                heapq.heappop(self._under_way)[2]()
            self._submit()

    def _send(self, job: Callable[[], None]) -> None:
        if self.latency:
            heapq.heappush(self._under_way, (self.now + self.latency, next(self._numbers), job))
        else:
            job()

    def _submit(self) -> None:
        """Each submitter whose time has come asks for its turn, and queues up for the next once it had it."""
        rate_limiter = self.monitor.rate_limiter
        for ticket in [ticket for ticket, at in self._tickets.items() if at <= self.now]:
            wait = rate_limiter.ask("call", ticket, self.now)
            self._tickets[ticket] = self.now + wait
            if wait == 0.0:
                del self._tickets[ticket]
                self.submitted.append(self.now)
                self._tickets[rate_limiter.queue("call")] = self.now + 1e-6

    def lateness(self, run_id: int) -> float:
        return self.seen[run_id] - self.ends[run_id]


def one_run(duration: float, usual: Sequence[float] = ()) -> tuple[int, float]:
    """Calls and lateness of one run watched alone."""
    simulation = Simulation()
    run_id = simulation.start(duration, usual)
    simulation.run()
    return simulation.calls, simulation.lateness(run_id)
