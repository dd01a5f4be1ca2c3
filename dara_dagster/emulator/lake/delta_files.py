"""Works on the data files of a Delta table: rewrites small ones as one, and copies tables.

delta-rs (deltalake 1.6) does less: it refuses tables with identity columns or column mapping, and properties
of the user's own ("Unsupported table features required"), and weighs 128 MB.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dara_dagster.emulator.lake import column_mapping, delta_log

__all__ = ["compact", "copy_table"]

Action = dict[str, Any]


def compact(folder: Path) -> tuple[list[Action], list[Action]]:
    """Rewrite the files of each partition as one; returns the files added and those removed.

    The commit says that no data changed, so streams that read the table do not see it
    (https://github.com/delta-io/delta/blob/master/PROTOCOL.md, Add File and Remove File: `dataChange`). The
    rows are copied as they are stored, so it holds for identity columns and column mapping, too.
    """
    partitions: dict[str, list[Action]] = defaultdict(list)
    for add in delta_log.read_snapshot(folder).files.values():
        partitions[json.dumps(add.get("partitionValues") or {}, sort_keys=True)].append(add)
    old: list[Action] = []
    new: list[Action] = []
    for adds in partitions.values():
        if len(adds) > 1:
            old += adds
            new.append(_merge(folder, adds))
    if new:
        sizes = sorted(int(add["size"]) for add in new)
        quarters = [sizes[len(sizes) * part // 4] for part in (1, 2, 3)]
        metrics = {
            "numAddedFiles": len(new),
            "numRemovedFiles": len(old),
            "numAddedBytes": sum(sizes),
            "numRemovedBytes": sum(int(add["size"]) for add in old),
            "minFileSize": sizes[0],
            **dict(zip(("p25FileSize", "p50FileSize", "p75FileSize"), quarters, strict=True)),
            "maxFileSize": sizes[-1],
        }
        delta_log.replace_files(
            folder,
            new,
            old,
            operation="OPTIMIZE",
            parameters={"predicate": "[]", "zOrderBy": "[]", "clusterBy": "[]", "auto": "false"},
            metrics={name: str(number) for name, number in metrics.items()},
            data_change=False,
        )
    return new, old


def _merge(folder: Path, adds: Sequence[Action]) -> Action:
    """Return one new file with the rows of several, in their order, and what the log says about it."""
    tables = [pq.ParquetFile(folder / unquote(add["path"])).read() for add in adds]
    table = pa.concat_tables(tables, promote_options="permissive")
    place = Path(unquote(adds[0]["path"])).parent / f"part-00000-{uuid.uuid4()}-c000.snappy.parquet"
    pq.write_table(table, folder / place, compression="snappy")
    merged: Action = {
        "path": quote(str(place), safe="/=%:"),
        "partitionValues": adds[0].get("partitionValues") or {},
        "size": (folder / place).stat().st_size,
        "modificationTime": int(time.time() * 1000),
        "stats": json.dumps({"numRecords": table.num_rows}),
    }
    return merged


def copy_table(
    source: Path,
    target: Path,
    *,
    operation: str,
    version: int | None = None,
    rows: bool = True,
    configuration: dict[str, str] | None = None,
    metrics: Callable[[list[Action], list[Action]], dict[str, int]] | None = None,
) -> tuple[list[Action], list[Action]]:
    """Make `target` what `source` is, definition and properties included, as its newest version.

    `version` is that of the source (default: the newest), `configuration` is added to its properties, and
    without `rows` only the definition is taken. Returns the files of the source and those replaced.
    """
    snapshot = delta_log.read_snapshot(source, version)
    adds = list(snapshot.files.values()) if rows else []
    given = dict(configuration or {})
    mapping = given.pop(column_mapping.MODE, None)
    before = delta_log.read_snapshot(target) if delta_log.versions(target) else None
    metadata = {
        **snapshot.metadata,
        "id": before.metadata["id"] if before else str(uuid.uuid4()),
        "createdTime": int(time.time() * 1000),
        "configuration": {**snapshot.configuration, **given},
    }
    (target / "_delta_log").mkdir(parents=True, exist_ok=True)
    copies = [_copy(source, target, add) for add in adds]
    gone = list(before.files.values()) if before else []
    delta_log.replace_files(
        target,
        copies,
        gone,
        operation=operation,
        parameters={"source": str(source), "sourceVersion": str(snapshot.version)},
        metrics={name: str(number) for name, number in (metrics(adds, gone) if metrics else {}).items()},
        first=[{"protocol": snapshot.protocol}, {"metaData": metadata}],
    )
    if mapping not in (None, "none"):
        column_mapping.enable(target, {column_mapping.MODE: mapping})
    return adds, gone


def _copy(source: Path, target: Path, add: Action) -> Action:
    """Return a file under a new name, so that it never meets one of an earlier version of the target."""
    old = Path(unquote(add["path"]))
    new = old.with_name(f"part-00000-{uuid.uuid4()}-c000.snappy.parquet")
    (target / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source / old, target / new)
    return {**add, "path": quote(str(new), safe="/=%:")}
