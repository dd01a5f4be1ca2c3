"""The rules of Unity Catalog over the folder tree, which is the catalog: what is a folder there exists."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dara_dagster.emulator.core.context import Context
from dara_dagster.emulator.core.errors import ApiError, invalid
from dara_dagster.emulator.lake.store import Store, TableName
from dara_dagster.emulator.services.catalog.delta import DeltaReader

METASTORE_ID = "0f0f0f0f-0000-4000-8000-00000000dada"

_KINDS = {1: "Catalog", 2: "Schema", 3: "Volume"}
_NAME = re.compile(r"[^\s./\\\x00-\x1f\x7f_][^\s./\\\x00-\x1f\x7f]{0,254}")
_KEPT = ("comment", "owner", "properties", "storage_root", "isolation_mode")


class Catalog:
    """Catalogs, schemas, volumes and tables. Rules: https://docs.databricks.com/api/workspace/catalogs.

    Names are lower-cased. What only the service knows of an object (comment, owner, properties) is in the
    store; objects that SQL made have defaults there. Raises ApiError: 404 `<KIND>_DOES_NOT_EXIST`, 400
    `<KIND>_ALREADY_EXISTS`, 400 INVALID_PARAMETER_VALUE for bad names. `table` and `tables` only read, so
    they may run in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context, self.user = context, context.user
        self._tree = Store(context.tables)
        self._kept = context.store.table("catalog")
        self._delta = DeltaReader()

    # -- catalogs, schemas and volumes, named by one, two and three names ---------------------------

    def create(self, names: Sequence[str], sent: Mapping[str, Any]) -> dict[str, Any]:
        """Make a catalog, schema or volume -> its info. The parent must exist."""
        path = tuple(_check_name(name) for name in names)
        if len(path) > 1:
            self._require(path[:-1])
        if self._find_folder(path).is_dir():
            kind, full = _KINDS[len(path)], ".".join(path)
            raise ApiError(400, f"{kind.upper()}_ALREADY_EXISTS", f"{kind} '{full}' already exists")
        if len(path) == 3:
            _check_volume(sent)
        self._find_folder((*path, "default") if len(path) == 1 else path).mkdir(parents=True, exist_ok=True)
        now = self._context.clock.now_ms()
        self._kept[".".join(path)] = {
            "created_at": now,
            "updated_at": now,
            "id": str(uuid.uuid4()),
            **{key: sent[key] for key in _KEPT if sent.get(key) is not None},
        }
        return self.info(path)

    def info(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the CatalogInfo, SchemaInfo or VolumeInfo of an existing object."""
        path = self._require(names)
        full, kept = ".".join(path), self._kept.get(".".join(path), {})
        made = int(self._find_folder(path).stat().st_mtime * 1000)
        shown = {
            "owner": self._context.user,
            "created_at": made,
            "updated_at": made,
            "created_by": self._context.user,
            "updated_by": self._context.user,
            "metastore_id": METASTORE_ID,
            **{key: value for key, value in kept.items() if key != "id"},
            "name": path[-1],
            "full_name": full,
        }
        identity = kept.get("id") or str(uuid.uuid5(uuid.NAMESPACE_URL, full))
        if len(path) == 1:
            return {**shown, "catalog_type": "MANAGED_CATALOG", "securable_type": "CATALOG"}
        if len(path) == 2:
            return {
                **shown,
                "catalog_name": path[0],
                "catalog_type": "MANAGED_CATALOG",
                "schema_id": identity,
            }
        location = f"dbfs:/Volumes/{'/'.join(path)}"
        named = {"catalog_name": path[0], "schema_name": path[1], "volume_type": "MANAGED"}
        return {**shown, **named, "volume_id": identity, "storage_location": location}

    def list_all(self, parent: Sequence[str]) -> list[dict[str, Any]]:
        """Return the infos below `parent`: catalogs of (), schemas of a catalog, volumes of a schema; by
        name."""
        path = self._require(parent) if parent else ()
        if len(path) == 0:
            names = self._tree.catalogs()
        else:
            names = self._tree.schemas(path[0]) if len(path) == 1 else self._tree.volumes(*path)
        infos = []
        for name in names:
            with contextlib.suppress(ApiError, FileNotFoundError):  # dropped by a task meanwhile
                infos.append(self.info((*path, name)))
        return infos

    def update(self, names: Sequence[str], sent: Mapping[str, Any]) -> dict[str, Any]:
        """Change comment, owner or properties, or rename (`new_name`) -> the new info."""
        path = self._require(names)
        changes = {key: sent[key] for key in _KEPT if sent.get(key) is not None}
        renamed = (*path[:-1], _check_name(sent["new_name"])) if sent.get("new_name") else path
        if not changes and renamed == path:
            raise invalid(f"Update{_KINDS[len(path)]} Nothing to update.")
        if renamed != path:
            self._rename(path, renamed)
        full = ".".join(renamed)
        kept = {"created_at": self.info(renamed)["created_at"], **self._kept.get(full, {})}
        self._kept[full] = {**kept, **changes, "updated_at": self._context.clock.now_ms()}
        return self.info(renamed)

    def delete(self, names: Sequence[str], *, force: bool = False) -> Path:
        """Take an object out of the tree; returns its folder's new place, for the caller to delete.

        ApiError 400 INVALID_STATE for a catalog or schema with content, unless `force`. A volume's files go
        with it.
        """
        path = self._require(names)
        inner = self._describe_content(path)
        if inner and not force:
            text = f"{_KINDS[len(path)]} '{'.'.join(path)}' is not empty: it has {', '.join(inner)}."
            raise ApiError(400, "INVALID_STATE", text)
        away = self._context.tables / f".trash-{uuid.uuid4().hex}"
        self._find_folder(path).rename(away)
        full = ".".join(path)
        for key in [key for key in self._kept if key == full or key.startswith(full + ".")]:
            del self._kept[key]
        return away

    # -- tables -------------------------------------------------------------------------------------

    def table(self, full_name: str) -> dict[str, Any]:
        """Return the TableInfo of a table or view."""
        name = self._read_table_name(full_name)
        folder, view = self._tree.table_folder(name), self._tree.view_sql(name)
        if folder is None and view is None:
            raise ApiError(404, "TABLE_DOES_NOT_EXIST", f"Table '{name}' does not exist.")
        shown: dict[str, Any] = {
            "name": name.table,
            "catalog_name": name.catalog,
            "schema_name": name.schema,
            "full_name": str(name),
            "owner": self._context.user,
            "metastore_id": METASTORE_ID,
        }
        if folder is None:
            return {**shown, "table_type": "VIEW", "view_definition": view}
        delta = self._delta.read(folder)
        shown.update(
            table_type="EXTERNAL" if self._tree.is_external(name) else "MANAGED",
            data_source_format="DELTA",
            storage_location=f"file:{folder}",
            table_id=delta.metadata.get("id", ""),
            columns=delta.list_columns(),
            properties=delta.properties,
            created_at=delta.created_at,
            updated_at=delta.updated_at,
        )
        return {**shown, "comment": delta.comment} if delta.comment else shown

    def tables(self, catalog: str, schema: str) -> list[str]:
        """Return the full names of the tables and views of a schema, sorted."""
        path = self._require((catalog, schema))
        names = {*self._tree.tables(*path), *self._tree.views(*path)}
        return [".".join((*path, name)) for name in sorted(names)]

    def has_table(self, full_name: str) -> bool:
        """Return whether there is such a table or view; catalog and schema must exist."""
        name = self._read_table_name(full_name)
        return self._tree.table_folder(name) is not None or self._tree.view_sql(name) is not None

    def table_folder(self, full_name: str) -> Path | None:
        """Return where the files of a table are; None for a view, and where there is no such table."""
        return self._tree.table_folder(self._read_table_name(full_name))

    def delete_table(self, full_name: str) -> None:
        """Drop a table with its files, an external one without, or a view."""
        shown, name = self.table(full_name), self._read_table_name(full_name)
        if shown["table_type"] == "VIEW":
            self._tree.drop_view(name)
        else:
            self._tree.drop_table(name)

    # -- the machinery ------------------------------------------------------------------------------

    def _find_folder(self, path: Sequence[str]) -> Path:
        if len(path) == 3:
            return self._tree.volume_folder(*path)
        return self._context.tables.joinpath(*path)

    def _require(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the lower-cased names of an object that exists, with all above it."""
        path = tuple(name.lower() for name in names)
        for depth in range(1, len(path) + 1):
            exists = _NAME.fullmatch(path[depth - 1]) and self._find_folder(path[:depth]).is_dir()
            if not exists:
                kind, full = _KINDS[depth], ".".join(path[:depth])
                raise ApiError(404, f"{kind.upper()}_DOES_NOT_EXIST", f"{kind} '{full}' does not exist.")
        return path

    def _read_table_name(self, full_name: str) -> TableName:
        parts = full_name.split(".")
        if len(parts) != 3:
            raise invalid(f"'{full_name}' is not a full table name (catalog.schema.table).")
        catalog, schema = self._require(parts[:2])
        return TableName(catalog, schema, _check_name(parts[2]))

    def _describe_content(self, path: tuple[str, ...]) -> list[str]:
        """Return what keeps an object from being deleted, in words."""
        if len(path) == 1:
            schemas = self._tree.schemas(path[0])
            return [f"{len(schemas)} schema(s)"] if schemas else []
        if len(path) == 3:
            return []
        counts = {"table(s)": len(self.tables(*path)), "volume(s)": len(self._tree.volumes(*path))}
        return [f"{count} {what}" for what, count in counts.items() if count]

    def _rename(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        if self._find_folder(new).exists():
            kind = _KINDS[len(new)]
            raise ApiError(400, f"{kind.upper()}_ALREADY_EXISTS", f"{kind} '{'.'.join(new)}' already exists")
        self._find_folder(old).rename(self._find_folder(new))
        before, after = ".".join(old), ".".join(new)
        for key in [key for key in self._kept if key == before or key.startswith(before + ".")]:
            self._kept[after + key.removeprefix(before)] = self._kept.pop(key)


def discard(away: Path) -> None:
    """Delete what `Catalog.delete` took out of the tree; blocking."""
    shutil.rmtree(away, ignore_errors=True)


def _check_name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is not a valid name: no spaces, dots, slashes; no '_' first.")
    return name.lower()


def _check_volume(sent: Mapping[str, Any]) -> None:
    kind = sent.get("volume_type", "MANAGED")
    if kind != "MANAGED":
        raise invalid(f"The emulator has managed volumes only, got volume_type {kind!r}.")
    if sent.get("storage_location"):
        raise invalid("CreateVolume storage_location can not be provided.")
