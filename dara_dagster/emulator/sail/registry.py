"""Makes the session's in-memory catalog know the store's tables and views, each when first named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from dara_dagster.emulator.lake.delta_log import forget_checkpoint_hint
from dara_dagster.emulator.lake.store import Store, TableName
from dara_dagster.emulator.sail.server import DEFAULT_CATALOG, DEFAULT_SCHEMA
from dara_dagster.emulator.sail.syntax.literals import quote
from dara_dagster.emulator.sail.syntax.tokens import scan, unquote

__all__ = ["Registry", "names_in"]

_LONGEST_NAME = 255  # bytes of a file's name


def names_in(query: str) -> set[str]:
    """Return everything in a statement that could be the name of a table."""
    tokens, names, index = scan(query).tokens, set(), 0
    while index < len(tokens):
        parts = []
        while index < len(tokens) and tokens[index].is_name:
            parts.append(tokens[index].text)
            index += 2 if index + 1 < len(tokens) and tokens[index + 1].text == "." else 1
            if tokens[index - 1].text != ".":
                break
        names.add(".".join(parts[:3]))
        index += 0 if parts else 1
    names.discard("")
    return names


def _is_short(name: TableName) -> bool:
    """Return whether a name may be that of a folder: others are columns, named by their expressions."""
    return all(len(part.encode()) <= _LONGEST_NAME for part in name)


class Registry:
    """What the in-memory catalog knows. `run` executes a statement without any of our own treatment.

    Tables are registered without columns: with a column list Sail trusts the catalog over the Delta log, and
    a table changed by another task then fails to scan.
    """

    def __init__(self, store: Store, run: Callable[[str], object]) -> None:
        self.store = store
        self._run = run
        self._lock = threading.RLock()
        self._visiting: set[TableName] = set()
        self._schemas: set[tuple[str, str]] = set()
        self._known: dict[TableName, str] = {}
        self.catalog, self.schema = DEFAULT_CATALOG, DEFAULT_SCHEMA
        for catalog in store.catalogs():
            for schema in store.schemas(catalog):
                self.add_schema(catalog, schema)

    def use(self, catalog: str, schema: str) -> None:
        """Make a schema the current one. A catalog made after the server's start is a namespace of the
        default one.
        """
        self.add_schema(catalog, schema)
        try:
            self._run(f"USE CATALOG `{catalog}`")
            self._run(f"USE SCHEMA `{schema}`")
        except Exception:
            self._run(f"USE CATALOG `{DEFAULT_CATALOG}`")
            self._run(f"USE SCHEMA `{catalog}`.`{schema}`")
        self.catalog, self.schema = catalog, schema

    def parts(self, name: str) -> list[str]:
        return [unquote(token.text) for token in scan(name).tokens if token.is_name]

    def resolve(self, name: str) -> TableName | None:
        """Return the full name of a name with one to three parts; None when it has more or none."""
        parts = self.parts(name)
        if not 1 <= len(parts) <= 3:
            return None
        return TableName(*[self.catalog, self.schema][: 3 - len(parts)], *parts)

    def resolve_schema(self, name: str) -> tuple[str, str]:
        """Return (catalog, schema) of a name with one or two parts."""
        parts = self.parts(name)
        return (parts[0], parts[1]) if len(parts) > 1 else (self.catalog, parts[0])

    def add_schema(self, catalog: str, schema: str) -> None:
        if (catalog, schema) not in self._schemas:
            folder = self.store.schema_folder(catalog, schema)
            self._run(f"CREATE SCHEMA IF NOT EXISTS `{catalog}`.`{schema}` LOCATION {quote(str(folder))}")
            self._schemas.add((catalog, schema))

    def drop_schema(self, catalog: str, schema: str) -> None:
        with self._lock:
            if (catalog, schema) in self._schemas:
                self._run(f"DROP SCHEMA IF EXISTS `{catalog}`.`{schema}` CASCADE")
                self._schemas.discard((catalog, schema))
            self._known = {name: at for name, at in self._known.items() if name[:2] != (catalog, schema)}

    def ensure(self, names: Iterable[str]) -> None:
        """Register those names that are tables or views of the store and drop those that no longer are."""
        with self._lock:
            for text in names:
                name = self.resolve(text)
                if name and _is_short(name) and name not in self._visiting and self._has_schema(name):
                    self._visiting.add(name)  # a view's own name may stand in its text, as an alias
                    try:
                        self._ensure(name)
                    finally:
                        self._visiting.discard(name)

    def forget_folder(self, folder: Path) -> None:
        """Drop the entries of a table (its files stay): the next use takes the columns from the log."""
        with self._lock:
            stale = {name for name, at in self._known.items() if at == str(folder)}
            if folder.is_relative_to(self.store.root):
                parts = folder.relative_to(self.store.root).parts
                if len(parts) == 3 and (parts[0], parts[1]) in self._schemas:
                    stale.add(TableName(*parts))
            for name in stale:
                self.forget(name)

    def forget(self, name: TableName) -> None:
        known = self._known.pop(name, "")
        kind = "VIEW" if known.startswith("view:") else "TABLE"
        self._run(f"DROP {kind} IF EXISTS {name.quoted}")

    def _has_schema(self, name: TableName) -> bool:
        if (name.catalog, name.schema) not in self._schemas:
            if not self.store.schema_folder(name.catalog, name.schema).is_dir():
                return False
            self.add_schema(name.catalog, name.schema)
        return True

    def _ensure(self, name: TableName) -> None:
        known = self._known.get(name)
        if folder := self.store.table_folder(name):
            if known != str(folder):
                if known:  # it was a view, or lay elsewhere
                    self.forget(name)
                forget_checkpoint_hint(folder)
                self._run(
                    f"CREATE TABLE IF NOT EXISTS {name.quoted} USING delta LOCATION {quote(str(folder))}"
                )
                self._known[name] = str(folder)
            return
        body = self.store.view_sql(name)
        if known and (body is None or not known.startswith("view:")):  # dropped by another task
            self.forget(name)
        if body is None:
            return
        self.ensure(names_in(body))  # each time: a table below it may have been made anew
        if known != f"view:{body}":
            self._run(f"CREATE OR REPLACE VIEW {name.quoted} AS {body}")
            self._known[name] = f"view:{body}"
