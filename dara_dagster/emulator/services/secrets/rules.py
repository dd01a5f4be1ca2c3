"""The Secrets API 2.0: scopes, values and access lists, kept in the private store of the workspace."""

from __future__ import annotations

import base64
import re
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid

Scope = dict[str, Any]
"""A stored scope: `secrets` {key: {value (base64), updated}}, `acls` {principal: permission}."""


_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")


_PERMISSIONS = ("READ", "WRITE", "MANAGE")


_MAX_VALUE_BYTES = 128 * 1024


_MAX_SECRETS = 1000


class Secrets:
    """All secret scopes of a workspace. Limits and texts: https://docs.databricks.com/api/workspace/secrets.

    Every operation raises ApiError: 404 RESOURCE_DOES_NOT_EXIST for an unknown scope, key or principal,
    400 for bad names and values. Values are in no other text.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._scopes = context.store.table("secrets")

    def values(self) -> dict[str, dict[str, bytes]]:
        """Return every value, by scope and key: what a task process may read."""
        return {
            name: {key: base64.b64decode(kept["value"]) for key, kept in scope["secrets"].items()}
            for name, scope in self._scopes.items()
        }

    def create_scope(self, name: str, manager: str | None = None) -> None:
        """Make a scope; its creator, or `manager` ("users" = everybody), may manage it."""
        _check_name("scope", name)
        if name in self._scopes:
            raise ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Scope {name} already exists!")
        self._scopes[name] = {"secrets": {}, "acls": {manager or self._context.user: "MANAGE"}}

    def delete_scope(self, name: str) -> None:
        """Delete a scope with all its secrets."""
        self._find_scope(name)
        del self._scopes[name]

    def scopes(self) -> list[str]:
        """Return the names of all scopes, sorted."""
        return sorted(self._scopes)

    def put(self, scope_name: str, key: str, value: bytes) -> None:
        """Set a secret: at most 128 KB, at most 1,000 in a scope."""
        scope = self._find_scope(scope_name)
        _check_name("key", key)
        if len(value) > _MAX_VALUE_BYTES:
            raise invalid(
                f"The secret value of {len(value)} bytes exceeds the limit of {_MAX_VALUE_BYTES} bytes."
            )
        if key not in scope["secrets"] and len(scope["secrets"]) >= _MAX_SECRETS:
            text = f"Scope {scope_name} has the most secrets it can have: {_MAX_SECRETS}."
            raise ApiError(400, "RESOURCE_LIMIT_EXCEEDED", text)
        kept = {"value": base64.b64encode(value).decode(), "updated": self._context.clock.now_ms()}
        self._scopes[scope_name] = {**scope, "secrets": {**scope["secrets"], key: kept}}

    def get(self, scope_name: str, key: str) -> bytes:
        """Return the value of a secret."""
        return base64.b64decode(self._find_secret(scope_name, key)["value"])

    def delete(self, scope_name: str, key: str) -> None:
        """Delete a secret."""
        self._find_secret(scope_name, key)
        scope = self._find_scope(scope_name)
        left = {name: kept for name, kept in scope["secrets"].items() if name != key}
        self._scopes[scope_name] = {**scope, "secrets": left}

    def list_all(self, scope_name: str) -> list[dict[str, Any]]:
        """Return keys and times of the secrets of a scope, by key; no values."""
        secrets = self._find_scope(scope_name)["secrets"]
        return [{"key": key, "last_updated_timestamp": secrets[key]["updated"]} for key in sorted(secrets)]

    def acls(self, scope_name: str) -> dict[str, str]:
        """Return who may do what on a scope: principal -> permission."""
        return dict(self._find_scope(scope_name)["acls"])

    def put_acl(self, scope_name: str, principal: str, permission: str | None) -> None:
        """Set the permission of a principal on a scope; None takes it away."""
        scope = self._find_scope(scope_name)
        if permission is not None and permission not in _PERMISSIONS:
            raise invalid(f"Unknown permission {permission!r}, expected one of {', '.join(_PERMISSIONS)}.")
        if permission is None and principal not in scope["acls"]:
            raise no_acl(scope_name, principal)
        acls = {**scope["acls"], principal: permission}
        self._scopes[scope_name] = {**scope, "acls": {who: what for who, what in acls.items() if what}}

    def _find_scope(self, name: str) -> Scope:
        found: Scope | None = self._scopes.get(name)
        if found is None:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Scope {name} does not exist!")
        return found

    def _find_secret(self, scope_name: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self._find_scope(scope_name)["secrets"].get(key)
        if found is None:
            text = f"Failed to get secret {key} for scope {scope_name}: it does not exist."
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", text)
        return found


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(f"The {what} must be 1 to 128 of the characters A-Z a-z 0-9 - _ . @, got {name!r}.")


def no_acl(scope_name: str, principal: str) -> ApiError:
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"No ACL for {principal} in scope {scope_name}.")
