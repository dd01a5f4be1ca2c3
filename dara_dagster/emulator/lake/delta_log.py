"""Reads and writes the transaction log of a Delta table in plain Python (Sail has no statement for most of
it).
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

__all__ = [
    "CommitRecord",
    "Snapshot",
    "change_metadata",
    "commit",
    "forget_checkpoint_hint",
    "history",
    "latest_version",
    "read_commit",
    "read_snapshot",
    "replace_files",
    "set_operation",
    "tombstones",
    "versions",
]

LENGTH_KEY = "__CHAR_VARCHAR_TYPE_STRING"
Action = dict[str, Any]
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_ATTEMPTS = 20


@dataclass
class Snapshot:
    """A table at one version."""

    version: int
    metadata: Action = field(default_factory=dict)
    protocol: Action = field(default_factory=dict)
    files: dict[str, Action] = field(default_factory=dict)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """Return the columns, as in Delta's schema JSON."""
        return list(json.loads(self.metadata["schemaString"])["fields"])

    @property
    def partition_columns(self) -> list[str]:
        return list(self.metadata.get("partitionColumns") or [])

    @property
    def configuration(self) -> dict[str, str]:
        return {key: str(value) for key, value in (self.metadata.get("configuration") or {}).items()}

    @property
    def constraints(self) -> dict[str, str]:
        """Return CHECK constraints: name -> SQL expression."""
        prefix = "delta.constraints."
        return {k[len(prefix) :]: v for k, v in self.configuration.items() if k.lower().startswith(prefix)}

    def apply(self, action: Action) -> None:
        if "add" in action:
            self.files[action["add"]["path"]] = action["add"]
        elif "remove" in action:
            self.files.pop(action["remove"]["path"], None)
        elif "metaData" in action:
            self.metadata = action["metaData"]
        elif "protocol" in action:
            self.protocol = action["protocol"]


@dataclass(frozen=True)
class CommitRecord:
    """One line of a table's history; `timestamp` in epoch ms."""

    version: int
    timestamp: int
    operation: str
    parameters: dict[str, str]
    metrics: dict[str, str]
    engine: str | None
    is_blind_append: bool
    user_metadata: str | None


def versions(table: str | Path) -> list[int]:
    """Return the versions whose commit file is there, oldest first; empty when there is no table."""
    log = Path(table) / "_delta_log"
    names = [file.name for file in log.iterdir()] if log.is_dir() else []
    return sorted(int(match[1]) for name in names if (match := _COMMIT.fullmatch(name)))


def latest_version(table: str | Path) -> int:
    """Return the newest version, -1 when there is no table."""
    return max(versions(table), default=-1)


def read_commit(table: str | Path, version: int) -> list[Action]:
    with open(Path(table) / "_delta_log" / f"{version:020d}.json") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def read_snapshot(table: str | Path, version: int | None = None) -> Snapshot:
    """Return the table at a version (default: now), from the newest checkpoint before it and the commits
    since."""
    known = [v for v in versions(table) if version is None or v <= version]
    if not known:
        raise ValueError(f"There is no version {version} of {table}.")
    snapshot = Snapshot(known[-1])
    start = _load_checkpoint(Path(table) / "_delta_log", snapshot)
    for number in known:
        if number >= start:
            for action in read_commit(table, number):
                snapshot.apply(action)
    return snapshot


def _load_checkpoint(log: Path, snapshot: Snapshot) -> int:
    """Fill the snapshot from the newest fitting checkpoint; returns the first version still to be read."""
    numbers = [int(m[1]) for file in log.iterdir() if (m := _CHECKPOINT.fullmatch(file.name))]
    newest = max((n for n in numbers if n <= snapshot.version), default=None)
    if newest is None:
        return 0
    rows = pq.read_table(log / f"{newest:020d}.checkpoint.parquet").to_pylist(maps_as_pydicts="strict")
    for row in rows:
        for kind in ("add", "metaData", "protocol"):
            if row.get(kind):
                snapshot.apply({kind: {k: v for k, v in row[kind].items() if v is not None}})
    return newest + 1


def commit(
    table: str | Path,
    actions: Sequence[Action],
    operation: str,
    parameters: dict[str, str] | None = None,
    metrics: dict[str, str] | None = None,
) -> int:
    """Add a commit and returns its version. The file is linked into place, so two writers never share a
    number.
    """
    log = Path(table) / "_delta_log"
    info = {
        "timestamp": int(time.time() * 1000),
        "operation": operation,
        "operationParameters": parameters or {},
        "operationMetrics": metrics or {},
        "engineInfo": "dara-dagster-local-workspace",
    }
    partial = log / f".{uuid.uuid4().hex}.tmp"
    partial.write_text("\n".join(json.dumps(action) for action in [{"commitInfo": info}, *actions]))
    try:
        for _ in range(_ATTEMPTS):
            version = latest_version(table) + 1
            try:
                os.link(partial, log / f"{version:020d}.json")
            except FileExistsError:
                continue
            return version
    finally:
        partial.unlink()
    raise RuntimeError(f"Could not commit to {table}: other writers were faster {_ATTEMPTS} times.")


def change_metadata(table: str | Path, operation: str, **changes: Any) -> None:
    """Commit changed metadata: `fields` replaces the columns, `configuration` is merged (None takes a key
    away), `protocol` is replaced, the rest is set.
    """
    metadata = dict(read_snapshot(table).metadata)
    if "fields" in changes:
        schema = {**json.loads(metadata["schemaString"]), "fields": changes.pop("fields")}
        metadata["schemaString"] = json.dumps(schema)
    if "configuration" in changes:
        merged = {**(metadata.get("configuration") or {}), **changes.pop("configuration")}
        metadata["configuration"] = {key: value for key, value in merged.items() if value is not None}
    first = [{"protocol": changes.pop("protocol")}] if "protocol" in changes else []
    commit(table, [*first, {"metaData": {**metadata, **changes}}], operation)


def allow_nulls(table: str | Path, version: int) -> None:
    """Let the columns that a commit has just defined be null: Sail keeps those of a query without nulls as
    NOT NULL, in Delta a query's columns may always be null.
    """
    actions = read_commit(table, version)
    schemas = [action["metaData"] for action in actions if "metaData" in action]
    if not any('"nullable":false' in metadata["schemaString"] for metadata in schemas):
        return
    for metadata in schemas:
        metadata["schemaString"] = metadata["schemaString"].replace('"nullable":false', '"nullable":true')
    _replace_commit(table, version, actions)


def limit_lengths(table: str | Path, version: int, lengths: Mapping[str, int]) -> None:
    """Make columns that a commit has just defined VARCHAR(n), which Sail keeps as STRING: the type stands
    in the column's metadata, as Delta Lake has it, and a CHECK constraint holds every writer to it.
    """
    actions = read_commit(table, version)
    for metadata in (action["metaData"] for action in actions if "metaData" in action):
        schema = json.loads(metadata["schemaString"])
        for column in schema["fields"]:
            if (length := lengths.get(column["name"].lower())) is not None:
                column["metadata"][LENGTH_KEY] = f"varchar({length})"
                key = f"delta.constraints.{column['name'].lower()}_exceeds_varchar_{length}"
                check = f"length(`{column['name']}`) <= {length}"
                metadata["configuration"] = {**(metadata.get("configuration") or {}), key: check}
        metadata["schemaString"] = json.dumps(schema)
    for protocol in (action["protocol"] for action in actions if "protocol" in action):
        if protocol["minWriterVersion"] < 7:
            protocol["minWriterVersion"] = max(3, protocol["minWriterVersion"])
        elif "checkConstraints" not in protocol.get("writerFeatures", []):
            protocol["writerFeatures"] = [*protocol.get("writerFeatures", []), "checkConstraints"]
    _replace_commit(table, version, actions)


def _replace_commit(table: str | Path, version: int, actions: Sequence[Action]) -> None:
    file = Path(table) / "_delta_log" / f"{version:020d}.json"
    partial = file.with_name(f".{uuid.uuid4().hex}")
    partial.write_text("".join(json.dumps(action) + "\n" for action in actions))
    partial.replace(file)
    file.with_suffix(".crc").unlink(missing_ok=True)  # the checksum file repeats the schema; Delta needs none


def set_operation(table: str | Path, version: int, operation: str) -> None:
    """Name the operation of a commit that has just been made by the statement that the user wrote."""
    actions = read_commit(table, version)
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["operation"] = operation
    _replace_commit(table, version, actions)


def forget_checkpoint_hint(table: str | Path) -> None:
    """Delete `_last_checkpoint`, which readers may use and need not (Delta protocol, Last Checkpoint File).

    With it Sail 0.7.2 cannot read the versions before the checkpoint: "Missing commit file".
    """
    (Path(table) / "_delta_log" / "_last_checkpoint").unlink(missing_ok=True)


def replace_files(
    table: str | Path,
    add: Sequence[Action],
    remove: Sequence[Action],
    *,
    operation: str,
    parameters: dict[str, str] | None = None,
    metrics: dict[str, str] | None = None,
    data_change: bool = True,
    first: Sequence[Action] = (),
) -> int:
    """Commit new files in place of old ones, after the actions `first`; returns the version."""
    now = int(time.time() * 1000)
    actions = list(first)
    for file in remove:
        kept: Action = {key: file[key] for key in ("path", "partitionValues", "size") if key in file}
        gone = {**kept, "deletionTimestamp": now, "dataChange": data_change, "extendedFileMetadata": True}
        actions.append({"remove": gone})
    actions += [{"add": {**file, "dataChange": data_change}} for file in add]
    return commit(table, actions, operation, parameters, metrics)


def tombstones(table: str | Path) -> dict[str, int]:
    """Return when files were removed from the table, in epoch ms, by path; of the commits that are still
    there."""
    removed: dict[str, int] = {}
    for version in versions(table):
        for action in read_commit(table, version):
            if "remove" in action:
                removed[action["remove"]["path"]] = int(action["remove"].get("deletionTimestamp") or 0)
    return removed


def history(table: str | Path, limit: int | None = None) -> list[CommitRecord]:
    """Return the commits, newest first."""
    newest_first = versions(table)[::-1]
    return [_record(table, version) for version in newest_first[:limit]]


def _record(table: str | Path, version: int) -> CommitRecord:
    info: Action = next((a["commitInfo"] for a in read_commit(table, version) if "commitInfo" in a), {})
    return CommitRecord(
        version=version,
        timestamp=int(info.get("timestamp") or 0),
        operation=info.get("operation") or "",
        parameters={k: str(v) for k, v in (info.get("operationParameters") or {}).items()},
        metrics={k: str(v) for k, v in (info.get("operationMetrics") or {}).items()},
        engine=info.get("engineInfo"),
        is_blind_append=bool(info.get("isBlindAppend")),
        user_metadata=info.get("userMetadata"),
    )
