"""Starts, stops and restarts named clusters and warehouses, and waits until they have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from databricks.sdk.errors import InvalidState

from dara_dagster.config.plan import ComputeKind, ComputePlan
from dara_dagster.errors import ComputeError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.compute import ensure_compute, look_at_compute

Action = Literal["start", "stop", "restart"]
_DONE: Mapping[Action, str] = {"start": "started", "stop": "stopped", "restart": "restarted"}
# Called with each new state while somebody waits.
Tell = Callable[[str], None]

_FIRST_POLL_SECONDS, _LONGEST_POLL_SECONDS = 0.5, 5.0
_RUNNING = ("RUNNING", "RESIZING")
# States in which it stays until somebody starts it (SDK: compute.State, sql.State).
_ENDED = ("TERMINATED", "ERROR", "UNKNOWN", "STOPPED", "DELETED")


@dataclass(frozen=True)
class ComputeState:
    """A named cluster or warehouse in the workspace; `compute_id` and `state` are None where there is none.

    `changes` are the settings that differ from the files.
    """

    kind: ComputeKind
    name: str
    compute_id: str | None
    state: str | None
    changes: tuple[str, ...] = ()


def read_state(ws: Workspace, compute: ComputePlan) -> ComputeState:
    """What the workspace has of it now. Raises ComputeError or CredentialsError."""
    compute_id, changed = look_at_compute(ws, compute)
    if compute_id is None:
        return ComputeState(compute.kind, compute.name, None, None)
    with _failing(compute, "read"):
        state = str(_get(ws, compute.kind, compute_id).get("state"))
    return ComputeState(compute.kind, compute.name, compute_id, state, tuple(sorted(changed)))


def change_state(
    ws: Workspace, compute: ComputePlan, action: Action, *, lock_dir: Path, patience: float, tell: Tell
) -> ComputeState:
    """Start, stop or restart it, and wait at most `patience` seconds until that is done.

    A start or restart makes it first, or makes it match its settings; one that does not run is started. What
    is done already is no error. Raises ComputeError or CredentialsError.
    """
    if action == "stop":
        compute_id, _ = look_at_compute(ws, compute)
        if compute_id is None:
            raise ComputeError(f"{compute.kind} {compute.name!r} is not in the workspace: nothing to stop.")
    else:
        compute_id = ensure_compute(ws, compute, lock_dir=lock_dir)
    change = _Change(ws, compute, compute_id, action, patience, tell)
    with _failing(compute, _DONE[action]):
        if action == "restart":
            state = change.restart()
        else:
            state = change.reach(_RUNNING if action == "start" else _ENDED)
    return ComputeState(compute.kind, compute.name, compute_id, state)


@dataclass
class _Change:
    """One change of the state of one compute; a call that its state does not allow is made again later."""

    ws: Workspace
    compute: ComputePlan
    compute_id: str
    action: Action
    patience: float
    tell: Tell
    told: str = ""
    began: float = field(default_factory=time.monotonic)

    def reach(self, wanted: tuple[str, ...]) -> str:
        """Call start or stop until it is on its way, and wait for one of the states `wanted`."""
        start = wanted == _RUNNING
        asked = False
        while True:
            now = self._look()
            state = str(now.get("state"))
            if state in wanted:
                return state
            if start and asked and state in _ENDED:
                raise ComputeError(f"{self._what()} did not start: it is {state}{_reason(now)}.")
            if (start and state in _ENDED) or (not start and not asked):
                asked = self._call("start" if start else "stop")
            self._wait(state)

    def restart(self) -> str:
        """A running cluster is restarted in place; what does not run, or is a warehouse, is started anew."""
        if self.compute.kind == "warehouse":
            self.reach(_ENDED)
            return self.reach(_RUNNING)
        before = self._look()
        if before.get("state") != "RUNNING" or not self._call("restart"):
            return self.reach(_RUNNING)
        while (now := self._look()).get("state") == "RUNNING":
            if now.get("last_restarted_time") != before.get("last_restarted_time"):
                break
            self._wait("RUNNING")
        return self.reach(_RUNNING)

    def _look(self) -> Mapping[str, Any]:
        now = _get(self.ws, self.compute.kind, self.compute_id)
        if (state := str(now.get("state"))) != self.told:
            self.told = state
            self.tell(state)
        return now

    def _call(self, action: Action) -> bool:
        """Whether the state allowed the call."""
        try:
            if self.compute.kind == "cluster":
                name = "delete" if action == "stop" else action  # the API's word for ending one that is kept
                api(self.ws, "POST", f"/api/2.1/clusters/{name}", body={"cluster_id": self.compute_id})
            else:
                api(self.ws, "POST", f"/api/2.0/sql/warehouses/{self.compute_id}/{action}", body={})
        except InvalidState:
            return False
        return True

    def _wait(self, state: str) -> None:
        now = time.monotonic()
        pause = min(_FIRST_POLL_SECONDS + (now - self.began) / 10, _LONGEST_POLL_SECONDS)
        if now + pause > self.began + self.patience:
            message = f"{self._what()} is still {state} after {self.patience / 60:g} min."
            raise ComputeError(f"{message} It goes on by itself; `dara compute list` shows its state.")
        time.sleep(pause)

    def _what(self) -> str:
        return f"{self.compute.kind} {self.compute.name!r} ({self.compute_id})"


def _get(ws: Workspace, kind: ComputeKind, compute_id: str) -> Mapping[str, Any]:
    if kind == "cluster":
        found: Mapping[str, Any] = api(ws, "GET", "/api/2.1/clusters/get", query={"cluster_id": compute_id})
    else:
        found = api(ws, "GET", f"/api/2.0/sql/warehouses/{compute_id}")
    return found


def _reason(now: Mapping[str, Any]) -> str:
    """Why it ended, as far as the service says."""
    code = (now.get("termination_reason") or {}).get("code")
    text = now.get("state_message") or (now.get("health") or {}).get("summary")
    return "".join(f", {part}" for part in (code, str(text or "").rstrip(".")) if part)


@contextmanager
def _failing(compute: ComputePlan, done: str) -> Iterator[None]:
    """What the API raises in the block becomes a ComputeError."""
    try:
        yield
    except API_ERRORS as error:
        raise_if_refused(error)
        raise ComputeError(f"{compute.kind} {compute.name!r} cannot be {done}: {explain(error)}") from error
