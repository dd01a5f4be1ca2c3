"""Uploads in parts and presigned URLs (Files API 2.0), with URLs that lead back to this server."""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from dara_dagster.emulator.core.staging import UPLOAD
from dara_dagster.emulator.server.app import ApiError, Call, Routes
from dara_dagster.emulator.server.uploads import receive_file

if TYPE_CHECKING:
    from dara_dagster.emulator.services.files.rules import Files

_MAX_PART_BYTES = 5 * 1024**3
_MAX_PARTS = 10_000


class Upload:
    """One upload in parts: a folder `upload-<token>` among the staged files, a file for each part."""

    def __init__(self, files: Files, token: str) -> None:
        known = token.isalnum() and len(token) == 32
        self.folder = files.staging() / f"{UPLOAD}{token}"
        if not known or not self.folder.is_dir():
            raise ApiError(404, "NOT_FOUND", "The upload session is not found.", "FILES_API_UPLOAD_NOT_FOUND")
        self._files = files

    @classmethod
    def begin(cls, files: Files, path: str, *, overwrite: bool) -> str:
        """Start an upload to `path` -> its session token. ApiError 409 when the file must not be written."""
        files.check_writable(path, overwrite=overwrite)
        token = uuid.uuid4().hex
        folder = files.staging() / f"{UPLOAD}{token}"
        folder.mkdir()
        (folder / "target").write_text(("+" if overwrite else "-") + path)
        return token

    def part(self, number: int) -> Path:
        """The file of a part."""
        if not 1 <= number <= _MAX_PARTS:
            raise ApiError(
                400, "INVALID_PARAMETER_VALUE", f"A part number is 1 to {_MAX_PARTS}, got {number}."
            )
        return self.folder / f"part-{number}"

    def etag(self, number: int) -> str:
        """What tells this part from another of the same number; ApiError 400 for one that never came."""
        try:
            about = self.part(number).stat()
        except FileNotFoundError:
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Part {number} was not uploaded.") from None
        return f'"{about.st_mtime_ns:x}-{about.st_size:x}"'

    def complete(self, path: str, parts: Sequence[Any]) -> None:
        """Join the parts (`{part_number, etag}`) in order and put the file in place.

        Raises ApiError 400 for parts that are missing or not the ones uploaded, 409 as `place` does.
        """
        marked = (self.folder / "target").read_text()
        if marked[1:] != path or not parts:
            raise ApiError(
                400, "INVALID_PARAMETER_VALUE", "The upload session belongs to another file, or has no parts."
            )
        for part in parts:
            if self.etag(part["part_number"]) != part["etag"]:
                text = f"The etag of part {part['part_number']} is not that of its upload."
                raise ApiError(400, "INVALID_PARAMETER_VALUE", text)
        numbers = sorted({part["part_number"] for part in parts})
        whole = self.folder / "whole"
        self.part(numbers[0]).rename(whole)
        with whole.open("ab") as out:
            for number in numbers[1:]:
                with self.part(number).open("rb") as one:
                    shutil.copyfileobj(one, out, 1024 * 1024)
                self.part(number).unlink()
        self._files.place(whole, path, overwrite=marked[0] == "+")
        self.abort()

    def abort(self) -> None:
        """Forget the upload and its parts."""
        shutil.rmtree(self.folder, ignore_errors=True)


def signed(call: Call) -> dict[str, str]:
    """The values of the presigned URL a call came with; ApiError 403 when it is not valid."""
    assert call.request is not None
    return call.workspace.files.signer.check(call.request.url.path.rpartition("/")[2], call.query)


async def _start_or_complete(call: Call) -> Any:
    """POST on a file: `?action=initiate-upload` or `?action=complete-upload`."""
    files, path, action = call.workspace.files, "/" + call.path["path"], call.query.get("action")
    if action == "initiate-upload":
        overwrite = call.query.get("overwrite", "true") != "false"
        token = await run_in_threadpool(Upload.begin, files, path, overwrite=overwrite)
        return {"multipart_upload": {"session_token": token}}
    if action == "complete-upload":
        upload = Upload(files, call.query.get("session_token", ""))
        await run_in_threadpool(upload.complete, path, await _parts(call))
        return {}
    raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Unknown action {action!r} on a file.")


async def _parts(call: Call) -> list[Any]:
    """The `parts` in the JSON body, which is left unread on this path: it might have been a file."""
    assert call.request is not None
    try:
        parts = json.loads(await call.request.body() or b"{}")["parts"]
        return [{"part_number": int(part["part_number"]), "etag": str(part["etag"])} for part in parts]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise ApiError(
            400, "INVALID_PARAMETER_VALUE", "The body must list the parts: part_number, etag."
        ) from None


def _part_urls(call: Call) -> Any:
    body, signer = call.body, call.workspace.files.signer
    token, first = body.get("session_token", ""), body.get("start_part_number", 1)
    upload = Upload(call.workspace.files, token)
    urls = []
    for number in range(first, first + body.get("count", 1)):
        upload.part(number)
        url = signer.url("part", {"session": token, "part": str(number)})
        urls.append({"url": url, "part_number": number, "headers": []})
    return {"upload_part_urls": urls}


def _abort_url(call: Call) -> Any:
    token = call.body.get("session_token", "")
    Upload(call.workspace.files, token)
    url = call.workspace.files.signer.url("upload", {"session": token})
    return {"abort_upload_url": {"url": url, "headers": []}}


async def _download_url(call: Call) -> Any:
    path = call.query.get("path", "")
    await run_in_threadpool(call.workspace.files.read, path)
    return {"url": call.workspace.files.signer.url("download", {"path": path}), "headers": []}


async def _upload_part(call: Call) -> Any:
    assert call.request is not None
    values = signed(call)
    upload, number = Upload(call.workspace.files, values["session"]), int(values["part"])
    staged = await receive_file(call.request, upload.folder, _MAX_PART_BYTES)
    try:
        staged.replace(upload.part(number))
    finally:
        with contextlib.suppress(FileNotFoundError):
            staged.unlink()
    return Response(status_code=200, headers={"ETag": upload.etag(number)})


async def _abort(call: Call) -> Any:
    await run_in_threadpool(Upload(call.workspace.files, signed(call)["session"]).abort)
    return {}


ROUTES: Routes = (
    ("POST", "/api/2.0/fs/files/{path:path}", _start_or_complete),
    ("POST", "/api/2.0/fs/create-upload-part-urls", _part_urls),
    ("POST", "/api/2.0/fs/create-abort-upload-url", _abort_url),
    ("POST", "/api/2.0/fs/create-download-url", _download_url),
    ("PUT", "/__emulator/presigned/{holder}/part", _upload_part),
    ("DELETE", "/__emulator/presigned/{holder}/upload", _abort),
)
