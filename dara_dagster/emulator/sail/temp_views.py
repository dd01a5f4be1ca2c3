"""Keeps temporary views current: Sail fixes the versions of a view's tables when the view is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyspark.sql.connect.proto as pb

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.registry import names_in
from dara_dagster.emulator.sail.syntax.grammar import Pattern

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["TempViews"]

_CREATE = Pattern("CREATE [OR REPLACE] [GLOBAL] (TEMP | TEMPORARY) VIEW <name>")


@dataclass(frozen=True)
class _View:
    """How a view was made, and the versions of its tables then."""

    command: pb.Command
    versions: dict[Path, int]


class TempViews:
    """The temporary views of a session that read tables."""

    def __init__(self, spark: BaseSession) -> None:
        self._spark = spark
        self._views: dict[str, _View] = {}
        self._renewed: set[str] = set()

    def remember(self, command: pb.Command) -> None:
        """Note a command that made a view."""
        name, text = "", ""
        if command.HasField("create_dataframe_view"):
            name = command.create_dataframe_view.name
            names = _tables(command.create_dataframe_view.input)
        elif command.HasField("sql_command"):
            text = command.sql_command.input.sql.query or command.sql_command.sql
            match = _CREATE.match(text, whole=False)
            if match is None:
                return
            name, names = match["name"] or "", names_in(text)
        if name:
            key = _key(name)
            versions = self._versions(names - {name})
            self._views.pop(key, None)
            if versions:
                kept = pb.Command()
                kept.CopyFrom(command)
                self._views[key] = _View(_replacing(kept, text), versions)

    def refresh(self, names: Iterable[str]) -> None:
        """Make those views again whose tables have changed since."""
        if not self._views:
            return
        for key in {_key(name) for name in names} & (set(self._views) - self._renewed):
            view = self._views[key]
            if any(delta_log.latest_version(folder) != version for folder, version in view.versions.items()):
                self._renewed.add(key)  # its own name stands in the command, too
                try:
                    self._spark.client.execute_command(view.command)
                finally:
                    self._renewed.discard(key)

    def _versions(self, names: Iterable[str]) -> dict[Path, int]:
        """Return the versions of the tables that a query names, itself or by other views."""
        found: dict[Path, int] = {}
        for name in names:
            inner = self._views.get(_key(name))
            if inner is not None and "." not in name:
                found.update(inner.versions)
                continue
            table = self._spark.registry.resolve(name)
            folder = self._spark.store.table_folder(table) if table else None
            if folder is not None:
                found[folder] = delta_log.latest_version(folder)
        return found


def _key(name: str) -> str:
    return name.replace("`", "").lower().removeprefix("global_temp.")


def _replacing(command: pb.Command, text: str) -> pb.Command:
    """Return the command as one that replaces the view."""
    if command.HasField("create_dataframe_view"):
        command.create_dataframe_view.replace = True
        return command
    words = text.split(None, 3)
    if words[1].upper() != "OR":
        text = f"CREATE OR REPLACE {text.lstrip()[len('CREATE') :]}"
    sql = command.sql_command
    if sql.input.sql.query:
        sql.input.sql.query = text
    else:
        sql.sql = text
    return command


def _tables(message: Any) -> set[str]:
    """Return the tables and views that a plan names."""
    names: set[str] = set()
    if isinstance(message, pb.Read.NamedTable):
        names.add(message.unparsed_identifier)
    elif isinstance(message, pb.SQL):
        names |= names_in(message.query)
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for inner in value if field.is_repeated else [value]:
                names |= _tables(inner)
    return names
