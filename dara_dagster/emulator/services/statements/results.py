"""Turns the rows a task process left into what the Statement Execution API shows: manifest and chunks."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

Row = list[str | None]

MAX_INLINE_BYTES = 25 * 1024 * 1024
_CHUNK_BYTES = 5 * 1024 * 1024
_TYPE_NAMES = {
    "bigint": "LONG",
    "smallint": "SHORT",
    "tinyint": "BYTE",
    "integer": "INT",
    "void": "NULL",
    "timestamp_ntz": "TIMESTAMP",
    "variant": "STRING",
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")


@dataclass(frozen=True)
class Chunk:
    """Some rows of a result, from `offset` on; `size` in bytes, about."""

    offset: int
    rows: Sequence[Row]
    size: int


@dataclass(frozen=True)
class Result:
    """The whole result of one statement, as strings and nulls, cut into chunks."""

    columns: Sequence[Sequence[str]]
    chunks: Sequence[Chunk]
    truncated: bool
    form: str

    @property
    def size(self) -> int:
        return sum(chunk.size for chunk in self.chunks)

    def manifest(self) -> dict[str, Any]:
        """Return the `manifest` of the answer."""
        chunks = [
            {
                "chunk_index": index,
                "row_offset": one.offset,
                "row_count": len(one.rows),
                "byte_count": one.size,
            }
            for index, one in enumerate(self.chunks)
        ]
        schema = {
            "column_count": len(self.columns),
            "columns": [_show_column(*item) for item in enumerate(self.columns)],
        }
        return {
            "format": self.form,
            "schema": schema,
            "total_chunk_count": len(chunks),
            "chunks": chunks,
            "total_row_count": sum(chunk["row_count"] for chunk in chunks),
            "total_byte_count": self.size,
            "truncated": self.truncated,
        }

    def content(self, index: int) -> bytes:
        """Return a chunk as the file behind an external link: a JSON array of arrays, or CSV with a
        header."""
        rows = self.chunks[index].rows
        if self.form == "JSON_ARRAY":
            return json.dumps(rows).encode()
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([column[0] for column in self.columns])
        writer.writerows(rows)
        return out.getvalue().encode()


def make_result(
    columns: Sequence[Sequence[str]],
    rows: Sequence[Row],
    *,
    truncated: bool,
    form: str,
    byte_limit: int | None,
) -> Result:
    """Cut rows into chunks of about 5 MB, and off after `byte_limit` bytes."""
    sizes = [
        sum(len(value.encode()) if value is not None else 4 for value in row) + 3 * len(row) for row in rows
    ]
    if byte_limit is not None:
        kept = sum(1 for total in accumulate(sizes) if total <= byte_limit)
        truncated, rows = truncated or kept < len(rows), rows[:kept]
    chunks, first, size = [], 0, 0
    for index, row_size in enumerate(sizes[: len(rows)]):
        if size and size + row_size > _CHUNK_BYTES:
            chunks.append(Chunk(first, rows[first:index], size))
            first, size = index, 0
        size += row_size
    if len(rows) > first:
        chunks.append(Chunk(first, rows[first:], size))
    return Result(columns, chunks, truncated, form)


def _show_column(position: int, column: Sequence[str]) -> dict[str, Any]:
    name, text = column
    kind = re.split(r"[(<\s]", text.lower(), maxsplit=1)[0]
    shown = {
        "name": name,
        "position": position,
        "type_text": text if "<" in text else text.upper(),  # field names keep their case
        "type_name": _TYPE_NAMES.get(kind, kind.upper()),
    }
    if decimal := _DECIMAL.fullmatch(text.lower()):
        shown.update(type_precision=int(decimal[1]), type_scale=int(decimal[2]))
    return shown
