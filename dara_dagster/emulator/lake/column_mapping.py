"""Column mapping: a column's name in the schema apart from its name in the files, so that it can change.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md#column-mapping
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.errors import AnalysisException

from dara_dagster.emulator.lake import delta_log

__all__ = ["ID", "MODE", "PHYSICAL", "enable", "is_mapped", "physical_name", "with_mapping"]

MODE = "delta.columnMapping.mode"
ID = "delta.columnMapping.id"
PHYSICAL = "delta.columnMapping.physicalName"
_MOST = "delta.columnMapping.maxColumnId"
# Features by the first writer version that has them, without the change data feed, which Sail cannot write.
_FEATURES = {"appendOnly": 2, "invariants": 2, "checkConstraints": 3, "generatedColumns": 4}
Field = dict[str, Any]


def is_mapped(snapshot: delta_log.Snapshot) -> bool:
    """Return whether the table has column mapping: its property, and a name in the files for every column."""
    if not all(PHYSICAL in field["metadata"] for field in snapshot.fields):
        return False
    return snapshot.configuration.get(MODE, "none") != "none"


def physical_name(field: Field) -> str:
    """Return the name of a column in the files and in partition values."""
    return str(field["metadata"].get(PHYSICAL, field["name"]))


def enable(folder: Path, configuration: dict[str, str | None]) -> None:
    """Turn column mapping by name on, with the names of now for the files, and sets other properties."""
    snapshot = delta_log.read_snapshot(folder)
    wanted = str(configuration.get(MODE))
    if wanted != "name":
        raise AnalysisException(
            f"[DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE] Changing column mapping mode from "
            f"'{snapshot.configuration.get(MODE, 'none')}' to '{wanted}' is not supported."
        )
    fields = snapshot.fields
    taken = [int(field.get("metadata", {}).get(ID, 0)) for field in _all(fields)]
    most = max([*taken, int(snapshot.configuration.get(_MOST, 0))])
    for field in _all(fields):
        if PHYSICAL not in field.get("metadata", {}):
            most += 1
            field["metadata"] = {**field.get("metadata", {}), ID: most, PHYSICAL: field["name"]}
    configuration = {**configuration, _MOST: str(most)}
    version = snapshot.protocol["minWriterVersion"]
    implied = [feature for feature, since in _FEATURES.items() if since <= version]
    written = snapshot.protocol.get("writerFeatures") or implied
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": sorted({*(snapshot.protocol.get("readerFeatures") or ()), "columnMapping"}),
        "writerFeatures": sorted({*written, "columnMapping"}),
    }
    delta_log.change_metadata(
        folder, "SET TBLPROPERTIES", fields=fields, configuration=configuration, protocol=protocol
    )


def with_mapping(snapshot: delta_log.Snapshot, new: list[Field]) -> dict[str, str]:
    """Give new columns of a mapped table their ids and names in files; the property to set with them."""
    if not is_mapped(snapshot):
        return {}
    most = int(snapshot.configuration.get(_MOST, len(list(_all(snapshot.fields)))))
    for most, field in enumerate(_all(new), start=most + 1):  # noqa: B020  counts on from the last id
        field["metadata"] = {**field.get("metadata", {}), ID: most, PHYSICAL: f"col-{uuid.uuid4()}"}
    return {_MOST: str(most)}


def _all(fields: list[Field]) -> Iterator[Field]:
    """Yield columns and the fields of nested structs, at any depth."""
    for field in fields:
        yield field
        yield from _all(_inner(field["type"]))


def _inner(kind: Any) -> list[Field]:
    if not isinstance(kind, dict):
        return []
    if kind["type"] == "struct":
        return list(kind["fields"])
    if kind["type"] == "array":
        return _inner(kind["elementType"])
    return [*_inner(kind["keyType"]), *_inner(kind["valueType"])]
