"""The endpoints and indexes of a workspace: what may be made, their states, what can be searched."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.services.vector_search.query import refuse
from dara_dagster.emulator.services.vector_search.rows import Read, Source

_ENDPOINT_MS, _UPDATE_MS = 300, 400
# "alphanumeric characters, hyphens and underscores", fewer than 50 of them (the UI's own check).
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,48}")
_ENDPOINT_TYPES = ("STANDARD", "STORAGE_OPTIMIZED")
_KEY_TYPES = ("string", "int", "bigint", "smallint", "tinyint")
_VECTOR_TYPES = ("array<float>", "array<double>")
_URL = "{host}/api/2.0/vector-search/indexes/{name}"


def _refuse_taken(what: str, name: str) -> ApiError:
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"{what} with name {name} already exists.")


class SourceTables(Protocol):
    """What Vector Search needs of the catalog; names are catalog.schema.table."""

    def has_table(self, full_name: str) -> bool:
        """Return whether there is such a table or view."""

    def table(self, full_name: str) -> dict[str, Any]:
        """Return the TableInfo; ApiError 404."""

    def table_folder(self, full_name: str) -> Path | None:
        """Return where the files of a table are; None for a view."""


class VectorSearch:
    """All of a workspace's Vector Search. Shapes: databricks-sdk, `databricks.sdk.service.vectorsearch`.

    The SDK's classes drop `detailed_state`, which the service answers with each index.
    """

    def __init__(self, context: Context, tables: SourceTables) -> None:
        self._context, self._tables = context, tables
        self._endpoints = context.store.table("vector_endpoints")
        self._indexes = context.store.table("vector_indexes")

    # -- endpoints ------------------------------------------------------------------------------------

    def create_endpoint(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Make an endpoint, which is online a moment later. ApiError 400 for a wrong or taken name."""
        name, kind = str(sent.get("name", "")), sent.get("endpoint_type")
        if not _ENDPOINT_NAME.fullmatch(name):
            raise invalid(f"Endpoint name {name!r} must be 1 to 49 letters, digits, hyphens and underscores.")
        if kind not in _ENDPOINT_TYPES:
            raise invalid(f"endpoint_type must be one of {', '.join(_ENDPOINT_TYPES)}, not {kind!r}.")
        if name in self._endpoints:
            raise _refuse_taken("Vector search endpoint", name)
        now = self._context.clock.now_ms()
        self._endpoints[name] = {"id": str(uuid.uuid4()), "endpoint_type": kind, "created": now}
        return self.endpoint(name)

    def endpoint(self, name: str) -> dict[str, Any]:
        """Return the EndpointInfo. ApiError 404."""
        found = self._endpoints.get(name)
        if found is None:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Vector search endpoint {name} does not exist.")
        created = found["created"]
        return {
            "name": name,
            "id": found["id"],
            "endpoint_type": found["endpoint_type"],
            "creator": self._context.user,
            "creation_timestamp": created,
            "last_updated_timestamp": created,
            "last_updated_user": self._context.user,
            "num_indexes": len(self.indexes(name)),
            "endpoint_status": {"state": "ONLINE" if self._is_online(name) else "PROVISIONING"},
        }

    def endpoints(self) -> list[dict[str, Any]]:
        """Return all of them, by name."""
        return [self.endpoint(name) for name in sorted(self._endpoints)]

    def delete_endpoint(self, name: str) -> None:
        """Forget an endpoint without indexes."""
        if count := self.endpoint(name)["num_indexes"]:
            raise invalid(f"Vector search endpoint {name} has {count} indexes. Delete them first.")
        del self._endpoints[name]

    def _is_online(self, name: str) -> bool:
        return bool(self._context.clock.now_ms() >= self._endpoints[name]["created"] + _ENDPOINT_MS)

    # -- indexes --------------------------------------------------------------------------------------

    def create_index(self, sent: Mapping[str, Any]) -> str:
        """Make a Delta Sync index, to be filled by its first update; return its name. ApiError 400 or 404."""
        parts = str(sent.get("name", "")).lower().split(".")
        if len(parts) != 3 or not all(parts):
            raise invalid(f"Index name {sent.get('name')!r} must be catalog.schema.index.")
        name = ".".join(parts)
        self.endpoint(str(sent.get("endpoint_name", "")))
        if name in self._indexes or self._tables.has_table(name):
            raise _refuse_taken("Vector index or table", name)
        if (kind := sent.get("index_type")) != "DELTA_SYNC":
            raise refuse(f"index_type {kind}", "has DELTA_SYNC indexes only")
        if (subtype := sent.get("index_subtype")) not in (None, "HYBRID", "VECTOR"):
            raise refuse(f"index_subtype {subtype}", "searches by vector only")
        spec = _read_spec(sent.get("delta_sync_index_spec"))
        record = {
            "id": str(uuid.uuid4()),
            "endpoint_name": sent["endpoint_name"],
            "primary_key": str(sent.get("primary_key", "")),
            "spec": spec,
            "updates": [],
        }
        self._find_source(record)
        self._indexes[name] = record
        return name

    def indexes(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the MiniVectorIndex of each index on an endpoint, by name."""
        found = sorted(name for name, each in self._indexes.items() if each["endpoint_name"] == endpoint)
        return [self._show_mini(name) for name in found]

    def index(self, name: str) -> dict[str, Any]:
        """Return the VectorIndex with its status. ApiError 404."""
        record = self._find_record(name)
        spec = {**record["spec"], "pipeline_id": record["id"]}
        return {**self._show_mini(name), "delta_sync_index_spec": spec, "status": self._show_status(name)}

    def delete_index(self, name: str) -> None:
        """Forget an index; the table stays."""
        self._find_record(name)
        del self._indexes[name.lower()]

    def check_syncable(self, name: str) -> None:
        """Raise ApiError 400 while the first or another update runs, and while the endpoint is not online."""
        record = self._find_record(name)
        if not self._is_online(record["endpoint_name"]):
            raise _refuse_unready(f"Vector search endpoint {record['endpoint_name']} is not online.")
        if self._is_updating(record):
            raise _refuse_unready(f"Index {name} is not ready to sync: an update is running.")

    def source(self, name: str) -> Source:
        """Return the table the index follows. ApiError 404 when it is gone, 400 when its columns do not
        fit."""
        return self._find_source(self._find_record(name))

    def begin_update(self, name: str, read: Read) -> None:
        """Start an update to what the table was found to hold; it ends a moment later."""
        record = self._find_record(name)
        now = self._context.clock.now_ms()
        start = max(now, self._endpoints[record["endpoint_name"]]["created"] + _ENDPOINT_MS)
        update = {"until": start + _UPDATE_MS, **vars(read)}
        done = [each for each in record["updates"] if each["until"] <= now and not each["wrong"]]
        self._indexes[name.lower()] = {**record, "updates": [*done[-1:], update]}

    def searchable(self, name: str) -> tuple[Source, int]:
        """Return the table and the version of it that the index holds now. ApiError 400 when it holds
        none."""
        record = self._find_record(name)
        held = self._find_held(record)
        if held is None or not self._is_online(record["endpoint_name"]):
            raise _refuse_unready(f"Index {name} is not ready: {self._show_status(name)['message']}")
        return self._find_source(record), int(held["version"])

    # -- the machinery --------------------------------------------------------------------------------

    def _find_record(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self._indexes.get(name.lower())
        if found is None:
            raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Vector index {name} does not exist.")
        return found

    def _show_mini(self, name: str) -> dict[str, Any]:
        record = self._find_record(name)
        return {
            "name": name.lower(),
            "endpoint_name": record["endpoint_name"],
            "endpoint_id": self._endpoints[record["endpoint_name"]]["id"],
            "primary_key": record["primary_key"],
            "index_type": "DELTA_SYNC",
            "creator": self._context.user,
        }

    def _find_held(self, record: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the last update that has ended well."""
        now = self._context.clock.now_ms()
        ended = [each for each in record["updates"] if each["until"] <= now and not each["wrong"]]
        return ended[-1] if ended else None

    def _is_updating(self, record: Mapping[str, Any]) -> bool:
        return bool(record["updates"]) and record["updates"][-1]["until"] > self._context.clock.now_ms()

    def _show_status(self, name: str) -> dict[str, Any]:
        record = self._find_record(name)
        held, last = self._find_held(record), record["updates"][-1] if record["updates"] else None
        failed = last is not None and last["wrong"] and not self._is_updating(record)
        if failed:
            state = "ONLINE_PIPELINE_FAILED" if held else "OFFLINE_FAILED"
            message = f"The update of index {name} has failed: {last['wrong']}." if last else ""
        elif self._is_updating(record) or last is None:
            state = "ONLINE_TRIGGERED_UPDATE" if held else "PROVISIONING_INITIAL_SNAPSHOT"
            message = f"Index {name} is being updated."
        else:
            state, message = "ONLINE_NO_PENDING_UPDATE", f"Index {name} is online."
        status = {
            "ready": held is not None,
            "detailed_state": state,
            "message": message,
            "indexed_row_count": held["count"] if held else 0,
            "index_url": _URL.format(host=self._context.host.partition("://")[2], name=name.lower()),
        }
        if held:
            status["triggered_update_status"] = {"last_processed_commit_version": held["version"]}
        return status

    def _find_source(self, record: Mapping[str, Any]) -> Source:
        spec = record["spec"]
        table = self._tables.table(spec["source_table"])
        folder = self._tables.table_folder(spec["source_table"])
        if folder is None:
            raise invalid(f"{spec['source_table']} is a view; an index needs a Delta table.")
        types = {column["name"]: column["type_text"] for column in table.get("columns", ())}
        vector, key = spec["embedding_vector_columns"][0], record["primary_key"]
        if any(column.get("partition_index") is not None for column in table.get("columns", ())):
            raise refuse("A partitioned source table", "reads tables without partitions")
        _check_column(types, key, _KEY_TYPES, "The primary key")
        _check_column(types, vector["name"], _VECTOR_TYPES, "The embedding vector column")
        kept = spec.get("columns_to_sync")
        for name in kept or ():
            _check_column(types, name, None, "The column to sync")
        wanted = {key, vector["name"], *(kept or types)}
        columns = {name: kind for name, kind in types.items() if name in wanted}
        return Source(folder, key, vector["name"], vector["embedding_dimension"], columns)


def _read_spec(sent: Any) -> dict[str, Any]:
    """Return the delta_sync_index_spec, checked. ApiError 400."""
    if not isinstance(sent, dict) or not sent.get("source_table"):
        raise invalid("Missing required field: delta_sync_index_spec.source_table")
    if sent.get("embedding_source_columns"):
        raise refuse("embedding_source_columns", "has no embedding models; write vectors into the table")
    if sent.get("embedding_writeback_table"):
        raise refuse("embedding_writeback_table", "has no embedding models")
    if (pipeline := sent.get("pipeline_type")) != "TRIGGERED":
        raise refuse(f"pipeline_type {pipeline}", "updates an index on request only (TRIGGERED)")
    columns = sent.get("embedding_vector_columns")
    if not isinstance(columns, list) or len(columns) != 1 or not isinstance(columns[0], dict):
        raise invalid("embedding_vector_columns must name one column.")
    dimension = columns[0].get("embedding_dimension")
    if not columns[0].get("name") or not isinstance(dimension, int) or dimension < 1:
        raise invalid("An embedding vector column needs a name and an embedding_dimension.")
    return sent


def _check_column(types: Mapping[str, str], name: str, kinds: tuple[str, ...] | None, what: str) -> None:
    if name not in types:
        raise invalid(f"{what} {name!r} is not in the source table, which has {', '.join(types)}.")
    if kinds is not None and types[name].lower() not in kinds:
        raise invalid(f"{what} {name!r} is {types[name]}; it must be one of {', '.join(kinds)}.")


def _refuse_unready(text: str) -> ApiError:
    return ApiError(400, "BAD_REQUEST", text)
