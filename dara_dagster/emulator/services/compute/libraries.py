"""Libraries of clusters: what was asked for, and what that came to on the running cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import invalid

Library = Mapping[str, Any]
KINDS = ("jar", "egg", "whl", "pypi", "maven", "cran", "requirements")


class Libraries:
    """The libraries of each cluster, in the order they were asked for."""

    def __init__(self, context: Context) -> None:
        self._clock, self._table = context.clock, context.store.table("cluster_libraries")

    def install(self, cluster_id: str, libraries: Sequence[Library]) -> None:
        """Ask for libraries, which count as installed once the cluster runs; ApiError 400 for a bad kind."""
        check_kinds(libraries)
        wanted = self._read_stored(cluster_id)
        for library in libraries:
            wanted = [item for item in wanted if item["library"] != library]
            wanted.append({"library": dict(library), "dropped_at": None})
        self._table[cluster_id] = wanted

    def uninstall(self, cluster_id: str, libraries: Iterable[Library]) -> None:
        """Drop libraries; on a running cluster they stay until its next restart."""
        gone, now = list(libraries), self._clock.now_ms()
        self._table[cluster_id] = [
            {**item, "dropped_at": now} if item["library"] in gone else item
            for item in self._read_stored(cluster_id)
        ]

    def statuses(self, cluster: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the `library_statuses` of a cluster, given what clusters/get answers of it."""
        running, since = cluster["state"] == "RUNNING", cluster.get("last_restarted_time", 0)
        shown = []
        for item in self._read_stored(cluster["cluster_id"]):
            dropped = item["dropped_at"]
            if dropped is not None and (not running or dropped < since):
                continue  # a restart, or the next start, is without it
            status = "INSTALLED" if running else "PENDING"
            shown.append(
                {
                    "library": item["library"],
                    "status": status if dropped is None else "UNINSTALL_ON_RESTART",
                    "messages": [],
                    "is_library_for_all_clusters": False,
                }
            )
        return shown

    def _read_stored(self, cluster_id: str) -> list[dict[str, Any]]:
        return list(self._table.get(cluster_id, ()))


def check_kinds(libraries: Iterable[Library]) -> None:
    """Raise ApiError 400 for a library of an unknown kind."""
    for library in libraries:
        if not any(kind in library for kind in KINDS):
            raise invalid(f"Unknown library type {sorted(library)}; expected one of {', '.join(KINDS)}.")
