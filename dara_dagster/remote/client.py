"""Turns the choice of a workspace into a client of the Databricks SDK that is ready for 300 threads."""

from __future__ import annotations

import configparser
import functools
import logging
import os
import re
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

from dara_dagster.errors import CredentialsError, UnreachableError, WorkspaceError
from dara_dagster.remote.calls import API_ERRORS, PatientClock, Transport, api, explain, scrub
from dara_dagster.remote.emulator_process import (
    EmulatorStatus,
    emulator_status,
    ensure_emulator,
    revive_emulator,
    stop_emulator,
)

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

_CONNECTIONS = 600  # 300 threads whose calls hang leave as many for the calls that end their runs
_CONNECT_SECONDS = 5.0
_CALL_SECONDS = 60.0
_RETRY_SECONDS = 120
_SET = (
    "Set DATABRICKS_HOST and DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET), "
    "or DATABRICKS_CONFIG_PROFILE to a profile of ~/.databrickscfg"
)


@dataclass(frozen=True)
class Workspace:
    """An open workspace: one a process, shared by its threads. `host` has a scheme, no slash at the end.

    `monitors` keeps the one of each process (a forked child inherits the workspace, but not the threads).
    """

    client: WorkspaceClient
    kind: WorkspaceKind
    host: str
    monitors: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)


def open_workspace(
    kind: WorkspaceKind,
    *,
    root: Path,
    environ: Mapping[str, str] = os.environ,
    check: bool = True,
    token: str | None = None,
) -> Workspace:
    """Open the workspace of this kind for the project at `root`; with `check`, one call proves that it works.

    The emulator is found or started. Credentials of Databricks come from `environ` or a profile, as the SDK
    reads them; with a `token`, its holder acts there instead (the emulator has one user only). Raises
    EmulatorError, UnreachableError (within seconds), CredentialsError or WorkspaceError.
    """
    logger = logging.getLogger("databricks.sdk")
    if logger.level == logging.NOTSET:  # it warns on screen about things we report or do not need
        logger.setLevel(logging.ERROR)
    if kind == "emulator":
        client = _emulator_client(root, environ)
    else:
        client = _connect(_databricks_config(environ, token))
    workspace = Workspace(client, kind, str(client.config.host).rstrip("/"))
    if check:
        current_user(workspace)
    return workspace


def current_user(ws: Workspace) -> str:
    """The name of the user whose credentials are in use: the cheapest proof that they work.

    Raises CredentialsError, UnreachableError or WorkspaceError.
    """
    try:
        me = api(ws, "GET", "/api/2.0/preview/scim/v2/Me")
    except (Unauthenticated, PermissionDenied) as error:
        raise CredentialsError(f"{ws.host} refused the credentials: {explain(error)}. {_SET}.") from None
    except (requests.ConnectionError, TimeoutError) as error:
        raise UnreachableError(f"Cannot reach {ws.host}: {explain(error)}.") from None
    except API_ERRORS as error:
        no_json = isinstance(error, requests.exceptions.JSONDecodeError)
        why = "it answers with something other than JSON" if no_json else explain(error)
        message = f"{ws.host} is no Databricks workspace that works: {why}. Check DATABRICKS_HOST."
        raise WorkspaceError(message) from None
    return str(me.get("userName") or me.get("displayName") or "")


def _emulator_client(root: Path, environ: Mapping[str, str]) -> WorkspaceClient:
    running, token = ensure_emulator(root, environ)
    # An empty profile keeps the SDK from reading one that the environment names.
    config = _config({"host": running.host, "token": token, "auth_type": "pat", "profile": ""})
    return _connect(config, lambda: revive_emulator(running, environ))


def _databricks_config(environ: Mapping[str, str], token: str | None = None) -> Config:
    given = {
        item.name: environ[item.env] for item in Config.attributes() if item.env and environ.get(item.env)
    }
    host = given.get("host") or _profile_host(environ)
    if host:
        _probe(host)
    if token is not None:  # an empty profile keeps the SDK from reading another's credentials
        given = {"host": host or "", "token": token, "auth_type": "pat", "profile": ""}
    try:
        config = _config(given)
    except ValueError as error:
        raise CredentialsError(f"Databricks cannot be used: {_first_words(error)}. {_SET}.") from None
    if not config.host:
        raise CredentialsError(f"No Databricks workspace is named. {_SET}.")
    return config


def _config(given: Mapping[str, Any]) -> Config:
    """The SDK's configuration; its own probe of the host is bounded, the client's calls get more patience."""
    config = Config(
        **given,
        product="dara-dagster",
        product_version=_version(),
        clock=PatientClock(),
        http_timeout_seconds=_CONNECT_SECONDS,
        retry_timeout_seconds=1,
        max_connection_pools=_CONNECTIONS,
        max_connections_per_pool=_CONNECTIONS,
    )
    config.http_timeout_seconds = _CALL_SECONDS
    config.retry_timeout_seconds = _RETRY_SECONDS
    return config


def _connect(config: Config, on_silence: Callable[[], None] = lambda: None) -> WorkspaceClient:
    client = WorkspaceClient(config=config)
    # The SDK sets the size of its pool for https only, and has no public way to a session's adapters.
    session: requests.Session = client.api_client._api_client._session
    for scheme in ("https://", "http://"):
        pool = {"pool_connections": 4, "pool_maxsize": _CONNECTIONS, "pool_block": True}
        session.mount(scheme, Transport(on_silence=on_silence, **pool))
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
        raise Unauthenticated(f"no token could be had: {scrub(str(error))}") from error


def _probe(host: str) -> None:
    """UnreachableError unless something answers HTTP at `host`.

    Asked before the SDK's client is built: against a closed port its constructor took 305 s (measured
    with 0.156), and this names the reason.
    """
    url = host if "://" in host else f"https://{host}"
    if not urlsplit(url).hostname:
        raise UnreachableError(f"DATABRICKS_HOST is {host!r}, which is no address. {_SET}.")
    try:
        with requests.Session() as session:
            session.trust_env = not _is_loopback(url)
            session.get(f"{url.rstrip('/')}/.well-known/databricks-config", timeout=_CONNECT_SECONDS).close()
    except (requests.RequestException, ValueError) as error:
        message = f"Cannot reach {url}: {explain(error)}. Check the host and the network."
        raise UnreachableError(message) from None


def _is_loopback(url: str) -> bool:
    """Whether the host is this machine: a proxy of the environment cannot reach that."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def _profile_host(environ: Mapping[str, str]) -> str | None:
    """The host of the profile that the SDK would read (SDK Config._resolve_profile); None when unknown."""
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
    """The SDK's reason, without the page it points to and the configuration it appends."""
    return re.split(r",? (?:please check|see) https?://", scrub(str(error)))[0].rstrip(". ")


def _version() -> str:
    try:
        return version("dara-dagster")
    except PackageNotFoundError:
        return "0.0.0"
