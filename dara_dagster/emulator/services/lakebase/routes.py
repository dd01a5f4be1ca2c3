"""The few calls of Lakebase that a client of its Postgres makes: database instances and credentials."""

from __future__ import annotations

from dara_dagster.emulator.core.errors import invalid
from dara_dagster.emulator.server.routing import Call, Json, Routes, bind
from dara_dagster.emulator.services.lakebase.rules import Lakebase


def _list_instances(lakebase: Lakebase, call: Call) -> Json:
    return {"database_instances": lakebase.instances()}


def _make_credential_of_instances(lakebase: Lakebase, call: Call) -> Json:
    names = call.body.get("instance_names")
    if not isinstance(names, list) or not names:
        raise invalid("At least one of instance_names or claims is needed.")
    for name in names:
        lakebase.check_instance(str(name))
    token, end = lakebase.credential()
    return {"token": token, "expiration_time": end}


def _make_credential_of_endpoint(lakebase: Lakebase, call: Call) -> Json:
    parts = str(call.body.get("endpoint", "")).split("/")
    if len(parts) != 6 or parts[::2] != ["projects", "branches", "endpoints"] or not all(parts):
        raise invalid("endpoint must be of the form projects/{}/branches/{}/endpoints/{}.")
    token, end = lakebase.credential()
    return {"token": token, "expire_time": end}


def _set_up(lakebase: Lakebase, call: Call) -> Json:
    lakebase.set_up(call.body)
    return {}


_ROUTES = (
    ("GET", "/api/2.0/database/instances", _list_instances),
    ("POST", "/api/2.0/database/credentials", _make_credential_of_instances),
    ("POST", "/api/2.0/postgres/credentials", _make_credential_of_endpoint),
    ("POST", "/__emulator/lakebase", _set_up),
)


def routes(lakebase: Lakebase) -> Routes:
    """Return the routes of one workspace."""
    return bind(lakebase, _ROUTES)
