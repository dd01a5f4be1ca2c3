"""The test switches under /__emulator/ and the calls every client makes first: who am I, what is this."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from dara_dagster.emulator.faults.rules import Faults
from dara_dagster.emulator.server.app import ApiError, Call, Json, Open, Routes
from dara_dagster.emulator.server.workspaces import WORKSPACE_ID, Server

if TYPE_CHECKING:
    from dara_dagster.emulator.server.workspaces import Workspace


_LONGEST_MS = 100 * 365 * 86_400_000


class Control:
    """The faults and counts of one workspace; neither outlives the server."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.faults = Faults()
        self.calls: Counter[str] = Counter()

    def advance(self, milliseconds: int) -> int:
        """Skip time; returns the new now."""
        clock = self._workspace.clock
        clock.advance(milliseconds)
        self._workspace.store.table("clock")["offset_ms"] = clock.offset_ms
        self._workspace.store.save("clock", "offset_ms")  # a clock set back would hold up every timer
        return clock.now_ms()


def _well_known(server: Server) -> Json:
    return {"oidc_endpoint": f"{server.host}/oidc", "workspace_id": WORKSPACE_ID}


def _health(server: Server) -> Json:
    return {"ok": True, "pid": os.getpid(), "data": str(server.data.resolve())}


def _me(call: Call) -> Json:
    user = call.workspace.user
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "1000000000000001",
        "userName": user,
        "displayName": user.partition("@")[0],
        "active": True,
        "emails": [{"value": user, "type": "work", "primary": True}],
        "groups": [{"display": "admins", "type": "direct", "value": "1"}],
    }


def _stop(call: Call) -> Json:
    call.workspace.server.stop()
    return {}


def _reset(call: Call) -> Json:
    call.workspace.server.forget(call.workspace)
    return {}


def _add_fault(call: Call) -> Json:
    return {"id": call.workspace.control.faults.add(call.body)}


def _clear_faults(call: Call) -> Json:
    call.workspace.control.faults.clear()
    return {}


def _advance(call: Call) -> Json:
    milliseconds = call.body.get("advance_ms")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= _LONGEST_MS:
        raise ApiError(400, "INVALID_PARAMETER_VALUE", "advance_ms must be a whole number of milliseconds")
    return {"now_ms": call.workspace.control.advance(milliseconds)}


def _stats(call: Call) -> Json:
    workspace = call.workspace
    return {
        "calls": dict(workspace.control.calls),
        "runs_created": workspace.runs.created,
        "processes": workspace.runner.count,
        "active_runs": sum(1 for _ in workspace.runs.scheduler.active),
    }


def _simulate(call: Call) -> Json:
    call.workspace.runs.rules.add(call.body)
    return {}


OPEN: Open = {
    ("GET", "/.well-known/databricks-config"): _well_known,
    ("GET", "/__emulator/health"): _health,
}

ROUTES: Routes = (
    ("GET", "/api/2.0/preview/scim/v2/Me", _me),
    ("POST", "/__emulator/stop", _stop),
    ("POST", "/__emulator/reset", _reset),
    ("POST", "/__emulator/simulate", _simulate),
    ("POST", "/__emulator/faults", _add_fault),
    ("DELETE", "/__emulator/faults", _clear_faults),
    ("POST", "/__emulator/clock", _advance),
    ("GET", "/__emulator/stats", _stats),
)
