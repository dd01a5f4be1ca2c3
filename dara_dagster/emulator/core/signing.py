"""URLs that are a permission by themselves: what a cloud store's presigned URLs are to the real service."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError

PRESIGNED = "/__emulator/presigned/"
"""Where URLs begin that are a permission by themselves and come without a token."""

_SECONDS_VALID = 900


class Signer:
    """Makes and checks the presigned URLs of one workspace; they end with the server.

    The first part after PRESIGNED is `name`, by which the server finds the workspace; the signature in the
    query covers the operation, its values and the end of validity.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._key = secrets.token_bytes(32)
        self.name = secrets.token_urlsafe(16)

    def url(self, operation: str, values: Mapping[str, str]) -> str:
        """Return a URL for `operation` with `values` as its query, valid for 15 minutes."""
        until = str(self._context.clock.now_ms() + _SECONDS_VALID * 1000)
        query = {**values, "expires": until}
        query["signature"] = self._sign(operation, query)
        return f"{self._context.host}{PRESIGNED}{self.name}/{operation}?{urlencode(query)}"

    def check(self, operation: str, query: Mapping[str, str]) -> dict[str, str]:
        """Return the values in the URL's query; ApiError 403 when it is forged or expired."""
        values = {name: value for name, value in query.items() if name != "signature"}
        given = query.get("signature", "").encode()
        if not hmac.compare_digest(self._sign(operation, values).encode(), given):
            raise ApiError(403, "PERMISSION_DENIED", "The signature of the URL is not valid.")
        if int(values.pop("expires")) < self._context.clock.now_ms():
            raise ApiError(403, "PERMISSION_DENIED", "Request has expired")
        return values

    def _sign(self, operation: str, values: Mapping[str, str]) -> str:
        text = operation + "\n" + urlencode(sorted(values.items()))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
