"""The Unity Catalog minimum through the real SDK: the folder tree is the catalog."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.service import catalog

from dara_dagster.emulator.services.catalog.delta import DeltaReader, format_type
from tests.conftest import Emulator

FIELDS: list[dict[str, Any]] = [
    {"name": "id", "type": "long", "nullable": False, "metadata": {"comment": "the key"}},
    {"name": "price", "type": "decimal(10,2)", "nullable": True, "metadata": {}},
    {"name": "Day", "type": "date", "nullable": True, "metadata": {}},
    {
        "name": "tags",
        "type": {"type": "array", "elementType": "string", "containsNull": True},
        "nullable": True,
        "metadata": {},
    },
]


def commit(table: Path, version: int, *actions: dict[str, Any]) -> None:
    """Write one commit of a Delta log."""
    log = table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text("\n".join(json.dumps(action) for action in actions))


def metadata(fields: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    schema = json.dumps({"type": "struct", "fields": fields})
    return {"metaData": {"id": "0c0ffee0", "schemaString": schema, "partitionColumns": ["Day"], **more}}


@pytest.fixture
def tables(client: WorkspaceClient, emulator: Emulator, workspace_token: str) -> Path:
    """The folder of main.default in this test's workspace."""
    mark = f"m{workspace_token[-8:]}"
    client.schemas.create(mark, "main")
    (found,) = (emulator.data / "workspaces").glob(f"*/tables/main/{mark}")
    client.schemas.delete(f"main.{mark}")
    return found.parent / "default"


def test_main_default_is_there_from_the_start(client: WorkspaceClient) -> None:
    assert [item.name for item in client.catalogs.list()] == ["main"]
    assert [item.full_name for item in client.schemas.list("main")] == ["main.default"]
    assert list(client.volumes.list("main", "default")) == []
    assert list(client.tables.list("main", "default")) == []
    assert client.metastores.current().default_catalog_name == "main"
    assert client.metastores.summary().metastore_id == client.metastores.current().metastore_id


def test_create_lower_cases_and_keeps_what_was_sent(client: WorkspaceClient) -> None:
    made = client.catalogs.create("Sales", comment="hello", properties={"a": "b"})
    assert (made.name, made.comment, made.properties) == ("sales", "hello", {"a": "b"})
    assert [item.name for item in client.schemas.list("sales")] == ["default"]
    schema = client.schemas.create("Bronze", "SALES")
    assert (schema.full_name, schema.catalog_name, schema.owner) == (
        "sales.bronze",
        "sales",
        "developer@localhost",
    )
    volume = client.volumes.create("sales", "bronze", "Inbox", catalog.VolumeType.MANAGED, comment="files")
    assert (volume.full_name, volume.comment) == ("sales.bronze.inbox", "files")
    assert volume.volume_type == catalog.VolumeType.MANAGED and volume.volume_id
    assert client.volumes.read("Sales.Bronze.INBOX").volume_id == volume.volume_id
    client.files.get_directory_metadata("/Volumes/sales/bronze/inbox")


def test_what_exists_is_a_bad_request_with_its_own_code(client: WorkspaceClient) -> None:
    client.volumes.create("main", "default", "v", catalog.VolumeType.MANAGED)
    for call, code in (
        (lambda: client.catalogs.create("main"), "CATALOG_ALREADY_EXISTS"),
        (lambda: client.schemas.create("Default", "main"), "SCHEMA_ALREADY_EXISTS"),
        (
            lambda: client.volumes.create("main", "default", "V", catalog.VolumeType.MANAGED),
            "VOLUME_ALREADY_EXISTS",
        ),
    ):
        with pytest.raises(BadRequest, match="already exists") as caught:
            call()
        assert caught.value.error_code == code


def test_what_is_missing_is_named(client: WorkspaceClient) -> None:
    for call, text in (
        (lambda: client.catalogs.get("no"), "Catalog 'no' does not exist."),
        (lambda: client.schemas.get("main.no"), "Schema 'main.no' does not exist."),
        (lambda: client.schemas.create("s", "no"), "Catalog 'no' does not exist."),
        (lambda: list(client.schemas.list("no")), "Catalog 'no' does not exist."),
        (lambda: client.volumes.read("main.default.no"), "Volume 'main.default.no' does not exist."),
        (lambda: list(client.volumes.list("main", "no")), "Schema 'main.no' does not exist."),
        (lambda: client.tables.get("main.default.no"), "Table 'main.default.no' does not exist."),
        (lambda: client.tables.delete("main.default.no"), "Table 'main.default.no' does not exist."),
    ):
        with pytest.raises(NotFound, match=text.replace(".", r"\.")):
            call()


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "..", ".hidden", "_meta", "a.b", "x" * 300, "a\\b", "a\nb"]
)
def test_bad_names_make_nothing(client: WorkspaceClient, name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.catalogs.create(name)
    with pytest.raises(InvalidParameterValue):
        client.volumes.create("main", "default", name, catalog.VolumeType.MANAGED)
    assert [item.name for item in client.catalogs.list()] == ["main"]


def test_names_in_urls_cannot_leave_the_tree(emulator: Emulator, workspace_token: str) -> None:
    base = "/api/2.1/unity-catalog"
    for path in (
        "tables/main.default...%2f..",
        "tables/..%2f..%2fx.y.z",
        "schemas/main.%2e%2e",
        "volumes/main.default.%2e%2e%2fx",
    ):
        for method in ("GET", "DELETE"):
            status, _ = emulator.call(method, f"{base}/{path}", token=workspace_token)
            assert status in (400, 404), path
    emulator.admin("GET", f"{base}/schemas/main.default", token=workspace_token)


def test_external_volumes_are_refused(client: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue, match=r"CreateVolume storage_location can not be provided\."):
        client.volumes.create("main", "default", "v", catalog.VolumeType.MANAGED, storage_location="s3://x")
    with pytest.raises(InvalidParameterValue, match="managed volumes only"):
        client.volumes.create("main", "default", "v", catalog.VolumeType.EXTERNAL, storage_location="s3://x")


def test_update_and_rename(client: WorkspaceClient) -> None:
    client.schemas.create("old", "main", comment="first")
    client.volumes.create("main", "old", "v", catalog.VolumeType.MANAGED, comment="kept")
    with pytest.raises(InvalidParameterValue, match="UpdateSchema Nothing to update"):
        client.schemas.update("main.old")
    assert client.schemas.update("main.old", comment="second").comment == "second"
    assert client.schemas.update("main.old", new_name="New").full_name == "main.new"
    assert client.schemas.get("main.new").comment == "second"
    assert client.volumes.read("main.new.v").comment == "kept"
    with pytest.raises(BadRequest, match="already exists"):
        client.schemas.update("main.new", new_name="default")


def test_delete_needs_force_for_content(client: WorkspaceClient, tables: Path) -> None:
    commit(tables.parent / "full" / "t", 0, metadata(FIELDS))
    client.volumes.create("main", "full", "v", catalog.VolumeType.MANAGED)
    with pytest.raises(BadRequest, match=r"is not empty: it has 1 table\(s\), 1 volume\(s\)"):
        client.schemas.delete("main.full")
    client.volumes.delete("main.full.v")
    client.schemas.delete("main.full", force=True)
    with pytest.raises(NotFound):
        client.schemas.get("main.full")
    assert not (tables.parent / "full").exists()
    with pytest.raises(BadRequest, match="is not empty"):
        client.catalogs.delete("main")


def test_a_table_shows_its_columns_from_the_log(client: WorkspaceClient, tables: Path) -> None:
    info = {"commitInfo": {"operation": "CREATE TABLE"}}
    commit(tables / "orders", 0, info, metadata(FIELDS, description="all orders", configuration={"k": "v"}))
    shown = client.tables.get("main.default.Orders")
    assert shown.table_type == catalog.TableType.MANAGED
    assert shown.data_source_format == catalog.DataSourceFormat.DELTA
    assert (shown.comment, shown.properties, shown.table_id) == ("all orders", {"k": "v"}, "0c0ffee0")
    assert shown.columns is not None
    assert [(c.name, c.type_text, c.type_name.value if c.type_name else "") for c in shown.columns] == [
        ("id", "bigint", "LONG"),
        ("price", "decimal(10,2)", "DECIMAL"),
        ("Day", "date", "DATE"),
        ("tags", "array<string>", "ARRAY"),
    ]
    key, price, day, _ = shown.columns
    assert (key.nullable, key.comment, key.position) == (False, "the key", 0)
    assert (price.type_precision, price.type_scale, day.partition_index) == (10, 2, 0)


def test_tables_views_and_external_tables_are_listed(
    client: WorkspaceClient, tables: Path, tmp_path: Path
) -> None:
    commit(tables / "b_managed", 0, metadata(FIELDS))
    commit(tmp_path / "elsewhere", 0, metadata(FIELDS[:1]))
    (tables / "no_table").mkdir()
    (tables / "_meta").mkdir(exist_ok=True)
    (tables / "_meta" / "c_view.view.sql").write_text("SELECT 1")
    (tables / "_meta" / "a_external.ext").write_text(str(tmp_path / "elsewhere"))
    listed = list(client.tables.list("main", "default", max_results=2))
    kinds = {table.name: table.table_type for table in listed}
    assert kinds == {
        "a_external": catalog.TableType.EXTERNAL,
        "b_managed": catalog.TableType.MANAGED,
        "c_view": catalog.TableType.VIEW,
    }
    assert listed[2].view_definition == "SELECT 1"
    assert len(listed[0].columns or []) == 1
    assert not next(iter(client.tables.list("main", "default", omit_columns=True))).columns
    assert client.tables.exists("main.default.b_managed").table_exists is True
    assert client.tables.exists("main.default.none").table_exists is False
    for name in kinds:
        client.tables.delete(f"main.default.{name}")
    assert list(client.tables.list("main", "default")) == []
    assert not (tables / "b_managed").exists()
    assert (tmp_path / "elsewhere" / "_delta_log").is_dir(), "an external table keeps its files"


def test_objects_made_by_sql_are_there_without_a_call(client: WorkspaceClient, tables: Path) -> None:
    (tables.parent.parent / "lake" / "silver" / "_volumes" / "drop").mkdir(parents=True)
    assert "lake" in [item.name for item in client.catalogs.list()]
    assert client.schemas.get("lake.silver").owner == "developer@localhost"
    assert [item.name for item in client.volumes.list("lake", "silver")] == ["drop"]


def test_the_reader_follows_the_log(tmp_path: Path) -> None:
    reader, table = DeltaReader(), tmp_path / "t"
    assert reader.read(table).list_columns() == []
    commit(table, 0, metadata(FIELDS[:1]))
    commit(table, 1, {"add": {"path": "x", "stats": '{"metaData": 1}'}})
    assert [column["name"] for column in reader.read(table).list_columns()] == ["id"]
    commit(table, 2, metadata(FIELDS))
    assert len(reader.read(table).list_columns()) == 4
    commit(table, 3, {"add": {"path": "y"}})
    assert len(reader.read(table).list_columns()) == 4
    (table / "_delta_log" / f"{4:020d}.json").write_text('not json with "metaData"')
    assert reader.read(table).list_columns() == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "int"),
        ("timestamp_ntz", "timestamp_ntz"),
        ({"type": "map", "keyType": "string", "valueType": "long"}, "map<string,bigint>"),
        (
            {"type": "struct", "fields": [{"name": "a", "type": {"type": "array", "elementType": "short"}}]},
            "struct<a:array<smallint>>",
        ),
    ],
)
def test_types_in_sql_words(kind: Any, text: str) -> None:
    assert format_type(kind) == text
