"""Decides which requests reach the server at all: by token, and never on behalf of another web site."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from typing import Literal
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.errors import DaraError
from dara_dagster.serve.problem import problem_answer
from dara_dagster.serve.proxy import Proxy, Refused, caller_of, forwarded

__all__ = ["TOKEN_VARIABLE", "Guard", "is_loopback", "usable_token"]

TOKEN_VARIABLE = "DARA_API_TOKEN"  # noqa: S105
_COOKIE = "dara_session"
_COOKIE_SECONDS = 12 * 3600
_HEALTH = "/api/v1/health"
_OPEN_PATHS = ("/health/live", "/health/ready", _HEALTH, f"{_HEALTH}/live", f"{_HEALTH}/ready")
# Behind a proxy that logs people in, Authorization is what they log in with.
_TOKEN_HEADER = "x-dara-token"  # noqa: S105
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# A browser keeps what is typed into its password box for as long as it runs and sends it with each request.
_CHALLENGES = ('Bearer realm="dara"', 'Basic realm="dara: the token is the password", charset="UTF-8"')
_Way = Literal["header", "basic", "cookie"]


def is_loopback(host: str) -> bool:
    """Whether an address to listen on, or the name in a Host header, means this computer only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def usable_token(host: str, token: str | None, *, in_app: bool = False) -> str | None:
    """The token to ask for, None for none: a server that other computers can reach needs one.

    Not so in a Databricks App, which only its proxy can reach. Raises DaraError without one there, or with
    one that no header could carry.
    """
    if not token:
        if in_app or is_loopback(host):
            return None
        raise DaraError(
            f"{host} can be reached from other computers: set {TOKEN_VARIABLE} to a long random text "
            "(openssl rand -hex 32), which callers then have to give."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise DaraError(f"{TOKEN_VARIABLE} has to be of printable ASCII characters, without spaces.")
    return token


class Guard:
    """Stands before all of the server: REST API, UI, GraphQL, and their web sockets.

    Without a token, only requests that name this computer in their Host header pass (a foreign name that
    was made to point here is refused). With one, it is asked for as a bearer token, or as the password of
    any user: a browser then gets a cookie, for its web sockets. In both cases nothing passes that another
    web site made a browser send.

    Behind a `proxy` the host is the one that the proxy was asked for, and each request needs a caller whom
    it has logged in; a token is then asked for on top, where there is one.
    """

    def __init__(self, app: ASGIApp, token: str | None, proxy: Proxy | None = None) -> None:
        self._app, self._token, self._proxy = app, token, proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            scope = forwarded(scope, self._proxy)
        except Refused as refused:
            await _refuse(_answer(refused.status, refused.message), scope, receive, send)
            return
        headers = Headers(scope=scope)
        way = self._way(headers) if self._token else None
        refusal = self._refusal(scope, headers, way)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "http":
            await self._app(scope, receive, self._marked(scope, way, send))
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers, way: _Way | None) -> Response | None:
        host = headers.get("host", "")
        if self._proxy is not None and caller_of(scope) is None and not _is_open(scope):
            return _answer(401, "The proxy in front of this server named no user. Log in there.")
        if self._proxy is None and self._token is None and not is_loopback(_name_in(f"//{host}")):
            return _answer(403, f"This server answers to localhost only, not to {host[:100]!r}.")
        if way != "header" and _is_foreign(scope, headers, host):
            return _answer(403, "A page of another web site may not do this.")
        if self._token is not None and way is None and not _is_open(scope):
            answer = _answer(
                401,
                "Give the token: 'Authorization: Bearer TOKEN' or 'X-Dara-Token: TOKEN', "
                "or as password in a browser.",
            )
            for challenge in _CHALLENGES:
                answer.headers.append("WWW-Authenticate", challenge)
            return answer
        # Dagster changes things by GET too, and to a plain-http address other than localhost browsers send
        # neither Sec-Fetch-Site nor, with an image of another site, an Origin.
        if way != "header" and _is_graphql(scope) and _reads(scope) and scope["query_string"]:
            return _answer(405, "GraphQL takes a query by POST here.")
        return None

    def _way(self, headers: Headers) -> _Way | None:
        """How the request proves that it knows the token, None when it does not."""
        if self._is_token(headers.get(_TOKEN_HEADER, "").strip()):
            return "header"
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return "header"
        if kind.lower() == "basic" and self._is_token(_password(given)):
            return "basic"
        # Not SimpleCookie: it gives up at the first odd cookie, and all ports of a computer share theirs.
        session = cookie_parser(headers.get("cookie", "")).get(_COOKIE, "")
        return "cookie" if self._is_session(session) else None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self._token or "").encode())

    def _is_session(self, value: str) -> bool:
        until, _, _ = value.partition(".")
        is_ours = hmac.compare_digest(value.encode(), self._session(until).encode())
        return is_ours and int(until) > time.time()

    def _session(self, until: str) -> str:
        """A cookie that holds until then; who has it does not learn the token from it."""
        mark = hmac.new((self._token or "").encode(), f"session {until}".encode(), hashlib.sha256)
        return f"{until}.{mark.hexdigest()}"

    def _marked(self, scope: Scope, way: _Way | None, send: Send) -> Send:
        """Sends what the application does, with the headers that each answer, or the way in, asks for."""
        cookie = self._session(str(int(time.time()) + _COOKIE_SECONDS)) if way == "basic" else ""
        secure = "; Secure" if scope["scheme"] == "https" else ""
        text = f"{_COOKIE}={cookie}; Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Strict{secure}"

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if cookie:
                    headers.append("Set-Cookie", text)
            await send(message)

        return marked


def _is_open(scope: Scope) -> bool:
    return scope["type"] == "http" and bool(scope["path"] in _OPEN_PATHS)


def _is_graphql(scope: Scope) -> bool:
    return bool(scope["path"].rstrip("/").endswith("/graphql"))


def _reads(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE_METHODS


def _name_in(address: str) -> str:
    """The name of the host in `//host:port`, "" for what is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_foreign(scope: Scope, headers: Headers, host: str) -> bool:
    """Whether a page from elsewhere made the browser send this.

    By Sec-Fetch-Site, which every current browser sends (https://www.w3.org/TR/fetch-metadata/), and by
    Origin. Opening one of our pages by a link on another is fine.
    """
    reads = _reads(scope) and not _is_graphql(scope)
    opens_page = reads and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not opens_page:
        return True
    origin = headers.get("origin")
    if origin is None or reads:
        return False
    return origin.partition("://")[2].lower() != host.lower()


def _password(basic: str) -> str:
    """The password of HTTP Basic credentials, "" for what is none."""
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _answer(status: int, message: str) -> Response:
    return problem_answer(status, message)


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # before it is accepted: the browser sees a plain 403
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, receive, send)
