"""Reads the body of a request for a run: JSON, or a form with a file; never more of it than allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.serve.api_models import ApiError, RunRequest
from dara_dagster.serve.uploads import Received, Uploads, cannot_keep
from dara_dagster.spec.names import Names

__all__ = ["BodyLimit", "read_request"]

_JSON_BYTES = 1024 * 1024
_FORM = "multipart/form-data"
_FORM_KEYS = ("file", *RunRequest.model_fields)
_FORM_FIELDS = 200
_MISSPELT = 0.85  # how alike the name of a parameter may not be to one of our own fields


class BodyLimit:
    """Stops a body of the REST API that is larger than allowed while it arrives: 413."""

    def __init__(self, app: ASGIApp, form_bytes: int) -> None:
        self._app, self._form_bytes = app, form_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most, arrived = self._form_bytes if _kind(headers) == _FORM else _JSON_BYTES, 0
        announced = headers.get("content-length", "0")

        async def limited() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > most or (announced.isdigit() and int(announced) > most):
                raise ApiError(
                    413, f"The body is larger than {most / 2**20:,.6g} MB, the most this server takes."
                )
            return message

        await self._app(scope, limited, send)


async def read_request(request: Request, uploads: Uploads) -> tuple[RunRequest, Received | None]:
    """What the body asks for, and the file in it.

    Raises ApiError: 400 for a body that is no JSON or no form, 413 for one too large, 415 for another type,
    422 for a wrong key.
    """
    kind = _kind(request.headers)
    if kind == _FORM:
        form = await _read_form(request)
        async with _closing(form):
            wanted = _checked(_form_values(form))
            file = form.get("file")
            if not isinstance(file, UploadFile):
                return wanted, None
            return wanted, await run_in_threadpool(uploads.receive, file.file, file.filename or "")
    body = await request.body()
    if not body.strip():
        return _checked({}), None
    if kind not in ("application/json", ""):
        raise ApiError(
            415, f"{kind!r} is not taken. Send application/json, or multipart/form-data with a file."
        )
    return _checked(_json(body, "The body")), None


def _kind(headers: Headers) -> str:
    """The media type of a body."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read_form(request: Request) -> FormData:
    parser = _FormParser(
        request.headers,
        request.stream(),
        max_files=2,
        max_fields=_FORM_FIELDS,
        max_part_size=_JSON_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(400, f"The form cannot be read: {error.message}") from None
    except OSError as error:
        raise cannot_keep(error) from None
    if not parser.is_whole:
        await form.close()
        raise ApiError(400, "The form is cut off: its closing boundary is missing.")
    return form


class _FormParser(MultiPartParser):
    """Starlette's, which takes a form that is cut off for one with fewer fields."""

    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True


class _closing:
    """Closes the temporary files of a form when its block ends."""

    def __init__(self, form: FormData) -> None:
        self._form = form

    async def __aenter__(self) -> FormData:
        return self._form

    async def __aexit__(self, *_: object) -> None:
        await self._form.close()


def _form_values(form: FormData) -> dict[str, Any]:
    """The fields beside the file as the keys of a `RunRequest`.

    A field of another name is a parameter, its text the value; `parameters` and `sequential` are JSON text.
    """
    values: dict[str, Any] = {}
    plain: dict[str, str] = {}
    for name, value in form.multi_items():
        if name in values or name in plain:
            raise ApiError(422, f"The field {name[:100]!r} comes twice.", name)
        if (name == "file") != isinstance(value, UploadFile):
            wrong = "a file, with a file name" if name == "file" else "text; send the file as 'file'"
            raise ApiError(422, f"The field {name[:100]!r} has to be {wrong}.", name)
        if name in _FORM_KEYS:
            values[name] = value if name == "file" else _json(str(value), f"The field {name!r}")
        elif near := get_close_matches(name.casefold(), RunRequest.model_fields, n=1, cutoff=_MISSPELT):
            raise ApiError(422, f"Unknown field {name[:100]!r}. Did you mean {near[0]!r}?", name)
        else:
            plain[name] = str(value)
    if sum(len(name) + len(text) for name, text in plain.items()) > _JSON_BYTES:
        raise ApiError(413, "The fields beside the file are larger than 1 MB, the most this server takes.")
    values.pop("file", None)
    return _with_parameters(values, plain) if plain else values


def _with_parameters(values: Mapping[str, Any], plain: Mapping[str, str]) -> dict[str, Any]:
    """The request with the plain fields among its parameters."""
    given = values.get("parameters", {})
    if not isinstance(given, dict):
        return {**values}  # told as wrong where the whole request is checked
    for name in plain:
        if name in given:
            message = f"The parameter {name[:100]!r} comes twice: in 'parameters' and as a field of its own."
            raise ApiError(422, message, name)
    return {**values, "parameters": {**given, **plain}}


def _json(text: bytes | str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"{what} is no JSON: {str(error)[:200]}.") from None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:100]!r} comes twice")
        found[name] = value
    return found


def _checked(values: Any) -> RunRequest:
    """Raises ApiError naming the first wrong key; what stands there is not repeated, it may be a secret."""
    if not isinstance(values, dict):
        raise ApiError(422, "The body has to be a JSON object.")
    try:
        return RunRequest.model_validate(values, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = [str(part) for part in first["loc"]]
        if not path:
            raise ApiError(422, "The name of a key holds characters that are no text.") from None
        if first["type"] == "extra_forbidden":
            remedy = Names(RunRequest.model_fields).remedy(path[0], "keys")
            raise ApiError(422, f"Unknown key {path[0][:100]!r}. {remedy}", path[0]) from None
        if path[0] == "parameters" and len(path) > 1:
            key = ".".join(path[:2])[:200]
            raise ApiError(422, f"{key!r} has to be text, a number, true or false.", key) from None
        wanted = "an object of names and values" if path[0] == "parameters" else "true or false"
        raise ApiError(422, f"{path[0]!r} has to be {wanted}.", path[0]) from None
