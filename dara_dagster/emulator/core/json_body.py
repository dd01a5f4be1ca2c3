"""Reads the JSON body of a request, or refuses it as the service does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable
from typing import Any

from dara_dagster.emulator.core.errors import ApiError

MOST_BYTES = 32 * 1024 * 1024
"""Above what any call may send in JSON: 16 MiB of SQL, escaped."""

_DEEPEST = 100
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def read_body(pieces: AsyncIterable[bytes]) -> dict[str, Any]:
    """Return the JSON object sent, {} for an empty body. ApiError 413 when too large, 400 when it is none."""
    body, size = [], 0
    async for piece in pieces:
        size += len(piece)
        if size <= MOST_BYTES:  # the rest is read too: a client that still sends takes an answer for none
            body.append(piece)
    if size > MOST_BYTES:
        text = f"The body of {size} bytes is larger than the limit of {MOST_BYTES} bytes."
        raise ApiError(413, "INVALID_PARAMETER_VALUE", text)
    return parse_object(b"".join(body))


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; {} when it is empty or null."""
    if not body.strip():
        return {}
    try:
        parsed = json.loads(body, parse_constant=_refuse, parse_float=_read_finite)
        if _SURROGATE.search(body):  # half a character cannot be written anywhere
            json.dumps(parsed, ensure_ascii=False).encode()
        if body.count(b"[") + body.count(b"{") > _DEEPEST:
            _check_depth(parsed)
    except (ValueError, RecursionError):
        raise ApiError(400, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request") from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        text = "Invalid JSON given in the body of the request - expected a map"
        raise ApiError(400, "MALFORMED_REQUEST", text)
    return parsed


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not valid JSON")


def _read_finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large")
    return number


def _check_depth(parsed: Any) -> None:
    """Refuse JSON too deep to be written down again: each level takes a frame of the writer."""
    level = [parsed]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ValueError("too deep")
