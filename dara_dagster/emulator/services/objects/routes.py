"""The Workspace API 2.0: import, export and the tree, requests in, answers out."""

from __future__ import annotations

import base64
import binascii
import shutil
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.server.routing import Call, Routes, bind
from dara_dagster.emulator.server.uploads import receive_file
from dara_dagster.emulator.services.objects.form import read_form
from dara_dagster.emulator.services.objects.formats import (
    EXTENSIONS,
    Source,
    read_auto,
    read_import,
    to_jupyter,
    to_source,
)
from dara_dagster.emulator.services.objects.rules import Objects, WorkspaceObject

_MAX_FORM_BYTES = 14 * 1024 * 1024  # a form with 10 MB of content, with room to say how much too much it is
_MAX_RAW_BYTES = 500 * 1024 * 1024


async def _import(objects: Objects, call: Call) -> Any:
    fields, content = await _read_import_request(call)
    path = str(fields.get("path", ""))
    kind, language = fields.get("format") or "SOURCE", fields.get("language")
    overwrite = str(fields.get("overwrite", "")).lower() == "true"
    if kind == "DBC" and overwrite:
        raise invalid("Overwrite is not supported for the DBC format.")
    source = await run_in_threadpool(read_import, path, content, kind, language)
    objects.put(source, overwrite=overwrite)
    return {}


async def _read_import_request(call: Call) -> tuple[dict[str, Any], bytes]:
    """Return the fields of an import and its content, from JSON with base64 or from a multipart form."""
    request = call.request
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await read_form(request, _MAX_FORM_BYTES)
    try:
        return call.body, await run_in_threadpool(
            base64.b64decode, call.body.get("content", ""), validate=True
        )
    except (binascii.Error, ValueError, TypeError):
        raise invalid("The content is not valid base64.") from None


async def _import_file(objects: Objects, call: Call) -> Any:
    """Handle the raw route of the databricks CLI: bytes as they come, recognised as AUTO does; conflicts are
    409."""
    staged = await receive_file(call.request, objects.prepare_staging(), _MAX_RAW_BYTES)
    try:
        source = await run_in_threadpool(_read_staged, "/" + call.path["path"], staged)
        overwrite = call.query.get("overwrite") == "true"
        objects.put(source, overwrite=overwrite, staged=staged, conflict=409)
    finally:
        staged.unlink(missing_ok=True)
    return {}


def _read_staged(path: str, staged: Path) -> Source:
    if path.lower().endswith(".ipynb"):
        return read_auto(path, staged.read_bytes())
    with staged.open("rb") as content:
        return read_auto(path, content.read(200))  # the first line decides


async def _export(objects: Objects, call: Call) -> Any:
    found, kind = objects.get(call.query.get("path", "")), call.query.get("format", "SOURCE")
    content = await run_in_threadpool(_convert, found, kind)
    if call.query.get("direct_download") == "true":
        return Response(content, media_type="application/octet-stream")
    jupyter = kind == "JUPYTER" or found.file.suffix == ".ipynb"
    ending = ".ipynb" if jupyter else EXTENSIONS.get(found.language or "", found.file.suffix)
    return {"content": base64.b64encode(content).decode(), "file_type": ending.removeprefix(".")}


def _convert(found: WorkspaceObject, kind: str) -> bytes:
    if found.object_type == "DIRECTORY" or kind not in ("SOURCE", "AUTO", "JUPYTER", "RAW"):
        what = "a directory" if found.object_type == "DIRECTORY" else f"the format {kind}"
        raise invalid(f"The emulator cannot export {what} ({found.path}).")
    content = found.file.read_bytes()
    if found.object_type == "NOTEBOOK":
        language = found.language or "PYTHON"
        if found.file.suffix == ".ipynb":
            return to_source(content, language) if kind == "SOURCE" else content
        return to_jupyter(content, language) if kind == "JUPYTER" else content
    return content


async def _export_file(objects: Objects, call: Call) -> Any:
    found = objects.get("/" + call.path["path"])
    if found.object_type == "DIRECTORY":
        raise invalid(f"{found.path} is a directory.")
    return FileResponse(found.file, media_type="application/octet-stream")


def _mkdirs(objects: Objects, call: Call) -> Any:
    objects.mkdirs(str(call.body.get("path", "")))
    return {}


def _get_status(objects: Objects, call: Call) -> Any:
    path = call.query.get("path", "")
    found = objects.get(path)
    shown = found.shown()
    if path.startswith("/Workspace/"):  # echoed here, and nowhere else [databricks/cli test server]
        shown["path"] = f"/Workspace{found.path}"
    if found.object_type == "NOTEBOOK" and call.query.get("return_export_info") == "true":
        shown["repos_export_format"] = "JUPYTER" if found.file.suffix == ".ipynb" else "SOURCE"
    return shown


def _list(objects: Objects, call: Call) -> Any:
    since = call.read_number("notebooks_modified_after", 0)
    found = objects.list_all(call.query.get("path", ""))
    shown = [item.shown() for item in found if item.object_type != "NOTEBOOK" or item.modified_at >= since]
    return {"objects": shown} if shown else {}


async def _delete(objects: Objects, call: Call) -> Any:
    recursive = bool(call.body.get("recursive", False))
    away = objects.delete(str(call.body.get("path", "")), recursive=recursive)
    if away.is_dir():
        await run_in_threadpool(shutil.rmtree, away, ignore_errors=True)
    else:
        away.unlink()
    return {}


_ROUTES = (
    ("POST", "/api/2.0/workspace/import", _import),
    ("GET", "/api/2.0/workspace/export", _export),
    ("POST", "/api/2.0/workspace/mkdirs", _mkdirs),
    ("GET", "/api/2.0/workspace/get-status", _get_status),
    ("GET", "/api/2.0/workspace/list", _list),
    ("POST", "/api/2.0/workspace/delete", _delete),
    ("POST", "/api/2.0/workspace-files/import-file/{path:path}", _import_file),
    ("GET", "/api/2.0/workspace-files/{path:path}", _export_file),
)


def routes(objects: Objects) -> Routes:
    """Return the routes of one workspace."""
    return bind(objects, _ROUTES)
