"""One SQL statement, as the server remembers it over a restart: request and ending, not its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dara_dagster.emulator.services.statements.request import StatementRequest
from dara_dagster.emulator.services.statements.results import Result

_STORED = ("run_id", "state", "error", "ended_at")
_NOT_STORED = {"text": "", "parameters": {}}
"""A statement is never run again: its text may be large, its parameters secret."""


@dataclass
class Statement:
    """One statement, from its request to its result; `done` is set when it has ended.

    The rows of a result lie in the folder of its task process; `result` is None until they are read.
    """

    statement_id: str
    request: StatementRequest
    run_id: int
    state: str = "PENDING"
    error: dict[str, str] | None = None
    ended_at: int = 0
    result: Result | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def stored(self) -> dict[str, Any]:
        """Return what `load` needs, as JSON values."""
        request = {**vars(self.request), **_NOT_STORED}
        return {"request": request, **{name: getattr(self, name) for name in _STORED}}

    @classmethod
    def load(cls, statement_id: str, stored: Mapping[str, Any]) -> Statement:
        """Load it from the store."""
        names = [one.name for one in fields(StatementRequest)]
        request = StatementRequest(**{name: stored["request"][name] for name in names})
        return cls(statement_id, request, **{name: stored[name] for name in _STORED})
