"""The few calls of Lakebase that a client of its Postgres makes: database instances and credentials.

There is no Postgres behind them: a test puts one beside the local workspace and says here which password it
takes at the moment.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError

_LIFE_SECONDS = 3600.0


class Lakebase:
    """The database instances of a workspace, and the credential it gives out now; lost with the server."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._instances: dict[str, str] = {}
        self._token: str | None = None
        self._seconds = _LIFE_SECONDS

    def set_up(self, wanted: Mapping[str, Any]) -> None:
        """Set, for tests, `token` and how many `seconds` it lives, or `instance` and its `host`."""
        if "instance" in wanted:
            self._instances[str(wanted["instance"])] = str(wanted.get("host", ""))
        if "token" in wanted:
            self._token = str(wanted["token"])
            self._seconds = float(wanted.get("seconds", _LIFE_SECONDS))

    def instances(self) -> list[dict[str, str]]:
        """Return all of them as the API has them."""
        return [
            {"name": name, "read_write_dns": host, "state": "AVAILABLE"}
            for name, host in sorted(self._instances.items())
        ]

    def check_instance(self, name: str) -> None:
        """Raise ApiError 404 for one that is not there."""
        if name not in self._instances:
            raise ApiError(404, "NOT_FOUND", f"Database instance '{name}' does not exist.")

    def credential(self) -> tuple[str, str]:
        """Return a token and when it ends."""
        end = datetime.fromtimestamp(self._context.clock.now_ms() / 1000 + self._seconds, timezone.utc)
        return self._token or secrets.token_hex(16), end.isoformat().replace("+00:00", "Z")
