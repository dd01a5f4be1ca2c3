"""Makes the whole server an ASGI application, for those who start their own uvicorn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from dara_dagster.api.auth import TOKEN_VARIABLE, is_loopback, usable_token
from dara_dagster.api.limits import Limits
from dara_dagster.api.problem import problem_answer
from dara_dagster.api.proxy import is_databricks_app, trusted_proxy
from dara_dagster.api.routes import checked_routers, user_routes
from dara_dagster.api.server import Serving, running_app
from dara_dagster.api.tokens import TOKENS_FILE, TokenFile, Tokens
from dara_dagster.api.user_routers import RouterError
from dara_dagster.config.environment import read_env_file
from dara_dagster.errors import DaraError
from dara_dagster.history.home import home_folder, open_instance, root_folder

__all__ = ["create_api"]

_MEGABYTE = 1024 * 1024
_ANYWHERE = "0.0.0.0"  # noqa: S104  (where it will listen is not known here)


def create_api(
    config_dir: str | Path = "config",
    *,
    routers: Sequence[APIRouter] = (),
    daemon: bool = True,
    max_upload_megabytes: int = 1024,
) -> ASGIApp:
    """Return the server of `dara serve` as an ASGI application: `uvicorn my_app:app`.

    It serves the REST API, Dagster's UI, and `routers` beside those of project.json. The token is that of
    DARA_API_TOKEN or one of `dara token add`; without any it answers this computer only. It opens the project
    when the server starts and changes to the project's folder, as code locations are found from there; the
    project's `.env` is read at once. Raises ConfigError for wrong files and DaraError for a router that
    cannot be served.
    """
    folder = Path(config_dir).resolve()
    read_env_file(root_folder(folder))
    mine = [*checked_routers(folder), *routers]
    try:
        user_routes(mine)
    except RouterError as error:
        raise RouterError(error.index - len(mine) + len(routers), error.message, error.hint) from None
    in_app = is_databricks_app(os.environ)
    token = os.environ.pop(TOKEN_VARIABLE, None)  # no process started here inherits it
    named = TokenFile(home_folder(folder) / TOKENS_FILE)
    named.entries()  # raises for one that cannot be read
    serving = Serving(
        config_dir=folder,
        root=root_folder(folder),
        home=home_folder(folder),
        tokens=Tokens(usable_token(_ANYWHERE, token, in_app=in_app) if token else None, named),
        daemon=daemon,
        limits=Limits(upload_bytes=max_upload_megabytes * _MEGABYTE),
        proxy=trusted_proxy(os.environ, behind_proxy=False),
        routers=tuple(mine),
    )
    return _Server(serving)


class _Server:
    """Opens the project with the server's lifespan, and hands everything else on."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._app is None:
            raise DaraError(
                "create_api needs the lifespan of its server: with uvicorn, leave --lifespan auto."
            )
        if self._may_answer(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = f"This server has no token and answers this computer only: set {TOKEN_VARIABLE}."
            await problem_answer(403, text)(scope, receive, send)

    def _may_answer(self, scope: Scope) -> bool:
        if self._serving.tokens.asked_for() or self._serving.proxy is not None:
            return True
        client = scope.get("client")
        return client is None or is_loopback(client[0])  # a Unix socket has no address

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        with ExitStack() as stack:
            await receive()
            try:
                await run_in_threadpool(self._open, stack)
            except Exception as error:
                text = str(error) if isinstance(error, DaraError) else f"{type(error).__name__}: {error}"
                await send({"type": "lifespan.startup.failed", "message": text})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._app = None
            await run_in_threadpool(stack.close)
            await send({"type": "lifespan.shutdown.complete"})

    def _open(self, stack: ExitStack) -> None:
        instance = stack.enter_context(open_instance(self._serving.config_dir))
        self._app = stack.enter_context(running_app(instance, self._serving)).app
