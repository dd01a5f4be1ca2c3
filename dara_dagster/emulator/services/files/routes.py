"""The Files API 2.0 on volumes: files and folders in, answers out."""

from __future__ import annotations

import email.utils
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from dara_dagster.emulator.core.errors import ApiError
from dara_dagster.emulator.core.paging import page_size
from dara_dagster.emulator.server.authentication import read_signed
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.server.uploads import receive_file
from dara_dagster.emulator.services.files.rules import Files

MAX_UPLOAD_BYTES = 5 * 1024**3
_LARGEST_PAGE = 1000


class _Download(FileResponse):
    """Sends a file, or the asked ranges of it, read by a thread in pieces."""

    chunk_size = 1024 * 1024


def _read_path(call: Call) -> str:
    return "/" + call.path["path"]


async def _upload(files: Files, call: Call) -> Any:
    overwrite = call.query.get("overwrite", "true") != "false"
    # The body is always read: a client that is still sending would take an early answer for a lost one.
    staged = await receive_file(call.request, files.prepare_staging(), MAX_UPLOAD_BYTES)
    try:
        await run_in_threadpool(files.place, staged, _read_path(call), overwrite=overwrite)
    finally:
        staged.unlink(missing_ok=True)
    return Response(status_code=204)


async def _send_file(files: Files, call: Call, path: str) -> Any:
    """Return the answer to a GET or HEAD of the file at `path`; also behind presigned URLs."""
    file, about = await run_in_threadpool(files.read, path)
    limit = call.request.headers.get("if-unmodified-since")
    moment = email.utils.parsedate_tz(limit or "")  # what is no date does not count (RFC 9110)
    if moment and int(about.st_mtime) > email.utils.mktime_tz(moment):
        text = f"The file {path} was modified after {limit}."
        raise ApiError(412, "PRECONDITION_FAILED", text, "FILES_API_PRECONDITION_FAILED")
    return _Download(file, media_type="application/octet-stream", stat_result=about)


async def _download(files: Files, call: Call) -> Any:
    return await _send_file(files, call, _read_path(call))


async def _delete(files: Files, call: Call) -> Any:
    await run_in_threadpool(files.delete, _read_path(call))
    return Response(status_code=204)


async def _list(files: Files, call: Call) -> Any:
    size = page_size(call.query.get("page_size"), _LARGEST_PAGE, _LARGEST_PAGE)
    token = call.query.get("page_token")
    contents, following = await run_in_threadpool(files.list_all, _read_path(call), size, token)
    return {"contents": contents, **({"next_page_token": following} if following else {})}


async def _make_directory(files: Files, call: Call) -> Any:
    await run_in_threadpool(files.make_directory, _read_path(call))
    return Response(status_code=204)


async def _check_directory(files: Files, call: Call) -> Any:
    await run_in_threadpool(files.directory, _read_path(call))
    return Response(status_code=200)


async def _delete_directory(files: Files, call: Call) -> Any:
    await run_in_threadpool(files.delete_directory, _read_path(call))
    return Response(status_code=204)


async def _download_presigned(files: Files, call: Call) -> Any:
    return await _send_file(files, call, read_signed(files.signer, call)["path"])


_ROUTES = (
    ("PUT", "/api/2.0/fs/files/{path:path}", _upload),
    ("GET", "/api/2.0/fs/files/{path:path}", _download),
    ("DELETE", "/api/2.0/fs/files/{path:path}", _delete),
    ("PUT", "/api/2.0/fs/directories/{path:path}", _make_directory),
    ("HEAD", "/api/2.0/fs/directories/{path:path}", _check_directory),
    ("GET", "/api/2.0/fs/directories/{path:path}", _list),
    ("DELETE", "/api/2.0/fs/directories/{path:path}", _delete_directory),
    ("GET", "/__emulator/presigned/{holder}/download", _download_presigned),
)


def routes(files: Files) -> Routes:
    """Return the routes of one workspace."""
    return bind(files, _ROUTES)
