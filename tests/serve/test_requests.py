"""How much of a body is taken in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from dara_dagster.serve.api_models import ApiError
from dara_dagster.serve.requests import BodyLimit, read_request
from dara_dagster.serve.uploads import Uploads

_MEGABYTE = 1024 * 1024


def _arrives(*headers: tuple[bytes, bytes]) -> int:
    """How many bytes of an endless body, sent with these headers, get through where forms may have 8 MB."""
    taken = 0

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal taken
        while True:
            taken += len((await receive())["body"])

    async def endless() -> Message:
        return {"type": "http.request", "body": b" " * (_MEGABYTE // 4), "more_body": True}

    async def nowhere(_: Message) -> None:
        """Nothing is answered."""

    scope: Scope = {"type": "http", "headers": list(headers)}
    with pytest.raises(ApiError, match="larger than"):
        asyncio.run(BodyLimit(app, 8 * _MEGABYTE)(scope, endless, nowhere))
    return taken


def test_only_a_form_may_be_large() -> None:
    form, json = (b"content-type", b"Multipart/Form-Data; boundary=x"), (b"content-type", b"application/json")

    assert _arrives(form) == 8 * _MEGABYTE
    for others in ((), (json,), ((b"content-type", b"multipart/mixed"),), (json, form)):
        assert _arrives(*others) == _MEGABYTE
    assert _arrives(form, (b"content-length", b"99999999")) == 0


def test_the_fields_of_a_form_may_hold_a_megabyte_together(tmp_path: Path) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n%s\r\n'
    body = b"".join(part % (number, b"a" * 600_000) for number in range(2)) + b"--x--\r\n"

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(ApiError, match="fields beside the file are larger than 1 MB") as told:
        asyncio.run(read_request(request, Uploads(tmp_path)))
    assert told.value.status == 413
