"""What is read from the body of a request for a run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.types import Message

from dara_dagster.api.models import ApiError
from dara_dagster.api.requests import read_request
from dara_dagster.api.uploads import Uploads


def test_the_fields_of_a_form_may_hold_a_megabyte_together(tmp_path: Path) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n%s\r\n'
    body = b"".join(part % (number, b"a" * 600_000) for number in range(2)) + b"--x--\r\n"

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(ApiError, match="fields beside the file are larger than 1 MB") as reported:
        asyncio.run(read_request(request, Uploads(tmp_path)))
    assert reported.value.status == 413
