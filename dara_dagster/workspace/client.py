"""Turns the choice of a workspace into a client of the Databricks SDK that is ready for 300 threads."""

from __future__ import annotations

import configparser
import contextlib
import functools
import logging
import os
import re
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.core import DatabricksError
from databricks.sdk.errors import PermissionDenied, Unauthenticated

from dara_dagster.config.settings import DEFAULTS, Settings
from dara_dagster.errors import CredentialsError, UnreachableError, WorkspaceError
from dara_dagster.workspace.calls import (
    API_ERRORS,
    BadAnswer,
    PatientClock,
    Transport,
    TryLater,
    api,
    backoff,
    explain,
    is_fault,
    scrub,
)
from dara_dagster.workspace.emulator_process import (
    EmulatorStatus,
    emulator_status,
    ensure_emulator,
    revive_emulator,
    stop_emulator,
)
from dara_dagster.workspace.rate_limited import CallLimiter, pause
from dara_dagster.workspace.rate_limiter import RateLimiter

__all__ = [
    "EmulatorStatus",
    "Workspace",
    "current_user",
    "emulator_status",
    "open_workspace",
    "stop_emulator",
]

WorkspaceKind = Literal["emulator", "databricks"]
_Authenticate = Callable[[requests.PreparedRequest], requests.PreparedRequest]

_SET = (
    "Set DATABRICKS_HOST and DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET), "
    "or DATABRICKS_CONFIG_PROFILE to a profile of ~/.databrickscfg"
)


@dataclass(frozen=True)
class Workspace:
    """An open workspace: one a process, shared by its threads. `host` has a scheme, no slash at the end.

    `monitors` and `meters` keep the one of each process (a forked child inherits the workspace, but not the
    threads), `known` what was asked once.
    """

    client: WorkspaceClient
    kind: WorkspaceKind
    host: str
    settings: Settings = DEFAULTS
    monitors: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)
    limiters: dict[int, CallLimiter] = field(default_factory=dict, compare=False, repr=False)
    known: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def limiter(self) -> CallLimiter:
        """Return what all calls of this process go through.

        The emulator has no limit to keep and nobody else to spare, so its budget is larger.
        """
        known = self.limiters.get(os.getpid())
        if known is None:
            settings = self.settings
            least = settings.emulator_calls_per_second if self.kind == "emulator" else 0.0
            rate = max(settings.calls_per_second, least)
            made = CallLimiter(RateLimiter(rate, time.monotonic()), settings)
            known = self.limiters.setdefault(os.getpid(), made)  # atomic: all threads get the same one
        return known


def open_workspace(
    kind: WorkspaceKind,
    *,
    root: Path,
    environ: Mapping[str, str] = os.environ,
    settings: Settings = DEFAULTS,
    check: bool = True,
    token: str | None = None,
    patience: float = 0.0,
) -> Workspace:
    """Open the workspace of this kind for the project at `root`; with `check`, one call proves that it works.

    The emulator is found or started. Credentials of Databricks come from `environ` or a profile, as the SDK
    reads them; with a `token`, its holder acts there instead (the emulator has one user only). Faults of the
    service are borne as in any call; that nothing like a workspace answers, as where the host's name is
    wrong, for `patience` seconds. Raises EmulatorError, CredentialsError, UnreachableError or WorkspaceError.
    """
    logger = logging.getLogger("databricks.sdk")
    if logger.level == logging.NOTSET:  # it warns on screen about things we report or do not need
        logger.setLevel(logging.ERROR)
    began, failures = time.monotonic(), 0
    while True:
        try:
            return _open(kind, root, environ, settings, token, check)
        except _NothingThere as error:
            failures += 1
            wait = backoff(failures, 0.0, longest=settings.retry_longest_seconds)
            if time.monotonic() + wait - began > patience:
                raise
            if failures == 1:
                logging.getLogger(__name__).warning("%s Trying on for up to %.0f s.", error, patience)
        pause(wait)


def check_credentials(settings: Settings = DEFAULTS, environ: Mapping[str, str] = os.environ) -> None:
    """Raise CredentialsError where Databricks' host or credentials are not set.

    That nothing answers there is not checked: the calls of a run bear that for a while.
    """
    with contextlib.suppress(UnreachableError):
        _databricks_config(environ, settings)


class _NothingThere(UnreachableError):
    """No connection could be made, or what answers is no workspace."""


def _open(
    kind: WorkspaceKind,
    root: Path,
    environ: Mapping[str, str],
    settings: Settings,
    token: str | None,
    check: bool,
) -> Workspace:
    client = (
        _emulator_client(root, environ, settings)
        if kind == "emulator"
        else _connect(_databricks_config(environ, settings, token), settings)
    )
    workspace = Workspace(client, kind, str(client.config.host).rstrip("/"), settings)
    if check:
        current_user(workspace)
    return workspace


def current_user(ws: Workspace) -> str:
    """Return the name of the user whose credentials are in use: the cheapest proof that they work.

    Raises CredentialsError, UnreachableError or WorkspaceError.
    """

    def ask() -> str:
        try:
            return api(ws, "GET", "/api/2.0/preview/scim/v2/Me", read=_name_of)
        except TryLater as error:
            if isinstance(error.__cause__, (BadAnswer, requests.exceptions.JSONDecodeError)):
                raise _NothingThere(_no_workspace(ws, error)) from None
            raise

    try:
        return ws.limiter.call(ask)
    except (Unauthenticated, PermissionDenied) as error:
        raise CredentialsError(f"{ws.host} refused the credentials: {explain(error)}. {_SET}.") from None
    except API_ERRORS as error:
        raise WorkspaceError(_no_workspace(ws, error)) from None


def _name_of(me: Mapping[str, Any]) -> str:
    return str(me.get("userName") or me.get("displayName") or "")


def _no_workspace(ws: Workspace, error: BaseException) -> str:
    return f"{ws.host} is no Databricks workspace that works: {explain(error)}. Check DATABRICKS_HOST."


def _emulator_client(root: Path, environ: Mapping[str, str], settings: Settings) -> WorkspaceClient:
    running, token = ensure_emulator(root, environ, settings)
    # An empty profile keeps the SDK from reading one that the environment names.
    config = _config({"host": running.host, "token": token, "auth_type": "pat", "profile": ""}, settings)
    return _connect(config, settings, lambda: revive_emulator(running, environ, settings))


def _databricks_config(environ: Mapping[str, str], settings: Settings, token: str | None = None) -> Config:
    given = {
        item.name: environ[item.env] for item in Config.attributes() if item.env and environ.get(item.env)
    }
    host = given.get("host") or _profile_host(environ)
    if host:
        _probe(host, settings.connect_timeout_seconds)
    if token is not None:  # an empty profile keeps the SDK from reading another's credentials
        given = {"host": host or "", "token": token, "auth_type": "pat", "profile": ""}
    try:
        config = _config(given, settings)
    except ValueError as error:
        raise CredentialsError(f"Databricks cannot be used: {_first_words(error)}. {_SET}.") from None
    if not config.host:
        raise CredentialsError(f"No Databricks workspace is named. {_SET}.")
    return config


def _config(given: Mapping[str, Any], settings: Settings) -> Config:
    """Return the SDK's configuration; its own probe of the host is bounded, the client's calls get more
    patience."""
    config = Config(
        **given,
        product="dara-dagster",
        product_version=_version(),
        clock=PatientClock(),
        http_timeout_seconds=settings.connect_timeout_seconds,
        retry_timeout_seconds=1,
        max_connection_pools=settings.connections,
        max_connections_per_pool=settings.connections,
    )
    config.http_timeout_seconds = settings.call_timeout_seconds
    config.retry_timeout_seconds = max(int(settings.lost_after_seconds), 1)  # of calls that the SDK makes
    return config


def _connect(
    config: Config, settings: Settings, on_silence: Callable[[], None] = lambda: None
) -> WorkspaceClient:
    client = WorkspaceClient(config=config)
    # The SDK sets the size of its pool for https only, and has no public way to a session's adapters.
    session: requests.Session = client.api_client._api_client._session
    for scheme in ("https://", "http://"):
        pool = {"pool_connections": 4, "pool_maxsize": settings.connections, "pool_block": True}
        session.mount(scheme, Transport(settings=settings, on_silence=on_silence, **pool))
    session.trust_env = not _is_loopback(str(config.host))
    session.auth = functools.partial(_authenticate, client.api_client._api_client._authenticate)
    return client


def _authenticate(authenticate: _Authenticate, request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sign as the SDK does; what it raises for a token it cannot get or renew is of any class."""
    try:
        return authenticate(request)
    except (DatabricksError, requests.RequestException):
        raise
    except Exception as error:
        reason = f"no token could be had: {scrub(str(error))}"
        answer = _answered(error)
        if answer is not None and is_fault(answer.status_code):
            text = f"{reason}, {answer.status_code} from the token server"
            raise requests.ConnectionError(text) from error
        if answer is not None and answer.ok and not _is_json(answer):
            text = "no token could be had: the token server's answer is not JSON"
            raise requests.ConnectionError(text) from error
        raise Unauthenticated(reason) from error


def _answered(error: BaseException) -> requests.Response | None:
    """Return the HTTP answer that the SDK made this error of and still holds."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, requests.Response):
                return value
    return None


def _is_json(answer: requests.Response) -> bool:
    """Return whether the body is JSON; a page of a gateway, or one that was cut off, is not."""
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _probe(host: str, seconds: float) -> None:
    """Raise UnreachableError unless something answers HTTP at `host`.

    Asked before the SDK's client is built: against a closed port its constructor took 305 s (measured
    with 0.156), and this names the reason.
    """
    url = host if "://" in host else f"https://{host}"
    if not urlsplit(url).hostname:
        raise WorkspaceError(f"DATABRICKS_HOST is {host!r}, which is no address. {_SET}.")
    try:
        with requests.Session() as session:
            session.trust_env = not _is_loopback(url)
            session.get(f"{url.rstrip('/')}/.well-known/databricks-config", timeout=seconds).close()
    except (requests.RequestException, ValueError) as error:
        message = f"Cannot reach {url}: {explain(error)}. Check the host and the network."
        raise _NothingThere(message) from None


def _is_loopback(url: str) -> bool:
    """Return whether the host is this machine: a proxy of the environment cannot reach that."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _profile_host(environ: Mapping[str, str]) -> str | None:
    """Return the host of the profile that the SDK would read (SDK Config._resolve_profile); None when
    unknown."""
    file = Path(environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg").expanduser()
    profiles = configparser.ConfigParser(interpolation=None)
    try:
        profiles.read(file)
        default = profiles.get("__settings__", "default_profile", fallback="DEFAULT")
        name = environ.get("DATABRICKS_CONFIG_PROFILE") or default
        return profiles[name].get("host") if name in profiles else None
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None


def _first_words(error: ValueError) -> str:
    """Return the SDK's reason, without the page it points to and the configuration it appends."""
    return re.split(r",? (?:please check|see) https?://", scrub(str(error)))[0].rstrip(". ")


def _version() -> str:
    try:
        return version("dara-dagster")
    except PackageNotFoundError:
        return "0.0.0"
