"""Gets passwords for Lakebase, Databricks' Postgres: tokens of an hour, from the Databricks SDK."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from dara_dagster.errors import CredentialsError
from dara_dagster.workspace.calls import API_ERRORS, explain
from dara_dagster.workspace.client import Workspace, open_workspace

__all__ = ["ENDPOINT_VARIABLE", "INSTANCE_VARIABLE", "LakebaseCredentials"]

# As Databricks' own app kit calls it: https://databricks.com/devhub/docs/lakebase/configuration
ENDPOINT_VARIABLE = "LAKEBASE_ENDPOINT"
INSTANCE_VARIABLE = "LAKEBASE_INSTANCE"
_HOST = "PGHOST"
# A token is renewed so long before its end, or at half of its life where that is shorter.
_EARLY_SECONDS = 300.0
_LIFE_SECONDS = 3600.0


class LakebaseCredentials:
    """The password of the moment, kept until shortly before its end; any thread may ask."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
    ) -> None:
        self._environ, self._clock = environ, clock
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None
        self._token, self._renew_at = "", 0.0

    def get_token(self) -> str:
        """Return the password for a new connection. Raises the subclasses of DaraError."""
        with self._lock:
            now = self._clock()
            if now >= self._renew_at:
                self._token, end = self._ask()
                self._renew_at = max(end - _EARLY_SECONDS, now + (end - now) / 2)
            return self._token

    def reject(self, token: str) -> bool:
        """Forget a token that Postgres did not take: another may do better."""
        with self._lock:
            if token == self._token:
                self._renew_at = 0.0
            return True

    def _ask(self) -> tuple[str, float]:
        """Return a new token, and when it ends in seconds since the epoch by this computer's clock."""
        if self._workspace is None:
            self._workspace = open_workspace(
                "databricks", root=Path.cwd(), environ=self._environ, check=False
            )
        client, environ = self._workspace.client, self._environ
        try:
            if endpoint := environ.get(ENDPOINT_VARIABLE):
                newer = client.postgres.generate_database_credential(endpoint)
                token, end = newer.token, newer.expire_time.ToSeconds() if newer.expire_time else None
            else:
                older = client.database.generate_database_credential(
                    request_id=str(uuid.uuid4()), instance_names=[self._instance_name()]
                )
                token, end = older.token, _seconds(older.expiration_time)
        except API_ERRORS as error:
            raise CredentialsError(f"No password for Lakebase could be had: {_reason(error)}.") from None
        return token or "", self._clock() + _LIFE_SECONDS if end is None else float(end)

    def _instance_name(self) -> str:
        """Return the database instance: the one that is named, or the one whose host PGHOST is."""
        assert self._workspace is not None
        if name := self._environ.get(INSTANCE_VARIABLE):
            return name
        host = self._environ.get(_HOST, "")
        for instance in self._workspace.client.database.list_database_instances():
            if host and host in (instance.read_write_dns, instance.read_only_dns):
                return instance.name
        raise CredentialsError(
            f"No database instance in this workspace has the host {host!r}: set {ENDPOINT_VARIABLE} "
            f"(Lakebase Autoscaling) or {INSTANCE_VARIABLE} (Lakebase Provisioned)."
        )


def _reason(error: BaseException) -> str:
    return explain(error).rstrip(".")


def _seconds(text: str | None) -> float | None:
    """Return seconds since the epoch of a time in ISO 8601; None for one that cannot be read."""
    try:
        return datetime.fromisoformat((text or "").replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
