"""dbutils.secrets, from the file of secrets a task is given; values read are redacted in its output."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dara_dagster.emulator.task.redaction import Redactor

__all__ = ["SecretMetadata", "SecretScope", "Secrets"]


class SecretMetadata(NamedTuple):
    key: str


class SecretScope(NamedTuple):
    name: str

    def getName(self) -> str:
        return self.name


class Secrets:
    """The file holds {scope: {key: base64}}."""

    def __init__(self, file: str | None, redactor: Redactor) -> None:
        self._file = file
        self._redactor = redactor

    def _scopes(self) -> dict[str, dict[str, str]]:
        content: dict[str, dict[str, str]] = json.loads(Path(self._file).read_text()) if self._file else {}
        return content

    def _scope(self, scope: str) -> dict[str, str]:
        scopes = self._scopes()
        if scope not in scopes:
            raise ValueError(f"RESOURCE_DOES_NOT_EXIST: Scope {scope} does not exist!")
        return scopes[scope]

    def getBytes(self, scope: str, key: str) -> bytes:
        keys = self._scope(scope)
        if key not in keys:
            raise ValueError(
                f"RESOURCE_DOES_NOT_EXIST: Secret does not exist with scope: {scope} and key: {key}"
            )
        value = base64.b64decode(keys[key])
        self._redactor.add(value.decode(errors="replace"))
        return value

    def get(self, scope: str, key: str) -> str:
        return self.getBytes(scope, key).decode()

    def list(self, scope: str) -> Sequence[SecretMetadata]:
        return [SecretMetadata(key) for key in sorted(self._scope(scope))]

    def listScopes(self) -> Sequence[SecretScope]:
        return [SecretScope(name) for name in sorted(self._scopes())]
