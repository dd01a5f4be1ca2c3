"""The SQL Warehouses API 2.0: warehouses with unique names, their settings, states and legal operations."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.lifecycle import Lifecycle
from dara_dagster.emulator.services.compute.base import Compute
from dara_dagster.emulator.services.compute.warehouse_settings import Settings, read_settings

Warehouse = dict[str, Any]
"""One stored warehouse: `settings` with all defaults filled in, `state`, `creator_name`."""


class Warehouses(Compute):
    """All SQL warehouses of a workspace. Texts and rules: https://docs.databricks.com/api/workspace/warehouses.

    Every operation raises ApiError: 404 RESOURCE_DOES_NOT_EXIST for an unknown id, 400
    INVALID_PARAMETER_VALUE for a bad setting or a taken name. States change before the call returns.
    """

    lifecycle = Lifecycle({"STARTING": ("RUNNING", 0.2), "STOPPING": ("STOPPED", 0.1)})
    startable = ("STOPPED", "STOPPING")
    ended = "STOPPED"
    last_used = "idle_since"

    def __init__(self, context: Context) -> None:
        super().__init__(context, "warehouses")

    # -- operations ---------------------------------------------------------------------------------

    def create(self, sent: Mapping[str, Any]) -> str:
        """Make a warehouse from its settings and start it -> warehouse id."""
        settings = read_settings(sent)
        self._claim_name(settings["name"], None)
        warehouse_id = secrets.token_hex(8)
        self._all[warehouse_id] = {"settings": settings, "state": "", "creator_name": self._context.user}
        self._enter(warehouse_id, "STARTING")
        self._context.store.save("warehouses", warehouse_id)
        return warehouse_id

    def edit(self, warehouse_id: str, sent: Mapping[str, Any]) -> None:
        """Replace all settings: what is omitted falls back to its default. Leaves the warehouse started."""
        before: Settings = self._find(warehouse_id)["settings"]
        known = {key: before[key] for key in ("name", "cluster_size")}  # these two have no default
        settings = read_settings({**known, **{key: value for key, value in sent.items() if key != "id"}})
        self._claim_name(settings["name"], warehouse_id)
        self._keep(warehouse_id, settings=settings)
        self._enter(warehouse_id, "STARTING")

    def start(self, warehouse_id: str) -> None:
        """Start a stopped warehouse; nothing happens to one that runs or is starting."""
        if self.state(warehouse_id) in self.startable:
            self._start(warehouse_id)

    def stop(self, warehouse_id: str) -> None:
        """Stop a warehouse; nothing happens to one that is stopped or stopping."""
        if self.state(warehouse_id) in ("STARTING", "RUNNING"):
            self._lose(warehouse_id, f"SQL warehouse {warehouse_id} was stopped.")
            self._enter(warehouse_id, "STOPPING")

    def delete(self, warehouse_id: str) -> None:
        """Forget a warehouse; its name is free at once."""
        self._find(warehouse_id)
        self._forget(warehouse_id, f"SQL warehouse {warehouse_id} was deleted.")

    # -- reading ------------------------------------------------------------------------------------

    def show(self, warehouse_id: str) -> Warehouse:
        """Return the answer of a get, and the item of the list."""
        warehouse = self._find(warehouse_id)
        state, running = warehouse["state"], warehouse["state"] == "RUNNING"
        hostname, path = (
            self._context.host.split("://")[-1].split(":")[0],
            f"/sql/1.0/warehouses/{warehouse_id}",
        )
        return {
            "id": warehouse_id,
            **warehouse["settings"],
            "state": state,
            "creator_name": warehouse["creator_name"],
            "num_clusters": warehouse["settings"]["min_num_clusters"] if running else 0,
            "num_active_sessions": len(self._uses.get(warehouse_id, ())),
            "jdbc_url": f"jdbc:spark://{hostname}:443/default;transportMode=http;ssl=1;AuthMech=3;httpPath={path};",
            "odbc_params": {"hostname": hostname, "path": path, "protocol": "https", "port": 443},
            "health": {"status": "HEALTHY"} if running else {},
        }

    def list_all(self) -> list[Warehouse]:
        """Return all warehouses, oldest first."""
        return [self.show(warehouse_id) for warehouse_id in self._all]

    # -- the machinery ------------------------------------------------------------------------------

    def _find(self, warehouse_id: str) -> Warehouse:
        found: Warehouse | None = self._all.get(str(warehouse_id))
        if found is None:
            text = f"SQL warehouse {warehouse_id} does not exist."
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", text)
        return found

    def _claim_name(self, name: str, owner: str | None) -> None:
        for warehouse_id, warehouse in self._all.items():
            if warehouse_id != owner and warehouse["settings"]["name"] == name:
                # The exact text that client code matches on.
                raise invalid(f"SQL warehouse with name `{name}` already exists")

    def _start(self, warehouse_id: str) -> None:
        self._enter(warehouse_id, "STARTING")

    def _idle_minutes(self, warehouse: Warehouse) -> int:
        return int(warehouse["settings"]["auto_stop_mins"])

    def _end_idle(self, warehouse_id: str) -> None:
        self.stop(warehouse_id)

    def _arrive(self, warehouse_id: str, state: str, message: str = "") -> None:
        self._keep(warehouse_id, idle_since=self._context.clock.now_ms())
        super()._arrive(warehouse_id, state, message)
