"""Tasks that only take time: rules that say which, for how long, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from dara_dagster.emulator.core.body_types import construct
from dara_dagster.emulator.core.context import Context


@dataclass
class SimulationRule:
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

    def matches(self, task_key: str, path: str) -> bool:
        """Return whether it is for the task of that key and code path."""
        return (
            self.count != 0
            and fnmatchcase(task_key, self.task_key)
            and (self.path == "*" or fnmatchcase(path, self.path))
        )


class SimulationRules:
    """The simulation rules of a workspace, newest first; they outlive the server."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._stored = self._store.table("simulation")
        self._rules = [SimulationRule(**rule) for rule in self._stored.get("rules", [])]

    def add(self, wanted: Mapping[str, Any]) -> None:
        """Add a rule from its JSON form; ApiError 400 for an unknown key or a wrong type."""
        raw = {name: wanted[name] for name in ("state", "status") if name in wanted}
        rest = {name: value for name, value in wanted.items() if name not in raw}
        rule = construct(SimulationRule, rest, raw=raw or None)
        self._rules.insert(0, rule)
        self._keep()
        self._store.save("simulation", "rules")

    def take(self, task_key: str, path: str) -> dict[str, Any] | None:
        """Return the rule for a task in its JSON form, counted as used; None when it is to run for real."""
        for rule in self._rules:
            if rule.matches(task_key, path):
                if rule.count is not None:
                    rule.count -= 1
                    self._keep()
                return asdict(rule)
        return None

    def _keep(self) -> None:
        self._stored["rules"] = [asdict(rule) for rule in self._rules]
