"""Makes named clusters and warehouses exist as their settings say: compare, then write only what differs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import ComputeError, UnreachableError
from dara_dagster.workspace.calls import API_ERRORS, explain, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.locks import file_lock
from dara_dagster.workspace.rate_limited import pause
from dara_dagster.workspace.resources import clusters, warehouses


class _Service(Protocol):
    """What clusters and warehouses differ in. `NAME` is the key of the name, `ADVICE` ends an error.

    The functions raise the SDK's errors; `find` and `create` return an id, `write` False where the state does
    not allow the change now.
    """

    NAME: str
    ADVICE: str

    def find(self, ws: Workspace, name: str) -> str | None: ...

    def create(self, ws: Workspace, wanted: Mapping[str, Any]) -> str: ...

    def get(self, ws: Workspace, compute_id: str, /) -> dict[str, Any]: ...

    def find_differences(self, wanted: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]: ...

    def write(
        self,
        ws: Workspace,
        compute_id: str,
        /,
        wanted: Mapping[str, Any],
        changed: set[str],
        now: Mapping[str, Any],
    ) -> bool: ...


_SERVICES: Mapping[str, _Service] = {"cluster": clusters, "warehouse": warehouses}


def ensure_compute(
    ws: Workspace, compute: ComputePlan, *, lock_dir: Path, patience: float | None = None
) -> str:
    """Make the cluster or warehouse exist with these settings; returns its id, without waiting for it to run.

    A second call writes nothing. Processes of this machine take turns by a lock file in `lock_dir`; of two
    machines that create a cluster at once the later one removes its own. `patience` is the number of
    seconds to wait for a state that allows an edit (`compute_wait_seconds` by default). Raises ComputeError
    for what lasts, CredentialsError, and UnreachableError when the service was at fault for too long.
    """
    key = hashlib.sha256(f"{ws.host}\0{compute.kind}\0{compute.name}".encode()).hexdigest()[:16]
    deadline = time.monotonic() + (ws.settings.compute_wait_seconds if patience is None else patience)
    # Whoever holds the lock may bear faults of the service for as long as we do.
    longest = ws.settings.compute_wait_seconds + ws.settings.lost_after_seconds
    try:
        with file_lock(lock_dir / f"{compute.kind}-{key}.lock", timeout=longest):
            return _ensure(ws, compute, deadline)
    except TimeoutError as error:
        raise UnreachableError(f"{compute.kind} {compute.name!r} cannot be set up: {error}") from error
    except API_ERRORS as error:
        raise _failed(compute, error) from error
    except OSError as error:
        raise ComputeError(f"{compute.kind} {compute.name!r}: cannot lock in {lock_dir}: {error}") from error


def read_states(ws: Workspace, compute: ComputePlan) -> tuple[str | None, set[str]]:
    """Return the id of the cluster or warehouse, None when there is none, and what `ensure_compute` would
    change.

    Writes nothing. Raises ComputeError or CredentialsError.
    """
    service = _SERVICES[compute.kind]
    wanted = _wanted(service, compute)
    try:
        compute_id = service.find(ws, wanted[service.NAME])
        if compute_id is None:
            return None, set()
        return compute_id, service.find_differences(wanted, service.get(ws, compute_id))
    except API_ERRORS as error:
        raise _failed(compute, error) from error


def _wanted(service: _Service, compute: ComputePlan) -> dict[str, Any]:
    return {**compute.settings, service.NAME: compute.settings.get(service.NAME) or compute.name}


def _ensure(ws: Workspace, compute: ComputePlan, deadline: float) -> str:
    """Create it, or write what differs as soon as its state allows that, until the monotonic `deadline`."""
    service = _SERVICES[compute.kind]
    wanted = _wanted(service, compute)
    compute_id = service.find(ws, wanted[service.NAME])
    if compute_id is None:
        return service.create(ws, wanted)
    while True:
        now = service.get(ws, compute_id)
        changed = service.find_differences(wanted, now)
        if not changed or service.write(ws, compute_id, wanted, changed, now):
            return compute_id
        if time.monotonic() + ws.settings.compute_poll_seconds > deadline:
            what, keys = f"{compute.kind} {compute.name!r} ({compute_id})", ", ".join(sorted(changed))
            message = f"{what} stays {now.get('state')}, which allows no change of {keys}."
            raise ComputeError(f"{message} {service.ADVICE}")
        pause(ws.settings.compute_poll_seconds)


def _failed(compute: ComputePlan, error: BaseException) -> ComputeError:
    """Return the error as one for the user; CredentialsError is raised for refused credentials."""
    raise_if_refused(error)
    return ComputeError(f"{compute.kind} {compute.name!r} cannot be set up: {explain(error)}")
