"""Makes named clusters and warehouses exist as their settings say: compare, then write only what differs."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import ComputeError, UnreachableError
from dara_dagster.workspace.calls import API_ERRORS, explain, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.locks import file_lock
from dara_dagster.workspace.resources import clusters, warehouses


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
    ensure = clusters.ensure if compute.kind == "cluster" else warehouses.ensure
    try:
        with file_lock(lock_dir / f"{compute.kind}-{key}.lock", timeout=longest):
            return ensure(ws, compute, deadline)
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
    look = clusters.look if compute.kind == "cluster" else warehouses.look
    try:
        return look(ws, compute)
    except API_ERRORS as error:
        raise _failed(compute, error) from error


def _failed(compute: ComputePlan, error: BaseException) -> ComputeError:
    """Return the error as one for the user; CredentialsError is raised for refused credentials."""
    raise_if_refused(error)
    return ComputeError(f"{compute.kind} {compute.name!r} cannot be set up: {explain(error)}")
