"""HTTP faults on request: wrong statuses, lost answers, delays and no answer, by route and count."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from dara_dagster.emulator.core.body_types import construct
from dara_dagster.emulator.core.errors import ApiError, DropConnection, invalid

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


_KINDS = ("status", "text", "drop", "delay", "hang")


class FaultAnswer(ApiError):
    """A wrong status that was asked for, with the seconds of its Retry-After header if any.

    With `text` that is the whole body of the answer, which is then no error of the API.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after: str | None, text: str | None = None
    ) -> None:
        super().__init__(status, code, message)
        self.text = text
        if retry_after is not None:
            self.headers["retry-after"] = retry_after


@dataclass
class Fault:
    """One fault: `kind` status, text, drop (no answer), delay or hang, before or after the handler acts.

    `when` says which. `status` is an error of the API, `text` is `message` as it is, with that status.
    It touches the calls that match `method` and `path` (globs), leaving the first `skip` alone, at most
    `count` times, each with `probability`, drawn from a generator started with `seed`.
    """

    id: int
    method: str = "*"
    path: str = "*"
    kind: str = "status"
    status: int = 503
    error_code: str = ""
    message: str = "The service at /api is temporarily unavailable (asked for by a fault)."
    retry_after: str | int | None = None
    delay_ms: int = 0
    when: str = "before"
    count: int | None = None
    probability: float | int = 1.0
    seed: int = 0
    skip: int = 0
    draws: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.draws = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def takes(self, method: str, path: str) -> bool:
        """Return whether this call is hit; counts it."""
        if not (fnmatchcase(method, self.method) and fnmatchcase(path, self.path)) or self.count == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1.0 and self.draws.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    async def before(self) -> None:
        if self.when == "before":
            await self._act()

    async def after(self) -> None:
        if self.when == "after":
            await self._act()

    async def _act(self) -> None:
        if self.delay_ms:
            await asyncio.sleep(self.delay_ms / 1000)
        if self.kind in ("drop", "hang"):
            raise DropConnection(cut=self.kind == "drop")
        if self.kind in ("status", "text"):
            code = self.error_code or _CODES.get(self.status, "UNKNOWN")
            after = None if self.retry_after is None else str(self.retry_after)
            text = self.message if self.kind == "text" else None
            raise FaultAnswer(self.status, code, self.message, after, text)


class Faults:
    """The faults of a workspace."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._last = 0

    def add(self, wanted: Mapping[str, Any]) -> int:
        """Add one from its JSON form and return its id; ApiError 400 for an unknown key or kind."""
        self._last += 1
        fault = construct(Fault, {**wanted, "id": self._last})
        if fault.kind not in _KINDS or fault.when not in ("before", "after"):
            raise invalid(f"Fault: no kind {fault.kind} {fault.when}")
        if not 200 <= fault.status <= 599:
            raise invalid(f"Fault: no status {fault.status}")
        self._all.append(fault)
        return fault.id

    def clear(self) -> None:
        self._all.clear()

    def hits(self, method: str, path: str) -> list[Fault]:
        """Return the faults for this call: the first that takes it, delays aside, which add up."""
        hits: list[Fault] = []
        if self._all and not path.startswith("/__emulator/"):
            for fault in self._all:
                if fault.takes(method, path):
                    hits.append(fault)
                    if fault.kind != "delay":
                        break
        return hits
