"""The HTTP skin: one table of routes, one place where errors become answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from dara_dagster.emulator.state import Workspace

Json = Any


class ApiError(Exception):
    """An answer other than 2xx, in the wire shape of databricks-api.md 1.5."""

    def __init__(self, status: int, code: str, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.reason = status, code, message, reason


@dataclass
class Call:
    """One request, parsed: `path` holds the values of `{names}` in the route, `body` the JSON object sent."""

    workspace: Workspace
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Json] = field(default_factory=dict)
    request: Request | None = None


Handler = Callable[[Call], Json]
"""Sync or async; returns a JSON object (answered with 200) or a Starlette Response."""

Routes = tuple[tuple[str, str, Handler], ...]
"""What each API file lists in its ROUTES: method, path with {name} or {name:path}, handler."""
