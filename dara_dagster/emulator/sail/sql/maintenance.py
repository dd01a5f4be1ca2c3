"""OPTIMIZE, VACUUM and RESTORE on the files and the log of a table."""

from __future__ import annotations

import datetime as dt
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote as unquote_url

from pyspark.errors import AnalysisException, IllegalArgumentException

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.lake.delta_files import compact
from dara_dagster.emulator.sail.sql.handlers import statement, table_folder
from dara_dagster.emulator.sail.syntax.grammar import Match
from dara_dagster.emulator.sail.syntax.tokens import unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally

if TYPE_CHECKING:
    from pyspark.sql.connect.dataframe import DataFrame

    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["epoch_ms", "version_at"]

_TARGET = "(DELTA '.' <path:quoted> | <name>)"
_RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
_FILE_SIZES = "struct<min long, max long, avg double, totalFiles long, totalSize long>"
# Delta Lake's OptimizeMetrics without what says nothing here, as the statistics of Z-order:
# https://github.com/delta-io/delta/blob/master/spark/src/main/scala/org/apache/spark/sql/delta/commands/optimize/OptimizeStats.scala
_OPTIMIZED = (
    f"path string, metrics struct<numFilesAdded long, numFilesRemoved long, filesAdded {_FILE_SIZES}, "
    f"filesRemoved {_FILE_SIZES}, partitionsOptimized long, numBatches long, totalConsideredFiles long, "
    "totalFilesSkipped long, startTimeMs long, endTimeMs long, numTableColumns long>"
)
_HOURS = {"week": 168.0, "day": 24.0, "hour": 1.0, "minute": 1 / 60, "second": 1 / 3600}
# The columns of the answer, and of them the metrics of the history:
# https://docs.databricks.com/aws/en/tables/history-schema
_RESTORED = {
    "table_size_after_restore": "tableSizeAfterRestore",
    "num_of_files_after_restore": "numOfFilesAfterRestore",
    "num_removed_files": "numRemovedFiles",
    "num_restored_files": "numRestoredFiles",
    "removed_files_size": "removedFilesSize",
    "restored_files_size": "restoredFilesSize",
}


def _folder(spark: BaseSession, match: Match) -> Path:
    if match["path"]:
        return Path(spark.paths.spark(unquote(match["path"])))
    return table_folder(spark, match["name"])


@statement(f"OPTIMIZE {_TARGET} <how:rest>")
def optimize(spark: BaseSession, match: Match) -> DataFrame:
    """Rewrite the table as one file a partition, whatever WHERE says; the rows stay the same.

    https://docs.databricks.com/aws/en/sql/language-manual/delta-optimize
    """
    folder = _folder(spark, match)
    start = int(time.time() * 1000)
    with spark.store.lock(folder):
        before = delta_log.read_snapshot(folder)
        added, removed = compact(folder)
    partitions = {str(add.get("partitionValues")) for add in added} if before.partition_columns else ()
    considered = len(before.files)
    metrics = (
        *(len(added), len(removed), _sizes(added), _sizes(removed), len(partitions), 1, considered),
        *(considered - len(removed), start, int(time.time() * 1000), len(before.fields)),
    )
    return spark.rows([(str(folder), metrics)], _OPTIMIZED)


def _sizes(files: Iterable[dict[str, Any]]) -> tuple[int | None, int | None, float, int, int]:
    """Return the smallest, greatest and mean size of files in bytes, their number, and their size
    together."""
    sizes = [int(file["size"]) for file in files]
    total = sum(sizes)
    return (min(sizes, default=None), max(sizes, default=None), total / max(len(sizes), 1), len(sizes), total)


@statement(f"VACUUM {_TARGET} [FULL | LITE] [RETAIN <hours:number> (HOURS | HOUR)] dry=[DRY RUN]")
def vacuum(spark: BaseSession, match: Match) -> DataFrame:
    """Delete files that neither the newest version uses nor one within the retention, and that are older
    than it (https://docs.databricks.com/aws/en/sql/language-manual/delta-vacuum).
    """
    folder = _folder(spark, match)
    snapshot = delta_log.read_snapshot(folder)
    least = _retention_hours(snapshot)
    hours = float(match["hours"]) if match["hours"] else least
    if hours < least and spark.setting(_RETENTION_CHECK) != "false":
        raise IllegalArgumentException(
            "[DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT] Are you sure you would like to vacuum files with such "
            f"a low retention period? {hours:g} hours are less than the {least:g} hours of the table. If "
            f"nobody reads older versions, turn the check off: SET {_RETENTION_CHECK} = false."
        )
    oldest = time.time() - hours * 3600
    recent = [path for path, at in delta_log.tombstones(folder).items() if at >= oldest * 1000]
    live = {unquote_url(path) for path in [*snapshot.files, *recent]}
    stale = [
        file
        for file in _data_files(folder)
        if str(file.relative_to(folder)) not in live and file.stat().st_mtime < oldest
    ]
    if match["dry"]:
        return spark.rows([(str(file),) for file in stale], "path string")
    size = sum(file.stat().st_size for file in stale)
    with spark.store.lock(folder):
        _log_vacuum(folder, "START", {"numFilesToDelete": len(stale), "sizeOfDataToDelete": size})
        for file in stale:
            file.unlink()
        directories = len({file.parent for file in stale} | {folder})
        _log_vacuum(folder, "END", {"numDeletedFiles": len(stale), "numVacuumedDirectories": directories})
    return spark.rows([(str(folder),)], "path string")


def _log_vacuum(folder: Path, phase: str, metrics: dict[str, int]) -> None:
    """Write both ends of a VACUUM into the history of the table, as Databricks does."""
    parameters = {"status": "COMPLETED"} if phase == "END" else {}
    texts = {name: str(number) for name, number in metrics.items()}
    delta_log.commit(folder, [], f"VACUUM {phase}", parameters, texts)


def _retention_hours(snapshot: delta_log.Snapshot) -> float:
    """Return delta.deletedFileRetentionDuration, an interval like `interval 7 days`, in hours."""
    text = snapshot.configuration.get("delta.deletedFileRetentionDuration", "interval 7 days")
    found = re.fullmatch(r"(?i)\s*(?:interval\s+)?'?(\d+)'?\s+(week|day|hour|minute|second)s?\s*", text)
    if found is None:
        raise NotSupportedLocally(
            f"delta.deletedFileRetentionDuration = '{text}'", "Write 'interval 7 days'."
        )
    return int(found[1]) * _HOURS[found[2].lower()]


def _data_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("_")]
        found += [Path(place, name) for name in files if not name.startswith((".", "_"))]
    return found


@statement(f"RESTORE [TABLE] {_TARGET} TO (version=(VERSION) | TIMESTAMP) AS OF <when:rest>")
def restore(spark: BaseSession, match: Match) -> DataFrame:
    folder = _folder(spark, match)
    version = int(match["when"]) if match["version"] else version_at(folder, match["when"])
    if version not in delta_log.versions(folder):
        raise AnalysisException(
            f"[DELTA_CANNOT_RESTORE_TABLE_VERSION] There is no version {version} of the table."
        )
    with spark.store.lock(folder):
        old, new = delta_log.read_snapshot(folder, version), delta_log.read_snapshot(folder)
        back = [add for path, add in old.files.items() if path not in new.files]
        gone = [add for path, add in new.files.items() if path not in old.files]
        if lost := [add["path"] for add in back if not (folder / unquote_url(add["path"])).is_file()]:
            raise AnalysisException(
                f"[DELTA_CANNOT_RESTORE_TABLE_VERSION] Version {version} needs files that VACUUM deleted: "
                f"{lost[0]}" + (f" and {len(lost) - 1} more." if lost[1:] else ".")
            )
        row = (_size(old.files.values()), len(old.files), len(gone), len(back), _size(gone), _size(back))
        delta_log.replace_files(
            folder,
            back,
            gone,
            operation="RESTORE",
            parameters={"version" if match["version"] else "timestamp": unquote(match["when"])},
            metrics={name: str(number) for name, number in zip(_RESTORED.values(), row, strict=True)},
            first=[{"metaData": old.metadata}] if old.metadata != new.metadata else [],
        )
        spark.registry.forget_folder(folder)
    return spark.rows([row], ", ".join(f"{name} long" for name in _RESTORED))


def _size(adds: Iterable[dict[str, Any]]) -> int:
    return sum(int(add["size"]) for add in adds)


def epoch_ms(text: str) -> float:
    """Return a timestamp or date, in UTC unless it says otherwise, in epoch ms. Raises AnalysisException."""
    try:
        moment = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise AnalysisException(
            f"[DELTA_TIMESTAMP_INVALID] The provided timestamp ({text}) cannot be converted to a valid "
            "timestamp."
        ) from None
    return moment.replace(tzinfo=moment.tzinfo or dt.timezone.utc).timestamp() * 1000


def version_at(folder: Path, text: str) -> int:
    """Return the version that a table had at a time, written as a string literal."""
    limit = epoch_ms(unquote(text))
    fitting = [record.version for record in delta_log.history(folder) if record.timestamp <= limit]
    if not fitting:
        raise AnalysisException(
            "[DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION] The table is newer than that time."
        )
    return max(fitting)
