"""Reads from a Delta table's log what the catalog shows of it: columns, comment, properties, times."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_COMMIT = re.compile(r"\d{20}\.json")
_SQL_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class DeltaTable:
    """One table as its log describes it; times in epoch milliseconds."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0

    def list_columns(self) -> list[dict[str, Any]]:
        """Return the columns as Unity Catalog's ColumnInfo."""
        fields = json.loads(self.metadata.get("schemaString") or '{"fields": []}')["fields"]
        partitions = list(self.metadata.get("partitionColumns") or ())
        return [_show_column(position, known, partitions) for position, known in enumerate(fields)]

    @property
    def comment(self) -> str | None:
        return self.metadata.get("description")

    @property
    def properties(self) -> dict[str, str]:
        return {key: str(value) for key, value in (self.metadata.get("configuration") or {}).items()}


class DeltaReader:
    """Reads table logs, and of one it knows only the commits that came since."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, DeltaTable]] = {}

    def read(self, table: Path) -> DeltaTable:
        """Return the table in the folder `table` as it is now; without columns if its log cannot be read.

        Only commits in JSON are read, so a table whose oldest ones were cleaned up after a checkpoint
        may show no columns.
        """
        log = table / "_delta_log"
        try:
            commits = sorted(entry.name for entry in log.iterdir() if _COMMIT.fullmatch(entry.name))
            if not commits:
                return DeltaTable()
            last, before = self._known.get(table, ("", DeltaTable()))
            if last not in commits:  # another table by now
                last, before = "", DeltaTable()
            metadata = self._read_newest_metadata(log, [name for name in commits if name > last])
            times = [int((log / name).stat().st_mtime * 1000) for name in (commits[0], commits[-1])]
        except (OSError, ValueError):
            return DeltaTable()
        found = DeltaTable(metadata or before.metadata, *times)
        self._known[table] = commits[-1], found
        return found

    def _read_newest_metadata(self, log: Path, commits: list[str]) -> Mapping[str, Any] | None:
        for name in reversed(commits):
            with (log / name).open(encoding="utf-8") as lines:
                for line in lines:
                    if '"metaData"' in line and "metaData" in (action := json.loads(line)):
                        found: Mapping[str, Any] = action["metaData"]
                        return found
        return None


def _show_column(position: int, known: Mapping[str, Any], partitions: list[str]) -> dict[str, Any]:
    text = format_type(known["type"])
    column = {
        "name": known["name"],
        "type_text": text,
        "type_name": _name_type(known["type"]),
        "type_json": json.dumps(known),
        "position": position,
        "nullable": bool(known.get("nullable", True)),
    }
    if decimal := _DECIMAL.fullmatch(text):
        column.update(type_precision=int(decimal[1]), type_scale=int(decimal[2]))
    if comment := (known.get("metadata") or {}).get("comment"):
        column["comment"] = comment
    if known["name"] in partitions:
        column["partition_index"] = partitions.index(known["name"])
    return column


def format_type(kind: Any) -> str:
    """Return a type of Delta's schema JSON in SQL words: `bigint`, `array<struct<a:int>>`."""
    if isinstance(kind, str):
        return _SQL_NAMES.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{format_type(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{format_type(kind['keyType'])},{format_type(kind['valueType'])}>"
    inner = ",".join(f"{known['name']}:{format_type(known['type'])}" for known in kind["fields"])
    return f"struct<{inner}>"


def _name_type(kind: Any) -> str:
    name = kind if isinstance(kind, str) else kind["type"]
    return {"integer": "INT"}.get(name, name.partition("(")[0].upper())
