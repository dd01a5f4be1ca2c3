"""Reads who calls from the headers of a trusted proxy; without one, removes them so that none is believed.

Databricks Apps puts every app behind such a proxy: https://docs.databricks.com/aws/en/dev-tools/databricks-apps/http-headers
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Scope

from dara_dagster.errors import DaraError
from dara_dagster.executor.user import USER_HEADER

__all__ = [
    "NAME_HEADERS",
    "PORT_VARIABLE",
    "USERS_VARIABLE",
    "Caller",
    "Proxy",
    "Refused",
    "app_port",
    "caller_of",
    "forwarded",
    "is_databricks_app",
    "trusted_proxy",
]

USERS_VARIABLE = "DARA_API_USERS"
PORT_VARIABLE = "DATABRICKS_APP_PORT"
# Every app has both: https://docs.databricks.com/aws/en/dev-tools/databricks-apps/system-env
_SIGNS = ("DATABRICKS_APP_NAME", PORT_VARIABLE)
# Who calls, the first that is there.
NAME_HEADERS = (b"x-forwarded-email", b"x-forwarded-user", b"x-forwarded-preferred-username")
_TOKEN, _HOST, _SCHEME = b"x-forwarded-access-token", b"x-forwarded-host", b"x-forwarded-proto"
_READ = (*NAME_HEADERS, _TOKEN, _HOST, _SCHEME)
# Our own word for the caller, for what reads headers behind the guard; nobody outside can set it.
_USER = USER_HEADER.encode()
_CALLER = "dara.caller"
_LONGEST_NAME = 256
_LONGEST_TOKEN = 16 * 1024
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


@dataclass(frozen=True)
class Caller:
    """A person or service principal whom the proxy has logged in; the access token is never shown."""

    name: str
    access_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Proxy:
    """A proxy that logs callers in. `users` (lower case) are those let in, all when empty.

    `https` says that it is reached by https only, as an app is.
    """

    users: frozenset[str] = frozenset()
    https: bool = False


class Refused(Exception):
    """A request that may not pass: the HTTP status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def is_databricks_app(environ: Mapping[str, str]) -> bool:
    """Return whether this process runs inside a Databricks App, by the variables that every app has."""
    return all(environ.get(name) for name in _SIGNS)


def app_port(environ: Mapping[str, str]) -> int:
    """Return the port an app has to listen on. Raises DaraError for what is no port."""
    text = environ.get(PORT_VARIABLE, "")
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise DaraError(f"{PORT_VARIABLE} is {text[:100]!r}, which is no port. Give one with --port.")
    return int(text)


def trusted_proxy(environ: Mapping[str, str], *, behind_proxy: bool) -> Proxy | None:
    """Return the proxy to believe: that of Databricks Apps, or one the user vouches for; None when there is
    none.

    Raises DaraError for an allow list that names nobody, or that nothing could check.
    """
    in_app = is_databricks_app(environ)
    text = environ.get(USERS_VARIABLE)
    users = frozenset(name.strip().lower() for name in (text or "").split(",") if name.strip())
    if text is not None and not users:
        raise DaraError(f"{USERS_VARIABLE} names nobody: list users with commas, or remove it.")
    if not in_app and not behind_proxy:
        if users:
            raise DaraError(
                f"{USERS_VARIABLE} needs a proxy that says who calls: "
                "run in a Databricks App, or add --behind-proxy."
            )
        return None
    return Proxy(users, https=in_app)


def caller_of(scope: Scope) -> Caller | None:
    """Return who makes this request, None where no proxy says so."""
    found: Caller | None = scope.get(_CALLER)
    return found


def forwarded(scope: Scope, proxy: Proxy | None) -> Scope:
    """Return the request as the proxy received it: its host and scheme, and who makes it.

    The headers that say so are removed; without a proxy that is all. Raises Refused: 400 for headers that
    no proxy sends, 403 for a caller who is not on the list.
    """
    found: dict[bytes, list[bytes]] = {}
    kept = []
    for name, value in scope["headers"]:
        if name in _READ:
            found.setdefault(name, []).append(value)
        elif name != _USER:
            kept.append((name, value))
    if proxy is None:
        return {**scope, "headers": kept}
    for name, values in found.items():
        if len(values) > 1:
            raise Refused(400, f"The header {name.decode().title()} comes {len(values)} times.")
    single = {name: values[0].strip() for name, values in found.items() if values[0].strip()}
    changed = {**scope, _CALLER: _caller(single, proxy)}
    if proxy.https or single.get(_SCHEME) == b"https":
        changed["scheme"] = "wss" if scope["type"] == "websocket" else "https"
    if _HOST in single:
        kept = [(name, value) for name, value in kept if name != b"host"] + [(b"host", _host(single[_HOST]))]
    if changed[_CALLER] is not None:
        kept.append((_USER, changed[_CALLER].name.encode()))
    return {**changed, "headers": kept}


def _caller(headers: Mapping[bytes, bytes], proxy: Proxy) -> Caller | None:
    names = [_text(name, headers[name], _LONGEST_NAME) for name in NAME_HEADERS if name in headers]
    token = _text(_TOKEN, headers[_TOKEN], _LONGEST_TOKEN) if _TOKEN in headers else None
    if not names:
        return None
    if proxy.users and names[0].lower() not in proxy.users:
        raise Refused(403, f"{names[0]} may not use this server: {USERS_VARIABLE} lists who may.")
    return Caller(names[0], token)


def _host(value: bytes) -> bytes:
    if _HOST_NAME.fullmatch(value.decode("latin-1")) is None:
        raise Refused(400, "The header X-Forwarded-Host is not the name of a host.")
    return value


def _text(name: bytes, value: bytes, longest: int) -> str:
    shown = name.decode().title()
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Refused(400, f"The header {shown} is not UTF-8 text.") from None
    if len(text) > longest:
        raise Refused(400, f"The header {shown} is longer than {longest:,} characters.")
    if not text.isprintable():
        raise Refused(400, f"The header {shown} holds control characters.")
    return text
