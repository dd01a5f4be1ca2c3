"""Answers every error of the REST API in one form; the log of an unexpected one names its place only."""

from __future__ import annotations

import sys
import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.errors import DaraError
from dara_dagster.serve.api_models import ApiError, ErrorAnswer

__all__ = ["Unexpected", "answer_errors", "sentence"]

_FRAMES = 5
_LONGEST_KEY = 200


def sentence(error: DaraError) -> str:
    """The text of one of our errors, as an answer has it."""
    text = str(error)
    return text[:1].upper() + text[1:]


def answer_errors(api: FastAPI) -> None:
    """Have `api` answer all errors that are meant for the user in the form of `ErrorAnswer`."""
    for kind in (ApiError, DaraError, RequestValidationError, HTTPException):
        api.add_exception_handler(kind, _on_error)


class Unexpected:
    """Answers what nobody expected with a 500, and says on stderr where it was.

    The message of the error is left out: it may hold parameters.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:  # in the middle of its body: nobody is left to answer
            return
        except Exception as error:
            kind = type(error).__name__
            place = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])
            print(
                f"{scope.get('method')} {scope.get('path')!a}: {kind}\n{place}", file=sys.stderr, flush=True
            )
            if not begun:
                message = f"The server met an error it does not know ({kind}); its log tells where."
                await _answer(500, message, None)(scope, receive, send)


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, ApiError):
        return _answer(error.status, error.message, error.key)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        key = str(first["loc"][-1])
        return _answer(422, f"{key!r} is wrong: {first['msg']}.", key)
    if isinstance(error, HTTPException):
        return _answer(error.status_code, f"{error.detail}.", None)
    assert isinstance(error, DaraError)
    return _answer(503, sentence(error), None)


def _answer(status: int, message: str, key: str | None) -> JSONResponse:
    answer = ErrorAnswer(error=_sendable(message), key=None if key is None else _sendable(key[:_LONGEST_KEY]))
    return JSONResponse(answer.model_dump(), status)


def _sendable(text: str) -> str:
    """What a caller wrote may hold halves of surrogate pairs, which UTF-8 has no bytes for."""
    return text.encode(errors="backslashreplace").decode()
