"""The folder tree that is the catalog: which catalogs, schemas, tables, views and volumes there are.

<root>/<catalog>/<schema>/<table>/_delta_log       a managed table
<root>/<catalog>/<schema>/_meta/<name>.view.sql    a view: its SELECT, fully qualified
<root>/<catalog>/<schema>/_meta/<name>.ext         an external table: the folder it lies in
<root>/<catalog>/<schema>/_volumes/<volume>/...    a volume's files
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dara_dagster.emulator.lake.locks import locked

__all__ = ["Store", "TableName"]

_META = "_meta"
_VIEW = ".view.sql"
_EXTERNAL = ".ext"
_FUNCTION = ".function.json"


class TableName(NamedTuple):
    """A table's or view's full name."""

    catalog: str
    schema: str
    table: str

    @property
    def quoted(self) -> str:
        return ".".join(f"`{part}`" for part in self)

    @property
    def lower(self) -> TableName:
        """Return the name as Unity Catalog keeps it."""
        return TableName(self.catalog.lower(), self.schema.lower(), self.table.lower())

    def __str__(self) -> str:
        return ".".join(self)


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith(("_", ".")))


class Store:
    """Reads and changes the tree. Names of schemas and tables ignore case: their folders are lower case."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).absolute()
        self.root.mkdir(parents=True, exist_ok=True)

    def catalogs(self) -> list[str]:
        return _folders(self.root)

    def schemas(self, catalog: str) -> list[str]:
        return _folders(self.root / catalog.lower())

    def schema_folder(self, catalog: str, schema: str) -> Path:
        return self.root / catalog.lower() / schema.lower()

    def create_schema(self, catalog: str, schema: str) -> None:
        (self.schema_folder(catalog, schema) / _META).mkdir(parents=True, exist_ok=True)

    def drop_schema(self, catalog: str, schema: str) -> None:
        self._discard(self.schema_folder(catalog, schema))

    def managed_folder(self, name: TableName) -> Path:
        """Return where the managed table of that name lies, or would."""
        return self.schema_folder(name.catalog, name.schema) / name.table.lower()

    def table_folder(self, name: TableName) -> Path | None:
        """Return the folder of an existing table, managed or external; None when there is none."""
        folder = self.managed_folder(name)
        if (folder / "_delta_log").is_dir():
            return folder
        external = self._meta_file(name, _EXTERNAL)
        return Path(external.read_text().strip()) if external.is_file() else None

    def tables(self, catalog: str, schema: str) -> list[str]:
        folder = self.schema_folder(catalog, schema)
        managed = {name for name in _folders(folder) if (folder / name / "_delta_log").is_dir()}
        return sorted(managed | set(self._meta_names(catalog, schema, _EXTERNAL)))

    def all_tables(self) -> Iterator[TableName]:
        for catalog in self.catalogs():
            for schema in self.schemas(catalog):
                yield from (TableName(catalog, schema, table) for table in self.tables(catalog, schema))

    def add_external(self, name: TableName, folder: str | Path) -> None:
        self._write_meta(name, _EXTERNAL, str(folder))

    def is_external(self, name: TableName) -> bool:
        return self._meta_file(name, _EXTERNAL).is_file()

    def drop_table(self, name: TableName) -> None:
        """Remove the table; an external one keeps its files, as on Databricks."""
        if self.is_external(name):
            self._meta_file(name, _EXTERNAL).unlink()
        elif folder := self.table_folder(name):
            self._discard(folder)

    def rename_table(self, old: TableName, new: TableName) -> None:
        if self.is_external(old):
            self._write_meta(new, _EXTERNAL, self._meta_file(old, _EXTERNAL).read_text())
            self._meta_file(old, _EXTERNAL).unlink()
        elif folder := self.table_folder(old):
            folder.rename(self.managed_folder(new))

    def view_sql(self, name: TableName) -> str | None:
        file = self._meta_file(name, _VIEW)
        return file.read_text() if file.is_file() else None

    def put_view(self, name: TableName, sql: str) -> None:
        self._write_meta(name, _VIEW, sql)

    def drop_view(self, name: TableName) -> None:
        self._meta_file(name, _VIEW).unlink(missing_ok=True)

    def views(self, catalog: str, schema: str) -> list[str]:
        return self._meta_names(catalog, schema, _VIEW)

    def function(self, name: TableName) -> str | None:
        """Return the definition of a function; None when there is none."""
        file = self._meta_file(name, _FUNCTION)
        return file.read_text() if file.is_file() else None

    def put_function(self, name: TableName, definition: str) -> None:
        self._write_meta(name, _FUNCTION, definition)

    def drop_function(self, name: TableName) -> bool:
        """Drop the function and return whether there was one."""
        there = self._meta_file(name, _FUNCTION).is_file()
        self._meta_file(name, _FUNCTION).unlink(missing_ok=True)
        return there

    def volume_folder(self, catalog: str, schema: str, volume: str) -> Path:
        return self.root / catalog / schema / "_volumes" / volume

    def volumes(self, catalog: str, schema: str) -> list[str]:
        return _folders(self.schema_folder(catalog, schema) / "_volumes")

    def lock(self, name: str | Path) -> locked:
        """Return a lock on `name` that every process working on this tree respects; a thread may take it
        again."""
        return locked(self.root / ".locks", str(name))

    def _meta_file(self, name: TableName, kind: str) -> Path:
        return self.schema_folder(name.catalog, name.schema) / _META / f"{name.table.lower()}{kind}"

    def _meta_names(self, catalog: str, schema: str, kind: str) -> list[str]:
        folder = self.schema_folder(catalog, schema) / _META
        return (
            sorted(f.name.removesuffix(kind) for f in folder.iterdir() if f.name.endswith(kind))
            if folder.is_dir()
            else []
        )

    def _write_meta(self, name: TableName, kind: str, text: str) -> None:
        file = self._meta_file(name, kind)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{uuid.uuid4().hex}")
        partial.write_text(text)
        partial.replace(file)

    def _discard(self, folder: Path) -> None:
        # Renamed first: a reader then sees the table whole or not at all.
        trash = self.root / f".trash-{uuid.uuid4().hex}"
        if folder.exists():
            folder.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
