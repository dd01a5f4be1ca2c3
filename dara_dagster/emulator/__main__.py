"""Starts the local workspace: `python -m dara_dagster.emulator --port P --data DIR`."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import ipaddress
import os
import resource
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from dara_dagster.emulator.composition import build_pages, build_server
from dara_dagster.emulator.server.serving import serve
from dara_dagster.emulator.server.workspaces import UnusableStoreError

TOKEN_VARIABLE = "DARA_EMULATOR_TOKEN"  # noqa: S105 - the name of a variable

_CLAIM_SECONDS = 3.0  # a predecessor that is ending needs a moment
_FILES = 8192
_CLAIMS: list[IO[str]] = []  # kept open, and so locked, until the process ends


class _Refused(Exception):
    """The server cannot start as asked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 0 after a clean end, 2 when it cannot start, with one line on stderr."""
    options = _build_parser().parse_args(arguments)
    token = os.environ.get(TOKEN_VARIABLE) or None
    try:
        _check_host(options.host, token)
        data = _prepare_data_folder(options.data)
        _lock_data_folder(data)
        listener = _listen(options.host, options.port)
    except _Refused as error:
        print(f"dara emulator: {error}", file=sys.stderr)
        return 2
    _raise_file_limit()
    engine = tuple(options.engine) or (sys.executable, "-m", "dara_dagster.emulator.task")
    try:
        server = build_server(data, token, engine)
        serve(server, build_pages(server), listener, idle_seconds=options.idle)
    except UnusableStoreError as error:
        print(f"dara emulator: {error}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dara_dagster.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 = any free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--data", type=Path, required=True, help="folder of all state")
    parser.add_argument("--idle", type=float, default=3600, help="end after so many seconds without a call")
    parser.add_argument(
        "--engine", nargs="+", default=[], metavar="WORD", help="command that runs the tasks, given last"
    )
    return parser


def _check_host(host: str, token: str | None) -> None:
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise _Refused(f"--host {host} is not an address; give for example 127.0.0.1") from None
    if not loopback and token is None:
        raise _Refused(
            f"--host {host} can be reached from outside: set {TOKEN_VARIABLE} so that a token is asked"
        )


def _prepare_data_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".write-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _Refused(f"cannot write to the data folder {folder}: {error.strerror}") from None
    return folder.resolve()


def _lock_data_folder(data: Path) -> None:
    """Hold the folder as long as this process lives: two servers would overwrite each other's state."""
    try:
        claim = (data / "server.lock").open("a")
    except OSError as error:
        raise _Refused(f"cannot write to {data / 'server.lock'}: {error.strerror}") from None
    _CLAIMS.append(claim)
    deadline = time.monotonic() + _CLAIM_SECONDS
    while True:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise _Refused(
                    f"another emulator is at work in {data}; stop it or give another --data"
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise _Refused(f"cannot lock {data / 'server.lock'}: {error.strerror}") from None


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        raise _Refused(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', error)}") from None
    return listener


def _raise_file_limit() -> None:
    """Make room for hundreds of connections: macOS gives a process 256 files, many a Linux 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
