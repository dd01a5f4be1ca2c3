"""Reads the rows of an index from the Delta table it follows, as of one version."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

__all__ = ["Read", "Row", "Source", "WrongRowsError", "shown"]

Row = dict[str, Any]


class WrongRowsError(Exception):
    """The table's rows cannot be indexed; the text says why."""


@dataclass(frozen=True)
class Read:
    """What was found in the table: its version and number of rows, or what is wrong with them."""

    version: int
    count: int = 0
    wrong: str = ""


@dataclass(frozen=True)
class Source:
    """The table of an index: `columns` are all that it keeps, with the type of each."""

    folder: Path
    key: str
    vector: str
    dimension: int
    columns: Mapping[str, str]

    def read(self) -> Read:
        """Return the table as it is now; rows that cannot be indexed are an answer too."""
        from dara_dagster.emulator.lake.delta_log import latest_version

        version = latest_version(self.folder)
        try:
            return Read(version, len(self.rows(version)))
        except WrongRowsError as error:
            return Read(version, wrong=str(error))

    def rows(self, version: int) -> list[Row]:
        """Return the rows of a version. Raises WrongRowsError for a key or vector that no index can take."""
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        from dara_dagster.emulator.lake.delta_log import read_snapshot

        snapshot = read_snapshot(self.folder, version)
        if any(file.get("deletionVector") for file in snapshot.files.values()):
            raise WrongRowsError("the table has deletion vectors, which the emulator does not read")
        rows: list[Row] = []
        for path in sorted(snapshot.files):
            found = pq.read_table(self.folder / unquote(path), columns=list(self.columns)).to_pylist()
            rows += found
        self._check(rows)
        return rows

    def _check(self, rows: list[Row]) -> None:
        seen = set()
        for row in rows:
            key, vector = row[self.key], row[self.vector]
            if key is None:
                raise WrongRowsError(f"a row has no value in the primary key {self.key}")
            if key in seen:
                raise WrongRowsError(f"two rows have the value {key!r} in the primary key {self.key}")
            seen.add(key)
            if vector is None or len(vector) != self.dimension:
                size = "no vector" if vector is None else f"a vector of {len(vector)} numbers"
                raise WrongRowsError(
                    f"the row {key!r} has {size} in {self.vector}; the index has {self.dimension} dimensions"
                )
            if not all(isinstance(each, float) and math.isfinite(each) for each in vector):
                raise WrongRowsError(
                    f"the vector of the row {key!r} holds something that is no finite number"
                )


def shown(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | bytes):
        return str(value)
    if isinstance(value, list):
        return [shown(each) for each in value]
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    return value
