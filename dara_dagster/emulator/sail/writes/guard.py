"""Guards every write to a Delta table: one writer at a time, conflicts retried, results measured."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.lake.store import TableName
from dara_dagster.emulator.sail.base_session import WriteOutcome
from dara_dagster.emulator.sail.error_conditions import sail_message
from dara_dagster.emulator.sail.syntax.grammar import Pattern
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote
from dara_dagster.emulator.sail.unsupported import NotSupportedLocally
from dara_dagster.emulator.sail.writes.files import WrittenFiles
from dara_dagster.emulator.sail.writes.write_plans import external_place, give_types, prepare_write

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["WriteGuard"]

# Both are lost races that a second try wins: a newer version was committed; a checkpoint was being written.
_CONFLICT = re.compile(r"Failed to commit transaction: \d+|Missing commit file: expected version")
_ATTEMPTS = 12
_UNTYPED = "Invalid data type for Delta Lake: Null"
_REPLACING = (
    pb.WriteOperationV2.MODE_CREATE,
    pb.WriteOperationV2.MODE_REPLACE,
    pb.WriteOperationV2.MODE_CREATE_OR_REPLACE,
)
_WRITE = Pattern(
    "(MERGE [WITH SCHEMA EVOLUTION] INTO | INSERT (INTO | OVERWRITE) [TABLE] | UPDATE | DELETE FROM "
    "| create=(CREATE [OR REPLACE] TABLE [IF NOT EXISTS])) (DELTA '.' <path:quoted> | <name>)"
)


@dataclass(frozen=True)
class _Target:
    folder: Path
    name: TableName | None
    creates: bool
    external: bool = False
    is_rows: bool = False
    """Rows of a DataFrame, whose columns may be null in a new table whatever they are in the DataFrame."""
    replaces_schema: bool = False
    operations: tuple[str, str] = ("", "")
    """What DESCRIBE HISTORY calls the write of a new table, and of one that is there; else Sail's own."""
    lengths: dict[str, int] = field(default_factory=dict)
    """Of the VARCHAR columns that a CREATE TABLE names."""


class WriteGuard:
    """Stands between the session and its server for commands that write."""

    def __init__(self, spark: BaseSession) -> None:
        self._spark = spark
        self._last = threading.local()
        self._written_lock = threading.Lock()
        self.written: dict[str, int | None] = {}

    @property
    def last(self) -> WriteOutcome:
        """Return the outcome of this thread's latest write."""
        return getattr(self._last, "outcome", WriteOutcome())

    def execute(self, command: pb.Command, run: Callable[[], Any]) -> Any:
        """Run a command by `run`; one that writes a table under the table's lock."""
        if self._spark.interceptor.is_untreated:
            return run()
        self._last.outcome = WriteOutcome()
        target = self._target(command)
        if target is None:
            answer = run()
            self._spark.temp_views.remember(command)
            return answer
        options = {key.lower(): value.lower() for key, value in command.write_operation.options.items()}
        target = replace(
            target,
            operations=_operations(command, options),
            is_rows=command.WhichOneof("command_type") in ("write_operation", "write_operation_v2"),
            replaces_schema=target.creates or options.get("overwriteschema") == "true",
        )
        prepare_write(self._spark, command)
        files = WrittenFiles(command)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._locked(target, run)
                files.rename()
                return answer
            except Exception as error:
                if _UNTYPED in sail_message(error) and give_types(self._spark, command):
                    continue
                if attempt == _ATTEMPTS or not _CONFLICT.search(sail_message(error)):
                    raise
                time.sleep(random.uniform(0.02, 0.1) * attempt)  # noqa: S311
        raise AssertionError("unreachable")

    @contextmanager
    def named(self, operation: str) -> Iterator[None]:
        """Write of this thread show in DESCRIBE HISTORY as this operation (Databricks' names: see
        https://docs.databricks.com/aws/en/tables/history-schema).
        """
        before = getattr(self._last, "operation", "")
        self._last.operation = operation
        try:
            yield
        finally:
            self._last.operation = before

    def record(self, name: TableName | None, rows: int | None) -> None:
        """Note that the task wrote a table; the rows of several writes are added up."""
        if name is not None:
            with self._written_lock:
                before = self.written.get(str(name.lower), 0)
                self.written[str(name.lower)] = None if rows is None or before is None else before + rows

    def _locked(self, target: _Target, run: Callable[[], Any]) -> Any:
        with self._spark.store.lock(target.folder):
            before = delta_log.latest_version(target.folder)
            answer = run()
            after = delta_log.latest_version(target.folder)
            if after != before and after >= 0:
                if target.is_rows and (before < 0 or target.replaces_schema):
                    delta_log.allow_nulls(target.folder, after)
                if target.lengths:
                    delta_log.limit_lengths(target.folder, after, target.lengths)
                delta_log.forget_checkpoint_hint(target.folder)
                outcome = _outcome(target.folder, after)
                if operation := getattr(self._last, "operation", "") or target.operations[before >= 0]:
                    delta_log.set_operation(target.folder, after, operation)
                self._last.outcome = outcome
                self.record(target.name, outcome.affected)
            elif after >= 0:
                self.record(target.name, 0)  # a write that found nothing to change makes no commit
            if target.external and target.name:
                self._spark.store.add_external(target.name, target.folder)
            if target.creates or before < 0:
                self._spark.registry.forget_folder(target.folder)
            return answer

    def _target(self, command: pb.Command) -> _Target | None:
        kind = command.WhichOneof("command_type")
        if kind == "write_operation":
            write = command.write_operation
            if write.table.table_name and (place := external_place(self._spark, write)):
                return _Target(place, self._spark.registry.resolve(write.table.table_name), False, True)
            return self._place(write.table.table_name or write.path, False)
        if kind == "write_operation_v2":
            by_name = command.write_operation_v2
            return self._place(by_name.table_name, by_name.mode in _REPLACING)
        if kind == "merge_into_table_command":
            return self._place(command.merge_into_table_command.target_table_name, False)
        if kind == "sql_command":
            text = command.sql_command.input.sql.query or command.sql_command.sql
            match = _WRITE.match(text, whole=False)
            if match is None:
                return None
            target = self._place(unquote(match.text("path")) or match["name"], bool(match["create"]))
            return replace(target, lengths=_lengths(text)) if target and match["create"] else target
        return None

    def _place(self, text: str, creates: bool) -> _Target | None:
        if "/" in text:
            folder = Path(self._spark.paths.spark(text)).absolute()
            return _Target(folder, self._name_of(folder), creates)
        name = self._spark.registry.resolve(text)
        if name is None:
            return None
        return _Target(
            self._spark.store.table_folder(name) or self._spark.store.managed_folder(name), name, creates
        )

    def _name_of(self, folder: Path) -> TableName | None:
        root = self._spark.store.root
        parts = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
        return TableName(*parts) if len(parts) == 3 and not parts[2].startswith("_") else None


def _operations(command: pb.Command, options: dict[str, str]) -> tuple[str, str]:
    """Return the names that Delta Lake gives the writes of a DataFrame to a new table and to one that is
    there.

    https://github.com/delta-io/delta/blob/master/spark/src/main/scala/org/apache/spark/sql/delta/commands/CreateDeltaTableCommand.scala
    """
    kind = command.WhichOneof("command_type")
    if kind == "write_operation_v2":
        modes = pb.WriteOperationV2
        named = {
            modes.MODE_CREATE: "CREATE TABLE AS SELECT",
            modes.MODE_REPLACE: "REPLACE TABLE AS SELECT",
            modes.MODE_CREATE_OR_REPLACE: "CREATE OR REPLACE TABLE AS SELECT",
        }.get(command.write_operation_v2.mode, "")
        return named, named
    if kind != "write_operation":
        return "", ""
    write = command.write_operation
    as_table = write.table.save_method == write.SaveTable.TABLE_SAVE_METHOD_SAVE_AS_TABLE
    if not as_table or options.keys() & {"replacewhere", "partitionoverwritemode"}:
        return "WRITE", "WRITE"
    if write.mode == write.SAVE_MODE_OVERWRITE:
        return ("CREATE OR REPLACE TABLE AS SELECT",) * 2
    return "CREATE TABLE AS SELECT", "WRITE"


def _lengths(text: str) -> dict[str, int]:
    """Return the lengths of the VARCHAR columns of a CREATE TABLE. Raises NotSupportedLocally for CHAR(n)."""
    source, found = scan(text), {}
    for index, token in enumerate(source.tokens[:-3]):
        kind, opening, length = source.tokens[index + 1 : index + 4]
        if not token.is_name or opening.text != "(" or length.kind != "number":
            continue
        if kind.upper in ("CHAR", "CHARACTER"):
            raise NotSupportedLocally("A column of type CHAR(n)", "Use VARCHAR(n).")
        if kind.upper == "VARCHAR":
            found[unquote(token.text).lower()] = int(length.text)
    return found


def _outcome(folder: Path, version: int) -> WriteOutcome:
    """Return the rows of the newest commit by its metrics (measured on Sail 0.7.2)."""
    commit = delta_log.read_commit(folder, version)
    info: dict[str, Any] = next((action["commitInfo"] for action in commit if "commitInfo" in action), {})
    metrics = info.get("operationMetrics") or {}
    operation = str(info.get("operation") or "")

    def rows(*keys: str) -> int:
        return next((int(metrics[key]) for key in keys if key in metrics), 0)

    if operation == "MERGE":
        return WriteOutcome(
            operation,
            rows("numTargetRowsUpdated"),
            rows("numTargetRowsDeleted"),
            rows("numTargetRowsInserted"),
        )
    if operation == "UPDATE":
        return WriteOutcome(operation, updated=rows("numUpdatedRows"))
    if operation == "DELETE":
        return WriteOutcome(operation, deleted=rows("numDeletedRows"))
    return WriteOutcome(operation or "WRITE", inserted=rows("numOutputRows"))
