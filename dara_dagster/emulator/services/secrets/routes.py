"""The Secrets API 2.0: requests in, answers out."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.services.secrets.rules import Secrets, no_acl


def _create_scope(secrets: Secrets, call: Call) -> Any:
    kind = call.body.get("scope_backend_type", "DATABRICKS")
    if kind != "DATABRICKS":
        raise invalid(f"The emulator has no secret scopes of type {kind}.")
    secrets.create_scope(call.body.get("scope", ""), call.body.get("initial_manage_principal"))
    return {}


def _delete_scope(secrets: Secrets, call: Call) -> Any:
    secrets.delete_scope(call.body.get("scope", ""))
    return {}


def _list_scopes(secrets: Secrets, call: Call) -> Any:
    return {"scopes": [{"name": name, "backend_type": "DATABRICKS"} for name in secrets.scopes()]}


def _put(secrets: Secrets, call: Call) -> Any:
    body = call.body
    if ("string_value" in body) == ("bytes_value" in body):
        raise invalid("Exactly one of string_value and bytes_value must be given.")
    try:
        value = (
            str(body["string_value"]).encode()
            if "string_value" in body
            else base64.b64decode(body["bytes_value"], validate=True)
        )
    except (binascii.Error, ValueError, TypeError):
        raise invalid("bytes_value is not valid base64.") from None
    secrets.put(body.get("scope", ""), body.get("key", ""), value)
    return {}


def _get(secrets: Secrets, call: Call) -> Any:
    key = call.query.get("key", "")
    value = secrets.get(call.query.get("scope", ""), key)
    return {"key": key, "value": base64.b64encode(value).decode()}


def _delete(secrets: Secrets, call: Call) -> Any:
    secrets.delete(call.body.get("scope", ""), call.body.get("key", ""))
    return {}


def _list(secrets: Secrets, call: Call) -> Any:
    return {"secrets": secrets.list_all(call.query.get("scope", ""))}


def _put_acl(secrets: Secrets, call: Call) -> Any:
    body = call.body
    permission = body.get("permission", "")
    secrets.put_acl(body.get("scope", ""), body.get("principal", ""), permission)
    return {}


def _delete_acl(secrets: Secrets, call: Call) -> Any:
    secrets.put_acl(call.body.get("scope", ""), call.body.get("principal", ""), None)
    return {}


def _get_acl(secrets: Secrets, call: Call) -> Any:
    scope, principal = call.query.get("scope", ""), call.query.get("principal", "")
    permission = secrets.acls(scope).get(principal)
    if permission is None:
        raise no_acl(scope, principal)
    return {"principal": principal, "permission": permission}


def _list_acls(secrets: Secrets, call: Call) -> Any:
    acls = secrets.acls(call.query.get("scope", ""))
    return {"items": [{"principal": who, "permission": what} for who, what in acls.items()]}


_ROUTES = (
    ("POST", "/api/2.0/secrets/scopes/create", _create_scope),
    ("POST", "/api/2.0/secrets/scopes/delete", _delete_scope),
    ("GET", "/api/2.0/secrets/scopes/list", _list_scopes),
    ("POST", "/api/2.0/secrets/put", _put),
    ("GET", "/api/2.0/secrets/get", _get),
    ("POST", "/api/2.0/secrets/delete", _delete),
    ("GET", "/api/2.0/secrets/list", _list),
    ("POST", "/api/2.0/secrets/acls/put", _put_acl),
    ("POST", "/api/2.0/secrets/acls/delete", _delete_acl),
    ("GET", "/api/2.0/secrets/acls/get", _get_acl),
    ("GET", "/api/2.0/secrets/acls/list", _list_acls),
)


def routes(secrets: Secrets) -> Routes:
    """Return the routes of one workspace."""
    return bind(secrets, _ROUTES)
