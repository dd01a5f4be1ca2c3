"""Adds the security headers to every answer (https://owasp.org/www-project-secure-headers/)."""

from __future__ import annotations

import base64
import hashlib
import re

from dagster_webserver.templates.graphiql import TEMPLATE
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COMMON", "NO_CONTENT", "UI_SOURCES", "SecurityHeaders"]

# An answer that is no page: nothing in it may be loaded or run, were it shown as one.
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# What Dagster's pages load beside their scripts: only from here, and icons and fonts that stand in the page.
UI_SOURCES = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; frame-ancestors 'self'; form-action 'self'"
)
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Scripts and styles of Dagster's UI, whose names change with their content.
_STATIC = ("/_next/", "/vendor/")


def _graphiql() -> str:
    """Return the policy of the page at /graphql: its one inline script is known by its hash."""
    scripts = re.findall(r"<script>(.*?)</script>", TEMPLATE, re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"{UI_SOURCES}; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; base-uri 'none'"


_GRAPHIQL = _graphiql()


class SecurityHeaders:
    """Sets what the application has not set itself, in answers of all kinds, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in COMMON.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", _policy(scope, headers))
                if not scope["path"].startswith(_STATIC):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _policy(scope: Scope, headers: MutableHeaders) -> str:
    if scope["path"] == "/graphql" and headers.get("content-type", "").startswith("text/html"):
        return _GRAPHIQL
    # A worker runs under the policy of its own file.
    return UI_SOURCES if scope["path"].startswith(_STATIC) else NO_CONTENT
