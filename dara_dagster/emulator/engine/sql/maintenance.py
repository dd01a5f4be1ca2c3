"""OPTIMIZE, VACUUM and RESTORE on the files and the log of a table."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote as unquote_url

from pyspark.errors import AnalysisException

from dara_dagster.emulator.engine import delta_log
from dara_dagster.emulator.engine.sql.grammar import Match
from dara_dagster.emulator.engine.sql.handlers import statement, table_folder
from dara_dagster.emulator.engine.sql.syntax import unquote

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.engine.session import LocalSpark

_TARGET = "(DELTA '.' <path:quoted> | <name>)"
_DEFAULT_RETENTION_HOURS = 168.0  # delta.deletedFileRetentionDuration's default: 7 days


def _folder(spark: LocalSpark, match: Match) -> Path:
    if match["path"]:
        return Path(spark.paths.spark(unquote(match["path"])))
    return table_folder(spark, match["name"])


@statement(f"OPTIMIZE {_TARGET} <how:rest>")
def optimize(spark: LocalSpark, match: Match) -> DataFrame:
    """Rewrites the table as one file a partition; the rows stay the same."""
    folder = _folder(spark, match)
    with spark.store.lock(folder):
        before = delta_log.read_snapshot(folder)
        if len(before.files) > 1:
            frame = spark.read.format("delta").load(str(folder)).coalesce(1)
            writer = frame.write.format("delta").mode("overwrite")
            columns = before.partition_columns
            (writer.partitionBy(*columns) if columns else writer).save(str(folder))
        after = delta_log.read_snapshot(folder)
    removed = len(before.files) if after.version > before.version else 0
    metrics = {"numFilesAdded": len(after.files) if removed else 0, "numFilesRemoved": removed}
    return spark.rows([(str(folder), metrics)], "path string, metrics map<string,int>")


@statement(f"VACUUM {_TARGET} [FULL | LITE] [RETAIN <hours:number> (HOURS | HOUR)] dry=[DRY RUN]")
def vacuum(spark: LocalSpark, match: Match) -> DataFrame:
    """Deletes files that the newest version does not use and that are older than the retention."""
    folder = _folder(spark, match)
    hours = float(match["hours"]) if match["hours"] else _DEFAULT_RETENTION_HOURS
    live = {unquote_url(path) for path in delta_log.read_snapshot(folder).files}
    oldest = time.time() - hours * 3600
    stale = [
        file
        for file in _data_files(folder)
        if str(file.relative_to(folder)) not in live and file.stat().st_mtime < oldest
    ]
    if match["dry"]:
        return spark.rows([(str(file),) for file in stale], "path string")
    for file in stale:
        file.unlink()
    return spark.rows([(str(folder),)], "path string")


def _data_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("_")]
        found += [Path(place, name) for name in files if not name.startswith((".", "_"))]
    return found


@statement(f"RESTORE [TABLE] {_TARGET} TO (version=(VERSION) | TIMESTAMP) AS OF <when:rest>")
def restore(spark: LocalSpark, match: Match) -> DataFrame:
    folder = _folder(spark, match)
    version = int(match["when"]) if match["version"] else _version_at(folder, match["when"])
    if version not in delta_log.versions(folder):
        raise AnalysisException(
            f"[DELTA_CANNOT_RESTORE_TABLE_VERSION] There is no version {version} of the table."
        )
    with spark.store.lock(folder):
        delta_log.restore(folder, version)
        spark.registry.forget_folder(folder)
    snapshot = delta_log.read_snapshot(folder)
    size = sum(int(add["size"]) for add in snapshot.files.values())
    return spark.rows(
        [(size, len(snapshot.files))], "table_size_after_restore long, num_of_files_after_restore long"
    )


def _version_at(folder: Path, text: str) -> int:
    moment = dt.datetime.fromisoformat(unquote(text))
    limit = moment.replace(tzinfo=moment.tzinfo or dt.timezone.utc).timestamp() * 1000
    fitting = [record.version for record in delta_log.history(folder) if record.timestamp <= limit]
    if not fitting:
        raise AnalysisException(
            "[DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION] The table is newer than that time."
        )
    return max(fitting)
