"""Dagster's storage in Lakebase, named in `dagster.yaml` as class `LakebaseStorage` of this module."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dara_dagster.executor.postgres import Credentials, PasswordlessPostgres

__all__ = ["LakebaseStorage"]

_PASSWORD = "PGPASSWORD"  # noqa: S105


class LakebaseStorage(PasswordlessPostgres):
    """Dagster's whole history in the database that PGHOST, PGUSER, PGDATABASE, PGPORT and PGSSLMODE name.

    storage: {custom: {module: dara_dagster.lakebase, class: LakebaseStorage, config: {}}}

    A Databricks App that has a database as its resource has these variables. Each new connection takes the
    password from the Databricks SDK; with PGPASSWORD, a role's own password, the SDK is not even loaded.
    """

    @classmethod
    def open_credentials(cls, environ: Mapping[str, str] = os.environ) -> Credentials:
        """Return where the passwords come from."""
        if password := environ.get(_PASSWORD):
            return _OwnPassword(password)
        from dara_dagster.workspace.lakebase import LakebaseCredentials

        return LakebaseCredentials(environ)


class _OwnPassword:
    """The password of a role of Postgres' own."""

    def __init__(self, password: str) -> None:
        self._password = password

    def get_token(self) -> str:
        return self._password

    def reject(self, token: str) -> bool:
        return False
