"""Moves file contents between requests and the disk in pieces, so that no file is ever held in memory."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from dara_dagster.emulator.core.errors import ApiError, invalid

_PIECE = 4 * 1024 * 1024


async def receive_file(request: Request, folder: Path, limit: int) -> Path:
    """Write the body of a request to a new file in `folder` -> that file, which the caller moves or deletes.

    Raises ApiError 413 above `limit` bytes, 400 when the client goes away or sends less than it announced;
    the file is gone then.
    """
    announced = request.headers.get("content-length")
    if announced and int(announced) > limit:
        raise _refuse_size(limit)
    target = folder / uuid.uuid4().hex
    with target.open("xb") as out:
        try:
            size = await _copy(request, out, limit)
            if announced and size != int(announced):
                raise invalid(f"The body has {size} bytes, announced were {announced}.")
        except BaseException:
            target.unlink()
            raise
    return target


async def _copy(request: Request, out: BinaryIO, limit: int) -> int:
    """Copy the small chunks (64 KB) to the file; a thread takes them a few megabytes at a time."""
    size, waiting = 0, bytearray()
    try:
        async for chunk in request.stream():
            size += len(chunk)
            waiting += chunk
            if size > limit:
                raise _refuse_size(limit)
            if len(waiting) >= _PIECE:
                await run_in_threadpool(out.write, waiting)
                waiting = bytearray()
    except ClientDisconnect:
        raise invalid("The client went away during the upload.") from None
    await run_in_threadpool(out.write, waiting)
    return size


def _refuse_size(limit: int) -> ApiError:
    return ApiError(413, "INVALID_PARAMETER_VALUE", f"The content is larger than the limit of {limit} bytes.")
