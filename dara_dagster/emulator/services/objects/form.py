"""Reads the multipart form that the SDK's `workspace.upload` posts: small fields and one file."""

from __future__ import annotations

import re
from email.message import Message

from starlette.requests import Request

from dara_dagster.emulator.core.errors import ApiError

_NAME = re.compile(rb'[;\s]name="([^"]*)"')


async def read_form(request: Request, limit: int) -> tuple[dict[str, str], bytes]:
    """Return the fields, and the part named `content`. ApiError 400 for no form or more than `limit`
    bytes."""
    described = Message()
    described["content-type"] = request.headers.get("content-type", "")
    boundary = described.get_param("boundary")
    if not isinstance(boundary, str):
        raise ApiError(400, "MALFORMED_REQUEST", "The form has no boundary.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ApiError(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", f"The form is larger than {limit} bytes.")
    fields = dict(_split_parts(bytes(body), boundary.encode()))
    content = fields.pop("content", b"")
    return {name: value.decode("utf-8", "replace") for name, value in fields.items()}, content


def _split_parts(body: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
    """Return (name, value) of every part; RFC 7578, values as they are."""
    found = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        headers, _, value = part.partition(b"\r\n\r\n")
        named = _NAME.search(headers)
        if named is None:
            raise ApiError(400, "MALFORMED_REQUEST", "A part of the form has no name.")
        found.append((named[1].decode("utf-8", "replace"), value))
    return found
