"""The rules of clusters: states, legal operations, what a read shows, events; without HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.core.lifecycle import Lifecycle
from dara_dagster.emulator.services.compute.base import Compute
from dara_dagster.emulator.services.compute.cluster_spec import Spec, read_size, read_spec
from dara_dagster.emulator.services.compute.cluster_view import fill_defaults, show_details
from dara_dagster.emulator.services.compute.libraries import Libraries, Library, check_kinds

Cluster = dict[str, Any]
"""One stored cluster: `spec` (what was last sent), `state` and what else only the server knows."""

_DAY_MS = 86_400_000
_EVENTS_KEPT = 200


class Clusters(Compute):
    """All clusters of a workspace. Texts and rules: https://docs.databricks.com/api/workspace/clusters.

    Every operation raises ApiError: 400 INVALID_PARAMETER_VALUE for an unknown id or a bad setting,
    400 INVALID_STATE for one that the state forbids. States change before the call returns.
    """

    lifecycle = Lifecycle(
        {
            "PENDING": ("RUNNING", 0.2),
            "RESTARTING": ("RUNNING", 0.2),
            "RESIZING": ("RUNNING", 0.1),
            "TERMINATING": ("TERMINATED", 0.1),
        }
    )

    startable = ("TERMINATED", "ERROR")
    ended = "TERMINATED"
    last_used = "last_activity_time"

    def __init__(self, context: Context) -> None:
        self._events = context.store.table("cluster_events")
        self._libraries = Libraries(context)
        super().__init__(context, "clusters")

    # -- operations ---------------------------------------------------------------------------------

    def create(self, sent: Mapping[str, Any], source: str = "API") -> str:
        """Make a cluster from its settings and start it -> cluster id. Names may repeat."""
        spec, libraries = read_spec(sent), sent.get("libraries") or []
        check_kinds(libraries)
        now = self._context.clock.now_ms()
        stamp = time.strftime("%m%d-%H%M%S", time.gmtime(now / 1000))
        cluster_id = f"{stamp}-{secrets.token_hex(4)}"
        self._all[cluster_id] = {
            "spec": spec,
            "state": "",
            "creator_user_name": self._context.user,
            "cluster_source": source,
            "start_time": now,
        }
        self._log(cluster_id, "CREATING", {"attributes": spec, "user": self._context.user})
        self._enter(
            cluster_id, "PENDING", "Finding instances for new nodes, acquiring more instances if necessary"
        )
        self._context.store.save("clusters", cluster_id)
        if libraries:
            self._libraries.install(cluster_id, libraries)
        return cluster_id

    def edit(self, cluster_id: str, sent: Mapping[str, Any]) -> None:
        """Replace all settings; a running cluster restarts, a terminated one stays terminated."""
        self._require(cluster_id, ("RUNNING", "TERMINATED"))
        self._change_spec(cluster_id, read_spec(sent))

    def update(self, cluster_id: str, mask: str, sent: Mapping[str, Any]) -> None:
        """Change the settings that `mask` names (`a,b.c` or `*`); one named but not sent is removed."""
        spec = dict(self._require(cluster_id, ("RUNNING", "TERMINATED"))["spec"])
        paths = [path.strip() for path in mask.split(",") if path.strip()]
        if not paths:
            raise invalid("update_mask must name at least one field.")
        for path in sent if paths == ["*"] else paths:
            key, _, inner = path.partition(".")
            wanted = sent.get(key)
            if inner:
                if not all(isinstance(value, (dict, type(None))) for value in (wanted, spec.get(key))):
                    raise invalid(f"update_mask: {key} has no fields.")
                wanted = {**(spec.get(key) or {}), inner: (wanted or {}).get(inner)}
                wanted = {name: value for name, value in wanted.items() if value is not None}
            spec[key] = wanted
            if key in ("num_workers", "autoscale") and wanted is not None:
                spec.pop("autoscale" if key == "num_workers" else "num_workers", None)
        self._change_spec(cluster_id, read_spec(spec))

    def resize(self, cluster_id: str, sent: Mapping[str, Any]) -> None:
        """Change the number of workers of a running cluster without a restart."""
        cluster = self._find(cluster_id)
        if cluster["state"] != "RUNNING":
            raise ApiError(400, "INVALID_STATE", "Cluster is not running")
        size = read_size(sent)
        spec = {
            key: value for key, value in cluster["spec"].items() if key not in ("num_workers", "autoscale")
        }
        self._log(
            cluster_id,
            "RESIZING",
            {"cluster_size": size, "cause": "USER_REQUEST", "user": self._context.user},
        )
        self._keep(cluster_id, spec={**spec, **size})
        self._enter(cluster_id, "RESIZING")

    def start(self, cluster_id: str) -> None:
        """Start a terminated cluster."""
        cluster = self._require(cluster_id, ("TERMINATED", "ERROR"))
        if cluster["cluster_source"] == "JOB":
            raise ApiError(
                400, "INVALID_STATE", f"Cluster {cluster_id} is a job cluster and cannot be started."
            )
        self._start(cluster_id)

    def restart(self, cluster_id: str) -> None:
        """Restart a running cluster."""
        self._require(cluster_id, ("RUNNING",))
        self._log(cluster_id, "RESTARTING", {"user": self._context.user})
        self._lose(cluster_id, f"Cluster {cluster_id} was restarted during the run.")
        self._enter(cluster_id, "RESTARTING")

    def terminate(self, cluster_id: str, code: str = "USER_REQUEST", **parameters: str) -> None:
        """End a cluster for the reason `code`; nothing happens to one that has ended or is ending."""
        if self.state(cluster_id) in ("TERMINATING", "TERMINATED"):
            return
        if code == "USER_REQUEST":
            parameters["username"] = self._context.user
        reason = {"code": code, "type": "SUCCESS", "parameters": parameters}
        self._log(cluster_id, "TERMINATING", {"reason": reason})
        self._keep(cluster_id, termination_reason=reason)
        self._lose(cluster_id, f"Cluster {cluster_id} was terminated during the run. Reason: {code}.")
        self._enter(cluster_id, "TERMINATING")

    def remove(self, cluster_id: str) -> None:
        """Forget a cluster for good (permanent-delete)."""
        if self._find(cluster_id).get("pinned_by_user_name"):
            raise ApiError(400, "INVALID_STATE", f"Cluster {cluster_id} is pinned. Unpin it first.")
        self._events.pop(cluster_id, None)
        self._forget(cluster_id, f"Cluster {cluster_id} was deleted during the run.")

    def pin(self, cluster_id: str, pinned: bool) -> None:
        """Pin or unpin: a pinned cluster stays listed for ever."""
        self._find(cluster_id)
        self._keep(cluster_id, pinned_by_user_name=self._context.user if pinned else None)
        self._log(cluster_id, "PINNED" if pinned else "UNPINNED", {"user": self._context.user})

    def change_owner(self, cluster_id: str, owner: str) -> None:
        """Give a terminated cluster to another user."""
        self._require(cluster_id, ("TERMINATED",))
        self._keep(cluster_id, creator_user_name=owner)

    def install(self, cluster_id: str, libraries: Sequence[Library]) -> None:
        """Ask for libraries on a cluster."""
        self._find(cluster_id)
        self._libraries.install(cluster_id, libraries)

    def uninstall(self, cluster_id: str, libraries: Iterable[Library]) -> None:
        """Drop libraries of a cluster."""
        self._find(cluster_id)
        self._libraries.uninstall(cluster_id, libraries)

    # -- reading ------------------------------------------------------------------------------------

    def show(self, cluster_id: str) -> Cluster:
        """Return the answer of clusters/get, `spec` included."""
        cluster = self._find(cluster_id)
        return {**show_details(cluster_id, cluster), "spec": cluster["spec"]}

    def list_all(self) -> Iterable[Cluster]:
        """Yield all clusters/list items, newest first: pinned, active, or terminated in the last 30 days."""
        limit = self._context.clock.now_ms() - 30 * _DAY_MS
        for cluster_id, cluster in reversed(list(self._all.items())):
            ended = cluster.get("terminated_time", 0) if cluster["state"] == "TERMINATED" else limit
            if ended >= limit or cluster.get("pinned_by_user_name"):
                yield show_details(cluster_id, cluster)

    def library_statuses(self, cluster_id: str) -> list[dict[str, Any]]:
        """Return the `library_statuses` of a cluster."""
        return self._libraries.statuses(self.show(cluster_id))

    def fill_defaults(self, spec: Mapping[str, Any]) -> Spec:
        """Return the settings of a cluster with what the service fills in."""
        return fill_defaults(dict(spec), self._context.user)

    def events(self, cluster_id: str) -> list[dict[str, Any]]:
        """Return the events of a cluster, oldest first: `{cluster_id, timestamp, type, details}`."""
        self._find(cluster_id)
        return list(self._events.get(cluster_id, ()))

    # -- the machinery ------------------------------------------------------------------------------

    def _find(self, cluster_id: str) -> Cluster:
        found: Cluster | None = self._all.get(str(cluster_id))
        limit = self._context.clock.now_ms() - 60 * _DAY_MS
        if found is None or (found["state"] == "TERMINATED" and found["terminated_time"] < limit):
            raise invalid(f"Cluster {cluster_id} does not exist")
        return found

    def _require(self, cluster_id: str, states: tuple[str, ...]) -> Cluster:
        cluster = self._find(cluster_id)
        if cluster["state"] not in states:
            # The Terraform provider and others wait and retry on exactly this text.
            text = f"Cluster {cluster_id} is in unexpected state {cluster['state'].capitalize()}."
            raise ApiError(400, "INVALID_STATE", text)
        return cluster

    def _log(self, cluster_id: str, kind: str, details: Mapping[str, Any] | None = None) -> None:
        event = {"cluster_id": cluster_id, "timestamp": self._context.clock.now_ms(), "type": kind}
        known = self._events.get(cluster_id, [])
        self._events[cluster_id] = [*known[1 - _EVENTS_KEPT :], {**event, "details": dict(details or {})}]

    def _change_spec(self, cluster_id: str, spec: Spec) -> None:
        cluster = self._find(cluster_id)
        if cluster["cluster_source"] == "JOB":
            raise ApiError(
                400, "INVALID_STATE", f"Cluster {cluster_id} is a job cluster and cannot be edited."
            )
        before = {"previous_attributes": cluster["spec"], "attributes": spec, "user": self._context.user}
        self._log(cluster_id, "EDITED", before)
        self._keep(cluster_id, spec=spec)
        if cluster["state"] == "RUNNING":
            self.restart(cluster_id)

    def _start(self, cluster_id: str) -> None:
        self._log(cluster_id, "STARTING", {"user": self._context.user})
        self._keep(cluster_id, start_time=self._context.clock.now_ms())
        self._enter(
            cluster_id, "PENDING", "Finding instances for new nodes, acquiring more instances if necessary"
        )

    def _idle_minutes(self, cluster: Cluster) -> int:
        return int(cluster["spec"].get("autotermination_minutes", 0))

    def _end_idle(self, cluster_id: str) -> None:
        minutes = self._idle_minutes(self._all[cluster_id])
        self.terminate(cluster_id, "INACTIVITY", inactivity_duration_min=str(minutes))

    def _arrive(self, cluster_id: str, state: str, message: str = "") -> None:
        now, before = self._context.clock.now_ms(), self._all[cluster_id]["state"]
        if state == "RUNNING":
            self._keep(cluster_id, last_activity_time=now)
            self._log(cluster_id, "UPSIZE_COMPLETED" if before == "RESIZING" else "RUNNING")
            if before != "RESIZING":
                context = self._context.ids.next()
                self._keep(
                    cluster_id, last_restarted_time=now, last_state_loss_time=now, spark_context_id=context
                )
        elif state == "TERMINATED":
            self._keep(cluster_id, terminated_time=now, driver=None, executors=None, spark_context_id=None)
        super()._arrive(cluster_id, state, message)
