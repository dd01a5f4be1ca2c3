"""Tasks that only take time: rules that say which, for how long, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.core.body_types import construct
from dara_dagster.emulator.core.clock import Timer
from dara_dagster.emulator.services.runs import outcomes as endings
from dara_dagster.emulator.services.runs.outcomes import Ending
from dara_dagster.emulator.services.runs.records import Run, TaskRun, code_path

if TYPE_CHECKING:
    from dara_dagster.emulator.server.workspaces import Workspace
    from dara_dagster.emulator.services.runs.scheduler import Scheduler

STOP_SECONDS = 0.1


@dataclass
class Rule:
    """Simulate tasks whose key and code path match the globs: PENDING, then RUNNING for `duration_ms`.

    `result` is a result_state of the API; `code` a termination code, `message` a state message, `error` the
    error line of get-output. `state` and `status` replace what is shown at the end, null hides it.
    `count` is how many tasks the rule serves, None = all.
    """

    task_key: str = "*"
    path: str = "*"
    duration_ms: int = 500
    pending_ms: int = 0
    result: str = "SUCCESS"
    code: str | None = None
    message: str | None = None
    error: str | None = None
    exit_value: str | None = None
    raw: dict[str, Any] | None = None
    count: int | None = None

    def matches(self, task: TaskRun) -> bool:
        return (
            self.count != 0
            and fnmatchcase(task.task_key, self.task_key)
            and (self.path == "*" or fnmatchcase(code_path(task.task), self.path))
        )


class Rules:
    """The simulation rules of a workspace, newest first; they outlive the server."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._stored = self._store.table("simulation")
        self._rules = [Rule(**rule) for rule in self._stored.get("rules", [])]

    def add(self, wanted: Mapping[str, Any]) -> None:
        """Add a rule from its JSON form; ApiError 400 for an unknown key or a wrong type."""
        raw = {name: wanted[name] for name in ("state", "status") if name in wanted}
        rest = {name: value for name, value in wanted.items() if name not in raw}
        rule = construct(Rule, rest, raw=raw or None)
        self._rules.insert(0, rule)
        self._keep()
        self._store.save("simulation", "rules")

    def take(self, task: TaskRun) -> dict[str, Any] | None:
        """The rule for this attempt in its JSON form, counted as used; None when it is to run for real."""
        for rule in self._rules:
            if rule.matches(task):
                if rule.count is not None:
                    rule.count -= 1
                    self._keep()
                return asdict(rule)
        return None

    def _keep(self) -> None:
        self._stored["rules"] = [asdict(rule) for rule in self._rules]


class Simulation:
    """The work of a simulated attempt: two timers, and an ending."""

    def __init__(self, workspace: Workspace, scheduler: Scheduler, run: Run, task: TaskRun) -> None:
        self._clock, self._scheduler, self._run, self._task = workspace.clock, scheduler, run, task
        assert task.simulation is not None
        self._rule = task.simulation
        self._timer: Timer | None = None

    def begin(self) -> None:
        due = self._task.start_time + self._rule["pending_ms"]
        self._timer = self._clock.call_at(due, self._start)

    def resume(self) -> None:
        if self._task.running_since:
            self._plan_end()
        else:
            self.begin()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._clock.call_later(STOP_SECONDS, partial(self._end, endings.CANCELED))

    def _start(self) -> None:
        self._scheduler.running(self._run, self._task)
        self._plan_end()

    def _plan_end(self) -> None:
        rule = self._rule
        ending = endings.simulated(rule["result"], rule["code"], rule["message"], rule["raw"])
        due = self._task.running_since + rule["duration_ms"]
        self._timer = self._clock.call_at(due, partial(self._end, ending))

    def _end(self, ending: Ending) -> None:
        output: dict[str, Any] = {}
        if self._rule["exit_value"] is not None:
            output["exit_value"] = self._rule["exit_value"]
        if ending.result == "FAILED":
            error = self._rule["error"] or "Exception: simulated failure"
            output.update(error=error, error_trace=f"Traceback (most recent call last):\n{error}\n")
        self._scheduler.ended(self._run, self._task, ending, output)
