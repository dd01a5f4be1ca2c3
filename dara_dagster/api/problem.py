"""Error answers as "problem details" (https://www.rfc-editor.org/rfc/rfc9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

__all__ = ["PROBLEM", "Invalid", "problem", "problem_answer"]

PROBLEM = "application/problem+json"
_LONGEST_KEY = 200
# Seconds after which asking again makes sense, where the error does not know better.
_RETRY_AFTER = {429: 1, 503: 5}

# One thing that is wrong: a sentence, and the key, field or header it is about (None: the whole request).
Invalid = tuple[str, str | None]


def problem(status: int, detail: str, errors: Sequence[Invalid] = ()) -> dict[str, Any]:
    """Return the members of the JSON object; `errors` lists every part of the request that is wrong."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": _sendable(detail),
    }
    if errors:
        body["errors"] = [
            {"detail": _sendable(text), "key": None if key is None else _sendable(key)[:_LONGEST_KEY]}
            for text, key in errors
        ]
    return body


def problem_answer(
    status: int,
    detail: str,
    errors: Sequence[Invalid] = (),
    headers: Mapping[str, str] | None = None,
    retry_after: float | None = None,
) -> Response:
    """Return the answer to send; 429 and 503 say after how many seconds to try again."""
    after = retry_after if retry_after is not None else _RETRY_AFTER.get(status)
    named = dict(headers or {})
    if after is not None:
        named["Retry-After"] = str(max(1, round(after + 0.49)))
    body = json.dumps(problem(status, detail, errors), ensure_ascii=False).encode()
    return Response(body, status, named, media_type=PROBLEM)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _sendable(text: str) -> str:
    """Escape halves of surrogate pairs, which a caller may write and UTF-8 has no bytes for."""
    return text.encode(errors="backslashreplace").decode()
