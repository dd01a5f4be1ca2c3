"""Starts, stops and restarts named clusters and warehouses, and waits until they have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from databricks.sdk.errors import InvalidState

from dara_dagster.config.kinds import ComputeKind
from dara_dagster.config.plan import ComputePlan
from dara_dagster.errors import ComputeError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, inner, raise_if_refused
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.resources.compute import ensure_compute, read_states

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
    """Return what the workspace has of it now. Raises ComputeError or CredentialsError."""
    compute_id, changed = read_states(ws, compute)
    if compute_id is None:
        return ComputeState(compute.kind, compute.name, None, None)
    with _failing(compute, "read"):
        state = _get(ws, compute.kind, compute_id).state
    return ComputeState(compute.kind, compute.name, compute_id, state, tuple(sorted(changed)))


def change_state(
    ws: Workspace, compute: ComputePlan, action: Action, *, lock_dir: Path, patience: float, tell: Tell
) -> ComputeState:
    """Start, stop or restart it, and wait at most `patience` seconds until that is done.

    A start or restart makes it first, or makes it match its settings; one that does not run is started. What
    is done already is no error. Raises ComputeError or CredentialsError.
    """
    if action == "stop":
        compute_id, _ = read_states(ws, compute)
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


@dataclass(frozen=True)
class _Now:
    """What one read of a cluster or warehouse showed; `restarted` is when, in ms since the epoch."""

    state: str
    restarted: Any
    reason: str


@dataclass
class _Change:
    """One change of the state of one compute; a call that its state does not allow is made again later."""

    ws: Workspace
    compute: ComputePlan
    compute_id: str
    action: Action
    patience: float
    tell: Tell
    reported: str = ""
    began: float = field(default_factory=time.monotonic)

    def reach(self, wanted: tuple[str, ...]) -> str:
        """Call start or stop until it is on its way, and wait for one of the states `wanted`."""
        start = wanted == _RUNNING
        asked = False
        while True:
            now = self._look()
            state = now.state
            if state in wanted:
                return state
            if start and asked and state in _ENDED:
                raise ComputeError(f"{self._what()} did not start: it is {state}{now.reason}.")
            if (start and state in _ENDED) or (not start and not asked):
                asked = self._call("start" if start else "stop")
            self._wait(state)

    def restart(self) -> str:
        """Restart a running cluster in place; start anew what does not run, or is a warehouse."""
        if self.compute.kind == "warehouse":
            self.reach(_ENDED)
            return self.reach(_RUNNING)
        before = self._look()
        if before.state != "RUNNING" or not self._call("restart"):
            return self.reach(_RUNNING)
        while (now := self._look()).state == "RUNNING":
            if now.restarted != before.restarted:
                break
            self._wait("RUNNING")
        return self.reach(_RUNNING)

    def _look(self) -> _Now:
        now = _get(self.ws, self.compute.kind, self.compute_id)
        if now.state != self.reported:
            self.reported = now.state
            self.tell(now.state)
        return now

    def _call(self, action: Action) -> bool:
        """Make the call and return whether the state allowed it."""
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
            raise ComputeError(f"{message} It continues by itself; `dara compute list` shows its state.")
        time.sleep(pause)

    def _what(self) -> str:
        return f"{self.compute.kind} {self.compute.name!r} ({self.compute_id})"


def _get(ws: Workspace, kind: ComputeKind, compute_id: str) -> _Now:
    if kind == "cluster":
        return api(ws, "GET", "/api/2.1/clusters/get", query={"cluster_id": compute_id}, read=_now)
    return api(ws, "GET", f"/api/2.0/sql/warehouses/{compute_id}", read=_now)


def _now(answer: Mapping[str, Any]) -> _Now:
    state = answer["state"]
    if not isinstance(state, str):
        raise TypeError("state is no text")
    return _Now(state, answer.get("last_restarted_time"), _reason(answer))


def _reason(now: Mapping[str, Any]) -> str:
    """Return why it ended, as far as the service says."""
    code = inner(now, "termination_reason").get("code")
    text = now.get("state_message") or inner(now, "health").get("summary")
    return "".join(f", {part}" for part in (code, str(text or "").rstrip(".")) if part)


@contextmanager
def _failing(compute: ComputePlan, done: str) -> Iterator[None]:
    """Turn what the API raises in the block into a ComputeError."""
    try:
        yield
    except API_ERRORS as error:
        raise_if_refused(error)
        raise ComputeError(f"{compute.kind} {compute.name!r} cannot be {done}: {explain(error)}") from error
