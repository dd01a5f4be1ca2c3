"""Uploads in parts and presigned URLs (Files API 2.0): requests in, answers out."""

from __future__ import annotations

import contextlib
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.core.json_body import read_body
from dara_dagster.emulator.server.authentication import read_signed
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.server.uploads import receive_file
from dara_dagster.emulator.services.files.multipart import Upload
from dara_dagster.emulator.services.files.rules import Files

_MAX_PART_BYTES = 5 * 1024**3


async def _start_or_complete(files: Files, call: Call) -> Any:
    """Handle POST on a file: `?action=initiate-upload` or `?action=complete-upload`."""
    path, action = "/" + call.path["path"], call.query.get("action")
    if action == "initiate-upload":
        overwrite = call.query.get("overwrite", "true") != "false"
        token = await run_in_threadpool(Upload.begin, files, path, overwrite=overwrite)
        return {"multipart_upload": {"session_token": token}}
    if action == "complete-upload":
        upload = Upload(files, call.query.get("session_token", ""))
        await run_in_threadpool(upload.complete, path, await _read_parts(call))
        return {}
    raise invalid(f"Unknown action {action!r} on a file.")


async def _read_parts(call: Call) -> list[Any]:
    """Return the `parts` in the JSON body, which is left unread on this path: it might have been a file."""
    try:
        parts = (await read_body(call.request.stream()))["parts"]
        return [{"part_number": int(part["part_number"]), "etag": str(part["etag"])} for part in parts]
    except (ValueError, KeyError, TypeError, OverflowError):
        raise invalid("The body must list the parts: part_number, etag.") from None


def _make_part_urls(files: Files, call: Call) -> Any:
    body, signer = call.body, files.signer
    token, first = body.get("session_token", ""), body.get("start_part_number", 1)
    upload = Upload(files, token)
    urls = []
    for number in range(first, first + body.get("count", 1)):
        upload.find_part(number)
        url = signer.url("part", {"session": token, "part": str(number)})
        urls.append({"url": url, "part_number": number, "headers": []})
    return {"upload_part_urls": urls}


def _make_abort_url(files: Files, call: Call) -> Any:
    token = call.body.get("session_token", "")
    Upload(files, token)
    url = files.signer.url("upload", {"session": token})
    return {"abort_upload_url": {"url": url, "headers": []}}


async def _make_download_url(files: Files, call: Call) -> Any:
    path = call.query.get("path", "")
    await run_in_threadpool(files.read, path)
    return {"url": files.signer.url("download", {"path": path}), "headers": []}


async def _upload_part(files: Files, call: Call) -> Any:
    values = read_signed(files.signer, call)
    upload, number = Upload(files, values["session"]), int(values["part"])
    staged = await receive_file(call.request, upload.folder, _MAX_PART_BYTES)
    try:
        staged.replace(upload.find_part(number))
    finally:
        with contextlib.suppress(FileNotFoundError):
            staged.unlink()
    return Response(status_code=200, headers={"ETag": upload.make_etag(number)})


async def _abort(files: Files, call: Call) -> Any:
    await run_in_threadpool(Upload(files, read_signed(files.signer, call)["session"]).abort)
    return {}


_ROUTES = (
    ("POST", "/api/2.0/fs/files/{path:path}", _start_or_complete),
    ("POST", "/api/2.0/fs/create-upload-part-urls", _make_part_urls),
    ("POST", "/api/2.0/fs/create-abort-upload-url", _make_abort_url),
    ("POST", "/api/2.0/fs/create-download-url", _make_download_url),
    ("PUT", "/__emulator/presigned/{holder}/part", _upload_part),
    ("DELETE", "/__emulator/presigned/{holder}/upload", _abort),
)


def routes(files: Files) -> Routes:
    """Return the routes of one workspace."""
    return bind(files, _ROUTES)
