"""Keeps Dagster's history in a Postgres whose password changes: each new connection asks for it."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from dagster import Field, IntSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import create_pg_engine, set_pg_statement_timeout
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool
from typing_extensions import Self

__all__ = ["Credentials", "PasswordlessPostgres", "postgres_url"]

# The server closes connections after a day without use, and all after three days.
_RECYCLE_SECONDS = 1800
_POOL_SIZE, _OVERFLOW = 2, 8
_REPLACED = 2  # passwords of one new connection
_NEEDED = ("PGHOST", "PGUSER", "PGDATABASE")


class Credentials(Protocol):
    """Where the password comes from."""

    def get_token(self) -> str:
        """Return the password for a new connection."""

    def reject(self, token: str) -> bool:
        """Forget a password that the server did not take; whether to ask for another."""


def postgres_url(environ: Mapping[str, str]) -> str:
    """Return the address of the database that libpq's variables name, without a password.

    Raises ValueError for variables that are missing.
    """
    missing = [name for name in _NEEDED if not environ.get(name)]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be set: a Databricks App with a database has them")
    host, user, database = (quote(environ[name], safe="") for name in _NEEDED)
    mode, name = environ.get("PGSSLMODE") or "require", environ.get("PGAPPNAME") or "dara"
    options = f"sslmode={quote(mode)}&application_name={quote(name, safe='')}"
    return f"postgresql://{user}@/{database}?host={host}&port={environ.get('PGPORT') or '5432'}&{options}"


class _WithCredentials:
    """Mixed into each of Dagster's three storages: a pool of few connections that asks for passwords."""

    _engine: Engine
    postgres_url: str

    def __init__(self, url: str, credentials: Credentials, recycle_seconds: int) -> None:
        self._credentials, self._recycle = credentials, recycle_seconds
        super().__init__(url, token_provider=credentials)  # type: ignore[call-arg]
        self._engine = self._pooled()

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Bound the time of a statement, in ms; the pool is recycled as it is anyway, or sooner."""
        self._recycle = min(self._recycle, pool_recycle)
        self._engine.dispose()
        self._engine = self._pooled(max_overflow)
        event.listen(
            self._engine,
            "connect",
            lambda connection, _: set_pg_statement_timeout(connection, statement_timeout),
        )

    def _pooled(self, overflow: int = _OVERFLOW) -> Engine:
        engine = create_pg_engine(
            self.postgres_url,
            isolation_level="AUTOCOMMIT",
            poolclass=QueuePool,
            pool_size=_POOL_SIZE,
            max_overflow=overflow,
            pool_recycle=self._recycle,
            pool_pre_ping=True,  # a database that scales to zero closes its connections
        )
        event.listen(engine, "do_connect", self._connect_with_password)
        return engine

    def _connect_with_password(
        self, dialect: Any, _record: Any, args: list[Any], named: dict[str, Any]
    ) -> Any:
        """Connect; a password that has ended meanwhile is replaced, twice at most."""
        for _ in range(_REPLACED):
            password = self._credentials.get_token()
            try:
                return dialect.connect(*args, **{**named, "password": password})
            except dialect.loaded_dbapi.OperationalError as error:
                refused = "password authentication failed" in str(error)
                if not refused or not self._credentials.reject(password):
                    raise
        return dialect.connect(*args, **{**named, "password": self._credentials.get_token()})


class _Runs(_WithCredentials, PostgresRunStorage):
    """Dagster's runs."""


class _Events(_WithCredentials, PostgresEventLogStorage):
    """Dagster's event log."""


class _Schedules(_WithCredentials, PostgresScheduleStorage):
    """Dagster's schedules and sensors."""


class PasswordlessPostgres(DagsterStorage, ConfigurableClass):
    """All of Dagster's history in the database of the `url`, for which `credentials` has the passwords.

    Made by Dagster from `dagster.yaml`, where `recycle_seconds` may say how long a connection is kept.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        recycle_seconds: int = _RECYCLE_SECONDS,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        self._inst_data = inst_data
        self._run_storage = _Runs(url, credentials, recycle_seconds)
        self._event_log_storage = _Events(url, credentials, recycle_seconds)
        self._schedule_storage = _Schedules(url, credentials, recycle_seconds)
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    @abstractmethod
    def open_credentials(cls) -> Credentials:
        """Return where the passwords come from."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"recycle_seconds": Field(IntSource, is_required=False, default_value=_RECYCLE_SECONDS)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, int]
    ) -> Self:
        return cls(postgres_url(os.environ), cls.open_credentials(), inst_data=inst_data, **config_value)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @property
    def event_log_storage(self) -> EventLogStorage:
        return self._event_log_storage

    @property
    def run_storage(self) -> RunStorage:
        return self._run_storage

    @property
    def schedule_storage(self) -> ScheduleStorage:
        return self._schedule_storage
