"""COPY INTO with its ledger of loaded files, and read_files()."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.sql.handlers import statement, table_folder
from dara_dagster.emulator.engine.sql.lexing import NAME, split_top_level, unquote
from dara_dagster.emulator.engine.sql.types import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

__all__ = ["replace_read_files"]

_READ_FILES = re.compile(
    r"\bread_files\s*\(\s*(?P<place>'[^']+'|\"[^\"]+\")(?P<options>(?:[^()']|'[^']*'|\([^()]*\))*)\)", re.I
)
_COPIED = "num_affected_rows long, num_inserted_rows long, num_skipped_corrupt_files long"


@statement(
    rf"copy\s+into\s+{NAME}\s+from\s+(?:'(?P<place>[^']+)'|\(\s*select\s+(?P<select>.*?)\s+from\s+'(?P<from>[^']+)'\s*\))\s+"
    r"fileformat\s*=\s*(?P<format>\w+)(?P<rest>.*)"
)
def copy_into(spark: LocalSpark, match: re.Match[str]) -> DataFrame:
    """Appends the files that were not loaded before (known by path and time of change)."""
    folder = table_folder(spark, match["name"])
    copy_options = _options(match["rest"], "copy_options")
    place = spark.paths.local(match["place"] or match["from"])
    ledger = folder / "_copy_into_log" / "loaded.json"
    with spark.store.lock(f"{folder}#copy"):
        loaded: dict[str, float] = json.loads(ledger.read_text()) if ledger.exists() else {}
        force = copy_options.get("force", "").lower() == "true"
        files = [
            file
            for file in _files(place, match["rest"])
            if force or loaded.get(file) != Path(file).stat().st_mtime
        ]
        count = _append(spark, match, folder, files, copy_options) if files else 0
        loaded.update({file: Path(file).stat().st_mtime for file in files})
        ledger.parent.mkdir(exist_ok=True)
        partial = ledger.with_name(f".{uuid.uuid4().hex}")
        partial.write_text(json.dumps(loaded))
        partial.replace(ledger)
    return spark.rows([(count, count, 0)], _COPIED)


def _options(text: str, kind: str) -> dict[str, str]:
    found = re.search(rf"{kind}\s*\((.*?)\)", text, re.I | re.S)
    return dict(re.findall(r"'([^']+)'\s*=\s*'([^']*)'", found[1])) if found else {}


def _files(place: str, rest: str) -> list[str]:
    if not Path(place).is_dir():
        return [place]
    found = sorted(
        str(Path(folder, name))
        for folder, _, names in os.walk(place)
        for name in names
        if not name.startswith(("_", "."))
    )
    pattern = re.search(r"\bpattern\s*=\s*'([^']+)'", rest, re.I)
    names = re.search(r"\bfiles\s*=\s*\(([^)]*)\)", rest, re.I)
    if pattern:
        found = [file for file in found if fnmatch.fnmatch(os.path.relpath(file, place), pattern[1])]
    if names:
        wanted = {unquote(name) for name in names[1].split(",")}
        found = [file for file in found if os.path.relpath(file, place) in wanted]
    return found


def _append(
    spark: LocalSpark, match: re.Match[str], folder: Path, files: list[str], copy_options: dict[str, str]
) -> int:
    reader = spark.read.format(match["format"].lower()).options(**_options(match["rest"], "format_options"))
    frame: Any = reader.load(files)
    if match["select"] and match["select"].strip() != "*":
        frame = frame.selectExpr(*split_top_level(match["select"]))
    types = {field["name"].lower(): field for field in delta_log.read_snapshot(folder).fields}
    columns = []
    for column in frame.columns:
        field = types.get(column.lower())
        known = frame[column].cast(delta_type(field["type"])).alias(field["name"]) if field else frame[column]
        columns.append(known)
    writer = frame.select(*columns).write.format("delta").mode("append")
    writer.option("mergeSchema", copy_options.get("mergeSchema", "false" if types else "true")).save(
        str(folder)
    )
    return spark.writes.last.inserted


def replace_read_files(spark: LocalSpark, text: str) -> str:
    """The statement with each read_files('path', option => value, ...) replaced by a temporary view of it."""

    def view(match: re.Match[str]) -> str:
        pairs = [part.partition("=>") for part in split_top_level(match["options"])]
        options = {key.strip(): unquote(value) for key, arrow, value in pairs if arrow}
        place = unquote(match["place"])
        kind = options.pop("format", "") or place.rpartition(".")[2].lower()
        schema = options.pop("schema", None)
        reader = spark.read.format(kind if kind in ("csv", "json", "parquet", "text", "avro") else "csv")
        if kind == "csv":
            options.setdefault("header", "true")
            options.setdefault("inferSchema", "true")
        frame = (reader.schema(schema) if schema else reader).options(**options).load(place)
        ours = f"_read_files_{uuid.uuid4().hex[:8]}"
        frame.createOrReplaceTempView(ours)
        return ours

    return _READ_FILES.sub(view, text)
