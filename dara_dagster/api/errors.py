"""Answers every error of the server in one form; the log of an unexpected one names its place only."""

from __future__ import annotations

import sys
import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dara_dagster.api.models import ApiError
from dara_dagster.api.problem import problem_answer
from dara_dagster.errors import DaraError

__all__ = ["Unexpected", "answer_errors", "sentence"]

_FRAMES = 5


def sentence(error: DaraError) -> str:
    """Return the text of one of our errors, as an answer has it."""
    text = str(error)
    return text[:1].upper() + text[1:]


def answer_errors(api: FastAPI) -> None:
    """Have `api` answer all errors that are meant for the user as problem details."""
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
            begun = begun or message["type"] != "websocket.close"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:  # in the middle of its body: nobody is left to answer
            return
        except Exception as error:
            kind = type(error).__name__
            place = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])
            what = f"{scope.get('method', scope['type'])} {scope.get('path')!a}"
            print(f"{what}: {kind}\n{place}", file=sys.stderr, flush=True)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1011})
            elif not begun:
                message = f"The server met an unexpected error ({kind}); its log tells where."
                await problem_answer(500, message)(scope, receive, send)


async def _on_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return problem_answer(error.status, error.message, error.errors)
    if isinstance(error, RequestValidationError):
        found = [(str(each["loc"][-1]), each["msg"]) for each in error.errors()]
        invalid = ApiError.invalid([(f"{key!r} is wrong: {reason}.", key) for key, reason in found])
        return problem_answer(422, invalid.message, invalid.errors)
    if isinstance(error, HTTPException):
        return problem_answer(error.status_code, f"{error.detail}.", headers=error.headers)
    assert isinstance(error, DaraError)
    return problem_answer(503, sentence(error))
