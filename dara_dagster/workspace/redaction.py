"""Takes secrets out of texts: what looks like one, and values of the environment that are named as one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_HIDDEN = "[REDACTED]"

# Each leaves what it captures: HTTP credentials (RFC 9110, 11.6), tokens and OAuth secrets of Databricks,
# JSON Web Tokens (RFC 7519), signatures, connection strings and keys of Azure Storage, client secrets of
# Entra ID, access keys of AWS, user information in URLs (RFC 3986, 3.2.1), and what stands under a name for
# secrets.
_SHAPES = (
    r"(?i)\b(bearer\s+)[^\s\"',;]+",
    r"(?i)\b(basic\s+)[a-z0-9+/_-]{6,}=*",
    r"()\b(?:dapi|dose|dkea|dsapi)[0-9a-f]{8,}[\w-]*",
    r"()\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)*",
    r"(?i)([?&;]sig=)[^&\s\"']+",
    r"(?i)\b((?:account|sharedaccess|access|storage)_?key(?:name)?\s*[=:]\s*)[^;\s\"',]+",
    r"(?i)\b(sharedaccesssignature\s*=\s*)[^;\s\"']+",
    r"()(?<![\w+/])[A-Za-z0-9+/]{86}==",
    r"()(?<![\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}",
    r"()\bAKIA[0-9A-Z]{16}\b",
    r"(?i)([a-z][a-z0-9+.-]*://[^\s:/@\"']*:)[^\s/\"']+(?=@)",
    r"(?i)([\"']?\b[\w-]*(?:secret|passw(?:or)?d|pwd|token|api_?key|private_?key)[\"']?\s*=\s*[\"']?)[^\s\"',;&]+",
    r"(?i)([\"'][\w-]*(?:secret|passw(?:or)?d|pwd|token|api_?key|private_?key)[\"']\s*:\s*[\"'])[^\"']+",
)
_PATTERNS = tuple(re.compile(shape) for shape in _SHAPES)
_SECRET_NAME = re.compile(r"(?:TOKEN|SECRET|PASSWORD|PASSWD|_KEY|CREDENTIALS?)\Z")
_SHORTEST = 8  # characters: a shorter value would take words out of messages


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Replace every secret in `text` by `[REDACTED]`.

    A secret is what has the form of one, and the value of each variable of `environ` whose name says so
    (`DATABRICKS_CLIENT_SECRET`, `PGPASSWORD`), whatever its form.
    """
    values = {v for k, v in environ.items() if len(v) >= _SHORTEST and _SECRET_NAME.search(k)}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return text
