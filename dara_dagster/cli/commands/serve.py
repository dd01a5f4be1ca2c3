"""`dara serve`: the REST API and Dagster's UI in one server."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dara_dagster.cli.project import (
    config_option,
    home_folder,
    json_option,
    load_plan,
    open_instance,
    root_folder,
)
from dara_dagster.cli.render.lines import say
from dara_dagster.errors import DaraError

if TYPE_CHECKING:
    from dara_dagster.api.daemon import Daemon
    from dara_dagster.api.proxy import Proxy
    from dara_dagster.api.server import Serving
    from dara_dagster.api.tokens import Tokens
    from dara_dagster.executor.code_location import Code

__all__ = ["serve"]

_MEGABYTE = 1024 * 1024
_PORT = 3000
# In Dagster's home: what signs the cookies of browsers, and the token that `curl -H @FILE` sends.
_SESSION_FILE = "session.key"
_HEADER_FILE = "auth.header"
_HEADER = "Authorization: Bearer "


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1; 0.0.0.0 in a Databricks App]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0: a free one.  [default: 3000; DATABRICKS_APP_PORT in a Databricks App]",
)
@click.option(
    "--behind-proxy",
    is_flag=True,
    help="Believe the X-Forwarded headers: only for a proxy that logs people in and sets them itself.",
)
@click.option(
    "--end-runs",
    is_flag=True,
    help="End the runs when the server is stopped, as a container needs it.  [always in a Databricks App]",
)
@click.option(
    "--home", metavar="DIR", type=click.Path(path_type=Path), help="Dagster's home, instead of DAGSTER_HOME."
)
@click.option("--no-token", is_flag=True, help="Ask for no token; only on localhost.")
@click.option("--no-daemon", is_flag=True, help="Leave schedules, sensors and the queue to another daemon.")
@click.option(
    "--max-upload",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    metavar="MB",
    help="Largest file.",
)
@config_option
@json_option
def serve(
    host: str | None,
    port: int | None,
    behind_proxy: bool,
    end_runs: bool,
    home: Path | None,
    no_token: bool,
    no_daemon: bool,
    max_upload: int,
    config_dir: Path,
    as_json: bool,
) -> None:
    """Serve the REST API with Dagster's UI.

    It asks for a token: that in the environment variable DARA_API_TOKEN, one of `dara token add`, and on
    localhost one that it makes itself and prints. In a Databricks App, callers are those whom its proxy has
    logged in; DARA_API_USERS lists who may pass.
    Ctrl-C stops it; runs that it started continue, unless --end-runs is given.
    """
    _check_extra()
    from dara_dagster.api.auth import TOKEN_VARIABLE
    from dara_dagster.api.detach import end_now, leave_terminal
    from dara_dagster.api.proxy import is_databricks_app, trusted_proxy

    in_app = is_databricks_app(os.environ)
    proxy = trusted_proxy(os.environ, behind_proxy=behind_proxy)
    host, port = _address(host, port, in_app)
    if home is not None:
        os.environ["DAGSTER_HOME"] = str(home.absolute())
    token = os.environ.pop(TOKEN_VARIABLE, None)  # no process started here inherits it
    load_plan(config_dir)
    access = _access(host, token, home_folder(config_dir), no_token, in_app, proxy)
    exit_code = leave_terminal()
    if exit_code is not None:
        end_now(exit_code)
    from dara_dagster.api.limits import Limits
    from dara_dagster.api.routes import checked_routers
    from dara_dagster.api.server import Serving, listen, serve_forever

    routers = checked_routers(config_dir)
    listener = listen(host, port)
    folders = (config_dir.resolve(), root_folder(config_dir), home_folder(config_dir))
    limits = Limits(upload_bytes=max_upload * _MEGABYTE)
    wanted = Serving(*folders, access.tokens, not no_daemon, limits, proxy, routers, end_runs or in_app)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listener.getsockname()[1]}"

    def announce(code: Code, daemon: Daemon | None) -> None:
        for location, why in code.load_errors().items():
            say(f"The code of {location} could not be loaded: {why}", err=True)
        show, put = (_as_json, click.echo) if as_json else (_as_text, say)
        put(show(url, access, daemon, wanted))

    with open_instance(config_dir) as instance:
        going, queued = serve_forever(instance, listener, wanted, announce)
    if not as_json:
        say(f"Stopped. Active runs: {going}; in the queue, for the next start: {queued}.")
    if wanted.end_runs:
        end_now(0)


def _address(host: str | None, port: int | None, in_app: bool) -> tuple[str, int]:
    """Return where to listen by default: an app has to listen on all addresses, at the port it is given."""
    from dara_dagster.api.proxy import app_port

    if port is None:
        port = app_port(os.environ) if in_app else _PORT
    return host or ("0.0.0.0" if in_app else "127.0.0.1"), port  # noqa: S104


def _check_extra() -> None:
    if find_spec("fastapi") is None or find_spec("python_multipart") is None:
        raise DaraError("`dara serve` needs FastAPI: pip install 'dara-dagster[serve]'")


@dataclass(frozen=True)
class _Access:
    """What a caller has to be or to give; `own` is the token that the server has made, kept in `file`."""

    tokens: Tokens
    proxy: Proxy | None
    own: str | None = None
    file: Path | None = None

    def __str__(self) -> str:
        asked = self.tokens.asked_for()
        if self.proxy is None:
            token = "asked for, as bearer token or as a browser's password; no TLS here"  # noqa: S105
            return token if asked else "none"
        users = f"{len(self.proxy.users)} listed users" if self.proxy.users else "all users"
        return f"{users} whom the proxy has logged in{', with a token' if asked else ''}"


def _access(
    host: str, token: str | None, home: Path, no_token: bool, in_app: bool, proxy: Proxy | None
) -> _Access:
    """Return who may connect. Raises DaraError for options that would admit anybody."""
    from dara_dagster.api.auth import TOKEN_VARIABLE, is_loopback, usable_token
    from dara_dagster.api.tokens import TOKENS_FILE, TokenFile, Tokens, kept_secret

    named = TokenFile(home / TOKENS_FILE)
    has_named = bool(named.entries())
    if no_token:
        if token or has_named:
            which = TOKEN_VARIABLE if token else f"tokens in {home / TOKENS_FILE}"
            raise DaraError(f"--no-token: there are {which}. Remove them, or leave --no-token out.")
        usable_token(host, None, in_app=in_app)
        return _Access(Tokens(), proxy)
    own = usable_token(host, token, in_app=in_app, has_named=has_named)
    makes_one = own is None and proxy is None and is_loopback(host)
    if not (makes_one or own or has_named):
        return _Access(Tokens(None, named), proxy)
    secret = kept_secret(home / _SESSION_FILE).encode()
    if not makes_one:
        return _Access(Tokens(own, named, secret), proxy)
    file = home / _HEADER_FILE
    made = kept_secret(file, prefix=_HEADER)
    return _Access(Tokens(made, named, secret), proxy, made, file)


def _as_json(url: str, access: _Access, daemon: Daemon | None, _serving: Serving) -> str:
    pid = daemon.process.pid if daemon is not None else None
    started = {"url": url, "docs": f"{url}/api/docs", "token": access.tokens.asked_for()}
    started |= {"token_file": str(access.file) if access.file else None, "proxy": access.proxy is not None}
    return json.dumps({**started, "pid": os.getpid(), "daemon": pid})


def _as_text(url: str, access: _Access, daemon: Daemon | None, serving: Serving) -> str:
    if daemon is not None:
        about = f"by Dagster's daemon, process {daemon.process.pid}"
    elif not serving.daemon:
        about = "not by this server (--no-daemon)"
    else:
        about = (
            "by a daemon that runs already\n(`dagster dev` or another `dara serve`); "
            "this server starts one when that has ended"
        )
    lines = [f"Dagster's UI  {url}{f'/?token={access.own}' if access.own else ''}"]
    lines.append(f"REST API      {url}/api/docs")
    if access.file is not None:
        lines.append(f"              curl -H @{_shown_path(access.file)} {url}/api/v1/runs")
    else:
        lines.append(f"{'Callers      ' if access.proxy else 'Token        '} {access}")
    lines.append(f"Schedules, sensors and the queue of runs: {about}.")
    lines.append(f"Ctrl-C stops the server{' and the runs' if serving.end_runs else '; runs continue'}.")
    return "\n".join(lines)


def _shown_path(path: Path) -> str:
    """Return the path from the current folder, if that is shorter."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
