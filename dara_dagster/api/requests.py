"""Reads the body of a request for a run: JSON, or a form with a file. Finds all that is wrong in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from dara_dagster.api.limits import FORM, media_type
from dara_dagster.api.models import ApiError, RunRequest
from dara_dagster.api.problem import Invalid
from dara_dagster.api.uploads import Received, Uploads, cannot_keep
from dara_dagster.config.suggestions import Suggestions

__all__ = ["FORM_KEYS", "read_request"]

_JSON_BYTES = 1024 * 1024
FORM_KEYS = ("file", *RunRequest.model_fields)
_FORM_FIELDS = 200
_MISSPELT = 0.85  # how alike the name of a parameter may not be to one of our own fields


async def read_request(
    request: Request, uploads: Uploads
) -> tuple[RunRequest, Received | None, list[Invalid]]:
    """Return what the body asks for, the file in it, and all that is wrong in it, which is left out of the
    rest.

    Raises ApiError: 400 for a body that is not valid JSON or no form, 415 for another type, 422 for a file
    that cannot be kept under its name.
    """
    kind = media_type(request.headers)
    if kind == FORM:
        form = await _read_form(request)
        async with _closing(form):
            values, wrong = _form_values(form)
            wanted, also_wrong = _checked(values)
            wrong += also_wrong
            file = form.get("file")
            if not isinstance(file, UploadFile) or wrong:
                return wanted, None, wrong
            return wanted, await run_in_threadpool(uploads.receive, file.file, file.filename or ""), wrong
    body = await request.body()
    if not body.strip():
        return RunRequest.model_validate({}), None, []
    if kind not in ("application/json", ""):
        raise ApiError(
            415, f"{kind!r} is not taken. Send application/json, or multipart/form-data with a file."
        )
    wanted, wrong = _checked(_json(body, "The body"))
    return wanted, None, wrong


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


def _form_values(form: FormData) -> tuple[dict[str, Any], list[Invalid]]:
    """Return the fields beside the file as the keys of a `RunRequest`, and all that is wrong.

    A field of another name is a parameter, its text the value; `parameters` and `sequential` are JSON text.
    """
    values: dict[str, Any] = {}
    plain: dict[str, str] = {}
    wrong: list[Invalid] = []
    for name, value in form.multi_items():
        problem = _wrong_field(name, value, name in values or name in plain)
        if problem is not None:
            wrong.append((problem, name))
        elif name not in FORM_KEYS:
            plain[name] = str(value)
        else:
            try:
                values[name] = value if name == "file" else _json(str(value), f"The field {name!r}")
            except ApiError as error:
                wrong.append((error.message, name))
    if sum(len(name) + len(text) for name, text in plain.items()) > _JSON_BYTES:
        raise ApiError(413, "The fields beside the file are larger than 1 MB, the most this server takes.")
    values.pop("file", None)
    return _with_parameters(values, plain, wrong), wrong


def _wrong_field(name: str, value: str | UploadFile, is_second: bool) -> str | None:
    if is_second:
        return f"The field {name[:100]!r} comes twice."
    if (name == "file") != isinstance(value, UploadFile):
        wanted = "a file, with a file name" if name == "file" else "text; send the file as 'file'"
        return f"The field {name[:100]!r} has to be {wanted}."
    near = get_close_matches(name.casefold(), RunRequest.model_fields, n=1, cutoff=_MISSPELT)
    if name not in FORM_KEYS and near:
        return f"Unknown field {name[:100]!r}. Did you mean {near[0]!r}?"
    return None


def _with_parameters(
    values: Mapping[str, Any], plain: Mapping[str, str], wrong: list[Invalid]
) -> dict[str, Any]:
    """Return the request with the plain fields among its parameters; adds to `wrong` those that come
    twice."""
    given = values.get("parameters", {})
    if not plain or not isinstance(given, dict):
        return {**values}  # reported as wrong where the whole request is checked
    for name in plain.keys() & given.keys():
        problem = f"The parameter {name[:100]!r} comes twice: in 'parameters' and as a field of its own."
        wrong.append((problem, name))
    return {**values, "parameters": {**given, **plain}}


def _json(text: bytes | str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"{what} is not valid JSON: {str(error)[:200]}.") from None


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name[:100]!r} comes twice")
        found[name] = value
    return found


def _checked(values: Any) -> tuple[RunRequest, list[Invalid]]:
    """Return what is right of the values, and each key that is wrong; what stands there is not repeated.

    It may be a secret. Raises ApiError for what is no object.
    """
    if not isinstance(values, dict):
        raise ApiError(422, "The body has to be a JSON object.")
    try:
        return RunRequest.model_validate(values, strict=True), []
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
    wrong = dict.fromkeys(_wrong_key(each["type"], [str(part) for part in each["loc"]]) for each in found)
    return _what_is_right(values, found), list(wrong)


def _what_is_right(values: dict[str, Any], found: list[Any]) -> RunRequest:
    """Return the values without those that were found wrong."""
    bad = {tuple(each["loc"][:2]) for each in found}
    right = {
        name: value
        for name, value in values.items()
        if (name,) not in bad and name in RunRequest.model_fields
    }
    if isinstance(right.get("parameters"), dict):
        right["parameters"] = {
            name: value for name, value in right["parameters"].items() if ("parameters", name) not in bad
        }
    try:
        return RunRequest.model_validate(right, strict=True)
    except ValidationError:  # names that are no text: nothing more is found out about these values
        return RunRequest.model_validate({})


def _wrong_key(kind: str, path: list[str]) -> Invalid:
    """Return what to say of one finding of pydantic at that place."""
    if not path:
        return "The name of a key holds characters that are no text.", None
    if kind == "extra_forbidden":
        remedy = Suggestions(RunRequest.model_fields).hint(path[0], "keys")
        return f"Unknown key {path[0][:100]!r}. {remedy}", path[0]
    if path[0] == "parameters" and len(path) > 1:
        key = ".".join(path[:2])[:200]
        return f"{key!r} has to be text, a number, true or false.", key
    wanted = "an object of names and values" if path[0] == "parameters" else "true or false"
    return f"{path[0]!r} has to be {wanted}.", path[0]
