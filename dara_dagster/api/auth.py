"""Decides which requests reach the server at all: by token, and never on behalf of another web site."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import sys
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.api.limits import client_of
from dara_dagster.api.problem import problem_answer
from dara_dagster.api.proxy import Proxy, Refused, caller_of, forwarded
from dara_dagster.api.tokens import SHORTEST, Access, Failures, Tokens
from dara_dagster.errors import DaraError

__all__ = ["TOKEN_VARIABLE", "Guard", "access_of", "is_loopback", "usable_token"]

TOKEN_VARIABLE = "DARA_API_TOKEN"  # noqa: S105
_COOKIE_SECONDS = 12 * 3600
_HEALTH = "/api/v1/health"
_OPEN_PATHS = ("/health/live", "/health/ready", _HEALTH, f"{_HEALTH}/live", f"{_HEALTH}/ready")
# Behind a proxy that logs people in, Authorization is what they log in with.
_TOKEN_HEADER = "x-dara-token"  # noqa: S105
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# A browser keeps what is typed into its password box for as long as it runs and sends it with each request.
_CHALLENGES = ('Bearer realm="dara"', 'Basic realm="dara: the token is the password", charset="UTF-8"')
_Way = Literal["header", "basic", "cookie", "link"]
_LINK = "token"
ACCESS = "dara.access"


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on, or the name in a Host header, means this computer only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def usable_token(
    host: str, token: str | None, *, in_app: bool = False, has_named: bool = False
) -> str | None:
    """Return the token to ask for, None for none: a server that other computers can reach needs one, or named
    ones.

    Not so in a Databricks App, which only its proxy can reach. Raises DaraError without one there, or with
    one that could be guessed or that no header could carry.
    """
    if not token:
        if in_app or has_named or is_loopback(host):
            return None
        raise DaraError(
            f"{host} can be reached from other computers: set {TOKEN_VARIABLE} to a long random text "
            "(openssl rand -hex 32), which callers then have to give, or make one for each of them: "
            "dara token add NAME"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise DaraError(f"{TOKEN_VARIABLE} has to be of printable ASCII characters, without spaces.")
    if len(token) < SHORTEST:
        raise DaraError(
            f"{TOKEN_VARIABLE} has {len(token)} characters and needs {SHORTEST}, since others may guess it: "
            "openssl rand -hex 32"
        )
    return token


class Guard:
    """Stands before all of the server: REST API, UI, GraphQL, and their web sockets.

    Without a token, only requests that name this computer in their Host header pass (a foreign name that
    was made to point here is refused). With one, it is asked for as a bearer token, as the password of any
    user, or in the link that `dara serve` prints: a browser then gets a cookie. In both cases nothing passes
    that another web site made a browser send. What a token may do is noted for what stands behind; wrong
    ones are answered ever more slowly, and logged.

    Behind a `proxy` the host is the one that the proxy was asked for, and each request needs a caller whom
    it has logged in; a token is then asked for on top, where there is one.
    """

    def __init__(
        self, app: ASGIApp, tokens: Tokens, proxy: Proxy | None = None, failures: Failures | None = None
    ) -> None:
        self._app, self._tokens, self._proxy = app, tokens, proxy
        self._failures = failures or Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            scope = forwarded(scope, self._proxy)
        except Refused as refused:
            await _refuse(problem_answer(refused.status, refused.message), scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = self._tokens.asked_for()
        given = _given(scope, headers, is_proxied=self._proxy is not None) if asked else None
        access = self._tokens.find(given.token) if given is not None else None
        way: _Way | None = given.way if given is not None and access is not None else None
        if asked and access is None:
            access = self._tokens.find_session(
                cookie_parser(headers.get("cookie", "")).get(_cookie(scope), "")
            )
            way = "cookie" if access is not None else None
        refusal = self._refusal(scope, headers, asked, way, access)
        if refusal is not None:
            if refusal.status_code == 401 and given is not None and given.is_guess:
                refusal = await self._after_a_while(refusal, scope)
            await _refuse(refusal, scope, receive, send)
            return
        if access is not None:
            scope[ACCESS] = access
            self._failures.forget(_client(scope))
        if way == "link" and access is not None:
            await _refuse(_redirect(scope), scope, receive, self._with_cookie(scope, access, send))
        elif scope["type"] == "http" and way == "basic" and access is not None:
            await self._app(scope, receive, self._with_cookie(scope, access, send))
        else:
            await self._app(scope, receive, send)

    def _refusal(
        self, scope: Scope, headers: Headers, asked: bool, way: _Way | None, access: Access | None
    ) -> Response | None:
        host = headers.get("host", "")
        if self._proxy is not None and caller_of(scope) is None and not _is_open(scope):
            return problem_answer(401, "The proxy in front of this server named no user. Log in there.")
        if self._proxy is None and not asked and not is_loopback(_name_in(f"//{host}")):
            return problem_answer(403, f"This server answers to localhost only, not to {host[:100]!r}.")
        if way != "header" and _is_foreign(scope, headers, host):
            return problem_answer(403, "A page of another web site may not do this.")
        if asked and access is None and not _is_open(scope):
            answer = problem_answer(
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
            return problem_answer(405, "GraphQL takes a query by POST here.")
        # Of GraphQL, the mutations are refused where queries are parsed.
        is_read = _reads(scope) or _is_graphql(scope)
        if access is not None and access.scope == "read" and not is_read:
            return problem_answer(403, f"The token {access.name!r} may only read (its scope is read).")
        return None

    async def _after_a_while(self, refusal: Response, scope: Scope) -> Response:
        """Return the answer to a wrong token: the later the more have come; it repeats nothing of what was
        given."""
        client = _client(scope)
        count, delay = self._failures.note(client)
        if count & (count - 1) == 0:  # at 1, 2, 4, 8, ...
            what = f"{scope.get('method', scope['type'])} {scope['path'][:200]!a}"
            print(f"Wrong token from {client} ({count} in a row): {what}", file=sys.stderr, flush=True)
        with self._failures.waiting(client) as may_wait:
            if not may_wait:
                return problem_answer(429, "Too many wrong tokens.", retry_after=delay)
            await asyncio.sleep(delay)
        return refusal

    def _with_cookie(self, scope: Scope, access: Access, send: Send) -> Send:
        """Send what the application does, with a cookie that begins a session."""
        session = self._tokens.session(access, int(time.time()) + _COOKIE_SECONDS)
        secure = "; Secure" if scope["scheme"] == "https" else ""
        ends = f"Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Strict{secure}"
        text = f"{_cookie(scope)}={session}; {ends}"

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", text)
            await send(message)

        return marked


def access_of(scope: Scope) -> Access | None:
    """Return whose token the request came with; None where none is asked for."""
    found: Access | None = scope.get(ACCESS)
    return found


@dataclass(frozen=True)
class _Given:
    """A token as a request carries it: right or wrong; `is_guess` when it can only be meant for us."""

    token: str
    way: _Way
    is_guess: bool = True


def _given(scope: Scope, headers: Headers, *, is_proxied: bool) -> _Given | None:
    """Return the token that a request carries, if any.

    Behind a proxy that logs people in, what is in Authorization may be for the proxy, and is then no guess.
    """
    if own := headers.get(_TOKEN_HEADER, "").strip():
        return _Given(own, "header")
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return _Given(given.strip(), "header", is_guess=not is_proxied)
    if kind.lower() == "basic":
        return _Given(_password(given), "basic", is_guess=not is_proxied)
    if scope["type"] == "http" and scope["method"] == "GET" and not _is_program(scope):
        link = parse_qs(scope["query_string"].decode("latin-1")).get(_LINK)
        return _Given(link[0], "link") if link else None
    return None


def _client(scope: Scope) -> str:
    """Return whose wrong tokens are counted together: those of one caller of a trusted proxy, else of an
    address."""
    caller = caller_of(scope)
    return caller.name if caller is not None else client_of(scope)


def _redirect(scope: Scope) -> Response:
    """Redirect to the same page without the token, which then stands in no history and no log."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    left = urlencode([(name, value) for name, value in query if name != _LINK])
    path = quote("/" + scope["path"].lstrip("/"), safe="/:@")  # not //host, which would lead elsewhere
    return Response(status_code=303, headers={"Location": f"{path}?{left}" if left else path})


def _cookie(scope: Scope) -> str:
    """Return the name of the cookie: all servers of a computer get each other's."""
    server = scope.get("server")
    return f"dara_session_{server[1]}" if server else "dara_session"


def _is_program(scope: Scope) -> bool:
    """Return whether what is asked for is no page."""
    return _is_graphql(scope) or bool(scope["path"].startswith("/api/"))


def _is_open(scope: Scope) -> bool:
    return scope["type"] == "http" and bool(scope["path"] in _OPEN_PATHS)


def _is_graphql(scope: Scope) -> bool:
    return bool(scope["path"].rstrip("/").endswith("/graphql"))


def _reads(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in _SAFE_METHODS


def _name_in(address: str) -> str:
    """Return the name of the host in `//host:port`, "" for what is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_foreign(scope: Scope, headers: Headers, host: str) -> bool:
    """Return whether a page from elsewhere made the browser send this.

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
    """Return the password of HTTP Basic credentials, "" for what is none."""
    try:
        return base64.b64decode(basic, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # before it is accepted: the browser sees a plain 403
        await send({"type": "websocket.close", "code": 1008})
    else:
        await answer(scope, receive, send)
