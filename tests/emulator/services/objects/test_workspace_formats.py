"""What imports into the workspace make and exports give back, through the real SDK."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

HEADER = "# Databricks notebook source\n"


def put(client: WorkspaceClient, path: str, content: str | bytes, **more: Any) -> None:
    """Import by JSON, as the SDK's `import_` does."""
    raw = content.encode() if isinstance(content, str) else content
    client.workspace.import_(path=path, content=base64.b64encode(raw).decode(), **more)


def text(client: WorkspaceClient, path: str, kind: ExportFormat | None = None) -> str:
    with client.workspace.download(path, format=kind) as content:
        return content.read().decode()


def test_a_source_import_is_a_notebook_under_the_name_given(client: WorkspaceClient) -> None:
    client.workspace.upload("/Shared/nb.py", b"print(1)")
    status = client.workspace.get_status("/Shared/nb.py")
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    assert status.path == "/Shared/nb.py" and status.resource_id == str(status.object_id)
    assert text(client, "/Shared/nb.py") == HEADER + "print(1)"


def test_json_and_multipart_imports_are_the_same(client: WorkspaceClient) -> None:
    content = b"caf\xc3\xa9\r\n--x\r\n\r\n\x00\xff binary"
    client.workspace.upload("/Shared/form.bin", content, format=ImportFormat.RAW)
    put(client, "/Shared/json.bin", content, format=ImportFormat.RAW)
    for name in ("form", "json"):
        assert client.workspace.download(f"/Shared/{name}.bin").read() == content
        assert client.workspace.get_status(f"/Shared/{name}.bin").size == len(content)


@pytest.mark.parametrize(
    ("name", "content", "path", "language"),
    [
        ("a.py", HEADER + "print(1)", "/Shared/a", Language.PYTHON),
        ("b.sql", "-- Databricks notebook source\nselect 1", "/Shared/b", Language.SQL),
        ("c.scala", "// Databricks notebook source\n1", "/Shared/c", Language.SCALA),
        ("d.R", "# Databricks notebook source\n1", "/Shared/d", Language.R),
        ("e.py", "# Databricks notebook source \nprint(1)", "/Shared/e.py", None),
        ("f.py", "print(1)", "/Shared/f.py", None),
        ("g.txt", HEADER, "/Shared/g.txt", None),
        ("noending", HEADER, "/Shared/noending", None),
    ],
)
def test_auto_tells_notebooks_by_their_first_line(
    client: WorkspaceClient, name: str, content: str, path: str, language: Language | None
) -> None:
    client.workspace.upload(f"/Shared/{name}", content.encode(), format=ImportFormat.AUTO)
    status = client.workspace.get_status(path)
    assert status.object_type == (ObjectType.NOTEBOOK if language else ObjectType.FILE)
    assert status.language == language
    assert text(client, path) == content


def test_jupyter_notebooks_come_back_as_source_and_as_they_were(client: WorkspaceClient) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title"]},
        {"cell_type": "code", "metadata": {}, "source": ["%sql\n", "select 1"], "outputs": []},
        {"cell_type": "code", "metadata": {}, "source": "print(1)", "outputs": []},
    ]
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells})
    client.workspace.upload("/Shared/nb.ipynb", notebook.encode(), format=ImportFormat.AUTO)
    put(client, "/Shared/same", notebook, format=ImportFormat.JUPYTER)
    for path in ("/Shared/nb", "/Shared/same"):
        assert client.workspace.get_status(path).language == Language.PYTHON
        assert json.loads(text(client, path, ExportFormat.JUPYTER)) == json.loads(notebook)
    source = text(client, "/Shared/nb", ExportFormat.SOURCE)
    assert source.startswith(HEADER + "# MAGIC %md\n# MAGIC # Title\n\n# COMMAND ----------\n\n# MAGIC %sql")
    put(client, "/Shared/back", source, format=ImportFormat.SOURCE, language=Language.PYTHON)
    back = json.loads(text(client, "/Shared/back", ExportFormat.JUPYTER))
    kinds = [(cell["cell_type"], cell["source"]) for cell in back["cells"]]
    assert kinds == [("markdown", "# Title"), ("code", "%sql\nselect 1"), ("code", "print(1)")]


def test_export_as_json_names_the_file_type(client: WorkspaceClient) -> None:
    put(client, "/Shared/q", "select 1", format=ImportFormat.SOURCE, language=Language.SQL)
    exported = client.workspace.export("/Shared/q")
    assert exported.file_type == "sql"
    assert base64.b64decode(exported.content or "") == b"-- Databricks notebook source\nselect 1"


def test_a_file_cannot_become_a_notebook_or_the_reverse(client: WorkspaceClient) -> None:
    put(client, "/Shared/x", "1", format=ImportFormat.RAW)
    with pytest.raises(BadRequest, match=r"Requested node type \[NOTEBOOK\] is different .* \[FILE\]"):
        put(client, "/Shared/x", "1", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    client.workspace.delete("/Shared/x")
    put(client, "/Shared/x", "1", format=ImportFormat.SOURCE, language=Language.PYTHON)
    with pytest.raises(BadRequest, match="Requested node type"):
        put(client, "/Shared/x", "1", format=ImportFormat.RAW, overwrite=True)


def test_a_notebook_may_change_its_language(client: WorkspaceClient) -> None:
    put(client, "/Shared/nb", "1", format=ImportFormat.SOURCE, language=Language.PYTHON)
    put(client, "/Shared/nb", "2", format=ImportFormat.SOURCE, language=Language.SQL, overwrite=True)
    assert client.workspace.get_status("/Shared/nb").language == Language.SQL
    assert [item.path for item in client.workspace.list("/Shared")] == ["/Shared/nb"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"format": ImportFormat.SOURCE}, "language"),
        ({"format": ImportFormat.JUPYTER}, "Jupyter"),
        ({"format": ImportFormat.DBC}, "DBC is not supported"),
        ({"format": ImportFormat.DBC, "overwrite": True}, "Overwrite is not supported"),
    ],
)
def test_imports_that_do_not_fit_their_format(
    client: WorkspaceClient, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        put(client, "/Shared/x", "no notebook", **more)
    assert list(client.workspace.list("/Shared")) == []


def test_upload_without_format_or_language_gives_the_sdk_hint(client: WorkspaceClient) -> None:
    with pytest.raises(
        DatabricksError, match=r"Perhaps you forgot to specify the `format=ImportFormat\.AUTO`"
    ):
        client.workspace.upload("/Shared/data.csv", b"a,b")


def test_ten_megabytes_are_the_limit(client: WorkspaceClient) -> None:
    limit = 10 * 1024 * 1024
    client.workspace.upload("/Shared/big.bin", b"x" * limit, format=ImportFormat.RAW)
    assert client.workspace.get_status("/Shared/big.bin").size == limit
    with pytest.raises(BadRequest, match="exceeded max size") as caught:
        client.workspace.upload("/Shared/bigger.bin", b"x" * (limit + 1), format=ImportFormat.RAW)
    assert caught.value.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"
