"""A clock that jumps and a service that answers by it, to count calls and measure lateness."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from dara_dagster.remote.monitor import Monitor
from dara_dagster.remote.runs import PAGE_SIZE, Look, read_look
from dara_dagster.remote.watchlist import Watch
from dara_dagster.spec.plan import PollPlan


def look_at(run_id: int, *, ended: bool) -> Look:
    state = (
        {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}
        if ended
        else {"life_cycle_state": "RUNNING"}
    )
    return read_look({"run_id": run_id, "run_type": "SUBMIT_RUN", "state": state})


@dataclasses.dataclass
class Simulation:
    """Runs that last as long as told, from the time they are watched; `fault` may raise."""

    calls_per_second: float = 20.0
    lost_after: float = 900.0
    now: float = 1000.0
    calls: int = 0
    foreign_runs: int = 0
    fault: Callable[[float], None] = lambda now: None

    def __post_init__(self) -> None:
        self.begins: dict[int, float] = {}
        self.ends: dict[int, float] = {}
        self.seen: dict[int, float] = {}
        self.looks_at: dict[int, list[float]] = {}
        self.watches: dict[int, Watch] = {}
        poll = PollPlan(self.calls_per_second, self.lost_after)
        self.monitor = Monitor(self, poll, clock=lambda: self.now, dispatch=lambda job: job())

    def look(self, run_id: int) -> Look:
        self.calls += 1
        self.fault(self.now)
        ended = self.now >= self.ends[run_id]
        self.looks_at.setdefault(run_id, []).append(self.now - self.begins[run_id])
        if ended:
            self.seen.setdefault(run_id, self.now)
        return look_at(run_id, ended=ended)

    def page(self, token: str) -> tuple[Sequence[Look], str | None]:
        self.calls += 1
        self.fault(self.now)
        active = [run_id for run_id, end in self.ends.items() if self.now < end]
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
        while self.now < until and (wait := self.monitor.pump()) is not None:
            self.now += max(wait, 1e-6)

    def lateness(self, run_id: int) -> float:
        return self.seen[run_id] - self.ends[run_id]


def one_run(duration: float, usual: Sequence[float] = ()) -> tuple[int, float]:
    """Calls and lateness of one run watched alone."""
    simulation = Simulation()
    run_id = simulation.start(duration, usual)
    simulation.run()
    return simulation.calls, simulation.lateness(run_id)
