"""Makes, syncs and awaits Vector Search indexes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists
from databricks.sdk.service.vectorsearch import (
    DeltaSyncVectorIndexSpecRequest,
    EmbeddingVectorColumn,
    EndpointType,
    PipelineType,
    VectorIndexType,
)

from dara_dagster.errors import RunError
from dara_dagster.workspace.calls import API_ERRORS, api, explain, inner, raise_if_refused, through_sdk
from dara_dagster.workspace.client import Workspace
from dara_dagster.workspace.watch.monitor import Monitor, Stopped

__all__ = ["IndexSync", "NewIndex"]

_T = TypeVar("_T")
_INDEXES = "/api/2.0/vector-search/indexes"
_ENDPOINTS = "/api/2.0/vector-search/endpoints"
# Of an endpoint that does not come up by itself (SDK: vectorsearch.EndpointStatusState).
_DOWN = ("OFFLINE", "STOPPED", "RED_STATE")
# `detailed_state` of an index, which the SDK's classes drop; words as `describe` of databricks-vectorsearch
# shows them (https://api-docs.databricks.com/python/vector-search).
_AT_REST = ("ONLINE_NO_PENDING_UPDATE", "ONLINE")


@dataclass(frozen=True)
class NewIndex:
    """What a missing index is made of: a Delta Sync index over a table with its own vectors."""

    endpoint_name: str
    source_table: str
    primary_key: str
    embedding_column: str
    embedding_dimension: int
    endpoint_type: str = "STANDARD"


class IndexSync:
    """One sync of one index. It raises RunError for what fails or takes too long, Stopped for `stop`."""

    def __init__(
        self,
        ws: Workspace,
        monitor: Monitor,
        index: str,
        *,
        stop: threading.Event,
        timeout_seconds: float,
        poll_seconds: float,
        progress: Callable[[str], None],
    ) -> None:
        self._ws, self._monitor, self._index, self._stop = ws, monitor, index, stop
        self._timeout, self._poll, self._progress = timeout_seconds, poll_seconds, progress
        self._deadline = time.monotonic() + timeout_seconds if timeout_seconds else None

    def run(self, new: NewIndex | None) -> int:
        """Make the index where it is missing, else sync it; return the number of its rows then."""
        before = self._look()
        if before is None:
            if new is None:
                raise RunError(f"there is no Vector Search index {self._index}. Make it, or say how: create")
            self._make(new)
            return self._rows(self._await(lambda _: True, "it is being made"))
        if new is not None and self._table(before) != new.source_table.lower():
            raise RunError(
                f"the index {self._index} follows {self._table(before)}, not {new.source_table}: "
                "name another index"
            )
        before = self._await(lambda _: True, "an earlier update is running")
        self._sync()
        asked = time.monotonic()
        seen = False

        def is_new(look: Mapping[str, Any]) -> bool:
            nonlocal seen
            seen = seen or _state(look) not in _AT_REST or _version(look) != _version(before)
            return seen or time.monotonic() - asked > self._ws.settings.index_settle_seconds

        return self._rows(self._await(is_new, "it is being synced"))

    # -- one call each --------------------------------------------------------------------------------

    def _look(self) -> dict[str, Any] | None:
        try:
            path = f"{_INDEXES}/{quote(self._index)}"
            return self._call(lambda: api(self._ws, "GET", path, read=_checked))
        except NotFound:
            return None
        except API_ERRORS as error:
            raise self._failed("cannot be looked up", error) from error

    def _sync(self) -> None:
        try:
            sync = partial(self._ws.client.vector_search_indexes.sync_index, self._index)
            self._through("POST", f"{_INDEXES}/{self._index}/sync", sync)
        except BadRequest as error:
            # A sync whose answer was lost is under way already: that one is awaited.
            if (look := self._look()) is None or _state(look) in _AT_REST:
                raise self._failed("cannot be synced", error) from error
        except API_ERRORS as error:
            raise self._failed("cannot be synced", error) from error

    def _make(self, new: NewIndex) -> None:
        endpoints, indexes = self._ws.client.vector_search_endpoints, self._ws.client.vector_search_indexes
        vector = EmbeddingVectorColumn(name=new.embedding_column, embedding_dimension=new.embedding_dimension)
        spec = DeltaSyncVectorIndexSpecRequest(
            source_table=new.source_table,
            pipeline_type=PipelineType.TRIGGERED,
            embedding_vector_columns=[vector],
        )
        try:
            try:
                self._endpoint(new.endpoint_name)
            except NotFound:
                self._progress(f"making the endpoint {new.endpoint_name}")
                kind = EndpointType(new.endpoint_type)
                self._make_once(_ENDPOINTS, partial(endpoints.create_endpoint, new.endpoint_name, kind))
            self._await_endpoint(new.endpoint_name)
            self._progress(f"making the index {self._index}")
            create = partial(
                indexes.create_index,
                self._index,
                new.endpoint_name,
                new.primary_key,
                VectorIndexType.DELTA_SYNC,
                delta_sync_index_spec=spec,
            )
            self._make_once(_INDEXES, create)
        except API_ERRORS as error:
            raise self._failed("cannot be made", error) from error

    def _make_once(self, path: str, create: Callable[[], Any]) -> None:
        try:
            self._through("POST", path, create)
        except ResourceAlreadyExists:  # another has just made it, or we have, and the answer was lost
            return

    def _await_endpoint(self, name: str) -> None:
        while True:
            state, message = self._endpoint(name)
            if state == "ONLINE":
                return
            if state in _DOWN:
                raise RunError(f"the endpoint {name} is {state}: {message or 'no reason'}")
            self._progress(f"the endpoint {name} is {state or 'in an unknown state'}")
            self._wait("its endpoint is being made")

    def _endpoint(self, name: str) -> tuple[str, str]:
        """Return the endpoint's state, "" where it has none, with its message."""
        path = f"{_ENDPOINTS}/{quote(name)}"
        return self._call(lambda: api(self._ws, "GET", path, read=_endpoint_state))

    def _through(self, method: str, path: str, fn: Callable[[], Any]) -> None:
        self._call(lambda: through_sdk(self._ws, method, path, fn))

    def _call(self, fn: Callable[[], _T]) -> _T:
        return self._monitor.call(fn, stop=self._stop)

    # -- waiting --------------------------------------------------------------------------------------

    def _await(self, is_new: Callable[[Mapping[str, Any]], bool], why: str) -> dict[str, Any]:
        """Poll until no update runs and what is there is new; returns the index."""
        reported = ""
        while True:
            look = self._look()
            if look is None:
                raise RunError(f"the index {self._index} was deleted meanwhile")
            state, message = _state(look), str(_status(look).get("message", ""))
            if "FAILED" in state or state == "OFFLINE":
                raise RunError(f"the index {self._index} is {state}: {message or 'no reason is given'}")
            if is_new(look) and state in _AT_REST:
                return look
            if state != reported:
                reported = state
                self._progress(f"{self._index} is {state}: {message}")
            self._wait(why)

    def _wait(self, why: str) -> None:
        left = self._poll if self._deadline is None else min(self._poll, self._deadline - time.monotonic())
        if left <= 0:
            raise RunError(f"the index {self._index} is not up to date after {self._timeout:g} s: {why}")
        if self._stop.wait(left):
            raise Stopped(f"Stopped waiting for the index {self._index}; its update continues on Databricks")

    def _failed(self, what: str, error: BaseException) -> RunError:
        raise_if_refused(error)
        return RunError(f"the index {self._index} {what}: {explain(error)}")

    def _rows(self, look: Mapping[str, Any]) -> int:
        return int(_status(look).get("indexed_row_count") or 0)

    def _table(self, look: Mapping[str, Any]) -> str:
        return str((look.get("delta_sync_index_spec") or {}).get("source_table", "no table")).lower()


def _endpoint_state(endpoint: Mapping[str, Any]) -> tuple[str, str]:
    status = inner(endpoint, "endpoint_status")
    return str(status.get("state") or ""), str(status.get("message") or "")


def _checked(index: dict[str, Any]) -> dict[str, Any]:
    """Return the index. Raises KeyError, TypeError or ValueError where what is read of it is not as
    documented."""
    if not index["status"]:
        raise KeyError("status")
    status = inner(index, "status")
    int(status.get("indexed_row_count") or 0)
    inner(status, "triggered_update_status")
    inner(index, "delta_sync_index_spec")
    return index


def _status(look: Mapping[str, Any]) -> Mapping[str, Any]:
    status: Mapping[str, Any] = look.get("status") or {}
    return status


def _state(look: Mapping[str, Any]) -> str:
    """Return the detailed state; where the service gives none, whether the index is ready has to do."""
    status = _status(look)
    return str(status.get("detailed_state") or (_AT_REST[0] if status.get("ready") else "PROVISIONING"))


def _version(look: Mapping[str, Any]) -> Any:
    return (_status(look).get("triggered_update_status") or {}).get("last_processed_commit_version")
