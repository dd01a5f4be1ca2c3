"""The switches under /__emulator/ and the calls every client makes first: who am I, what is this."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dara_dagster.emulator.core.context import WORKSPACE_ID, Context
from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.faults.rules import Faults
from dara_dagster.emulator.faults.simulation import SimulationRules
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind

_LONGEST_MS = 100 * 365 * 86_400_000


@dataclass
class Admin:
    """What a test may do to one workspace; faults and counts do not outlive the server."""

    context: Context
    simulations: SimulationRules
    statistics: Callable[[], dict[str, int]]
    reset: Callable[[], None]
    stop: Callable[[], None]
    faults: Faults = field(default_factory=Faults)
    calls: Counter[str] = field(default_factory=Counter)


class ServerFacts(Protocol):
    """What of the server anybody may know."""

    host: str
    data: Path


def _get_well_known(server: ServerFacts) -> Json:
    return {"oidc_endpoint": f"{server.host}/oidc", "workspace_id": WORKSPACE_ID}


def _get_health(server: ServerFacts) -> Json:
    return {"ok": True, "pid": os.getpid(), "data": str(server.data.resolve())}


def _get_me(admin: Admin, _call: Call) -> Json:
    user = admin.context.user
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "1000000000000001",
        "userName": user,
        "displayName": user.partition("@")[0],
        "active": True,
        "emails": [{"value": user, "type": "work", "primary": True}],
        "groups": [{"display": "admins", "type": "direct", "value": "1"}],
    }


def _stop(admin: Admin, _call: Call) -> Json:
    admin.stop()
    return {}


def _reset(admin: Admin, _call: Call) -> Json:
    admin.reset()
    return {}


def _add_fault(admin: Admin, call: Call) -> Json:
    return {"id": admin.faults.add(call.body)}


def _clear_faults(admin: Admin, _call: Call) -> Json:
    admin.faults.clear()
    return {}


def _advance_clock(admin: Admin, call: Call) -> Json:
    milliseconds = call.body.get("advance_ms")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= _LONGEST_MS:
        raise invalid("advance_ms must be a whole number of milliseconds")
    return {"now_ms": admin.context.advance_clock(milliseconds)}


def _get_statistics(admin: Admin, _call: Call) -> Json:
    return {"calls": dict(admin.calls), **admin.statistics()}


def _simulate(admin: Admin, call: Call) -> Json:
    admin.simulations.add(call.body)
    return {}


OPEN_ROUTES: Mapping[tuple[str, str], Callable[[ServerFacts], Json]] = {
    ("GET", "/.well-known/databricks-config"): _get_well_known,
    ("GET", "/__emulator/health"): _get_health,
}
"""Those that need no token."""

_ROUTES = (
    ("GET", "/api/2.0/preview/scim/v2/Me", _get_me),
    ("POST", "/__emulator/stop", _stop),
    ("POST", "/__emulator/reset", _reset),
    ("POST", "/__emulator/simulate", _simulate),
    ("POST", "/__emulator/faults", _add_fault),
    ("DELETE", "/__emulator/faults", _clear_faults),
    ("POST", "/__emulator/clock", _advance_clock),
    ("GET", "/__emulator/stats", _get_statistics),
)


def routes(admin: Admin) -> Routes:
    """Return the routes of one workspace's switches."""
    return bind(admin, _ROUTES)
