"""COPY INTO with its ledger of loaded files, and read_files()."""

from __future__ import annotations

import fnmatch
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.sql.handlers import statement, table_folder
from dara_dagster.emulator.sail.sql.tables import properties
from dara_dagster.emulator.sail.syntax.calls import Call, respell
from dara_dagster.emulator.sail.syntax.grammar import Match, Pattern
from dara_dagster.emulator.sail.syntax.tokens import unquote
from dara_dagster.emulator.sail.syntax.type_names import delta_type

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["replace_read_files"]

_OPTION = Pattern("<key:word> '=>' <value:rest>")
_COPIED = "num_affected_rows long, num_inserted_rows long, num_skipped_corrupt_files long"


@statement(
    "COPY INTO <name> FROM (<place:string> | '(' SELECT <select:rest> FROM <place:string> ')') "
    "FILEFORMAT '=' <format:word> { FILES '=' <files:group> | PATTERN '=' <pattern:string> "
    "| FORMAT_OPTIONS <format_options:group> | COPY_OPTIONS <copy_options:group> }"
)
def copy_into(spark: BaseSession, match: Match) -> DataFrame:
    """Append the files that were not loaded before; one that has changed since is skipped all the same
    (https://docs.databricks.com/sql/language-manual/delta-copy-into.html).
    """
    folder = table_folder(spark, match["name"])
    copy_options = properties(match.items("copy_options"))
    place = spark.paths.spark(unquote(match["place"]))
    ledger = folder / "_copy_into_log" / "loaded.json"
    with spark.store.lock(f"{folder}#copy"):
        loaded: dict[str, float] = json.loads(ledger.read_text()) if ledger.exists() else {}
        force = copy_options.get("force", "").lower() == "true"
        files = [file for file in _files(place, match) if force or file not in loaded]
        with spark.writes.named("COPY INTO"):
            count = _append(spark, match, folder, files, copy_options) if files else 0
        loaded.update({file: Path(file).stat().st_mtime for file in files})
        ledger.parent.mkdir(exist_ok=True)
        partial = ledger.with_name(f".{uuid.uuid4().hex}")
        partial.write_text(json.dumps(loaded))
        partial.replace(ledger)
    return spark.rows([(count, count, 0)], _COPIED)


def _files(place: str, match: Match) -> list[str]:
    if not Path(place).is_dir():
        return [place]
    found = sorted(
        str(Path(folder, name))
        for folder, _, names in os.walk(place)
        for name in names
        if not name.startswith(("_", "."))
    )
    if match["pattern"]:
        pattern = unquote(match["pattern"])
        found = [file for file in found if fnmatch.fnmatch(os.path.relpath(file, place), pattern)]
    if match["files"]:
        wanted = {unquote(name) for name in match.items("files")}
        found = [file for file in found if os.path.relpath(file, place) in wanted]
    return found


def _append(
    spark: BaseSession, match: Match, folder: Path, files: list[str], copy_options: Mapping[str, str]
) -> int:
    reader = spark.read.format(match["format"].lower()).options(**properties(match.items("format_options")))
    frame: Any = reader.load(files)
    if match["select"] and match["select"] != "*":
        frame = frame.selectExpr(*match.items("select"))
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


def replace_read_files(spark: BaseSession, text: str) -> str:
    """Return the statement with each read_files('path', option => value, ...) replaced by a temporary view of
    it."""

    def view(call: Call) -> str | None:
        pairs = [pair for pair in map(_OPTION.match, call.arguments) if pair]
        options = {pair["key"]: unquote(pair["value"]) for pair in pairs}
        place = options.pop("path", "") or unquote(call.arguments[0])
        return _view_of_files(spark, place, options)

    return respell(text, {"read_files": view})


def _view_of_files(spark: BaseSession, place: str, options: dict[str, str]) -> str:
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
