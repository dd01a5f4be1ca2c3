"""information_schema: temporary views made from the store when a statement reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dara_dagster.emulator.lake import delta_log
from dara_dagster.emulator.sail.syntax.tokens import Edit, apply, scan, unquote
from dara_dagster.emulator.sail.syntax.type_names import delta_type

if TYPE_CHECKING:
    from dara_dagster.emulator.sail.base_session import BaseSession

__all__ = ["replace_information_schema"]

Rows = Iterable[tuple[Any, ...]]


def _catalogs(spark: BaseSession) -> Rows:
    return ((name,) for name in spark.store.catalogs())


def _schemata(spark: BaseSession) -> Rows:
    return (
        (catalog, schema) for catalog in spark.store.catalogs() for schema in spark.store.schemas(catalog)
    )


def _tables(spark: BaseSession) -> Rows:
    for name in spark.store.all_tables():
        yield (*name, "EXTERNAL" if spark.store.is_external(name) else "MANAGED", "DELTA")
    for catalog, schema in _schemata(spark):
        yield from ((catalog, schema, view, "VIEW", None) for view in spark.store.views(catalog, schema))


def _columns(spark: BaseSession) -> Rows:
    for name in spark.store.all_tables():
        folder = spark.store.table_folder(name)
        for position, field in enumerate(delta_log.read_snapshot(folder).fields if folder else []):
            nullable = "YES" if field["nullable"] else "NO"
            kind = delta_type(field["type"])
            comment = field["metadata"].get("comment")
            yield (
                *name,
                field["name"],
                position,
                nullable,
                kind.split("(")[0].split("<")[0].upper(),
                kind,
                comment,
            )


def _views(spark: BaseSession) -> Rows:
    for catalog, schema, view, kind, _ in _tables(spark):
        if kind == "VIEW":
            yield catalog, schema, view


def _volumes(spark: BaseSession) -> Rows:
    for catalog, schema in _schemata(spark):
        yield from ((catalog, schema, volume, "MANAGED") for volume in spark.store.volumes(catalog, schema))


_TABLE = "table_catalog string, table_schema string, table_name string"
_VIEWS: dict[str, tuple[Callable[[BaseSession], Rows], str]] = {
    "catalogs": (_catalogs, "catalog_name string"),
    "columns": (
        _columns,
        f"{_TABLE}, column_name string, ordinal_position int, is_nullable string, data_type string, "
        "full_data_type string, comment string",
    ),
    "schemata": (_schemata, "catalog_name string, schema_name string"),
    "tables": (_tables, f"{_TABLE}, table_type string, data_source_format string"),
    "views": (_views, _TABLE),
    "volumes": (
        _volumes,
        "volume_catalog string, volume_schema string, volume_name string, volume_type string",
    ),
}


def replace_information_schema(spark: BaseSession, text: str) -> str:
    """Return the statement reading temporary views of ours; a catalog's show that catalog, `system`'s all."""
    edits, tokens = [], scan(text).tokens
    for index, token in enumerate(tokens):
        if unquote(token.text).lower() != "information_schema" or not token.is_name:
            continue
        after = [unquote(other.text).lower() for other in tokens[index + 1 : index + 3]]
        if len(after) < 2 or after[0] != "." or after[1] not in _VIEWS:
            continue
        named = index > 1 and tokens[index - 1].text == "." and tokens[index - 2].is_name
        start = tokens[index - 2 if named else index]
        catalog = unquote(start.text) if named else spark.registry.catalog
        edits.append(Edit(start.start, tokens[index + 2].end, _view(spark, catalog, after[1])))
    return apply(text, edits)


def _view(spark: BaseSession, catalog: str, name: str) -> str:
    """Return the temporary view that holds what information_schema knows now."""
    rows, schema = _VIEWS[name]
    shown = [row for row in rows(spark) if catalog == "system" or row[0] == catalog]
    ours = f"_information_schema_{re.sub(r'[^0-9A-Za-z]', '_', catalog)}_{name}"
    spark.rows(shown, schema).createOrReplaceTempView(ours)
    return ours
