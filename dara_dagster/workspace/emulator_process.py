"""Finds, starts and stops the local workspace of a project: a process met only over HTTP and a state file."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dara_dagster.config.settings import DEFAULTS, Settings
from dara_dagster.errors import EmulatorError
from dara_dagster.workspace.locks import file_lock

DATA_VARIABLE = "DARA_EMULATOR_DATA"
_ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.02

# Started processes, kept so that Popen does not warn of a running child when it is collected.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class EmulatorStatus:
    """A running local workspace; `started_ms` is epoch milliseconds, `data` the folder of its state."""

    host: str
    pid: int
    data: Path
    started_ms: int
    version: str


def data_folder(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the state of the project at `root` is kept: `.dara`, unless DARA_EMULATOR_DATA names a
    folder."""
    return Path(environ.get(DATA_VARIABLE) or root / ".dara").expanduser().resolve()


def emulator_status(root: Path, environ: Mapping[str, str] = os.environ) -> EmulatorStatus | None:
    """Return the running local workspace of the project at `root`, or None. A stale state file counts as
    none."""
    return _find(data_folder(root, environ))


def ensure_emulator(
    root: Path, environ: Mapping[str, str] = os.environ, settings: Settings = DEFAULTS
) -> tuple[EmulatorStatus, str]:
    """Find the project's local workspace or start it, detached; returns it and its token.

    Any number of processes may call this at once: one starts it, the others wait. EmulatorError when
    the folder cannot be written, or when it does not come up within `emulator_start_seconds`.
    """
    data = data_folder(root, environ)
    try:
        with file_lock(data / "emulator.lock", timeout=2 * settings.emulator_start_seconds):
            token = _token(data)
            return _find(data) or _start(data, token, environ, settings), token
    except TimeoutError as error:
        raise EmulatorError(
            f"The local workspace is being started by a process that hangs: {error}"
        ) from None
    except OSError as error:
        message = f"The local workspace cannot use its folder {data}: {error.strerror or error}."
        remedy = f"Make it writable, or name another folder in {DATA_VARIABLE}."
        raise EmulatorError(f"{message} {remedy}") from None


def revive_emulator(
    known: EmulatorStatus, environ: Mapping[str, str] = os.environ, settings: Settings = DEFAULTS
) -> None:
    """Start the local workspace again, at its old address, if its process has died; else do nothing.

    For a client that got no answer: what ran there has ended, but the client can continue. EmulatorError when
    it was stopped on purpose, or cannot come back at that address.
    """
    if _is_alive(known.pid) and (known.data / "emulator.json").exists():
        return
    try:
        with file_lock(known.data / "emulator.lock", timeout=2 * settings.emulator_start_seconds):
            running = _find(known.data)
            if running is None and not (known.data / "emulator.json").exists():
                raise EmulatorError("The local workspace was stopped while it was in use.")
            running = running or _start(known.data, _token(known.data), environ, settings)
    except (OSError, TimeoutError) as error:
        raise EmulatorError(f"The local workspace has died and could not be started again: {error}") from None
    if running.host != known.host:
        raise EmulatorError(f"The local workspace has died; a new one runs at {running.host}. Run it again.")


def stop_emulator(root: Path, environ: Mapping[str, str] = os.environ, settings: Settings = DEFAULTS) -> bool:
    """Stop the project's local workspace and all its tasks; False when none was running.

    EmulatorError when it is still there after `emulator_stop_seconds`.
    """
    running = emulator_status(root, environ)
    if running is None:
        return False
    _request(running.host, "POST", "/__emulator/stop", token=_token(running.data))
    deadline = time.monotonic() + settings.emulator_stop_seconds
    while time.monotonic() < deadline:
        if not _is_alive(running.pid) or _health(running.host) is None:
            return True
        time.sleep(_POLL_SECONDS)
    raise EmulatorError(
        f"The local workspace (process {running.pid}) does not stop. End it with: kill {running.pid}"
    )


def _find(data: Path) -> EmulatorStatus | None:
    """Return the live server behind `data`'s state file: same process, same folder, answering."""
    try:
        state = json.loads((data / "emulator.json").read_text())
        status = EmulatorStatus(
            str(state["host"]), int(state["pid"]), data, int(state["started"]), str(state["version"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not _is_alive(status.pid):
        return None
    health = _health(status.host)
    same = health is not None and health.get("pid") == status.pid and Path(str(health.get("data"))) == data
    return status if same else None


def _start(data: Path, token: str, environ: Mapping[str, str], settings: Settings) -> EmulatorStatus:
    """Start the server, at the port of the dead one if that is free: its clients then find it again."""
    port = _last_port(data)
    (data / "emulator.json").unlink(missing_ok=True)  # it must not be taken for the new one's
    log = data / "emulator.log"
    process, beginning = _spawn(data, port, token, environ)
    deadline = time.monotonic() + settings.emulator_start_seconds
    while time.monotonic() < deadline:
        if (running := _find(data)) is not None and running.pid == process.pid:
            return running
        if process.poll() is not None:
            if port == 0:
                raise EmulatorError(f"The local workspace could not be started: {_last_line(log, beginning)}")
            port = 0
            process, beginning = _spawn(data, port, token, environ)
        time.sleep(_POLL_SECONDS)
    process.kill()
    seconds = settings.emulator_start_seconds
    raise EmulatorError(f"The local workspace did not start within {seconds:g} s; see {log}")


def _spawn(
    data: Path, port: int, token: str, environ: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Return the server's process, and where its part of the log begins."""
    command = [sys.executable, "-m", "dara_dagster.emulator", "--port", str(port), "--data", str(data)]
    # Code that runs on the local workspace must not find the way to a real one.
    inherited = {name: value for name, value in environ.items() if not name.startswith("DATABRICKS_")}
    with (data / "emulator.log").open("ab") as output:
        beginning = output.tell()
        process = subprocess.Popen(
            command,
            env={**inherited, "DARA_EMULATOR_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _started.append(process)
    return process, beginning


def _last_port(data: Path) -> int:
    """Return the port in a state file that was left behind, else 0 (any)."""
    try:
        return int(json.loads((data / "emulator.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _token(data: Path) -> str:
    """Return the project's token for its local workspace, made at the first use and readable by its owner
    only."""
    file = data / "token"
    try:
        if token := file.read_text().strip():
            return token
    except FileNotFoundError:
        pass
    data.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(32)
    draft = file.with_name(f"token.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        out.write(token)
    draft.replace(file)
    return token


def _health(host: str) -> dict[str, Any] | None:
    answer = _request(host, "GET", "/__emulator/health")
    return answer if isinstance(answer, dict) and answer.get("ok") is True else None


def _request(host: str, method: str, path: str, *, token: str | None = None) -> Any:
    """Make a plain call without proxies; None when there is no usable answer."""
    connection = http.client.HTTPConnection(urlsplit(host).netloc, timeout=_ANSWER_SECONDS)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _is_alive(pid: int) -> bool:
    for process in _started:
        if process.pid == pid:
            return process.poll() is None  # a child of ours that has ended would still answer as a zombie
    if sys.platform == "win32":
        return True  # os.kill(pid, 0) would end it there; the health check decides
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_line(log: Path, beginning: int) -> str:
    with log.open("rb") as file:
        file.seek(beginning)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else f"it ended without a word; see {log}"
