"""One server for the REST API and Dagster's UI, over one loading of the project's code."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from starlette.types import ASGIApp, Receive, Scope, Send

from dara_dagster.api.auth import Guard
from dara_dagster.api.caller_runs import CallerRuns
from dara_dagster.api.connections import server_config
from dara_dagster.api.daemon import Daemon, kept_daemon
from dara_dagster.api.errors import Unexpected
from dara_dagster.api.headers import SecurityHeaders
from dara_dagster.api.limits import Limits, RequestLimits
from dara_dagster.api.project import Project
from dara_dagster.api.proxy import Proxy
from dara_dagster.api.routes import Services, build_api, user_routes
from dara_dagster.api.run_launcher import Launcher
from dara_dagster.api.shutdown import GOING, end_runs
from dara_dagster.api.tokens import Tokens
from dara_dagster.api.ui import build_ui
from dara_dagster.api.uploads import Uploads
from dara_dagster.defs.execution.allowed_files import RECEIVED, RESTRICT_VARIABLE
from dara_dagster.errors import DaraError
from dara_dagster.executor.code_location import Code, check_workspace_file, open_code
from dara_dagster.executor.origin import SERVED_CODE

__all__ = ["Running", "Serving", "build_app", "listen", "running_app", "serve_forever", "workspace_file"]

# As dagster-webserver has them: ms a statement may take, s a connection is kept, connections past the pool.
_DATABASE = (15_000, 3600, 20)
# A Databricks App is killed 15 s after SIGTERM: time for connections, runs and the daemon, in sequence.
# https://docs.databricks.com/aws/en/dev-tools/databricks-apps/best-practices
_RUNS_SECONDS, _LAST_SECONDS = 7.0, 10.0
_DEFINITIONS = """from dagster import Definitions

from dara_dagster import build_definitions, dara_executor

defs = Definitions.merge(build_definitions({config!r}), Definitions(executor=dara_executor))
"""
_DAEMON_SECONDS, _HURRIED_DAEMON_SECONDS = 15.0, 2.0


@dataclass(frozen=True)
class Serving:
    """What to serve, and how: `tokens` are asked for; `daemon` says whether to run Dagster's daemon.

    `proxy` is the one in front, whose headers are believed; None believes none. `routers` are the user's
    own, served beside the REST API. `end_runs` says that no run outlives the server.
    """

    config_dir: Path
    root: Path
    home: Path
    tokens: Tokens
    daemon: bool
    limits: Limits
    proxy: Proxy | None = None
    routers: tuple[object, ...] = ()
    end_runs: bool = False


@dataclass(frozen=True)
class Running:
    """The application over the loaded code, and the daemon beside it (None: it is not ours)."""

    app: ASGIApp
    code: Code
    daemon: Daemon | None


class _Stop(BaseException):
    """SIGINT or SIGTERM came."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 takes a free one. Raises DaraError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise DaraError(f"Port {port} of {host} is in use. Choose another with --port.") from None
        if error.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
            raise DaraError(f"--host {host}: this computer has no such address.") from None
        reason = (error.strerror or str(error)).partition(" (while ")[0]  # Python adds the address
        raise DaraError(f"{host}:{port} cannot be listened on: {reason}.") from None
    except UnicodeError:
        raise DaraError(f"--host {host[:100]!r}: this is no name of a computer.") from None


def serve_forever(
    instance: DagsterInstance,
    listener: socket.socket,
    serving: Serving,
    announce: Callable[[Code, Daemon | None], None],
) -> tuple[int, int]:
    """Serve until SIGINT or SIGTERM; `announce` is called when it begins.

    Returns how many runs are active and how many queued then. Runs are processes of their own, which the end
    of the server does not touch unless `serving.end_runs`. Belongs in the main thread.
    """
    logging.getLogger("dagster").setLevel(logging.WARNING)
    with _stopped_by_signals() as end_if_asked, running_app(instance, serving) as running:
        announce(running.code, running.daemon)
        end_if_asked()
        uvicorn.Server(server_config(running.app, serving.limits)).run(sockets=[listener])
    queued = RunsFilter(statuses=[DagsterRunStatus.QUEUED])
    return instance.get_runs_count(RunsFilter(statuses=list(GOING))), instance.get_runs_count(queued)


@contextmanager
def running_app(instance: DagsterInstance, serving: Serving) -> Iterator[Running]:
    """Load the project's code and run its daemon while open; gives the application to serve.

    Raises DaraError for a workspace.yaml that cannot be read, RouterError for a router that clashes.
    """
    os.environ[RESTRICT_VARIABLE] = "1"  # for the processes that carry the runs
    os.chdir(serving.root)  # where Dagster looks for the modules that workspace.yaml names
    with ExitStack() as stack:
        instance.optimize_for_webserver(*_DATABASE)
        file = workspace_file(serving)
        wrong = check_workspace_file(file)
        if wrong:
            raise DaraError(f"{file} cannot be used: {wrong}")
        patience = _HURRIED_DAEMON_SECONDS if serving.end_runs else _DAEMON_SECONDS
        daemon = None
        if serving.daemon:
            kept = kept_daemon(instance, serving.home, serving.root, file, patience)
            daemon = stack.enter_context(kept)  # it loads the code at the same time
        code = stack.enter_context(open_code(instance, file))
        if serving.end_runs:
            stack.callback(_end_runs, instance, daemon)
        yield Running(build_app(code, serving), code, daemon)


def _end_runs(instance: DagsterInstance, daemon: Daemon | None) -> None:
    # What keeps the server longer is not waited for: an app is killed then, with all its processes.
    last = threading.Timer(_LAST_SECONDS, os._exit, [0])
    last.daemon = True
    last.start()
    if daemon is not None:
        daemon.begin_stop()  # it would start what waits in the queue
    end_runs(instance, _RUNS_SECONDS)


def build_app(code: Code, serving: Serving) -> ASGIApp:
    """Return the whole server as one application: the REST API under /api, routes of the user, Dagster's
    UI."""
    project = Project(serving.config_dir, code)
    uploads = Uploads(serving.config_dir.parent / RECEIVED)
    caller_runs = CallerRuns(code.instance, serving.home / "caller-runs.log")
    launcher = Launcher(project, uploads, serving.home / "launching.lock", caller_runs)
    own = user_routes(serving.routers)
    api = build_api(Services(project, launcher, uploads), own.routers)
    ui = build_ui(code)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and (_is_api(scope["path"]) or own.takes(scope))
        await (api if is_api else ui)(scope, receive, send)

    guarded = Guard(Unexpected(both), serving.tokens, serving.proxy)
    return SecurityHeaders(RequestLimits(guarded, serving.limits, is_proxied=serving.proxy is not None))


def _is_api(path: str) -> bool:
    return path == "/api" or path.startswith(("/api/", "/health/"))


def workspace_file(serving: Serving) -> Path:
    """Return the project's workspace.yaml; without one, a file in Dagster's home that leads to the config
    folder."""
    own = serving.root / "workspace.yaml"
    if own.exists():
        return own
    code, file = serving.home / SERVED_CODE, serving.home / "workspace.yaml"
    code.write_text(_DEFINITIONS.format(config=str(serving.config_dir)), encoding="utf-8")
    location = {"relative_path": str(code), "working_directory": str(serving.root)}
    file.write_text(json.dumps({"load_from": [{"python_file": location}]}, indent=2), encoding="utf-8")
    return file


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[], None]]:
    """Let SIGINT and SIGTERM end the block, at whatever point it is; those that come after are let pass.

    Yields a check that ends it for one that came in a destructor, where Python drops what is raised.
    """
    asked = False

    def end_if_asked() -> None:
        if asked:
            raise _Stop

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise _Stop

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, stop)
        yield end_if_asked
    except _Stop:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
